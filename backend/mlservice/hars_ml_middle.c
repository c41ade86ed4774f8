
/*
 * The median of any number of positive values in a room of fixed size: they
 * are counted in bins of a 64th of an octave, from 2^-20 to 2^20, and the
 * answer is the mean of the values in the middle one's bin, off by less than
 * 2 %.  Of values that are all about the same, as times between samples are,
 * it is their mean.
 */


#include "hars_ml_sift.h"

#include <math.h>
#include <string.h>


void
hars_middle_add(hars_middle_t *middle, double value)
{
    float     x;
    int32_t   bin;
    uint32_t  bits;

    x = (float) value;
    memcpy(&bits, &x, sizeof(bits));

    /* exponent and 6 bits of the mantissa */
    bin = (int32_t) (bits >> 17) - (127 - HARS_MIDDLE_OCTAVES / 2) * 64;
    bin = bin > 0 ? bin : 0;
    bin = bin < HARS_MIDDLE_BINS ? bin : HARS_MIDDLE_BINS - 1;

    middle->count[bin]++;
    middle->sum[bin] += value;
    middle->n++;
}


double
hars_middle(const hars_middle_t *middle)
{
    size_t    before;
    unsigned  i;

    before = 0;

    for (i = 0; i < HARS_MIDDLE_BINS; i++) {
        before += middle->count[i];

        if (middle->count[i] && before > middle->n / 2) {
            return middle->sum[i] / middle->count[i];
        }
    }

    return (double) NAN;
}


/* the median in a room of fixed size, beside the one of all values sorted */

/* link: -lm */

#include "../../backend/mlservice/hars_ml_middle.c"

#include "tap.h"


#define N  100001


static double         value[N];
static hars_middle_t  middle;
static uint32_t       state = 1;


static double
noise(void)
{
    state = state * 1664525 + 1013904223;

    return (double) (state >> 8) / (1 << 24);
}


static int
compare(const void *one, const void *two)
{
    double  a = *(const double *) one;
    double  b = *(const double *) two;

    return (a > b) - (a < b);
}


/* how far off it is, as a share */
static double
off(unsigned n)
{
    unsigned  i;
    double    want;

    memset(&middle, 0, sizeof(middle));

    for (i = 0; i < n; i++) {
        hars_middle_add(&middle, value[i]);
    }

    qsort(value, n, sizeof(double), compare);
    want = value[n / 2];

    return fabs(hars_middle(&middle) - want) / want;
}


int
main(void)
{
    unsigned  i;
    double    worst;

    ok(isnan(hars_middle(&middle)), "of nothing: none");

    worst = 0;

    for (i = 0; i < N; i++) {
        value[i] = exp(20 * noise() - 10);
    }
    worst = fmax(worst, off(N));

    for (i = 0; i < N; i++) {
        value[i] = 9.80665 + 8 * noise() * noise();
    }
    worst = fmax(worst, off(N));

    for (i = 0; i < N; i++) {
        value[i] = i % 2 ? 0.02 : 0.0201;
    }
    worst = fmax(worst, off(N));

    value[0] = 3;
    worst = fmax(worst, off(1));

    ok(worst < 0.0157, "off by less than a bin, %.4f", worst);

    for (i = 0; i < N; i++) {
        value[i] = i % 100 ? 0.02 : 4.0;
    }
    ok(off(N) < 1e-12, "values that are about the same: their mean");

    for (i = 0; i < N; i++) {
        value[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 9.8 : 1e300;
    }
    ok(off(N) < 1e-12, "zeros and the largest ones stand at the ends");

    memset(&middle, 0, sizeof(middle));
    hars_middle_add(&middle, 5e-324);
    hars_middle_add(&middle, 1e300);
    hars_middle_add(&middle, 1e300);
    ok(hars_middle(&middle) == 1e300, "beyond float: still a value");

    return tap_done();
}

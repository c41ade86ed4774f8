
/*
 * The discrete Fourier transform of small power-of-2 lengths, radix 2,
 * decimation in time, in place, of four signals at once:
 *
 *     X[k] = sum x[t] exp(-2 pi i k t / n)
 *
 * Lanes are walked in loops, of which a compiler makes better pairs than of
 * fours where a processor has no AVX.
 */


#include "hars_ml.h"

#include <math.h>


static void hars_fft_reorder(const hars_fft_t *fft, hars_four_t *row);
static void hars_fft_sum(double *restrict re0, double *restrict im0,
    double *restrict re1, double *restrict im1);
static void hars_fft_butterfly(double *restrict re0, double *restrict im0,
    double *restrict re1, double *restrict im1, double c, double s);


void
hars_fft_init(hars_fft_t *fft, unsigned n)
{
    unsigned  i, bit, rev;

    fft->n = n;

    for (i = 0; i < n / 2; i++) {
        fft->cos[i] = cos(2 * M_PI * i / n);
        fft->sin[i] = sin(2 * M_PI * i / n);
    }

    for (i = 0; i < n; i++) {
        rev = 0;

        for (bit = 1; bit < n; bit <<= 1) {
            rev = rev << 1 | ((i & bit) != 0);
        }

        fft->reversed[i] = (uint16_t) rev;
    }
}


HARS_ML_WIDE void
hars_fft(const hars_fft_t *fft, hars_four_t *restrict re,
    hars_four_t *restrict im)
{
    unsigned  half, i, j, step;

    hars_fft_reorder(fft, re);
    hars_fft_reorder(fft, im);

    for (half = 1; half < fft->n; half *= 2) {
        step = fft->n / (2 * half);

        for (i = 0; i < fft->n; i += 2 * half) {
            hars_fft_sum((double *) &re[i], (double *) &im[i],
                         (double *) &re[i + half],
                         (double *) &im[i + half]);

            for (j = 1; j < half; j++) {
                hars_fft_butterfly((double *) &re[i + j],
                                   (double *) &im[i + j],
                                   (double *) &re[i + j + half],
                                   (double *) &im[i + j + half],
                                   fft->cos[j * step], fft->sin[j * step]);
            }
        }
    }
}


static void
hars_fft_reorder(const hars_fft_t *fft, hars_four_t *row)
{
    unsigned     i;
    hars_four_t  t;

    for (i = 0; i < fft->n; i++) {
        if (i < fft->reversed[i]) {
            t = row[i];
            row[i] = row[fft->reversed[i]];
            row[fft->reversed[i]] = t;
        }
    }
}


/* a butterfly that does not turn */
static void
hars_fft_sum(double *restrict re0, double *restrict im0,
    double *restrict re1, double *restrict im1)
{
    double    re, im;
    unsigned  i;

    for (i = 0; i < 4; i++) {
        re = re1[i];
        im = im1[i];

        re1[i] = re0[i] - re;
        im1[i] = im0[i] - im;
        re0[i] += re;
        im0[i] += im;
    }
}


static void
hars_fft_butterfly(double *restrict re0, double *restrict im0,
    double *restrict re1, double *restrict im1, double c, double s)
{
    double    re, im;
    unsigned  i;

    for (i = 0; i < 4; i++) {
        re = c * re1[i] + s * im1[i];
        im = c * im1[i] - s * re1[i];

        re1[i] = re0[i] - re;
        im1[i] = im0[i] - im;
        re0[i] += re;
        im0[i] += im;
    }
}

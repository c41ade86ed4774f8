
/*
 * The discrete Fourier transform of small power-of-2 lengths, radix 2,
 * decimation in time, in place, and the sorting network: the two algorithms
 * that treat all signals of a window at once.  A row holds one value of each
 * signal, so every step is the same operation on 16 neighbours in memory,
 * which any compiler turns into SIMD.
 *
 *     X[k] = sum x[t] exp(-2 pi i k t / n)
 *
 * The network is Batcher's odd-even merge sort: 1471 compare-exchanges of
 * rows for 128, no branch depends on data.
 */


#include "hars_ml.h"

#include <math.h>
#include <string.h>


static void hars_fft_reorder(const hars_fft_t *fft, hars_lane_t *row);
static void hars_fft_butterfly(double *restrict re0, double *restrict im0,
    double *restrict re1, double *restrict im1, double c, double s);
static void hars_lanes_exchange(double *restrict low, double *restrict high);


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
hars_fft(const hars_fft_t *fft, hars_lane_t *restrict re,
    hars_lane_t *restrict im)
{
    unsigned  half, i, j, step;

    hars_fft_reorder(fft, re);
    hars_fft_reorder(fft, im);

    for (half = 1; half < fft->n; half *= 2) {
        step = fft->n / (2 * half);

        for (i = 0; i < fft->n; i += 2 * half) {
            for (j = i; j < i + half; j++) {
                hars_fft_butterfly(re[j], im[j], re[j + half], im[j + half],
                                   fft->cos[(j - i) * step],
                                   fft->sin[(j - i) * step]);
            }
        }
    }
}


static void
hars_fft_reorder(const hars_fft_t *fft, hars_lane_t *row)
{
    unsigned     i;
    hars_lane_t  t;

    for (i = 0; i < fft->n; i++) {
        if (i < fft->reversed[i]) {
            memcpy(t, row[i], sizeof(t));
            memcpy(row[i], row[fft->reversed[i]], sizeof(t));
            memcpy(row[fft->reversed[i]], t, sizeof(t));
        }
    }
}


static void
hars_fft_butterfly(double *restrict re0, double *restrict im0,
    double *restrict re1, double *restrict im1, double c, double s)
{
    double    re, im;
    unsigned  i;

    for (i = 0; i < HARS_ML_LANES; i++) {
        re = c * re1[i] + s * im1[i];
        im = c * im1[i] - s * re1[i];

        re1[i] = re0[i] - re;
        im1[i] = im0[i] - im;
        re0[i] += re;
        im0[i] += im;
    }
}


HARS_ML_WIDE void
hars_lanes_sort(hars_lane_t *row)
{
    unsigned  p, k, i, j;

    for (p = 1; p < HARS_ML_WINDOW; p *= 2) {
        for (k = p; k >= 1; k /= 2) {
            for (j = k % p; j + k < HARS_ML_WINDOW; j += 2 * k) {
                for (i = j; i < j + k && i + k < HARS_ML_WINDOW; i++) {
                    /* both in one block of 2 p */
                    if ((i ^ (i + k)) < 2 * p) {
                        hars_lanes_exchange(row[i], row[i + k]);
                    }
                }
            }
        }
    }
}


static void
hars_lanes_exchange(double *restrict low, double *restrict high)
{
    double    a, b;
    unsigned  i;

    for (i = 0; i < HARS_ML_LANES; i++) {
        a = low[i];
        b = high[i];

        /* in this form compilers see a minimum and a maximum */
        low[i] = a < b ? a : b;
        high[i] = a > b ? a : b;
    }
}

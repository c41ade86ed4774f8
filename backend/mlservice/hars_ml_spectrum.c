
/*
 * Features of the frequency domain, of all signals but the two jerks:
 *
 *     y = (x - mean) * hann (periodic), P[k] = |DFT y|^2 for k = 1..64,
 *     p = P / sum P: dominant frequency and its share, centroid, spread,
 *     entropy / ln 64, shares of five bands (k = 1-3, 4-6, 7-10, 11-20,
 *     21-64), logpow = ln(1e-9 + sum P / n)
 *
 * A signal without power (sum P < 1e-9) has zeros and its logpow.
 *
 * The 128 real values are transformed as 64 complex ones, z[t] = y[2t] +
 * i y[2t+1], from whose spectrum Z that of y is put together again.
 */


#include "hars_ml.h"

#include <math.h>


#define HARS_BINS             (HARS_ML_WINDOW / 2)
#define HARS_BIN_WIDTH        ((double) HARS_ML_RATE / HARS_ML_WINDOW)
#define HARS_SPECTRUM_COUNT   11
#define HARS_BANDS            5


static void hars_spectrum_power(hars_features_t *f);
static void hars_spectrum_bin(const hars_features_t *f, unsigned k,
    double *restrict power);
static void hars_spectrum_describe(const hars_features_t *f, unsigned lane,
    double *out);


static const uint8_t  hars_spectrum_lane[] = {
    0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12
};

/* last bin of each band */
static const uint8_t  hars_band_end[HARS_BANDS] = { 3, 6, 10, 20, 64 };


HARS_ML_WIDE double *
hars_features_spectrum(hars_features_t *f, double *out)
{
    unsigned  i;

    hars_spectrum_power(f);

    for (i = 0; i < sizeof(hars_spectrum_lane); i++) {

        if (hars_spectrum_lane[i] < f->from) {
            out += HARS_SPECTRUM_COUNT;
            continue;
        }

        hars_spectrum_describe(f, hars_spectrum_lane[i], out);
        out += HARS_SPECTRUM_COUNT;
    }

    return out;
}


static void
hars_spectrum_power(hars_features_t *f)
{
    unsigned  i, k, lane;

    for (i = 0; i < HARS_BINS; i++) {
        for (lane = 0; lane < HARS_ML_LANES; lane++) {
            f->re[i][lane] = f->c[2 * i][lane] * f->hann[2 * i];
            f->im[i][lane] = f->c[2 * i + 1][lane] * f->hann[2 * i + 1];
        }
    }

    hars_fft(&f->fft, f->re, f->im);

    for (k = 1; k <= HARS_BINS; k++) {
        hars_spectrum_bin(f, k, f->power[k - 1]);
    }
}


/*
 * Y[k] = E[k] + exp(-2 pi i k / n) O[k] with the spectra of the even and the
 * odd values, E = (Z[k] + Z*[n/2-k]) / 2 and O = (Z[k] - Z*[n/2-k]) / 2i
 */
static void
hars_spectrum_bin(const hars_features_t *f, unsigned k,
    double *restrict power)
{
    double         er, ei, or, oi, yr, yi, c, s;
    unsigned       lane;
    const double  *ar, *ai, *br, *bi;

    ar = f->re[k % HARS_BINS];
    ai = f->im[k % HARS_BINS];
    br = f->re[(HARS_BINS - k) % HARS_BINS];
    bi = f->im[(HARS_BINS - k) % HARS_BINS];
    c = f->turn_cos[k];
    s = f->turn_sin[k];

    for (lane = 0; lane < HARS_ML_LANES; lane++) {
        er = (ar[lane] + br[lane]) / 2;
        ei = (ai[lane] - bi[lane]) / 2;
        or = (ai[lane] + bi[lane]) / 2;
        oi = (br[lane] - ar[lane]) / 2;

        yr = er + c * or + s * oi;
        yi = ei + c * oi - s * or;

        power[lane] = yr * yr + yi * yi;
    }
}


static void
hars_spectrum_describe(const hars_features_t *f, unsigned lane, double *out)
{
    double    total, p, share, centroid, spread, entropy, distance;
    double    band[HARS_BANDS];
    unsigned  k, b, best;

    total = 0;
    best = 0;

    for (k = 0; k < HARS_BINS; k++) {
        total += f->power[k][lane];

        if (f->power[k][lane] > f->power[best][lane]) {
            best = k;
        }
    }

    for (k = 0; k < HARS_SPECTRUM_COUNT - 1; k++) {
        out[k] = 0;
    }

    out[HARS_SPECTRUM_COUNT - 1] = log(1e-9 + total / HARS_ML_WINDOW);

    if (total < 1e-9) {
        return;
    }

    centroid = 0;
    entropy = 0;

    for (k = 0, b = 0; b < HARS_BANDS; b++) {
        band[b] = 0;

        for ( /* void */ ; k < hars_band_end[b]; k++) {
            p = f->power[k][lane];
            share = p / total;

            band[b] += share;
            centroid += share * (k + 1) * HARS_BIN_WIDTH;
            entropy -= share > 0 ? share * log(share) : 0;
        }
    }

    spread = 0;

    for (k = 0; k < HARS_BINS; k++) {
        distance = (k + 1) * HARS_BIN_WIDTH - centroid;
        spread += f->power[k][lane] / total * distance * distance;
    }

    out[0] = (best + 1) * HARS_BIN_WIDTH;
    out[1] = f->power[best][lane] / total;
    out[2] = centroid;
    out[3] = sqrt(spread);
    out[4] = entropy / log(HARS_BINS);

    for (b = 0; b < HARS_BANDS; b++) {
        out[5 + b] = band[b];
    }
}

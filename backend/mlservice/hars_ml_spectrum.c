
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
#define HARS_SPECTRUM_FIRST   170          /* of the features */
#define HARS_BANDS            5


/* of four signals */
typedef struct {
    hars_four_t   total;
    hars_four_t   high;                    /* the highest bin's power */
    hars_choice_t   best;                    /* its index */
    hars_four_t   centroid;
    hars_four_t   spread;
    hars_four_t   entropy;
    hars_four_t   band[HARS_BANDS];        /* shares */
} hars_spectrum_t;


static void hars_spectrum_transform(hars_features_t *f, unsigned group);
static void hars_spectrum_power(hars_features_t *f, hars_spectrum_t *sp);
static void hars_spectrum_bin(const hars_features_t *f, unsigned k,
    hars_four_t *power);
static void hars_spectrum_shares(hars_features_t *f, hars_spectrum_t *sp);
static void hars_spectrum_spread(const hars_features_t *f,
    hars_spectrum_t *sp);
static void hars_spectrum_describe(const hars_spectrum_t *sp, unsigned lane,
    double *out);


/* where the features of a signal are; those of a jerk are none */
static const uint8_t  hars_spectrum_place[HARS_ML_SIGNALS + 1] = {
    0, 1, 2, 3, 4, 5, 6, 7, 255, 255, 8, 9, 10, 255
};

/* last bin of each band */
static const uint8_t  hars_band_end[HARS_BANDS] = { 3, 6, 10, 20, 64 };


HARS_ML_WIDE void
hars_features_spectrum(hars_features_t *f, unsigned group, double *out)
{
    unsigned         lane, place;
    hars_spectrum_t  sp;

    hars_spectrum_transform(f, group);
    hars_spectrum_power(f, &sp);
    hars_spectrum_shares(f, &sp);
    hars_spectrum_spread(f, &sp);

    for (lane = 0; lane < 4; lane++) {
        place = hars_spectrum_place[hars_features_lane[group][lane]];

        if (place < 255) {
            hars_spectrum_describe(&sp, lane, out + HARS_SPECTRUM_FIRST
                                              + HARS_SPECTRUM_COUNT * place);
        }
    }
}


static void
hars_spectrum_transform(hars_features_t *f, unsigned group)
{
    unsigned            i;
    const hars_four_t  *c;

    c = f->group[group].c;

    for (i = 0; i < HARS_BINS; i++) {
        f->re[i] = c[2 * i] * f->hann[2 * i];
        f->im[i] = c[2 * i + 1] * f->hann[2 * i + 1];
    }

    hars_fft(&f->fft, f->re, f->im);
}


static void
hars_spectrum_power(hars_features_t *f, hars_spectrum_t *sp)
{
    unsigned     k;
    hars_four_t  p;
    hars_choice_t  more;

    sp->total = hars_four_all(0);
    sp->high = hars_four_all(-1);
    sp->best = (hars_choice_t) sp->total;

    for (k = 0; k < HARS_BINS; k++) {
        hars_spectrum_bin(f, k + 1, &p);
        f->power[k] = p;

        sp->total += p;
        more = p > sp->high;
        sp->high = hars_four_choose(more, p, sp->high);
        sp->best = (more & k) | (~more & sp->best);
    }
}


/*
 * Y[k] = E[k] + exp(-2 pi i k / n) O[k] with the spectra of the even and the
 * odd values, E = (Z[k] + Z*[n/2-k]) / 2 and O = (Z[k] - Z*[n/2-k]) / 2i
 */
static void
hars_spectrum_bin(const hars_features_t *f, unsigned k, hars_four_t *power)
{
    double       c, s;
    hars_four_t  ar, ai, br, bi, er, ei, or, oi, yr, yi;

    ar = f->re[k % HARS_BINS];
    ai = f->im[k % HARS_BINS];
    br = f->re[(HARS_BINS - k) % HARS_BINS];
    bi = f->im[(HARS_BINS - k) % HARS_BINS];
    c = f->turn_cos[k];
    s = f->turn_sin[k];

    er = (ar + br) / 2;
    ei = (ai - bi) / 2;
    or = (ai + bi) / 2;
    oi = (br - ar) / 2;

    yr = er + c * or + s * oi;
    yi = ei + c * oi - s * or;

    *power = yr * yr + yi * yi;
}


/* the power becomes shares; without any they are no numbers */
static void
hars_spectrum_shares(hars_features_t *f, hars_spectrum_t *sp)
{
    unsigned     k, b;
    hars_four_t  share, band, centroid, entropy;

    centroid = hars_four_all(0);
    entropy = centroid;

    for (k = 0, b = 0; b < HARS_BANDS; b++) {
        band = hars_four_all(0);

        for ( /* void */ ; k < hars_band_end[b]; k++) {
            share = f->power[k] / sp->total;
            f->power[k] = share;

            band += share;
            centroid += share * (double) (k + 1) * HARS_BIN_WIDTH;
            entropy -= share * hars_four_log(share);
        }

        sp->band[b] = band;
    }

    sp->centroid = centroid;
    sp->entropy = entropy;
}


static void
hars_spectrum_spread(const hars_features_t *f, hars_spectrum_t *sp)
{
    unsigned     k;
    hars_four_t  spread, distance;

    spread = hars_four_all(0);

    for (k = 0; k < HARS_BINS; k++) {
        distance = (k + 1) * HARS_BIN_WIDTH - sp->centroid;
        spread += f->power[k] * distance * distance;
    }

    sp->spread = spread;
}


static void
hars_spectrum_describe(const hars_spectrum_t *sp, unsigned lane, double *out)
{
    double    total;
    unsigned  b;

    total = sp->total[lane];

    memset(out, 0, (HARS_SPECTRUM_COUNT - 1) * sizeof(double));
    out[HARS_SPECTRUM_COUNT - 1] = log(1e-9 + total / HARS_ML_WINDOW);

    if (total < 1e-9) {
        return;
    }

    out[0] = (double) (sp->best[lane] + 1) * HARS_BIN_WIDTH;
    out[1] = sp->high[lane] / total;
    out[2] = sp->centroid[lane];
    out[3] = sqrt(sp->spread[lane]);
    out[4] = sp->entropy[lane] / log(HARS_BINS);

    for (b = 0; b < HARS_BANDS; b++) {
        out[5 + b] = sp->band[b][lane];
    }
}

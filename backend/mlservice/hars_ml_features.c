
/*
 * A window's 305 features: 13 signals, what is computed of each, in which
 * order.  The definitions are those of the reference extractor (baseline.py,
 * numpy), with which the golden vectors agree to 1e-9 + 1e-6 |x|:
 *
 *     ax ay az gx gy gz   as they are        u = mean(a) / |mean(a)|
 *     amag gmag           |a|, |g|           jmag gjmag   |difference| * 50
 *     av = (a - mean a).u     ah = |(a - mean a) - av u|     gv = g.u
 *
 *     13 x 10 of time, 8 x 4 autoregression, 4 x 2 autocorrelation,
 *     11 x 11 of frequency, 9 correlations, 2 areas, u
 *
 * amag, gmag, av, ah, gv do not change when the device is turned round the
 * vertical or, the first two, in any way.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


enum {
    hars_ax = 0, hars_ay, hars_az, hars_gx, hars_gy, hars_gz,
    hars_amag, hars_gmag, hars_jmag, hars_gjmag, hars_av, hars_ah, hars_gv
};


static void hars_signals(hars_features_t *f,
    const double (*row)[HARS_ML_AXES]);
static void hars_signals_axes(hars_features_t *f,
    const double (*row)[HARS_ML_AXES]);
static void hars_signals_gravity(hars_features_t *f);
static void hars_signals_jerk(hars_features_t *f);
static void hars_signals_center(hars_features_t *f);
static double *hars_features_cross(const hars_features_t *f, double *out);


static const char  *hars_signal_name[] = {
    "ax", "ay", "az", "gx", "gy", "gz", "amag", "gmag", "jmag", "gjmag",
    "av", "ah", "gv"
};

static const char  *hars_time_name[] = {
    "mean", "std", "mad", "min", "max", "energy", "iqr", "skew", "kurt", "mcr"
};

static const char  *hars_spectrum_name[] = {
    "domf", "domp", "cent", "spread", "entropy", "b1", "b2", "b3", "b4", "b5",
    "logpow"
};

static const uint8_t  hars_ar_signal[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
static const uint8_t  hars_acf_signal[] = {
    hars_amag, hars_av, hars_gmag, hars_ah
};
static const uint8_t  hars_spectrum_signal[] = {
    0, 1, 2, 3, 4, 5, 6, 7, hars_av, hars_ah, hars_gv
};

static const uint8_t  hars_pair[][2] = {
    { hars_ax, hars_ay }, { hars_ax, hars_az }, { hars_ay, hars_az },
    { hars_gx, hars_gy }, { hars_gx, hars_gz }, { hars_gy, hars_gz },
    { hars_av, hars_gmag }, { hars_av, hars_ah }, { hars_amag, hars_gmag }
};

static const char  *hars_last_name[] = { "sma_a", "sma_g", "ux", "uy", "uz" };


hars_features_t *
hars_features_create(void)
{
    unsigned          i;
    hars_features_t  *f;

    f = aligned_alloc(64, (sizeof(hars_features_t) + 63) / 64 * 64);
    if (f == NULL) {
        return NULL;
    }

    memset(f, 0, sizeof(hars_features_t));

    hars_fft_init(&f->fft, HARS_ML_WINDOW / 2);

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        f->hann[i] = 0.5 - 0.5 * cos(2 * M_PI * i / HARS_ML_WINDOW);
    }

    for (i = 0; i <= HARS_ML_WINDOW / 2; i++) {
        f->turn_cos[i] = cos(2 * M_PI * i / HARS_ML_WINDOW);
        f->turn_sin[i] = sin(2 * M_PI * i / HARS_ML_WINDOW);
    }

    return f;
}


void
hars_features_free(hars_features_t *f)
{
    free(f);
}


void
hars_features(hars_features_t *f, const double (*row)[HARS_ML_AXES],
    double *out)
{
    hars_signals(f, row);

    out = hars_features_time(f, out);
    out = hars_features_lag(f, out);
    out = hars_features_spectrum(f, out);
    (void) hars_features_cross(f, out);
}


HARS_ML_WIDE static void
hars_signals(hars_features_t *f, const double (*row)[HARS_ML_AXES])
{
    memset(f->x, 0, sizeof(f->x));

    hars_signals_axes(f, row);
    hars_signals_jerk(f);
    hars_signals_gravity(f);
    hars_signals_center(f);
}


static void
hars_signals_axes(hars_features_t *f, const double (*row)[HARS_ML_AXES])
{
    double    *x;
    unsigned   i;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        x = f->x[i];

        memcpy(x, row[i], sizeof(row[i]));

        x[hars_amag] = sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
        x[hars_gmag] = sqrt(x[3] * x[3] + x[4] * x[4] + x[5] * x[5]);
    }
}


/* one value less than the others; the last stays zero */
static void
hars_signals_jerk(hars_features_t *f)
{
    double         d[HARS_ML_AXES], *x;
    unsigned       i, axis;
    const double  *next;

    for (i = 0; i + 1 < HARS_ML_WINDOW; i++) {
        x = f->x[i];
        next = f->x[i + 1];

        for (axis = 0; axis < HARS_ML_AXES; axis++) {
            d[axis] = (next[axis] - x[axis]) * HARS_ML_RATE;
        }

        x[hars_jmag] = sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        x[hars_gjmag] = sqrt(d[3] * d[3] + d[4] * d[4] + d[5] * d[5]);
    }
}


static void
hars_signals_gravity(hars_features_t *f)
{
    double    mean[3], norm, d[3], h[3], v, *x;
    unsigned  i, k;

    memset(mean, 0, sizeof(mean));

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        for (k = 0; k < 3; k++) {
            mean[k] += f->x[i][k];
        }
    }

    for (k = 0; k < 3; k++) {
        mean[k] /= HARS_ML_WINDOW;
    }

    norm = sqrt(mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2]);
    norm = norm > 1e-9 ? norm : 1e-9;

    for (k = 0; k < 3; k++) {
        f->up[k] = mean[k] / norm;
    }

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        x = f->x[i];

        for (k = 0; k < 3; k++) {
            d[k] = x[k] - mean[k];
        }

        v = d[0] * f->up[0] + d[1] * f->up[1] + d[2] * f->up[2];

        for (k = 0; k < 3; k++) {
            h[k] = d[k] - v * f->up[k];
        }

        x[hars_av] = v;
        x[hars_ah] = sqrt(h[0] * h[0] + h[1] * h[1] + h[2] * h[2]);
        x[hars_gv] = x[3] * f->up[0] + x[4] * f->up[1] + x[5] * f->up[2];
    }
}


/* mean, deviation, and the signals without their means */
static void
hars_signals_center(hars_features_t *f)
{
    unsigned     i, lane;
    hars_lane_t  sum, square;

    memset(sum, 0, sizeof(sum));
    memset(square, 0, sizeof(square));

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        for (lane = 0; lane < HARS_ML_LANES; lane++) {
            sum[lane] += f->x[i][lane];
        }
    }

    for (lane = 0; lane < HARS_ML_LANES; lane++) {
        f->mean[lane] = sum[lane] / HARS_ML_WINDOW;
    }

    f->mean[hars_jmag] = sum[hars_jmag] / (HARS_ML_WINDOW - 1);
    f->mean[hars_gjmag] = sum[hars_gjmag] / (HARS_ML_WINDOW - 1);

    for (i = 0; i < HARS_ML_WINDOW; i++) {

        for (lane = 0; lane < HARS_ML_LANES; lane++) {
            f->c[i][lane] = f->x[i][lane] - f->mean[lane];
        }

        if (i == HARS_ML_WINDOW - 1) {
            f->c[i][hars_jmag] = 0;
            f->c[i][hars_gjmag] = 0;
        }

        for (lane = 0; lane < HARS_ML_LANES; lane++) {
            square[lane] += f->c[i][lane] * f->c[i][lane];
        }
    }

    for (lane = 0; lane < HARS_ML_LANES; lane++) {
        f->std[lane] = sqrt(square[lane] / HARS_ML_WINDOW);
    }

    f->std[hars_jmag] = sqrt(square[hars_jmag] / (HARS_ML_WINDOW - 1));
    f->std[hars_gjmag] = sqrt(square[hars_gjmag] / (HARS_ML_WINDOW - 1));
}


/* correlations, signal magnitude areas, direction of gravity */
static double *
hars_features_cross(const hars_features_t *f, double *out)
{
    double         sum, area_a, area_g;
    unsigned       i, k, a, b;
    const double  *x, *c;

    for (k = 0; k < sizeof(hars_pair) / sizeof(hars_pair[0]); k++) {
        a = hars_pair[k][0];
        b = hars_pair[k][1];
        sum = 0;

        for (i = 0; i < HARS_ML_WINDOW; i++) {
            sum += f->c[i][a] * f->c[i][b];
        }

        *out++ = f->std[a] > 1e-8 && f->std[b] > 1e-8
                 ? sum / HARS_ML_WINDOW / (f->std[a] * f->std[b]) : 0;
    }

    area_a = 0;
    area_g = 0;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        x = f->x[i];
        c = f->c[i];

        area_a += fabs(c[0]) + fabs(c[1]) + fabs(c[2]);
        area_g += fabs(x[3]) + fabs(x[4]) + fabs(x[5]);
    }

    *out++ = area_a / HARS_ML_WINDOW;
    *out++ = area_g / HARS_ML_WINDOW;

    for (k = 0; k < 3; k++) {
        *out++ = f->up[k];
    }

    return out;
}


void
hars_feature_name(unsigned i, char name[HARS_ML_NAME])
{
    if (i < 130) {
        snprintf(name, HARS_ML_NAME, "%s_%s", hars_signal_name[i / 10],
                 hars_time_name[i % 10]);

    } else if (i < 162) {
        i -= 130;
        snprintf(name, HARS_ML_NAME, "%s_ar%u",
                 hars_signal_name[hars_ar_signal[i / 4]], i % 4 + 1);

    } else if (i < 170) {
        i -= 162;
        snprintf(name, HARS_ML_NAME, "%s_%s",
                 hars_signal_name[hars_acf_signal[i / 2]],
                 i % 2 ? "acflag" : "acfmax");

    } else if (i < 291) {
        i -= 170;
        snprintf(name, HARS_ML_NAME, "%s_%s",
                 hars_signal_name[hars_spectrum_signal[i / 11]],
                 hars_spectrum_name[i % 11]);

    } else if (i < 300) {
        i -= 291;
        snprintf(name, HARS_ML_NAME, "corr_%s_%s",
                 hars_signal_name[hars_pair[i][0]],
                 hars_signal_name[hars_pair[i][1]]);

    } else {
        snprintf(name, HARS_ML_NAME, "%s",
                 i < HARS_ML_FEATURES ? hars_last_name[i - 300] : "");
    }
}


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
 *
 * The signals go through all of it by four (hars_features_lane), those of the
 * device's axes last: who needs only the others leaves them out.
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
static void hars_signals_made(hars_features_t *f);
static void hars_signals_size(const hars_four_t *v, hars_four_t *size);
static void hars_signals_turned(const hars_features_t *f, unsigned i,
    hars_four_t *av, hars_four_t *ah, hars_four_t *gv);
static void hars_signals_jerk(const hars_features_t *f, unsigned i,
    hars_four_t *jmag, hars_four_t *gjmag);
static void hars_signals_center(hars_signals_t *s, hars_four_t n,
    hars_choice_t last);
static void hars_features_cross(const hars_features_t *f, double *out);
static void hars_cross_sum(const hars_signals_t *s, unsigned around,
    hars_four_t *sum);
static void hars_cross_areas(const hars_features_t *f, double *out);


const uint8_t  hars_features_lane[HARS_ML_GROUPS][4] = {
    { hars_amag, hars_gmag, hars_av, hars_ah },
    { hars_gv, hars_jmag, hars_gjmag, HARS_ML_SIGNALS },
    { hars_ax, hars_ay, hars_az, HARS_ML_SIGNALS },
    { hars_gx, hars_gy, hars_gz, HARS_ML_SIGNALS }
};

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

/* which of them a lane and the next one are, by group */
static const uint8_t  hars_pair_lane[HARS_ML_GROUPS][3] = {
    { 8, 6, 7 }, { 0, 0, 0 }, { 0, 2, 1 }, { 3, 5, 4 }
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

    f->groups = HARS_ML_GROUPS;
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
    unsigned  i;

    hars_signals(f, row);

    for (i = 0; i < f->groups; i++) {
        hars_features_time(f, i, out);
        hars_features_lag(f, i, out);
        hars_features_spectrum(f, i, out);
    }

    hars_features_cross(f, out);
}


HARS_ML_WIDE static void
hars_signals(hars_features_t *f, const double (*row)[HARS_ML_AXES])
{
    unsigned     i;
    hars_four_t  all, jerk;
    hars_choice_t  last, jerks;

    hars_signals_axes(f, row);
    hars_signals_gravity(f);
    hars_signals_made(f);

    /* a jerk has one value less, its last one stays zero */

    all = hars_four_all(HARS_ML_WINDOW);
    jerk = (hars_four_t) { HARS_ML_WINDOW, HARS_ML_WINDOW - 1,
                           HARS_ML_WINDOW - 1, HARS_ML_WINDOW };
    last = (hars_choice_t) { -1, -1, -1, -1 };
    jerks = (hars_choice_t) { -1, 0, 0, -1 };

    for (i = 0; i < f->groups; i++) {
        hars_signals_center(&f->group[i],
                            i == HARS_ML_GROUP_JERK ? jerk : all,
                            i == HARS_ML_GROUP_JERK ? jerks : last);
    }
}


/* by axis and by row; the means of the axes */
static void
hars_signals_axes(hars_features_t *f, const double (*row)[HARS_ML_AXES])
{
    unsigned         i, k;
    hars_four_t      a[4], g[4], sum_a, sum_g;
    hars_signals_t  *sa, *sg;

    sa = &f->group[HARS_ML_GROUP_AXES];
    sg = &f->group[HARS_ML_GROUP_AXES + 1];
    sum_a = hars_four_all(0);
    sum_g = sum_a;

    for (i = 0; i < HARS_ML_WINDOW; i += 4) {

        for (k = 0; k < 4; k++) {
            a[k] = hars_four_load(row[i + k]);
            g[k] = hars_four_load(row[i + k] + 2);
            a[k] = __builtin_shufflevector(a[k], hars_four_all(0), 0, 1, 2,
                                           4);
            g[k] = __builtin_shufflevector(g[k], hars_four_all(0), 1, 2, 3,
                                           4);
            sa->x[i + k] = a[k];
            sg->x[i + k] = g[k];
            sum_a += a[k];
            sum_g += g[k];
        }

        hars_four_transpose(a);
        hars_four_transpose(g);

        for (k = 0; k < 3; k++) {
            hars_four_store(&f->axis[k][i], a[k]);
            hars_four_store(&f->axis[3 + k][i], g[k]);
        }
    }

    sa->mean = sum_a / (double) HARS_ML_WINDOW;
    sg->mean = sum_g / (double) HARS_ML_WINDOW;
}


static void
hars_signals_gravity(hars_features_t *f)
{
    double       norm;
    unsigned     k;
    hars_four_t  mean;

    mean = f->group[HARS_ML_GROUP_AXES].mean;

    norm = sqrt(mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2]);
    norm = norm > 1e-9 ? norm : 1e-9;

    for (k = 0; k < 3; k++) {
        f->up[k] = mean[k] / norm;
    }

    /* the last row has no next one: it jerks by nothing */

    for (k = 0; k < HARS_ML_AXES; k++) {
        f->axis[k][HARS_ML_WINDOW] = f->axis[k][HARS_ML_WINDOW - 1];
    }
}


/* those that are made of the axes, four rows at a time, and their means */
static void
hars_signals_made(hars_features_t *f)
{
    unsigned         i, k;
    hars_four_t      v[6], size[4], turned[4], sum, sum_turned;
    hars_signals_t  *first, *second;

    first = &f->group[0];
    second = &f->group[HARS_ML_GROUP_JERK];
    sum = hars_four_all(0);
    sum_turned = sum;

    for (i = 0; i < HARS_ML_WINDOW; i += 4) {

        for (k = 0; k < HARS_ML_AXES; k++) {
            v[k] = hars_four_load(&f->axis[k][i]);
        }

        hars_signals_size(v, &size[0]);
        hars_signals_size(v + 3, &size[1]);
        hars_signals_turned(f, i, &size[2], &size[3], &turned[0]);
        hars_signals_jerk(f, i, &turned[1], &turned[2]);
        turned[3] = hars_four_all(0);

        hars_four_transpose(size);
        hars_four_transpose(turned);

        for (k = 0; k < 4; k++) {
            first->x[i + k] = size[k];
            second->x[i + k] = turned[k];
            sum += size[k];
            sum_turned += turned[k];
        }
    }

    first->mean = sum / (double) HARS_ML_WINDOW;
    second->mean = sum_turned
                   / (hars_four_t) { HARS_ML_WINDOW, HARS_ML_WINDOW - 1,
                                     HARS_ML_WINDOW - 1, HARS_ML_WINDOW };
}


static void
hars_signals_size(const hars_four_t *v, hars_four_t *size)
{
    *size = hars_four_sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}


static void
hars_signals_turned(const hars_features_t *f, unsigned i, hars_four_t *av,
    hars_four_t *ah, hars_four_t *gv)
{
    unsigned     k;
    hars_four_t  d[3], g[3], mean;

    mean = f->group[HARS_ML_GROUP_AXES].mean;

    for (k = 0; k < 3; k++) {
        d[k] = hars_four_load(&f->axis[k][i]) - mean[k];
        g[k] = hars_four_load(&f->axis[3 + k][i]);
    }

    *av = d[0] * f->up[0] + d[1] * f->up[1] + d[2] * f->up[2];
    *gv = g[0] * f->up[0] + g[1] * f->up[1] + g[2] * f->up[2];

    for (k = 0; k < 3; k++) {
        d[k] -= *av * f->up[k];
    }

    hars_signals_size(d, ah);
}


static void
hars_signals_jerk(const hars_features_t *f, unsigned i, hars_four_t *jmag,
    hars_four_t *gjmag)
{
    unsigned     k;
    hars_four_t  d[HARS_ML_AXES];

    for (k = 0; k < HARS_ML_AXES; k++) {
        d[k] = (hars_four_load(&f->axis[k][i + 1])
                - hars_four_load(&f->axis[k][i])) * (double) HARS_ML_RATE;
    }

    hars_signals_size(d, jmag);
    hars_signals_size(d + 3, gjmag);
}


/* the signals without their means, and the sums over them, of "n" values */
static void
hars_signals_center(hars_signals_t *s, hars_four_t n, hars_choice_t last)
{
    unsigned     i;
    hars_four_t  c, square, zero, sum[4];
    hars_choice_t  sign, before, changes;

    zero = hars_four_all(0);
    sum[0] = sum[1] = sum[2] = sum[3] = zero;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        s->c[i] = s->x[i] - s->mean;
    }

    s->c[i - 1] = hars_four_choose(last, s->c[i - 1], zero);
    memset(&s->c[i], 0, HARS_ML_TAIL * sizeof(hars_four_t));

    before = s->c[0] >= zero;
    changes = (hars_choice_t) zero;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        c = s->c[i];
        square = c * c;
        sign = c >= zero;

        sum[0] += square;
        sum[1] += square * c;
        sum[2] += square * square;
        sum[3] += s->x[i] * s->x[i];

        changes -= sign ^ before;
        before = sign;
    }

    /* the pair with the value that a jerk does not have */
    changes += ~last & (s->c[HARS_ML_WINDOW - 2] < zero);

    s->square = sum[0];
    s->third = sum[1];
    s->fourth = sum[2];
    s->energy = sum[3];
    s->std = hars_four_sqrt(s->square / n);

    for (i = 0; i < 4; i++) {
        s->changes[i] = (double) changes[i];
    }
}


/* correlations, signal magnitude areas, direction of gravity */
HARS_ML_WIDE static void
hars_features_cross(const hars_features_t *f, double *out)
{
    double                 scale;
    unsigned               i, k, next;
    hars_four_t            sum;
    const hars_signals_t  *s;

    for (i = 0; i < f->groups; i++) {

        if (i == HARS_ML_GROUP_JERK) {
            continue;
        }

        s = &f->group[i];
        hars_cross_sum(s, i >= HARS_ML_GROUP_AXES, &sum);

        for (k = 0; k < 3; k++) {
            next = i >= HARS_ML_GROUP_AXES ? (k + 1) % 3 : k + 1;
            scale = s->std[k] * s->std[next];

            out[291 + hars_pair_lane[i][k]] =
                s->std[k] > 1e-8 && s->std[next] > 1e-8
                ? sum[k] / HARS_ML_WINDOW / scale : 0;
        }
    }

    if (f->groups == HARS_ML_GROUPS) {
        hars_cross_areas(f, out + 300);
    }
}


/* of each lane with the next one; of three around with the first after it */
static void
hars_cross_sum(const hars_signals_t *s, unsigned around, hars_four_t *sum)
{
    unsigned     i;
    hars_four_t  c, r;

    r = hars_four_all(0);

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        c = s->c[i];
        r += c * (around ? __builtin_shufflevector(c, c, 1, 2, 0, 3)
                         : __builtin_shufflevector(c, c, 1, 2, 3, 0));
    }

    *sum = r;
}


static void
hars_cross_areas(const hars_features_t *f, double *out)
{
    unsigned               i, k;
    hars_four_t            area_a, area_g;
    const hars_signals_t  *a, *g;

    a = &f->group[HARS_ML_GROUP_AXES];
    g = &f->group[HARS_ML_GROUP_AXES + 1];
    area_a = hars_four_all(0);
    area_g = area_a;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        area_a += hars_four_abs(a->c[i]);
        area_g += hars_four_abs(g->x[i]);
    }

    out[0] = (area_a[0] + area_a[1] + area_a[2]) / HARS_ML_WINDOW;
    out[1] = (area_g[0] + area_g[1] + area_g[2]) / HARS_ML_WINDOW;

    for (k = 0; k < 3; k++) {
        out[2 + k] = f->up[k];
    }
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

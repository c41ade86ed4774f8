
/*
 * Features of the time domain: distribution, crossings, autoregression,
 * autocorrelation.  The definitions, for a signal x of n values and
 * c = x - mean(x):
 *
 *     mean, std (population), mad = median |x - median|, min, max,
 *     energy = mean(x^2), iqr = p75 - p25 (linear between ranks),
 *     skew = m3 / std^3, kurt = m4 / std^4 - 3, mcr = share of neighbours
 *     where the sign of c changes (0 counts as positive)
 *
 *     r[k] = 1/n sum c[t] c[t+k]; autoregression of order 4 by
 *     Levinson-Durbin; the highest r[k] / r[0] for lags of 0.3 to 1.5 s
 */


#include "hars_ml.h"

#include <float.h>
#include <math.h>
#include <string.h>


#define HARS_JERK         8      /* jmag, gjmag: one value less */
#define HARS_JERK_END     10

#define HARS_AR_SIGNALS   8      /* ax to gmag are the first lanes */
#define HARS_AR_ORDER     4

#define HARS_LAG_MIN      15     /* 0.3 s */
#define HARS_LAG_MAX      75     /* 1.5 s */
#define HARS_LAGS         (HARS_LAG_MAX - HARS_LAG_MIN + 1)
#define HARS_LAGS_ROOM    64     /* whole SIMD registers */


static void hars_time_moments(const hars_features_t *f, hars_lane_t energy,
    hars_lane_t third, hars_lane_t fourth, hars_lane_t changes);
static double hars_time_rank(const hars_features_t *f, unsigned lane,
    unsigned n, double part);
static double hars_time_mad(const hars_features_t *f, unsigned lane,
    unsigned n, double median);
static void hars_lag_regression(const double r[HARS_AR_ORDER + 1],
    double *out);
static double *hars_lag_peaks(const hars_features_t *f, double *out);
static void hars_lag_sums(const hars_features_t *f, unsigned lane,
    double *restrict r);


HARS_ML_WIDE double *
hars_features_time(hars_features_t *f, double *out)
{
    double       std, median;
    unsigned     lane, n;
    hars_lane_t  energy, third, fourth, changes;

    hars_time_moments(f, energy, third, fourth, changes);

    memcpy(f->sorted, f->x, sizeof(f->x));

    for (lane = HARS_JERK; lane < HARS_JERK_END; lane++) {
        f->sorted[HARS_ML_WINDOW - 1][lane] = DBL_MAX;
    }

    hars_lanes_sort(f->sorted);

    out += 10 * f->from;

    for (lane = f->from; lane < HARS_ML_SIGNALS; lane++) {
        n = HARS_ML_WINDOW - (lane >= HARS_JERK && lane < HARS_JERK_END);
        std = f->std[lane];
        median = hars_time_rank(f, lane, n, 0.5);

        *out++ = f->mean[lane];
        *out++ = std;
        *out++ = hars_time_mad(f, lane, n, median);
        *out++ = f->sorted[0][lane];
        *out++ = f->sorted[n - 1][lane];
        *out++ = energy[lane] / n;
        *out++ = hars_time_rank(f, lane, n, 0.75)
                 - hars_time_rank(f, lane, n, 0.25);
        *out++ = std > 1e-8 ? third[lane] / n / (std * std * std) : 0;
        *out++ = std > 1e-8 ? fourth[lane] / n / (std * std * std * std) - 3
                            : 0;
        *out++ = changes[lane] / (n - 1);
    }

    return out;
}


static void
hars_time_moments(const hars_features_t *f, hars_lane_t energy,
    hars_lane_t third, hars_lane_t fourth, hars_lane_t changes)
{
    double         square;
    unsigned       i, lane;
    const double  *x, *c, *before;

    memset(energy, 0, sizeof(hars_lane_t));
    memset(third, 0, sizeof(hars_lane_t));
    memset(fourth, 0, sizeof(hars_lane_t));
    memset(changes, 0, sizeof(hars_lane_t));

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        x = f->x[i];
        c = f->c[i];

        for (lane = 0; lane < HARS_ML_LANES; lane++) {
            square = c[lane] * c[lane];
            energy[lane] += x[lane] * x[lane];
            third[lane] += square * c[lane];
            fourth[lane] += square * square;
        }
    }

    for (i = 1; i < HARS_ML_WINDOW; i++) {
        c = f->c[i];
        before = f->c[i - 1];

        for (lane = 0; lane < HARS_ML_LANES; lane++) {
            changes[lane] += (c[lane] >= 0) != (before[lane] >= 0);
        }
    }

    /* the pair with the value that a jerk does not have */
    for (lane = HARS_JERK; lane < HARS_JERK_END; lane++) {
        changes[lane] -= f->c[HARS_ML_WINDOW - 2][lane] < 0;
    }
}


/* linear between the two ranks around part * (n - 1) */
static double
hars_time_rank(const hars_features_t *f, unsigned lane, unsigned n,
    double part)
{
    double    p;
    unsigned  i;

    p = part * (n - 1);
    i = (unsigned) p;
    p -= i;

    return f->sorted[i][lane] * (1 - p)
           + (p > 0 ? f->sorted[i + 1][lane] * p : 0);
}


/*
 * The distances from the median grow from the middle to both ends of the
 * sorted values: the middle of them is found by merging the two halves.
 */
static double
hars_time_mad(const hars_features_t *f, unsigned lane, unsigned n,
    double median)
{
    double    down, up, last, before;
    unsigned  i, low, high;

    low = (n - 1) / 2 + 1;
    high = low;
    last = 0;
    before = 0;

    for (i = 0; i <= n / 2; i++) {
        before = last;

        down = low > 0 ? median - f->sorted[low - 1][lane] : DBL_MAX;
        up = high < n ? f->sorted[high][lane] - median : DBL_MAX;

        if (down <= up) {
            last = down;
            low--;

        } else {
            last = up;
            high++;
        }
    }

    return n % 2 ? last : (before + last) / 2;
}


HARS_ML_WIDE double *
hars_features_lag(const hars_features_t *f, double *out)
{
    double       r[HARS_AR_ORDER + 1];
    unsigned     i, k, lane;
    hars_lane_t  sum[HARS_AR_ORDER + 1];

    memset(sum, 0, sizeof(sum));

    for (k = 0; k <= HARS_AR_ORDER; k++) {
        for (i = 0; i + k < HARS_ML_WINDOW; i++) {
            for (lane = 0; lane < HARS_ML_LANES; lane++) {
                sum[k][lane] += f->c[i][lane] * f->c[i + k][lane];
            }
        }
    }

    out += HARS_AR_ORDER * f->from;

    for (lane = f->from; lane < HARS_AR_SIGNALS; lane++) {

        for (k = 0; k <= HARS_AR_ORDER; k++) {
            r[k] = sum[k][lane] / HARS_ML_WINDOW;
        }

        hars_lag_regression(r, out);
        out += HARS_AR_ORDER;
    }

    return hars_lag_peaks(f, out);
}


/* Levinson-Durbin; a[] is the prediction error filter, its negative wanted */
static void
hars_lag_regression(const double r[HARS_AR_ORDER + 1], double *out)
{
    double    a[HARS_AR_ORDER + 1], b[HARS_AR_ORDER + 1], error, reflection;
    unsigned  i, k;

    memset(a, 0, sizeof(a));
    a[0] = 1;
    error = r[0];

    for (k = 1; r[0] >= 1e-12 && k <= HARS_AR_ORDER; k++) {
        reflection = 0;

        for (i = 0; i < k; i++) {
            reflection -= a[i] * r[k - i];
        }

        reflection /= error;
        memcpy(b, a, sizeof(b));

        for (i = 1; i < k; i++) {
            a[i] = b[i] + reflection * b[k - i];
        }

        a[k] = reflection;
        error *= 1 - reflection * reflection;
        error = error > 1e-300 ? error : 1e-300;
    }

    for (k = 1; k <= HARS_AR_ORDER; k++) {
        out[k - 1] = a[k] == 0 ? 0 : -a[k];
    }
}


static double *
hars_lag_peaks(const hars_features_t *f, double *out)
{
    double    r[HARS_LAGS_ROOM], r0;
    unsigned  k, best, s;

    static const uint8_t  signal[] = { 6, 10, 7, 11 };

    for (s = 0; s < sizeof(signal); s++) {
        hars_lag_sums(f, signal[s], r);

        best = 0;
        r0 = f->std[signal[s]] * f->std[signal[s]];

        for (k = 1; k < HARS_LAGS; k++) {
            if (r[k] > r[best]) {
                best = k;
            }
        }

        *out++ = r0 >= 1e-12 ? r[best] / HARS_ML_WINDOW / r0 : 0;
        *out++ = r0 >= 1e-12 ? (double) (best + HARS_LAG_MIN) / HARS_ML_RATE
                             : 0;
    }

    return out;
}


/* four values at a time against all lags; beyond the window are zeros */
static void
hars_lag_sums(const hars_features_t *f, unsigned lane, double *restrict r)
{
    double         c[HARS_ML_WINDOW + HARS_LAG_MIN + HARS_LAGS_ROOM];
    unsigned       i, k;
    const double  *restrict d;

    memset(c, 0, sizeof(c));
    memset(r, 0, HARS_LAGS_ROOM * sizeof(double));

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        c[i] = f->c[i][lane];
    }

    for (i = 0; i < HARS_ML_WINDOW; i += 4) {
        d = c + i;

        for (k = 0; k < HARS_LAGS_ROOM; k++) {
            r[k] += d[0] * d[k + HARS_LAG_MIN]
                    + d[1] * d[k + HARS_LAG_MIN + 1]
                    + d[2] * d[k + HARS_LAG_MIN + 2]
                    + d[3] * d[k + HARS_LAG_MIN + 3];
        }
    }
}


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


#define HARS_AR_SIGNALS   8      /* ax to gmag */
#define HARS_AR_ORDER     4
#define HARS_AR_FIRST     130    /* of the features */

#define HARS_LAG_MIN      15     /* 0.3 s */
#define HARS_LAG_MAX      75     /* 1.5 s */
#define HARS_LAGS         (HARS_LAG_MAX - HARS_LAG_MIN + 1)
#define HARS_LAGS_ROOM    64     /* by four */
#define HARS_LAG_FIRST    162    /* of the features */


static unsigned hars_time_values(unsigned group, unsigned lane);
static double hars_time_rank(const hars_features_t *f, unsigned lane,
    unsigned n, double part);
static void hars_time_middle(const hars_features_t *f,
    const hars_four_t *median, hars_four_t *low, hars_four_t *high);
static void hars_time_describe(const hars_features_t *f, unsigned group,
    unsigned lane, double mad, double *out);
static void hars_lag_few(const hars_signals_t *s, hars_four_t *sum);
static void hars_lag_regression(const double r[HARS_AR_ORDER + 1],
    double *out);
static void hars_lag_peaks(const hars_signals_t *s, double *out);
static void hars_lag_sums(const hars_signals_t *s, hars_four_t *r);
static void hars_lag_four(const hars_four_t *c, unsigned lag,
    hars_four_t *r);


/* where the group's peaks are: amag, av, gmag, ah */
static const uint8_t  hars_lag_peak[] = { 0, 2, 1, 3 };


HARS_ML_WIDE void
hars_features_time(hars_features_t *f, unsigned group, double *out)
{
    double       mad;
    unsigned     lane, n, signal;
    hars_four_t  median, low, high;

    memcpy(f->sorted, f->group[group].x, sizeof(f->sorted));

    /* the value that a jerk does not have */

    if (group == HARS_ML_GROUP_JERK) {
        f->sorted[HARS_ML_WINDOW - 1][1] = DBL_MAX;
        f->sorted[HARS_ML_WINDOW - 1][2] = DBL_MAX;
    }

    hars_fours_sort(f->sorted);

    for (lane = 0; lane < 4; lane++) {
        n = hars_time_values(group, lane);
        median[lane] = hars_time_rank(f, lane, n, 0.5);
    }

    hars_time_middle(f, &median, &low, &high);

    for (lane = 0; lane < 4; lane++) {
        signal = hars_features_lane[group][lane];

        if (signal < HARS_ML_SIGNALS) {
            n = hars_time_values(group, lane);
            mad = n % 2 ? low[lane] : (low[lane] + high[lane]) / 2;
            hars_time_describe(f, group, lane, mad, out + 10 * signal);
        }
    }
}


static unsigned
hars_time_values(unsigned group, unsigned lane)
{
    return group == HARS_ML_GROUP_JERK && (lane == 1 || lane == 2)
           ? HARS_ML_WINDOW - 1 : HARS_ML_WINDOW;
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
 * sorted values.  Of two sorted halves, the one side's i-th and the other's
 * i-th from its end, the lesser ones are the lesser half of all: the greatest
 * of these and the least of the others are the middle two.
 */
static void
hars_time_middle(const hars_features_t *f, const hars_four_t *median,
    hars_four_t *low, hars_four_t *high)
{
    unsigned     i;
    hars_four_t  down, up, most, least;

    most = hars_four_all(0);
    least = hars_four_all(DBL_MAX);

    for (i = 0; i < HARS_ML_WINDOW / 2; i++) {
        down = *median - f->sorted[i];
        up = f->sorted[i + HARS_ML_WINDOW / 2] - *median;

        most = hars_four_max(most, hars_four_min(down, up));
        least = hars_four_min(least, hars_four_max(down, up));
    }

    *low = most;
    *high = least;
}


static void
hars_time_describe(const hars_features_t *f, unsigned group, unsigned lane,
    double mad, double *out)
{
    double                 std;
    unsigned               n;
    const hars_signals_t  *s;

    s = &f->group[group];
    n = hars_time_values(group, lane);
    std = s->std[lane];

    *out++ = s->mean[lane];
    *out++ = std;
    *out++ = mad;
    *out++ = f->sorted[0][lane];
    *out++ = f->sorted[n - 1][lane];
    *out++ = s->energy[lane] / n;
    *out++ = hars_time_rank(f, lane, n, 0.75)
             - hars_time_rank(f, lane, n, 0.25);
    *out++ = std > 1e-8 ? s->third[lane] / n / (std * std * std) : 0;
    *out++ = std > 1e-8 ? s->fourth[lane] / n / (std * std * std * std) - 3
                        : 0;
    *out++ = s->changes[lane] / (n - 1);
}


HARS_ML_WIDE void
hars_features_lag(hars_features_t *f, unsigned group, double *out)
{
    double                 r[HARS_AR_ORDER + 1];
    unsigned               k, lane, signal;
    hars_four_t            sum[HARS_AR_ORDER + 1];
    const hars_signals_t  *s;

    if (group == HARS_ML_GROUP_JERK) {
        return;
    }

    s = &f->group[group];
    hars_lag_few(s, sum);

    for (lane = 0; lane < 4; lane++) {
        signal = hars_features_lane[group][lane];

        if (signal < HARS_AR_SIGNALS) {

            for (k = 0; k <= HARS_AR_ORDER; k++) {
                r[k] = sum[k][lane] / HARS_ML_WINDOW;
            }

            hars_lag_regression(r, out + HARS_AR_FIRST
                                   + HARS_AR_ORDER * signal);
        }
    }

    if (group == 0) {
        hars_lag_peaks(s, out + HARS_LAG_FIRST);
    }
}


/* of products of neighbours; beyond the window are zeros */
static void
hars_lag_few(const hars_signals_t *s, hars_four_t *sum)
{
    unsigned     i;
    hars_four_t  c, one, two, three, four;

    one = two = three = four = hars_four_all(0);

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        c = s->c[i];
        one += c * s->c[i + 1];
        two += c * s->c[i + 2];
        three += c * s->c[i + 3];
        four += c * s->c[i + 4];
    }

    sum[0] = s->square;
    sum[1] = one;
    sum[2] = two;
    sum[3] = three;
    sum[4] = four;
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


static void
hars_lag_peaks(const hars_signals_t *s, double *out)
{
    double       r0;
    unsigned     k, i, lane;
    hars_four_t  r[HARS_LAGS_ROOM], high;
    hars_choice_t  best, more;

    hars_lag_sums(s, r);

    high = r[0];
    best = (hars_choice_t) { 0, 0, 0, 0 };

    for (k = 1; k < HARS_LAGS; k++) {
        more = r[k] > high;
        high = hars_four_choose(more, r[k], high);
        best = (more & k) | (~more & best);
    }

    for (i = 0; i < sizeof(hars_lag_peak); i++) {
        lane = hars_lag_peak[i];
        r0 = s->std[lane] * s->std[lane];

        *out++ = r0 >= 1e-12 ? high[lane] / HARS_ML_WINDOW / r0 : 0;
        *out++ = r0 >= 1e-12 ? (double) (best[lane] + HARS_LAG_MIN)
                               / HARS_ML_RATE : 0;
    }
}


static void
hars_lag_sums(const hars_signals_t *s, hars_four_t *r)
{
    unsigned  k;

    for (k = 0; k < HARS_LAGS_ROOM; k += 4) {
        hars_lag_four(s->c, HARS_LAG_MIN + k, r + k);
    }
}


/* four lags, four products at a time; beyond the window are zeros */
static void
hars_lag_four(const hars_four_t *c, unsigned lag, hars_four_t *r)
{
    unsigned            i;
    hars_four_t         x0, x1, x2, x3;
    const hars_four_t  *d;

    x0 = x1 = x2 = x3 = hars_four_all(0);

    for (i = 0; i + lag < HARS_ML_WINDOW; i += 4) {
        d = c + i + lag;

        x0 += c[i] * d[0] + c[i + 1] * d[1] + c[i + 2] * d[2]
              + c[i + 3] * d[3];
        x1 += c[i] * d[1] + c[i + 1] * d[2] + c[i + 2] * d[3]
              + c[i + 3] * d[4];
        x2 += c[i] * d[2] + c[i + 1] * d[3] + c[i + 2] * d[4]
              + c[i + 3] * d[5];
        x3 += c[i] * d[3] + c[i + 1] * d[4] + c[i + 2] * d[5]
              + c[i + 3] * d[6];
    }

    r[0] = x0;
    r[1] = x1;
    r[2] = x2;
    r[3] = x3;
}

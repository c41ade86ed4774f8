
/*
 * What a window's movement is to the person's body, however the device lies:
 * 53 values in a frame that comes from the movement itself.
 *
 *     u   gravity's direction        p   principal axis of rotation: of a
 *     h   p's level part             thigh that swings, from side to side
 *     f = h x u, where the swing goes
 *
 * Seven signals of that frame (acceleration down, forward, sideways; rotation
 * about h, u, f; angle about h), their shape, rhythm and how they go
 * together.  h has no sign of its own: the rotation about it is skewed to the
 * positive side.  A device upside down or back to front answers the same,
 * which 305 features of the device's own axes do not.
 */


#include "hars_ml.h"

#include <math.h>
#include <string.h>


#define HARS_GAIT_SWEEPS   8
#define HARS_GAIT_LAG_MIN  12          /* 0.24 s */
#define HARS_GAIT_LAG_MAX  75          /* 1.5 s */
#define HARS_GAIT_LAGS     4           /* at a time; 64 are asked for */
#define HARS_GAIT_PAIRS    8


enum {
    hars_down = 0, hars_forward, hars_side, hars_swing, hars_yaw, hars_roll,
    hars_angle, hars_gait_lanes = 8
};

/* the signals by four: the first ones, three of which have a beat; others */
typedef union {
    hars_four_t    four[2];
    double         lane[hars_gait_lanes];
} hars_gait_t;

typedef struct {
    double         mean[HARS_ML_AXES];
    double         up[3];
    double         level[3];               /* h */
    double         forward[3];

    hars_gait_t    c[HARS_ML_WINDOW + HARS_GAIT_LAGS];  /* signals without
                                              their means, then zeros */
    hars_gait_t    square;                 /* sums */
} hars_frame_t;


static void hars_gait_means(hars_frame_t *g,
    const double (*row)[HARS_ML_AXES]);
static double *hars_gait_axes(hars_frame_t *g,
    const double (*row)[HARS_ML_AXES], double *out);
static void hars_gait_covariance(const hars_frame_t *g,
    const double (*row)[HARS_ML_AXES], double a[3][3]);
static void hars_gait_principal(double a[3][3], double v[3][3]);
static void hars_gait_rotate(double a[3][3], double v[3][3], unsigned p,
    unsigned q);
static void hars_gait_cross(const double *a, const double *b, double *out);
static double hars_gait_dot(const double *a, const double *b);
static void hars_gait_signals(hars_frame_t *g,
    const double (*row)[HARS_ML_AXES]);
static void hars_gait_rows(const hars_frame_t *g,
    const double (*row)[HARS_ML_AXES], hars_gait_t *c);
static void hars_gait_along(const hars_four_t *d, const double *axis,
    hars_four_t *out);
static void hars_gait_angle(hars_frame_t *g);
static void hars_gait_turn(hars_frame_t *g);
static double *hars_gait_shape(hars_frame_t *g, double *out);
static void hars_gait_moments(hars_frame_t *g, unsigned four,
    hars_four_t *third, hars_four_t *fourth, hars_four_t *most,
    hars_four_t *least);
static double *hars_gait_rhythm(const hars_frame_t *g, double *out);
static void hars_gait_products(const hars_frame_t *g, unsigned lag,
    double (*restrict sum)[4]);
static double *hars_gait_pairs(const hars_frame_t *g, double *out);


static const uint8_t  hars_gait_pair[HARS_GAIT_PAIRS][2] = {
    { hars_down, hars_swing }, { hars_down, hars_forward },
    { hars_swing, hars_forward }, { hars_down, hars_angle },
    { hars_forward, hars_angle }, { hars_yaw, hars_swing },
    { hars_side, hars_down }, { hars_side, hars_roll }
};

static const uint8_t  hars_gait_beat[] = {
    hars_swing, hars_down, hars_forward
};


HARS_ML_WIDE void
hars_features_gait(const double (*row)[HARS_ML_AXES], double *out)
{
    hars_frame_t  g;

    hars_gait_means(&g, row);
    out = hars_gait_axes(&g, row, out);

    hars_gait_signals(&g, row);
    hars_gait_turn(&g);

    out = hars_gait_shape(&g, out);
    out = hars_gait_rhythm(&g, out);
    (void) hars_gait_pairs(&g, out);
}


static void
hars_gait_means(hars_frame_t *g, const double (*row)[HARS_ML_AXES])
{
    double    norm;
    unsigned  i, k;

    memset(g->mean, 0, sizeof(g->mean));

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        for (k = 0; k < HARS_ML_AXES; k++) {
            g->mean[k] += row[i][k];
        }
    }

    for (k = 0; k < HARS_ML_AXES; k++) {
        g->mean[k] /= HARS_ML_WINDOW;
    }

    norm = fmax(sqrt(hars_gait_dot(g->mean, g->mean)), 1e-9);

    for (k = 0; k < 3; k++) {
        g->up[k] = g->mean[k] / norm;
    }
}


/* the frame, and 4 values: p's tilt, two shares of rotation, its power */
static double *
hars_gait_axes(hars_frame_t *g, const double (*row)[HARS_ML_AXES],
    double *out)
{
    double    a[3][3], v[3][3], p[3], total, tilt, norm;
    unsigned  k, most, next;

    hars_gait_covariance(g, row, a);
    hars_gait_principal(a, v);

    most = a[1][1] > a[0][0] ? 1 : 0;
    most = a[2][2] > a[most][most] ? 2 : most;
    next = most == 0 ? 1 : 0;
    next = a[3 - most - next][3 - most - next] > a[next][next]
           ? 3 - most - next : next;

    for (k = 0; k < 3; k++) {
        p[k] = v[k][most];
    }

    total = a[0][0] + a[1][1] + a[2][2] + 1e-12;
    tilt = hars_gait_dot(p, g->up);

    *out++ = fabs(tilt);
    *out++ = a[most][most] / total;
    *out++ = a[next][next] / total;
    *out++ = log(1e-6 + fmax(a[most][most], 0));

    for (k = 0; k < 3; k++) {
        g->level[k] = p[k] - tilt * g->up[k];
    }

    norm = fmax(sqrt(hars_gait_dot(g->level, g->level)), 1e-6);

    for (k = 0; k < 3; k++) {
        g->level[k] /= norm;
    }

    hars_gait_cross(g->level, g->up, g->forward);

    return out;
}


static void
hars_gait_covariance(const hars_frame_t *g, const double (*row)[HARS_ML_AXES],
    double a[3][3])
{
    unsigned     i, k, j;
    hars_four_t  d, mean, sum, more;

    mean = hars_four_load(g->mean + 2);
    sum = hars_four_all(0);
    more = sum;

    for (i = 0; i < HARS_ML_WINDOW; i++) {

        /* az, gx, gy, gz */
        d = hars_four_load(row[i] + 2) - mean;

        sum += __builtin_shufflevector(d, d, 1, 1, 1, 2)
               * __builtin_shufflevector(d, d, 1, 2, 3, 2)
               / (double) HARS_ML_WINDOW;
        more += __builtin_shufflevector(d, d, 2, 3, 3, 3)
                * __builtin_shufflevector(d, d, 3, 3, 3, 3)
                / (double) HARS_ML_WINDOW;
    }

    for (k = 0; k < 3; k++) {
        for (j = 0; j < 3; j++) {
            a[k][j] = k + j < 3 && k * j == 0 ? sum[k + j]
                      : k + j == 2 ? sum[3] : more[k + j - 3];
        }
    }
}


/* Jacobi: eigenvalues to the diagonal, vectors to the columns of "v" */
static void
hars_gait_principal(double a[3][3], double v[3][3])
{
    unsigned  i, k;

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 3; k++) {
            v[i][k] = i == k;
        }
    }

    for (i = 0; i < HARS_GAIT_SWEEPS; i++) {
        hars_gait_rotate(a, v, 0, 1);
        hars_gait_rotate(a, v, 0, 2);
        hars_gait_rotate(a, v, 1, 2);
    }
}


static void
hars_gait_rotate(double a[3][3], double v[3][3], unsigned p, unsigned q)
{
    double    theta, t, c, s, x, y;
    unsigned  k;

    if (fabs(a[p][q]) < 1e-15) {
        return;
    }

    theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    c = 1 / sqrt(t * t + 1);
    s = t * c;

    for (k = 0; k < 3; k++) {
        x = a[k][p];
        y = a[k][q];
        a[k][p] = c * x - s * y;
        a[k][q] = s * x + c * y;
    }

    for (k = 0; k < 3; k++) {
        x = a[p][k];
        y = a[q][k];
        a[p][k] = c * x - s * y;
        a[q][k] = s * x + c * y;

        x = v[k][p];
        y = v[k][q];
        v[k][p] = c * x - s * y;
        v[k][q] = s * x + c * y;
    }
}


static void
hars_gait_cross(const double *a, const double *b, double *out)
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}


static double
hars_gait_dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}


static void
hars_gait_signals(hars_frame_t *g, const double (*row)[HARS_ML_AXES])
{
    unsigned  i;

    for (i = 0; i < HARS_ML_WINDOW; i += 4) {
        hars_gait_rows(g, row + i, g->c + i);
    }

    hars_gait_angle(g);
    memset(&g->c[HARS_ML_WINDOW], 0, HARS_GAIT_LAGS * sizeof(hars_gait_t));
}


/* four rows of the person's own axes */
static void
hars_gait_rows(const hars_frame_t *g, const double (*row)[HARS_ML_AXES],
    hars_gait_t *c)
{
    unsigned     i;
    hars_four_t  a[4], r[4], one[4], two[4];

    for (i = 0; i < 4; i++) {
        /* ax, ay, az and gx; az, gx, gy, gz */
        a[i] = hars_four_load(row[i]) - hars_four_load(g->mean);
        r[i] = hars_four_load(row[i] + 2) - hars_four_load(g->mean + 2);
    }

    hars_four_transpose(a);
    hars_four_transpose(r);

    hars_gait_along(a, g->up, &one[hars_down]);
    hars_gait_along(a, g->forward, &one[hars_forward]);
    hars_gait_along(a, g->level, &one[hars_side]);
    hars_gait_along(r + 1, g->level, &one[hars_swing]);
    hars_gait_along(r + 1, g->up, &two[0]);
    hars_gait_along(r + 1, g->forward, &two[1]);
    one[hars_down] = -one[hars_down];
    two[2] = hars_four_all(0);
    two[3] = two[2];

    hars_four_transpose(one);
    hars_four_transpose(two);

    for (i = 0; i < 4; i++) {
        c[i].four[0] = one[i];
        c[i].four[1] = two[i];
    }
}


static void
hars_gait_along(const hars_four_t *d, const double *axis, hars_four_t *out)
{
    *out = d[0] * axis[0] + d[1] * axis[1] + d[2] * axis[2];
}


static void
hars_gait_angle(hars_frame_t *g)
{
    double    angle, mean;
    unsigned  i;

    angle = 0;
    mean = 0;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        angle += g->c[i].lane[hars_swing] / HARS_ML_RATE;
        mean += angle / HARS_ML_WINDOW;
        g->c[i].lane[hars_angle] = angle;
    }

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        g->c[i].lane[hars_angle] -= mean;
    }
}


/* the sign of h, and with it of all that was measured along h and f */
static void
hars_gait_turn(hars_frame_t *g)
{
    double       skew, swing;
    unsigned     i;
    hars_four_t  one, two;

    skew = 0;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        swing = g->c[i].lane[hars_swing];
        skew += swing * swing * swing;
    }

    /* down and yaw stay */
    one = (hars_four_t) { 1, -1, -1, -1 };
    two = (hars_four_t) { 1, -1, -1, 1 };

    for (i = 0; skew < 0 && i < HARS_ML_WINDOW; i++) {
        g->c[i].four[0] *= one;
        g->c[i].four[1] *= two;
    }
}


/* 7 x 5: deviation, skewness, kurtosis, how far up and down it goes */
static double *
hars_gait_shape(hars_frame_t *g, double *out)
{
    double       std, variance;
    unsigned     k;
    hars_gait_t  third, fourth, most, least;

    for (k = 0; k < 2; k++) {
        hars_gait_moments(g, k, &third.four[k], &fourth.four[k],
                          &most.four[k], &least.four[k]);
    }

    for (k = 0; k <= hars_angle; k++) {
        variance = g->square.lane[k] / HARS_ML_WINDOW;
        std = sqrt(variance);

        *out++ = std;
        *out++ = std > 1e-8 ? third.lane[k] / HARS_ML_WINDOW
                              / (variance * std) : 0;
        *out++ = std > 1e-8 ? fourth.lane[k] / HARS_ML_WINDOW
                              / (variance * variance) - 3 : 0;
        *out++ = most.lane[k];
        *out++ = -least.lane[k];
    }

    return out;
}


static void
hars_gait_moments(hars_frame_t *g, unsigned four, hars_four_t *third,
    hars_four_t *fourth, hars_four_t *most, hars_four_t *least)
{
    unsigned     i;
    hars_four_t  x, square, sum[3], high, low;

    sum[0] = sum[1] = sum[2] = hars_four_all(0);
    high = low = sum[0];

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        x = g->c[i].four[four];
        square = x * x;

        sum[0] += square;
        sum[1] += square * x;
        sum[2] += square * x * x;
        high = hars_four_max(x, high);
        low = hars_four_min(x, low);
    }

    g->square.four[four] = sum[0];
    *third = sum[1];
    *fourth = sum[2];
    *most = high;
    *least = low;
}


/* 3 x 2: the highest autocorrelation, of as many products each, its lag */
static double *
hars_gait_rhythm(const hars_frame_t *g, double *out)
{
    double    r, high[3], sum[HARS_GAIT_LAGS][4];
    unsigned  k, j, lag, best[3];

    memset(best, 0, sizeof(best));

    for (lag = HARS_GAIT_LAG_MIN; lag <= HARS_GAIT_LAG_MAX;
         lag += HARS_GAIT_LAGS)
    {
        hars_gait_products(g, lag, sum);

        for (j = 0; j < HARS_GAIT_LAGS; j++) {
            for (k = 0; k < 3; k++) {
                r = g->square.lane[hars_gait_beat[k]];
                r = r > 1e-9 ? sum[j][hars_gait_beat[k]] / r * HARS_ML_WINDOW
                               / (HARS_ML_WINDOW - lag - j) : 0;

                if (best[k] == 0 || r > high[k]) {
                    high[k] = r;
                    best[k] = lag + j;
                }
            }
        }
    }

    for (k = 0; k < 3; k++) {
        *out++ = high[k];
        *out++ = (double) best[k] / HARS_ML_RATE;
    }

    return out;
}


/* sums that do not wait for each other; beyond the window are zeros */
static void
hars_gait_products(const hars_frame_t *g, unsigned lag,
    double (*restrict sum)[4])
{
    unsigned       i, n;
    hars_four_t    s0, s1, s2, s3, x;

    memset(&s0, 0, sizeof(s0));
    s1 = s0;
    s2 = s0;
    s3 = s0;
    n = HARS_ML_WINDOW - lag;

    for (i = 0; i < n; i++) {
        x = g->c[i].four[0];
        s0 += x * g->c[i + lag].four[0];
        s1 += x * g->c[i + lag + 1].four[0];
        s2 += x * g->c[i + lag + 2].four[0];
        s3 += x * g->c[i + lag + 3].four[0];
    }

    memcpy(sum[0], &s0, sizeof(s0));
    memcpy(sum[1], &s1, sizeof(s1));
    memcpy(sum[2], &s2, sizeof(s2));
    memcpy(sum[3], &s3, sizeof(s3));
}


static double *
hars_gait_pairs(const hars_frame_t *g, double *out)
{
    double       sum[HARS_GAIT_PAIRS], scale;
    unsigned     i, k, a, b;
    hars_four_t  x, y, one, two;

    one = hars_four_all(0);
    two = one;

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        x = g->c[i].four[0];
        y = g->c[i].four[1];

        /* in the order of hars_gait_pair */
        one += __builtin_shufflevector(x, y, 0, 0, 3, 0)
               * __builtin_shufflevector(x, y, 3, 1, 1, 6);
        two += __builtin_shufflevector(x, y, 1, 4, 2, 2)
               * __builtin_shufflevector(x, y, 6, 3, 0, 5);
    }

    hars_four_store(sum, one);
    hars_four_store(sum + 4, two);

    for (k = 0; k < HARS_GAIT_PAIRS; k++) {
        a = hars_gait_pair[k][0];
        b = hars_gait_pair[k][1];
        scale = g->square.lane[a] > 1e-12 && g->square.lane[b] > 1e-12
                ? sqrt(g->square.lane[a] * g->square.lane[b]) : 0;
        *out++ = scale > 0 ? sum[k] / scale : 0;
    }

    return out;
}

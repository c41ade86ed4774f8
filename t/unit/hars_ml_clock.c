
/*
 * One clock: what a source of any rate says below 15 Hz comes out as it was,
 * what would alias does not come out, gaps are not bridged, and windows
 * stand where they should.
 */

/* link: -lm */


#include "../../backend/mlservice/hars_ml_clock.c"

#include "tap.h"


#define OUT_MAX  20000


typedef struct {
    unsigned  n;
    double    t[OUT_MAX];
    double    v[OUT_MAX][HARS_ML_AXES];
} out_t;

typedef struct {
    unsigned  n;
    double    start[256];
    double    first[256];                 /* ax of the first and last row */
    double    last[256];
} taken_t;


static void ramp(double rate, double jitter);
static void wave(double rate, double hz, double low, double high);
static void gaps(void);
static void windows(void);
static void bounded(void);
static void run(double rate, double seconds, double hz, double jitter);
static void collect(void *data, double t, const double *v);
static void take(void *data, double start, const double (*row)[HARS_ML_AXES]);


static out_t     out;
static taken_t   taken;
static uint32_t  state = 1;


static double
noise(void)
{
    state = state * 1664525 + 1013904223;

    return (double) (state >> 8) / (1 << 24) - 0.5;
}


int
main(void)
{
    static const double  rate[] = { 10, 20, 25, 50, 51.2, 100, 200, 400 };

    unsigned  i;

    for (i = 0; i < sizeof(rate) / sizeof(rate[0]); i++) {
        ramp(rate[i], 0);
        ramp(rate[i], 0.3);
    }

    for (i = 3; i < sizeof(rate) / sizeof(rate[0]); i++) {
        wave(rate[i], 1, 0.99, 1.01);
        wave(rate[i], 10, 0.9, 1.01);
    }

    wave(100, 40, 0, 0.005);
    wave(100, 48, 0, 0.005);
    wave(200, 48, 0, 0.005);
    wave(200, 90, 0, 0.005);
    wave(400, 55, 0, 0.005);
    wave(400, 145, 0, 0.005);

    gaps();
    windows();
    bounded();

    return tap_done();
}


/* a straight line is its own interpolation and its own low-pass */
static void
ramp(double rate, double jitter)
{
    double    worst, when;
    unsigned  i;

    run(rate, 4, 0, jitter);

    worst = 0;
    when = 0;

    for (i = 0; i < out.n; i++) {
        when = fmax(when, fabs(out.t[i] - 100 - (double) i / 50));

        /* where no tap is missing */
        if (i >= HARS_ML_TAPS && i + HARS_ML_TAPS < out.n) {
            worst = fmax(worst, fabs(out.v[i][1] - (out.t[i] - 100)));
        }
    }

    ok(worst < (jitter > 0 ? HARS_SLACK : 1e-9),
       "a ramp at %g Hz, jitter %g: a ramp (%.1e)", rate, jitter, worst);
    ok(out.n >= 196 && out.n <= 201 && when < 1e-9,
       "a ramp at %g Hz, jitter %g: 50 values a second (%u)", rate, jitter,
       out.n);
}


static void
wave(double rate, double hz, double low, double high)
{
    double    most;
    unsigned  i;

    run(rate, 4, hz, 0);

    most = 0;

    for (i = HARS_ML_TAPS; i + HARS_ML_TAPS < out.n; i++) {
        most = fmax(most, fabs(out.v[i][0]));
    }

    ok(most >= low && most <= high,
       "%g Hz in a source of %g Hz: %.4f of it, not %g to %g", hz, rate, most,
       low, high);
}


static void
run(double rate, double seconds, double hz, double jitter)
{
    unsigned       i;
    hars_clock_t   clock;
    hars_sample_t  s;

    out.n = 0;
    hars_clock_init(&clock, rate, collect, NULL);

    for (i = 0; i <= rate * seconds; i++) {
        s.t = 100 + (i + (i ? jitter * noise() : 0)) / rate;
        memset(s.v, 0, sizeof(s.v));
        s.v[0] = sin(2 * M_PI * hz * s.t + 0.3);
        s.v[1] = s.t - 100;
        hars_clock_push(&clock, &s);
    }

    hars_clock_end(&clock);
}


static void
collect(void *data, double t, const double *v)
{
    (void) data;

    if (out.n < OUT_MAX) {
        out.t[out.n] = t;
        memcpy(out.v[out.n++], v, sizeof(out.v[0]));
    }
}


/* before the gap 1, behind it 2: whoever bridges has values between */
static void
gaps(void)
{
    unsigned       i, k, between, late;
    hars_clock_t   clock;
    hars_sample_t  s;

    for (k = 0; k < 2; k++) {
        out.n = 0;
        between = 0;
        late = 0;
        hars_clock_init(&clock, 50, collect, NULL);
        memset(&s, 0, sizeof(s));

        for (i = 0; i < 100; i++) {
            s.t = i < 50 ? i * 0.02 : 0.98 + (k ? 0.25 : 0.26)
                                      + (i - 50) * 0.02;
            s.v[0] = i < 50 ? 1 : 2;
            hars_clock_push(&clock, &s);
        }

        hars_clock_end(&clock);

        for (i = 0; i < out.n; i++) {
            between += fabs(out.v[i][0] - 1) > 1e-9
                       && fabs(out.v[i][0] - 2) > 1e-9;
            late += out.t[i] > 0.981 && out.t[i] < 1.229;
        }

        if (k) {
            ok(late == 12 && between > 0, "a gap of 0.25 s: bridged");

        } else {
            ok(between == 0 && late == 0, "a gap of 0.26 s: nothing in it");
            ok(out.n == 100 && fabs(out.t[50] - 1.24) < 1e-9,
               "a gap of 0.26 s: the next stretch begins with its sample");
        }
    }
}


static void
windows(void)
{
    unsigned        i, good;
    hars_sample_t   s;
    hars_windows_t  win;

    memset(&s, 0, sizeof(s));
    memset(&taken, 0, sizeof(taken));
    hars_windows_init(&win, 50, take, &taken);

    /* 127 samples, a gap, 128, a gap, 1000 */
    for (i = 0; i < 1255; i++) {
        s.t = i * 0.02 + (i >= 127 ? 1 : 0) + (i >= 255 ? 1 : 0);
        s.v[0] = s.t;
        hars_windows_push(&win, &s);
    }

    hars_windows_end(&win);

    ok(taken.n == 1 + (1000 - 128) / 64 + 1,
       "windows: none of 127 samples, one of 128, %u of all", taken.n);
    ok(fabs(taken.start[0] - 3.54) < 1e-9, "windows: the first begins at %g",
       taken.start[0]);

    good = 1;

    for (i = 1; i < taken.n; i++) {
        good &= fabs(taken.start[i] - (255 * 0.02 + 2 + (i - 1) * 1.28))
                < 1e-9;

        /* the ends of a stretch lean inwards by the missing taps */
        good &= i == 1 || fabs(taken.first[i] - taken.start[i]) < 1e-9;
        good &= fabs(taken.last[i] - taken.start[i] - 127 * 0.02) < 0.15;
    }

    ok(good, "windows: every 1.28 s, of their own 2.56 s");
}


static void
take(void *data, double start, const double (*row)[HARS_ML_AXES])
{
    taken_t  *t = data;

    t->start[t->n] = start;
    t->first[t->n] = row[0][0];
    t->last[t->n++] = row[HARS_ML_WINDOW - 1][0];
}


/* times of a day long past, quick and slow by turns: no more than it may be */
static void
bounded(void)
{
    unsigned       i;
    hars_clock_t   clock;
    hars_sample_t  s;

    out.n = 0;
    memset(&s, 0, sizeof(s));
    s.t = 1.7e9;
    hars_clock_init(&clock, 400, collect, NULL);

    for (i = 0; i < 1000; i++) {
        s.t += i % 2 ? 0.24 : 0.0025;
        s.v[0] = 3;
        hars_clock_push(&clock, &s);
    }

    hars_clock_end(&clock);

    ok(out.n > 6000 && out.n < 6100, "quick and slow by turns: %u values",
       out.n);
    ok(fabs(out.v[out.n / 2][0] - 3) < 1e-12, "a constant stays one");
}

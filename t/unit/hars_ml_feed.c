
/*
 * Streams into one recording: what packets' times become, which spikes go,
 * whose rotation an acceleration gets, and that a session holds little.
 */

/* link: backend/mlservice/hars_ml_rows.c backend/mlservice/hars_ml_source.c */
/* link: backend/mlservice/hars_ml_recording.c */
/* link: -lm */


#include "../../backend/mlservice/hars_ml_drift.c"
#include "../../backend/mlservice/hars_ml_feed.c"

#include "tap.h"

#include <stdio.h>


#define N  4000


static void packets(void);
static void at_rest(void);
static void spikes(void);
static void joined(void);
static void drifts(void);
static double drifting(double ppm, double rotation_rate, unsigned slips);
static void apart(void *data, const hars_sample_t *sample);
static void hearts(void);
static void often(void);
static void wrong_rate(void);
static void start(unsigned arrival, double rate);
static int push(hars_stream_e stream, double t, double value);
static void take(void *data, const hars_sample_t *sample);


static hars_feed_t     feed;
static hars_fault_t    fault;
static hars_sample_t   out[N];
static size_t          n;
static double          most;              /* s; see apart() */
static uint32_t        state = 1;


int
main(void)
{
    packets();
    at_rest();
    spikes();
    joined();
    drifts();
    hearts();
    wrong_rate();

    ok(sizeof(hars_feed_t) + sizeof(hars_windows_t) < 31 * 1024,
       "a feed and its windows are less than 31 KB");

    return tap_done();
}


static void
start(unsigned arrival, double rate)
{
    hars_options_t  options;

    memset(&options, 0, sizeof(options));
    options.rate = rate;
    options.arrival = arrival;
    hars_feed_init(&feed, &options, take, NULL);
    n = 0;
}


static void
take(void *data, const hars_sample_t *sample)
{
    (void) data;

    if (n < N) {
        out[n++] = *sample;
    }
}


static int
push(hars_stream_e stream, double t, double value)
{
    unsigned           i;
    static uint32_t    index;
    hars_row_t         row;

    memset(&row, 0, sizeof(row));
    row.t = t;
    row.stream = (uint8_t) stream;
    row.index = index++;

    for (i = 0; i < HARS_ML_AXES; i++) {
        row.v[i] = value;
    }

    return hars_feed_push(&feed, &row, &fault);
}


static double
noise(void)
{
    state = state * 1664525 + 1013904223;

    return (double) (state >> 8) / (1 << 24);
}


/* three records a packet, up to 40 ms late, every fiftieth one lost */
static void
packets(void)
{
    int       rc;
    double    late, worst;
    unsigned  i, j;

    start(1, 50);
    rc = HARS_OK;

    for (i = 0; i < 1000; i++) {
        late = 0.04 * noise();

        for (j = 0; j < 3 && i % 50 != 17; j++) {
            rc |= push(HARS_STREAM_JOINED, 0.06 * i + 0.04 + late,
                       1 + 0.02 * (3 * i + j));
        }
    }

    rc |= hars_feed_end(&feed, &fault);
    ok(rc == HARS_OK && n == 980 * 3 && feed.outliers == 0,
       "packets: every record comes out");

    /* the value is the true time; 20 ms late in the middle */
    worst = 0;

    for (i = 300; i < n; i++) {
        late = out[i].t - (out[i].v[0] - 1) - 0.02;
        worst = fabs(late) > worst ? fabs(late) : worst;
    }

    ok(worst < 0.008, "packets: times within 8 ms, of arrivals within 40");

    start(1, 50);
    for (i = 0; i < 8; i++) {
        rc |= push(HARS_STREAM_JOINED, 1, 1 + i);
    }

    ok(rc == HARS_OK && push(HARS_STREAM_JOINED, 1, 99) == HARS_ERROR
       && strstr(fault.detail, "share a time"), "packets: nine are too many");
}


/* packets of three; a gyroscope that does not turn says the same each time */
static void
at_rest(void)
{
    int       rc;
    unsigned  i, j;

    start(1, 50);
    rc = HARS_OK;

    for (i = 0; i < 200; i++) {
        for (j = 0; j < 3; j++) {
            rc |= push(HARS_STREAM_JOINED, 0.06 * i,
                       i < 100 ? 1 : 1 + 0.01 * (3 * i + j));
        }
    }

    rc |= hars_feed_end(&feed, &fault);
    ok(rc == HARS_OK && n == 600 && feed.duplicates == 0,
       "packets that begin at rest: every record comes out");

    start(1, 50);
    rc = HARS_OK;

    for (i = 0; i < 200; i++) {
        for (j = 0; j < 4; j++) {
            rc |= push(HARS_STREAM_JOINED, 0.06 * i,
                       1 + 0.01 * (3 * i + (j < 3 ? j : 1)));
            if (j == 2 && i % 10 != 3) {
                break;
            }
        }
    }

    rc |= hars_feed_end(&feed, &fault);
    ok(rc == HARS_OK && n == 600 && feed.duplicates == 20,
       "packets that are longer than others: what is there twice goes");
}


static void
spikes(void)
{
    unsigned  i;

    start(0, 50);

    for (i = 0; i < 100; i++) {
        push(HARS_STREAM_JOINED, 0.02 * i, i == 50 ? 60 : i == 70 ? -31
             : i >= 80 && i < 82 ? 60 : 1 + 0.01 * i);
    }

    hars_feed_end(&feed, &fault);
    ok(n == 98 && feed.outliers == 2 && out[50].t == 0.02 * 51,
       "one sample far from both of its neighbours is dropped, two stay");

    start(0, 50);

    for (i = 0; i < 100; i++) {
        push(HARS_STREAM_JOINED, i == 50 ? 1.3 : i > 50 ? 1 + 0.02 * i
             : 0.02 * i, i == 50 ? 60 : 1 + 0.01 * i);
    }

    hars_feed_end(&feed, &fault);
    ok(n == 100, "neighbours beyond a gap are none");

    start(0, 50);
    push(HARS_STREAM_JOINED, 0, 1);
    hars_feed_end(&feed, &fault);
    ok(n == 1, "one sample comes out");
}


static void
joined(void)
{
    int       right;
    unsigned  i;

    start(0, 50);

    /* the rotation's value is its time: so it is of the acceleration's */
    for (i = 0; i < 200; i++) {
        push(HARS_STREAM_ACCELERATION, 0.02 * i, 9.8);

        if (i < 100 || i > 120) {
            push(HARS_STREAM_ROTATION, 0.02 * i + 0.007, 0.02 * i + 0.007);
        }
    }

    hars_feed_end(&feed, &fault);
    right = 1;

    for (i = 0; i < n; i++) {
        right &= fabs(out[i].v[3] - out[i].t) < 1e-6
                 && fabs(out[i].v[0] - 9.8) < 1e-6;
    }

    ok(right, "joined: the rotation is of the acceleration's time");
    ok(n == 177 && feed.unpaired == 23,
       "joined: without rotation for 0.25 s there is no sample");

    start(0, 50);

    for (i = 0; i < 1000; i++) {
        push(HARS_STREAM_ACCELERATION, 0.02 * i, 9.8);
    }

    ok(n == 0 && feed.unpaired == 999 - HARS_ML_QUEUE,
       "joined: one stream alone is held for as long as there is room");
}


/* ten minutes of packets; the rotation's stamps run away */
static void
drifts(void)
{
    double  ppm;

    ppm = drifting(200, 0, 0);
    ok(fabs(ppm - 200) < 10, "drift: of 200 ppm %.1f are found", ppm);
    ok(most < 0.014, "drift: 7 ms to begin with, %.1f at most (120 without)",
       1e3 * most);

    ppm = drifting(-300, 0, 0);
    ok(fabs(ppm + 300) < 10 && most < 0.014,
       "drift: of -300 ppm %.1f, %.1f ms at most", ppm, 1e3 * most);

    ppm = drifting(0, 0, 0);
    ok(fabs(ppm) < 10 && most < 0.014, "drift: none is %.1f, %.1f ms at most",
       ppm, 1e3 * most);

    ppm = drifting(200, 0, 1);
    ok(fabs(ppm - 200) < 80 && most < 0.045,
       "drift: packets that come in heaps: %.1f ppm, %.1f ms at most", ppm,
       1e3 * most);

    ppm = drifting(200, 50, 0);
    ok(isnan(ppm) && most > 0.1,
       "drift: a rotation of its own rate has its own clock, %.0f ms",
       1e3 * most);

    start(0, 50);
    ok(isnan(hars_feed_drift(&feed)), "drift: stamps of samples are theirs");
}


/*
 * ppm as found; "most" is how far a sample's rotation is from its time, later
 * than ten seconds after a start or a heap.  Heaps are twice a minute three
 * packets that come with the third one's stamp.
 */
static double
drifting(double ppm, double rotation_rate, unsigned slips)
{
    double          t, late, held;
    unsigned        i, j, k;
    hars_options_t  options;

    memset(&options, 0, sizeof(options));
    options.rate = 50;
    options.rotation_rate = rotation_rate;
    options.arrival = 1;
    hars_feed_init(&feed, &options, apart, &slips);
    most = 0;
    held = 0;

    for (i = 0; i < 10000; i++) {
        for (k = 0; k < 2; k++) {
            late = 0.02 * noise();
            t = 0.06 * i + 0.04;
            t = k ? t * (1 + 1e-6 * ppm) + 0.007 : t;

            /* late by 0.1 s, and the next ones at once behind it */
            held = slips && i % 500 < 3 ? 0.1 - 0.05 * (i % 500) : 0;

            if ((i * 7 + k) % 100 == 0) {
                continue;
            }

            for (j = 0; j < 3; j++) {
                push(k ? HARS_STREAM_ROTATION : HARS_STREAM_ACCELERATION,
                     t + late + held, 5 + (0.06 * i + 0.02 * j) / 10);
            }
        }
    }

    return hars_feed_drift(&feed) * 1e6;
}


/* a value is its time: 5 + t / 10 */
static void
apart(void *data, const hars_sample_t *sample)
{
    double          t;
    const unsigned  *slips = data;

    t = 10 * (sample->v[0] - 5);

    if (t > 10 && (!*slips || fmod(t, 30) > 10)) {
        most = fmax(most, fabs(10 * (sample->v[3] - sample->v[0])));
    }
}


static void
hearts(void)
{
    unsigned  i;

    start(0, 50);

    ok(isnan(hars_feed_heart(&feed, 0, 100)), "heart: none");

    for (i = 0; i < 40; i++) {
        push(HARS_STREAM_HEART, i, i == 21 ? 0 : i == 22 ? 300 : 60 + i);
    }

    ok(hars_feed_heart(&feed, 20, 25) == 83
       && hars_feed_heart(&feed, 20, 24) == 81.5
       && isnan(hars_feed_heart(&feed, 21, 23))
       && isnan(hars_feed_heart(&feed, 40, 50)),
       "heart: the median of the valid ones within the window");

    /* the window in hand waits for a sample behind a gap */
    feed.open = 20;

    for (i = 40; i < 500; i++) {
        push(HARS_STREAM_HEART, i, 100);
    }

    ok(feed.hearts == HARS_ML_HEART && hars_feed_heart(&feed, 20, 22.56) == 80
       && hars_feed_heart(&feed, 498, 500) == 100,
       "heart: those of the window in hand stay");

    often();
}


static void
often(void)
{
    int       rc;
    unsigned  i;

    start(0, 50);
    rc = HARS_OK;

    for (i = 0; i < 300; i++) {
        rc |= push(HARS_STREAM_HEART, 0.1 * i, 60 + 0.1 * i);
    }

    ok(rc == HARS_OK && fabs(hars_feed_heart(&feed, 26, 28.56) - 87.25) < 1e-4,
       "heart: ten a second");

    start(0, 50);
    rc = HARS_OK;

    for (i = 0; i < HARS_ML_BEATS; i++) {
        rc |= push(HARS_STREAM_HEART, 0.09 * i, 60);
    }

    ok(rc == HARS_OK && push(HARS_STREAM_HEART, 2.55, 60) == HARS_ERROR
       && strstr(fault.detail, "more than 26 heart rates within 2.56 s")
       && push(HARS_STREAM_HEART, 2.56, 60) == HARS_OK,
       "heart: more often is refused");
}


static void
wrong_rate(void)
{
    int       rc;
    unsigned  i, j, k;

    for (k = 0; k < 2; k++) {
        start(1, k ? 100 : 25);
        rc = HARS_OK;

        for (i = 0; i < 400 && rc == HARS_OK; i++) {
            for (j = 0; j < 3 && rc == HARS_OK; j++) {
                rc = push(HARS_STREAM_JOINED, 0.06 * i, 1 + 0.02 * (3 * i + j));
            }
        }

        ok(rc == HARS_ERROR && strstr(fault.detail, k ? "slower" : "faster"),
           "a rate that is not the packets' is refused: %s",
           k ? "twice" : "half");
    }
}

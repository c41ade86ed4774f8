
/*
 * Rows of streams in, clean samples of all six axes in order of time out.
 *
 *     row -> screened: empty, sent twice, back in time, beyond the range
 *         -> packets' times steadied, where the client says so
 *         -> spikes dropped -> joined at the times of the acceleration
 *
 * What is empty or a duplicate is dropped and counted.  So is what no sensor
 * measures, up to one record in twenty: a spike is an accident, more of them
 * are a wrong unit and refused at the first one.
 *
 * A heart rate is no part of a sample: the last values are kept, and those of
 * the window in hand, which may wait for the end of a gap.  A window asks for
 * the median of its own.
 */


#include "hars_ml_rows.h"

#include <math.h>
#include <string.h>


/* beats per minute that a heart has; 0 is a sensor without contact */
#define HARS_HEART_MIN   25
#define HARS_HEART_MAX   250

/* so many outliers beside one record in twenty are no fault */
#define HARS_OUTLIERS    8

/* s */
#define HARS_FEED_WINDOW  ((double) HARS_ML_WINDOW / HARS_ML_RATE)


typedef enum {
    hars_row_taken = 0, hars_row_empty, hars_row_twice, hars_row_outlier,
    hars_row_refused
} hars_row_e;


static int hars_feed_streams(hars_feed_t *feed, const hars_row_t *row,
    hars_fault_t *fault);
static int hars_feed_beat(hars_feed_t *feed, const hars_row_t *row,
    hars_fault_t *fault);
static void hars_feed_forget(hars_feed_t *feed);
static hars_row_e hars_feed_screen(hars_feed_t *feed, hars_source_t *source,
    const hars_row_t *row, hars_fault_t *fault);
static int hars_feed_order(hars_feed_t *feed, const hars_source_t *source,
    const hars_row_t *row, hars_fault_t *fault);
static hars_row_e hars_feed_values(hars_feed_t *feed,
    const hars_source_t *source, const hars_row_t *row, hars_fault_t *fault);
static int hars_feed_packed(hars_feed_t *feed, hars_source_t *source,
    const hars_row_t *row, int empty, hars_fault_t *fault);


void
hars_feed_init(hars_feed_t *feed, const hars_options_t *options,
    void (*emit)(void *data, const hars_sample_t *sample), void *data)
{
    memset(feed, 0, sizeof(hars_feed_t));

    feed->emit = emit;
    feed->data = data;
    feed->arrival = options->arrival;
    feed->open = NAN;
    feed->together = options->arrival && !(options->rotation_rate > 0);

    feed->source[0].to = HARS_ML_AXES;
    feed->source[0].period = 1 / options->rate;
    feed->source[1].from = 3;
    feed->source[1].to = HARS_ML_AXES;
    feed->source[1].period = 1 / (options->rotation_rate > 0
                                  ? options->rotation_rate : options->rate);
}


int
hars_feed_push(hars_feed_t *feed, const hars_row_t *row, hars_fault_t *fault)
{
    hars_row_e      what;
    hars_sample_t   sample;
    hars_source_t  *source;

    if (hars_feed_streams(feed, row, fault) != HARS_OK) {
        return HARS_ERROR;
    }

    feed->received++;

    if (row->stream == HARS_STREAM_HEART) {
        return hars_feed_beat(feed, row, fault);
    }

    source = &feed->source[row->stream == HARS_STREAM_ROTATION];
    what = hars_feed_screen(feed, source, row, fault);

    if (what == hars_row_refused) {
        return HARS_ERROR;
    }

    if (feed->arrival) {
        return hars_feed_packed(feed, source, row, what, fault);
    }

    if (what == hars_row_taken) {
        sample.t = row->t;
        memcpy(sample.v, row->v, sizeof(sample.v));
        hars_source_take(feed, source, &sample);
    }

    return HARS_OK;
}


/* a recording is of joined records or of streams, not of both */
static int
hars_feed_streams(hars_feed_t *feed, const hars_row_t *row,
    hars_fault_t *fault)
{
    unsigned  apart;

    feed->seen |= (uint8_t) (1 << row->stream);
    apart = feed->seen & (1 << HARS_STREAM_ACCELERATION
                          | 1 << HARS_STREAM_ROTATION);

    if (apart) {
        feed->source[0].to = 3;
    }

    if (apart && feed->seen & 1 << HARS_STREAM_JOINED) {
        return hars_fault(fault, hars_feed_field(feed, row->stream),
                          (long) row->index, -1,
                          "records of all six values and streams of three "
                          "are not for one recording");
    }

    return HARS_OK;
}


const char *
hars_feed_field(const hars_feed_t *feed, unsigned stream)
{
    static const char  *name[HARS_STREAMS] = {
        "samples", "acceleration", "rotation", "heart_rate"
    };

    return feed->bare ? name[0] : name[stream];
}


static int
hars_feed_beat(hars_feed_t *feed, const hars_row_t *row, hars_fault_t *fault)
{
    unsigned     n;
    const char  *field;

    n = feed->hearts;
    field = hars_feed_field(feed, HARS_STREAM_HEART);

    if (!(fabs(row->t) <= HARS_ML_TIME_MAX)
        || (n && row->t < feed->heart_t[n - 1]))
    {
        return hars_fault(fault, field, (long) row->index, 0,
                          "time %.6f s is before that of the record before",
                          row->t);
    }

    if (isinf(row->v[0])) {
        return hars_fault(fault, field, (long) row->index, 1,
                          "a number is needed");
    }

    if (n >= HARS_ML_BEATS
        && row->t - feed->heart_t[n - HARS_ML_BEATS] < HARS_FEED_WINDOW)
    {
        return hars_fault(fault, field, (long) row->index, 0,
                          "more than %d heart rates within %.2f s; send 10 a "
                          "second at most", HARS_ML_BEATS, HARS_FEED_WINDOW);
    }

    if (n == HARS_ML_HEART) {
        hars_feed_forget(feed);
    }

    n = feed->hearts++;
    feed->heart_t[n] = row->t;
    feed->heart[n] = (float) row->v[0];

    return HARS_OK;
}


/* the oldest one that is none of the window in hand: there cannot be as many */
static void
hars_feed_forget(hars_feed_t *feed)
{
    unsigned  i, rest;

    i = 0;

    while (i < feed->hearts - 1 && feed->heart_t[i] >= feed->open
           && feed->heart_t[i] < feed->open + HARS_FEED_WINDOW)
    {
        i++;
    }

    rest = --feed->hearts - i;
    memmove(&feed->heart_t[i], &feed->heart_t[i + 1], rest * sizeof(double));
    memmove(&feed->heart[i], &feed->heart[i + 1], rest * sizeof(float));
}


static hars_row_e
hars_feed_screen(hars_feed_t *feed, hars_source_t *source,
    const hars_row_t *row, hars_fault_t *fault)
{
    hars_row_e  what;

    what = hars_feed_values(feed, source, row, fault);

    if (what == hars_row_refused) {
        return what;
    }

    /* the time of an empty record is believed where it is a packet's */

    if (what == hars_row_empty && !feed->arrival) {
        feed->empty++;
        return what;
    }

    if (what != hars_row_empty && source->any && !feed->arrival
        && row->t == source->last.t
        && memcmp(row->v + source->from, source->last.v + source->from,
                  (source->to - source->from) * sizeof(double)) == 0)
    {
        feed->duplicates++;
        return hars_row_twice;
    }

    if (hars_feed_order(feed, source, row, fault) != HARS_OK) {
        return hars_row_refused;
    }

    source->any = 1;
    source->last.t = row->t;
    feed->empty += what == hars_row_empty;
    feed->outliers += what == hars_row_outlier;

    if (what != hars_row_empty) {
        memcpy(source->last.v, row->v, sizeof(row->v));
    }

    return what;
}


static int
hars_feed_order(hars_feed_t *feed, const hars_source_t *source,
    const hars_row_t *row, hars_fault_t *fault)
{
    const char  *field;

    field = hars_feed_field(feed, row->stream);

    if (!(fabs(row->t) <= HARS_ML_TIME_MAX)) {
        return hars_fault(fault, field, (long) row->index, 0,
                          "time %g is no time in seconds", row->t);
    }

    if (!source->any || row->t > source->last.t
        || (feed->arrival && row->t == source->last.t))
    {
        return HARS_OK;
    }

    return hars_fault(fault, field, (long) row->index, 0,
                      "time %.6f s is not after %.6f s of the record before; "
                      "send records in order, each with its own time%s",
                      row->t, source->last.t,
                      row->t < source->last.t ? ""
                      : ", or declare times \"arrival\"");
}


static hars_row_e
hars_feed_values(hars_feed_t *feed, const hars_source_t *source,
    const hars_row_t *row, hars_fault_t *fault)
{
    int          column, beyond;
    double       limit;
    unsigned     i, zeros;

    zeros = 0;
    beyond = -1;

    for (i = source->from; i < source->to; i++) {
        limit = i < 3 ? HARS_ML_ACCELERATION_MAX : HARS_ML_ROTATION_MAX;
        column = (int) (i - source->from) + 1;
        zeros += row->v[i] == 0.0;

        if (isnan(row->v[i])) {
            return hars_row_empty;
        }

        if (isinf(row->v[i])) {
            hars_fault(fault, hars_feed_field(feed, row->stream),
                       (long) row->index, column, "a number is needed");
            return hars_row_refused;
        }

        if (fabs(row->v[i]) > limit && beyond < 0) {
            beyond = column;
        }
    }

    /* a gyroscope at rest may say zero, an accelerometer never */

    if (zeros == source->to - source->from && source->from == 0) {
        return hars_row_empty;
    }

    if (beyond < 0) {
        return hars_row_taken;
    }

    if (feed->outlier.field == NULL) {
        i = source->from + (unsigned) beyond - 1;
        hars_fault(&feed->outlier, hars_feed_field(feed, row->stream),
                   (long) row->index, beyond,
                   i < 3 ? "acceleration %g is beyond %g m/s^2, and so are "
                   "others" : "rotation %g is beyond %g rad/s, and so are "
                   "others; from deg/s: multiply by 0.0174533", row->v[i],
                   i < 3 ? HARS_ML_ACCELERATION_MAX : HARS_ML_ROTATION_MAX);
    }

    if (feed->outliers >= HARS_OUTLIERS + feed->received / 20) {
        *fault = feed->outlier;
        return hars_row_refused;
    }

    return hars_row_outlier;
}


static int
hars_feed_packed(hars_feed_t *feed, hars_source_t *source,
    const hars_row_t *row, int empty, hars_fault_t *fault)
{
    hars_sample_t  *slot;

    if (source->n && row->t > source->packet[0].t
        && hars_source_packet(feed, source, fault) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (source->n == HARS_ML_PACKET) {
        return hars_fault(fault, hars_feed_field(feed, row->stream),
                          (long) row->index, 0,
                          "more than %d records share a time",
                          HARS_ML_PACKET);
    }

    source->empty[source->n] = (uint8_t) empty;
    slot = &source->packet[source->n++];
    slot->t = row->t;
    memcpy(slot->v, row->v, sizeof(slot->v));

    return HARS_OK;
}


int
hars_feed_end(hars_feed_t *feed, hars_fault_t *fault)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        if (feed->source[i].n
            && hars_source_packet(feed, &feed->source[i], fault) != HARS_OK)
        {
            return HARS_ERROR;
        }

        hars_source_end(feed, &feed->source[i]);
    }

    return HARS_OK;
}


double
hars_feed_heart(const hars_feed_t *feed, double start, double end)
{
    float     value[HARS_ML_HEART];
    unsigned  i, n;

    n = 0;

    for (i = 0; i < feed->hearts; i++) {
        if (feed->heart_t[i] >= start && feed->heart_t[i] < end) {
            value[n++] = feed->heart[i];
        }
    }

    return hars_heart_median(value, n);
}


double
hars_heart_median(float *value, unsigned n)
{
    float     x;
    unsigned  i, j, kept;

    kept = 0;

    for (i = 0; i < n; i++) {
        x = value[i];

        if (!(x >= HARS_HEART_MIN && x <= HARS_HEART_MAX)) {
            continue;
        }

        for (j = kept++; j > 0 && value[j - 1] > x; j--) {
            value[j] = value[j - 1];
        }

        value[j] = x;
    }

    if (kept == 0) {
        return NAN;
    }

    return kept % 2 ? (double) value[kept / 2]
           : ((double) value[kept / 2 - 1] + (double) value[kept / 2]) / 2;
}


/*
 * One stream's times and spikes, and two streams made one.
 *
 * Packets.  A radio delivers several records at once and stamps all of them
 * with the packet's arrival.  The sensor's own clock is steady, so the times
 * come from a phase-locked loop of the declared rate: each packet moves the
 * clock by its records, and by a twentieth of what its arrival differs.  A
 * difference of more than half a packet are lost ones, whose time passes; a
 * pause longer than HARS_ML_GAP begins anew.  Empty records keep their place.
 *
 * Spikes.  A sample that differs from the median of itself and both of its
 * neighbours by more than 100 m/s^2 or 25 rad/s is dropped: nothing that a
 * person does comes and goes within a sample so far.  Two in a row stay.
 *
 * Joined.  The rotation is interpolated at the times of the acceleration; a
 * sample without rotation within HARS_ML_GAP around it is dropped.  Where one
 * clock takes the samples of both, what their stamps drift apart is taken out
 * (hars_ml_drift.c).
 */


#include "hars_ml_rows.h"

#include <math.h>
#include <string.h>


#define HARS_LOOP                 0.05
#define HARS_LATE                 0.5     /* s, that the clock may be ahead */

#define HARS_SPIKE_ACCELERATION   100.0
#define HARS_SPIKE_ROTATION       25.0


static void hars_source_once(hars_feed_t *feed, hars_source_t *source);
static int hars_source_is_twice(const hars_source_t *source, unsigned n,
    unsigned i);
static int hars_source_lock(hars_feed_t *feed, hars_source_t *source,
    double t, hars_fault_t *fault);
static int hars_source_is_spike(const hars_source_t *source,
    const hars_sample_t *after);
static void hars_source_pass(hars_feed_t *feed, hars_source_t *source,
    const hars_sample_t *sample);
static void hars_source_queue(hars_feed_t *feed, hars_source_t *source,
    const hars_sample_t *sample);
static void hars_feed_join(hars_feed_t *feed);
static double hars_third_time(const hars_third_t *third);
static void hars_feed_pair(hars_feed_t *feed, const hars_third_t *a,
    const hars_third_t *before, const hars_third_t *after);
static hars_third_t *hars_source_at(hars_source_t *source, unsigned i);
static void hars_source_drop(hars_source_t *source);


int
hars_source_packet(hars_feed_t *feed, hars_source_t *source,
    hars_fault_t *fault)
{
    unsigned        i;
    hars_sample_t  *sample;

    hars_source_once(feed, source);

    if (hars_source_lock(feed, source, source->packet[0].t, fault)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    for (i = 0; i < source->n; i++) {
        sample = &source->packet[i];
        sample->t = source->clock - (source->n - 1 - i) * source->period;

        if (!source->empty[i]) {
            hars_source_take(feed, source, sample);
        }
    }

    source->n = 0;

    return HARS_OK;
}


/*
 * A packet longer than others has records twice.  In one of the usual length,
 * or the first one, two that are the same are a device at rest.
 */
static void
hars_source_once(hars_feed_t *feed, hars_source_t *source)
{
    int       twice;
    unsigned  i, n, same;

    same = 0;
    n = 1;

    for (i = 1; i < source->n; i++) {
        twice = hars_source_is_twice(source, n, i);
        same += (unsigned) twice;

        if (twice && source->usual && n + source->n - i > source->usual) {
            feed->duplicates++;
            continue;
        }

        source->packet[n] = source->packet[i];
        source->empty[n++] = source->empty[i];
    }

    source->n = n;

    if (same == 0 || source->usual == 0) {
        source->usual = n;
    }
}


/* is slot "i" one of the "n" first ones, too? */
static int
hars_source_is_twice(const hars_source_t *source, unsigned n, unsigned i)
{
    while (n-- > 0) {
        if (!source->empty[i] && !source->empty[n]
            && memcmp(source->packet[n].v + source->from,
                      source->packet[i].v + source->from,
                      (source->to - source->from) * sizeof(double)) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* the clock at the packet's last record */
static int
hars_source_lock(hars_feed_t *feed, hars_source_t *source, double t,
    hars_fault_t *fault)
{
    double  length, late, packets;

    length = source->n * source->period;
    source->slots += source->n;

    if (!source->running || t - source->clock > HARS_ML_GAP + length) {
        hars_drift_begin(&source->drift, source->running
                         ? t - source->clock : 0);
        source->running = 1;
        source->clock = t;
        return HARS_OK;
    }

    late = t - source->clock - length;
    packets = floor(late / length + 0.5);

    if (packets > 0) {
        source->clock += packets * length;
        source->lost += (size_t) packets * source->n;
        late -= packets * length;
    }

    if (source->lost > 64 + source->slots / 2 || late < -HARS_LATE) {
        return hars_fault(fault, source == &feed->source[1] && !feed->bare
                          ? "rotation" : "sampling_rate_hz", -1, -1,
                          "the packets come %s than %.4g Hz; declare the rate "
                          "that the sensor has", late < -HARS_LATE ? "faster"
                          : "slower", 1 / source->period);
    }

    /* time goes on, however early a packet is */
    late = HARS_LOOP * late;
    late = late > -source->period / 2 ? late : -source->period / 2;
    source->clock += length + late;
    hars_drift_packet(&source->drift, late, (1 + fmax(packets, 0)) * length);

    return HARS_OK;
}


void
hars_source_take(hars_feed_t *feed, hars_source_t *source,
    const hars_sample_t *sample)
{
    hars_sample_t  *held;

    held = source->spike;

    if (source->held
        && sample->t - held[source->held - 1].t > HARS_ML_GAP)
    {
        hars_source_end(feed, source);
    }

    if (source->held < 2) {
        held[source->held++] = *sample;

        /* the first one has no neighbour before it */
        if (source->held == 1) {
            hars_source_pass(feed, source, sample);
        }

        return;
    }

    if (hars_source_is_spike(source, sample)) {
        feed->outliers++;

    } else {
        hars_source_pass(feed, source, &held[1]);
        held[0] = held[1];
    }

    held[1] = *sample;
}


void
hars_source_end(hars_feed_t *feed, hars_source_t *source)
{
    if (source->held == 2) {
        hars_source_pass(feed, source, &source->spike[1]);
    }

    source->held = 0;
}


static int
hars_source_is_spike(const hars_source_t *source, const hars_sample_t *after)
{
    double    x, a, b, limit;
    unsigned  i;

    for (i = source->from; i < source->to; i++) {
        limit = i < 3 ? HARS_SPIKE_ACCELERATION : HARS_SPIKE_ROTATION;
        x = source->spike[1].v[i];
        a = x - source->spike[0].v[i];
        b = x - after->v[i];

        if ((a > limit && b > limit) || (a < -limit && b < -limit)) {
            return 1;
        }
    }

    return 0;
}


static void
hars_source_pass(hars_feed_t *feed, hars_source_t *source,
    const hars_sample_t *sample)
{
    if (source->to - source->from == HARS_ML_AXES) {
        feed->emit(feed->data, sample);
        return;
    }

    hars_source_queue(feed, source, sample);
    hars_feed_join(feed);
}


/* where one stream is too far ahead, its oldest sample finds no partner */
static void
hars_source_queue(hars_feed_t *feed, hars_source_t *source,
    const hars_sample_t *sample)
{
    unsigned       i;
    hars_third_t  *third;

    if (source->queued == HARS_ML_QUEUE) {
        hars_source_drop(source);
        feed->unpaired += source == &feed->source[0];
    }

    third = hars_source_at(source, source->queued++);
    third->t = sample->t;
    third->drift = feed->together ? (float) source->drift.value : 0;

    for (i = 0; i < 3; i++) {
        third->v[i] = (float) sample->v[source->from + i];
    }
}


static void
hars_feed_join(hars_feed_t *feed)
{
    hars_third_t   *a, *before, *after;
    hars_source_t  *first, *second;

    first = &feed->source[0];
    second = &feed->source[1];

    while (first->queued && second->queued) {
        a = hars_source_at(first, 0);
        before = hars_source_at(second, 0);

        if (hars_third_time(before) > hars_third_time(a)) {
            hars_source_drop(first);
            feed->unpaired++;
            continue;
        }

        if (second->queued < 2) {
            return;
        }

        after = hars_source_at(second, 1);

        if (hars_third_time(after) <= hars_third_time(a)) {
            hars_source_drop(second);
            continue;
        }

        hars_feed_pair(feed, a, before, after);
        hars_source_drop(first);
    }
}


/* by the samples' own clock */
static double
hars_third_time(const hars_third_t *third)
{
    return third->t - (double) third->drift;
}


static void
hars_feed_pair(hars_feed_t *feed, const hars_third_t *a,
    const hars_third_t *before, const hars_third_t *after)
{
    double         part, length;
    unsigned       i;
    hars_sample_t  sample;

    length = hars_third_time(after) - hars_third_time(before);

    if (length > HARS_ML_GAP) {
        feed->unpaired++;
        return;
    }

    part = (hars_third_time(a) - hars_third_time(before)) / length;
    sample.t = a->t;

    for (i = 0; i < 3; i++) {
        sample.v[i] = (double) a->v[i];
        sample.v[3 + i] = (double) before->v[i]
                          + part * (double) (after->v[i] - before->v[i]);
    }

    feed->emit(feed->data, &sample);
}


static hars_third_t *
hars_source_at(hars_source_t *source, unsigned i)
{
    return &source->queue[(source->head + i) % HARS_ML_QUEUE];
}


static void
hars_source_drop(hars_source_t *source)
{
    source->head = (source->head + 1) % HARS_ML_QUEUE;
    source->queued--;
}

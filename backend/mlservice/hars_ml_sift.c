
/* See hars_ml_sift.h for what this is. */


#include "hars_ml_sift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


static unsigned hars_sift_row(hars_sift_t *sift, const hars_row_t *row);
static unsigned hars_sift_wait(hars_sift_t *sift, hars_lane_t *lane,
    const hars_row_t *row);
static unsigned hars_sift_merge(hars_sift_t *sift, unsigned all);
static unsigned hars_sift_push(hars_sift_t *sift, const hars_row_t *row);
static void hars_sift_sample(void *data, const hars_sample_t *sample);
static int hars_sift_streams(const hars_sift_t *sift, hars_fault_t *fault);


void
hars_sift_init(hars_sift_t *sift, const hars_options_t *options, size_t max)
{
    sift->options = *options;
    sift->max = max;

    hars_feed_init(&sift->feed, options, hars_sift_sample, sift);
}


void
hars_sift_free(hars_sift_t *sift)
{
    free(sift->lane[0].row);
    free(sift->lane[1].row);
}


unsigned
hars_sift_rows(hars_sift_t *sift, const hars_rows_t *rows,
    hars_fault_t *fault)
{
    size_t    i;
    unsigned  status;

    sift->fault = fault;
    sift->feed.bare = rows->bare;
    status = 0;

    for (i = 0; status == 0 && i < rows->n; i++) {
        status = hars_sift_row(sift, &rows->row[i]);
    }

    return status;
}


static unsigned
hars_sift_row(hars_sift_t *sift, const hars_row_t *row)
{
    unsigned      status;
    hars_lane_t  *lane;

    if (sift->rows == sift->max) {
        hars_fault(sift->fault, hars_feed_field(&sift->feed, row->stream),
                   (long) row->index, -1, "more than %zu rows; send them in "
                   "parts", sift->max);
        return 413;
    }

    sift->rows++;
    sift->seen |= 1u << row->stream;

    if (row->stream == HARS_STREAM_HEART) {
        status = hars_sift_push(sift, row);

        return status || sift->beat == NULL ? status
               : sift->beat(sift->data, row);
    }

    lane = &sift->lane[row->stream == HARS_STREAM_ROTATION];

    /* six values wait for nobody */

    if (row->stream == HARS_STREAM_JOINED && lane->n == 0) {
        return hars_sift_push(sift, row);
    }

    status = hars_sift_wait(sift, lane, row);

    return status ? status : hars_sift_merge(sift, 0);
}


static unsigned
hars_sift_wait(hars_sift_t *sift, hars_lane_t *lane, const hars_row_t *row)
{
    void  *p;

    if (lane->n - lane->at == HARS_SIFT_AHEAD) {
        hars_fault(sift->fault, hars_feed_field(&sift->feed, row->stream),
                   (long) row->index, -1, "more than %d rows before those of "
                   "the other stream; send both side by side, in order of "
                   "time", HARS_SIFT_AHEAD);
        return 413;
    }

    if (lane->at && lane->at >= lane->n / 2) {
        lane->n -= lane->at;
        memmove(lane->row, lane->row + lane->at,
                lane->n * sizeof(hars_row_t));
        lane->at = 0;
    }

    if (lane->n == lane->size) {
        p = hars_sift_grow(sift, lane->row, &lane->size, sizeof(hars_row_t));

        if (p == NULL) {
            return 503;
        }

        lane->row = p;
    }

    lane->row[lane->n++] = *row;

    return 0;
}


/*
 * Rows of both streams in order of time, as long as it is known: without an
 * end of the other one a stream's next row has to wait.
 */
static unsigned
hars_sift_merge(hars_sift_t *sift, unsigned all)
{
    unsigned      status, one, two;
    hars_lane_t  *a, *b;

    a = &sift->lane[0];
    b = &sift->lane[1];

    for ( ;; ) {
        one = a->at < a->n;
        two = b->at < b->n;

        if (all ? !one && !two : !one || !two) {
            return 0;
        }

        if (one && (!two || !(b->row[b->at].t < a->row[a->at].t))) {
            status = hars_sift_push(sift, &a->row[a->at++]);

        } else {
            status = hars_sift_push(sift, &b->row[b->at++]);
        }

        if (status) {
            return status;
        }
    }
}


static unsigned
hars_sift_push(hars_sift_t *sift, const hars_row_t *row)
{
    if (hars_feed_push(&sift->feed, row, sift->fault) != HARS_OK) {
        return sift->fault->field ? 422 : 503;
    }

    return sift->status;
}


void *
hars_sift_grow(hars_sift_t *sift, void *old, size_t *size, size_t one)
{
    void    *p;
    size_t   more;

    more = *size ? *size / 2 : 512;
    p = NULL;

    if (sift->hold(sift->hold_data, more * one) == HARS_OK) {
        p = realloc(old, (*size + more) * one);
    }

    if (p == NULL) {
        hars_fault(sift->fault, NULL, -1, -1, "no memory");
        return NULL;
    }

    *size += more;

    return p;
}


static void
hars_sift_sample(void *data, const hars_sample_t *sample)
{
    const double  *v;
    hars_sift_t   *sift = data;

    v = sample->v;

    if (sift->samples++) {
        hars_middle_add(&sift->step, sample->t - sift->last);

    } else {
        sift->first = sample->t;
    }

    sift->last = sample->t;
    hars_middle_add(&sift->gravity,
                    sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]));
    hars_middle_add(&sift->turning,
                    sqrt(v[3] * v[3] + v[4] * v[4] + v[5] * v[5]));

    if (sift->emit) {
        sift->emit(sift->data, sample);
    }
}


unsigned
hars_sift_end(hars_sift_t *sift, hars_fault_t *fault)
{
    unsigned  status;

    sift->fault = fault;

    if (hars_sift_streams(sift, fault) != HARS_OK) {
        return 422;
    }

    status = hars_sift_merge(sift, 1);

    if (status) {
        return status;
    }

    if (hars_feed_end(&sift->feed, fault) != HARS_OK) {
        return fault->field ? 422 : 503;
    }

    return sift->status;
}


/* are there six values, one way or the other? */
static int
hars_sift_streams(const hars_sift_t *sift, hars_fault_t *fault)
{
    unsigned  bare, seen;

    bare = sift->feed.bare;
    seen = sift->seen;

    if (seen & 1u << HARS_STREAM_JOINED) {
        return HARS_OK;
    }

    if (!(seen & 1u << HARS_STREAM_ACCELERATION)) {
        return hars_fault(fault, bare || !(seen & 1u << HARS_STREAM_ROTATION)
                          ? "samples" : "acceleration", -1, -1,
                          "there is no acceleration: send rows of all six "
                          "values, or both streams");
    }

    if (!(seen & 1u << HARS_STREAM_ROTATION)) {
        return hars_fault(fault, bare ? "samples" : "rotation", -1, -1,
                          "the rotation is missing: there is no model for "
                          "acceleration alone");
    }

    return HARS_OK;
}


int
hars_sift_judge(const hars_sift_t *sift, hars_fault_t *fault)
{
    hars_measures_t  measures;

    if (sift->samples == 0) {
        return hars_fault(fault, "samples", -1, -1, sift->feed.unpaired
                          ? "acceleration and rotation have no times in common"
                          : "no record has a value: all are zero or null");
    }

    measures.declared = sift->options.rate;
    measures.n = sift->samples;
    measures.span = sift->last - sift->first;
    measures.step = hars_middle(&sift->step);
    measures.gravity = hars_middle(&sift->gravity);
    measures.turning = hars_middle(&sift->turning);

    return hars_measures_judge(&measures, fault);
}

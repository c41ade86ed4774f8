
/*
 * See hars_ml_reading.h for what this is: the way of a recording's rows, and
 * what of them has to wait or to be kept, and when all is read: is it a
 * recording that can be answered?
 */


#include "hars_ml_reading.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


static unsigned hars_reading_row(hars_reading_t *reading,
    const hars_row_t *row);
static unsigned hars_reading_wait(hars_reading_t *reading, hars_lane_t *lane,
    const hars_row_t *row);
static unsigned hars_reading_merge(hars_reading_t *reading, unsigned all);
static unsigned hars_reading_push(hars_reading_t *reading,
    const hars_row_t *row);
static unsigned hars_reading_beat(hars_reading_t *reading,
    const hars_row_t *row);
static void *hars_reading_grow(hars_reading_t *reading, void *old,
    size_t *size, size_t one);
static void hars_reading_sample(void *data, const hars_sample_t *sample);
static void hars_reading_window(void *data, double start,
    const double (*row)[HARS_ML_AXES]);
static int hars_reading_streams(const hars_reading_t *reading,
    hars_fault_t *fault);
static int hars_reading_judge(const hars_reading_t *reading,
    hars_fault_t *fault);
static void hars_reading_hearts(hars_reading_t *reading);


hars_reading_t *
hars_reading_create(const hars_options_t *options, const hars_model_t *model,
    int (*hold)(void *data, size_t size), void *data)
{
    hars_reading_t  *reading;

    if (hold(data, sizeof(hars_reading_t) + sizeof(hars_features_t))
        != HARS_OK)
    {
        return NULL;
    }

    reading = calloc(1, sizeof(hars_reading_t));
    if (reading == NULL) {
        return NULL;
    }

    reading->features = hars_features_create();
    if (reading->features == NULL) {
        free(reading);
        return NULL;
    }

    reading->options = *options;
    reading->model = model;
    reading->hold = hold;
    reading->data = data;

    hars_feed_init(&reading->feed, options, hars_reading_sample, reading);
    hars_windows_init(&reading->windows, options->rate, hars_reading_window,
                      reading);

    return reading;
}


void
hars_reading_free(hars_reading_t *reading)
{
    if (reading == NULL) {
        return;
    }

    free(reading->lane[0].row);
    free(reading->lane[1].row);
    free(reading->beat);
    free(reading->told);
    hars_features_free(reading->features);
    free(reading);
}


unsigned
hars_reading_rows(hars_reading_t *reading, const hars_rows_t *rows,
    hars_fault_t *fault)
{
    size_t    i;
    unsigned  status;

    reading->fault = fault;
    reading->feed.bare = rows->bare;
    status = 0;

    for (i = 0; status == 0 && i < rows->n; i++) {
        status = hars_reading_row(reading, &rows->row[i]);
    }

    return status;
}


static unsigned
hars_reading_row(hars_reading_t *reading, const hars_row_t *row)
{
    unsigned      status;
    hars_lane_t  *lane;

    if (reading->rows == HARS_READING_ROWS) {
        hars_fault(reading->fault,
                   hars_feed_field(&reading->feed, row->stream),
                   (long) row->index, -1, "more than %d rows; send them in "
                   "parts", HARS_READING_ROWS);
        return 413;
    }

    reading->rows++;
    reading->seen |= 1u << row->stream;

    if (row->stream == HARS_STREAM_HEART) {
        status = hars_reading_push(reading, row);

        return status ? status : hars_reading_beat(reading, row);
    }

    lane = &reading->lane[row->stream == HARS_STREAM_ROTATION];

    /* six values wait for nobody */

    if (row->stream == HARS_STREAM_JOINED && lane->n == 0) {
        return hars_reading_push(reading, row);
    }

    status = hars_reading_wait(reading, lane, row);

    return status ? status : hars_reading_merge(reading, 0);
}


static unsigned
hars_reading_wait(hars_reading_t *reading, hars_lane_t *lane,
    const hars_row_t *row)
{
    void  *p;

    if (lane->n - lane->at == HARS_READING_AHEAD) {
        hars_fault(reading->fault,
                   hars_feed_field(&reading->feed, row->stream),
                   (long) row->index, -1, "more than %d rows before those of "
                   "the other stream; send both side by side, in order of "
                   "time", HARS_READING_AHEAD);
        return 413;
    }

    if (lane->at && lane->at >= lane->n / 2) {
        lane->n -= lane->at;
        memmove(lane->row, lane->row + lane->at,
                lane->n * sizeof(hars_row_t));
        lane->at = 0;
    }

    if (lane->n == lane->size) {
        p = hars_reading_grow(reading, lane->row, &lane->size,
                              sizeof(hars_row_t));
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
hars_reading_merge(hars_reading_t *reading, unsigned all)
{
    unsigned      status, one, two;
    hars_lane_t  *a, *b;

    a = &reading->lane[0];
    b = &reading->lane[1];

    for ( ;; ) {
        one = a->at < a->n;
        two = b->at < b->n;

        if (all ? !one && !two : !one || !two) {
            return 0;
        }

        if (one && (!two || !(b->row[b->at].t < a->row[a->at].t))) {
            status = hars_reading_push(reading, &a->row[a->at++]);

        } else {
            status = hars_reading_push(reading, &b->row[b->at++]);
        }

        if (status) {
            return status;
        }
    }
}


static unsigned
hars_reading_push(hars_reading_t *reading, const hars_row_t *row)
{
    if (hars_feed_push(&reading->feed, row, reading->fault) != HARS_OK) {
        return reading->fault->field ? 422 : 503;
    }

    return reading->status;
}


static unsigned
hars_reading_beat(hars_reading_t *reading, const hars_row_t *row)
{
    void         *p;
    hars_beat_t  *beat;

    if (reading->beats == HARS_READING_BEATS) {
        hars_fault(reading->fault,
                   hars_feed_field(&reading->feed, row->stream),
                   (long) row->index, -1, "more than %d heart rates; send "
                   "them in parts", HARS_READING_BEATS);
        return 413;
    }

    if (reading->beats == reading->beats_size) {
        p = hars_reading_grow(reading, reading->beat, &reading->beats_size,
                              sizeof(hars_beat_t));
        if (p == NULL) {
            return 503;
        }

        reading->beat = p;
    }

    beat = &reading->beat[reading->beats++];
    beat->t = row->t;
    beat->rate = (float) row->v[0];

    return 0;
}


/* NULL after the fault; "size" in ones */
static void *
hars_reading_grow(hars_reading_t *reading, void *old, size_t *size,
    size_t one)
{
    void    *p;
    size_t   more;

    more = *size ? *size / 2 : 512;
    p = NULL;

    if (reading->hold(reading->data, more * one) == HARS_OK) {
        p = realloc(old, (*size + more) * one);
    }

    if (p == NULL) {
        hars_fault(reading->fault, NULL, -1, -1, "no memory");
        return NULL;
    }

    *size += more;

    return p;
}


static void
hars_reading_sample(void *data, const hars_sample_t *sample)
{
    const double    *v;
    hars_reading_t  *reading = data;

    v = sample->v;

    if (reading->samples++) {
        hars_middle_add(&reading->step, sample->t - reading->last);

    } else {
        reading->first = sample->t;
    }

    reading->last = sample->t;
    hars_middle_add(&reading->gravity,
                    sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]));
    hars_middle_add(&reading->turning,
                    sqrt(v[3] * v[3] + v[4] * v[4] + v[5] * v[5]));

    hars_windows_push(&reading->windows, sample);
}


static void
hars_reading_window(void *data, double start,
    const double (*row)[HARS_ML_AXES])
{
    void            *p;
    hars_answer_t    answer;
    hars_reading_t  *reading = data;

    if (reading->status) {
        return;
    }

    if (reading->n == reading->size) {
        p = hars_reading_grow(reading, reading->told, &reading->size,
                              sizeof(hars_told_t));
        if (p == NULL) {
            reading->status = 503;
            return;
        }

        reading->told = p;
    }

    hars_answer_window(&answer, &reading->run, reading->model,
                       reading->features, start, row);
    hars_told(reading->model, &answer, &reading->told[reading->n++]);
}


unsigned
hars_reading_end(hars_reading_t *reading, hars_fault_t *fault)
{
    unsigned  status;

    reading->fault = fault;

    if (hars_reading_streams(reading, fault) != HARS_OK) {
        return 422;
    }

    status = hars_reading_merge(reading, 1);

    if (status) {
        return status;
    }

    if (hars_feed_end(&reading->feed, fault) != HARS_OK) {
        return fault->field ? 422 : 503;
    }

    hars_windows_end(&reading->windows);

    if (reading->status) {
        return reading->status;
    }

    if (hars_reading_judge(reading, fault) != HARS_OK) {
        return 422;
    }

    hars_reading_hearts(reading);

    return 0;
}


/* are there six values, one way or the other? */
static int
hars_reading_streams(const hars_reading_t *reading, hars_fault_t *fault)
{
    unsigned  bare, seen;

    bare = reading->feed.bare;
    seen = reading->seen;

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


static int
hars_reading_judge(const hars_reading_t *reading, hars_fault_t *fault)
{
    hars_measures_t  measures;

    if (reading->samples == 0) {
        return hars_fault(fault, "samples", -1, -1, reading->feed.unpaired
                          ? "acceleration and rotation have no times in common"
                          : "no record has a value: all are zero or null");
    }

    measures.declared = reading->options.rate;
    measures.n = reading->samples;
    measures.span = reading->last - reading->first;
    measures.step = hars_middle(&reading->step);
    measures.gravity = hars_middle(&reading->gravity);
    measures.turning = hars_middle(&reading->turning);

    if (hars_measures_judge(&measures, fault) != HARS_OK) {
        return HARS_ERROR;
    }

    if (reading->n == 0) {
        return hars_fault(fault, "samples", -1, -1, "no stretch of %.2f s is "
                          "without a gap longer than %.2f s",
                          (double) HARS_ML_WINDOW / HARS_ML_RATE,
                          HARS_ML_GAP);
    }

    return HARS_OK;
}


/* windows and beats go on side by side */
static void
hars_reading_hearts(hars_reading_t *reading)
{
    size_t        i, k, from;
    float         value[HARS_ML_HEART];
    double        end;
    unsigned      n;
    hars_told_t  *told;

    from = 0;

    for (i = 0; i < reading->n; i++) {
        told = &reading->told[i];
        end = told->start + (double) HARS_ML_WINDOW / HARS_ML_RATE;
        n = 0;

        while (from < reading->beats && reading->beat[from].t < told->start) {
            from++;
        }

        for (k = from; k < reading->beats && n < HARS_ML_HEART; k++) {

            if (reading->beat[k].t >= end) {
                break;
            }

            value[n++] = reading->beat[k].rate;
        }

        told->heart = hars_heart_median(value, n);
    }
}

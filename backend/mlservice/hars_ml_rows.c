
/*
 * Rows in memory: room for them, their units, and the clean recording that
 * they are.  Streams that were sent one behind the other are read side by
 * side here, in order of time, as a session would have got them.
 */


#include "hars_ml_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_LANES   3


typedef struct {
    hars_recording_t   *rec;
    size_t              size;
} hars_gather_t;


static int hars_rows_judge(const hars_rows_t *rows, hars_fault_t *fault);
static const hars_row_t *hars_rows_next(const hars_rows_t *rows, size_t *at,
    unsigned lane);
static void hars_gather(void *data, const hars_sample_t *sample);


hars_row_t *
hars_rows_add(hars_rows_t *rows, hars_stream_e stream, uint32_t index,
    hars_fault_t *fault)
{
    size_t       size;
    hars_row_t  *row;

    if (rows->n == rows->max && rows->full) {

        if (rows->full(rows->data, fault) != HARS_OK) {
            return NULL;
        }

    } else if (rows->n == rows->max) {
        rows->status = 413;
        hars_fault(fault, rows->bare || stream == HARS_STREAM_JOINED
                   ? "samples" : stream == HARS_STREAM_ACCELERATION
                   ? "acceleration" : stream == HARS_STREAM_ROTATION
                   ? "rotation" : "heart_rate", (long) index, -1,
                   "more than %zu rows; send them in parts", rows->max);
        return NULL;
    }

    if (rows->n == rows->size) {
        size = rows->size ? 2 * rows->size : 512;

        row = realloc(rows->row, size * sizeof(hars_row_t));
        if (row == NULL) {
            hars_fault(fault, NULL, -1, -1, "no memory");
            return NULL;
        }

        rows->row = row;
        rows->size = size;
    }

    row = &rows->row[rows->n++];
    memset(row, 0, sizeof(hars_row_t));
    row->stream = (uint8_t) stream;
    row->index = index;

    return row;
}


unsigned
hars_rows_status(const hars_rows_t *rows, const hars_fault_t *fault)
{
    return fault->field == NULL ? 503 : rows->status ? rows->status : 422;
}


void
hars_rows_scale(hars_rows_t *rows, const hars_options_t *options)
{
    size_t       i;
    unsigned     axis;
    hars_row_t  *row;

    for (i = 0; i < rows->n; i++) {
        row = &rows->row[i];

        if (row->stream == HARS_STREAM_HEART) {
            continue;
        }

        for (axis = 0; axis < HARS_ML_AXES; axis++) {
            row->v[axis] *= options->factor[axis / 3];
        }
    }
}


int
hars_rows_recording(const hars_rows_t *rows, const hars_options_t *options,
    hars_recording_t *rec, hars_feed_t *feed, hars_fault_t *fault)
{
    int            rc;
    hars_gather_t  gather;

    memset(rec, 0, sizeof(hars_recording_t));

    if (hars_rows_judge(rows, fault) != HARS_OK) {
        return HARS_ERROR;
    }

    rec->rate = options->rate;
    rec->sample = malloc((rows->n + 1) * sizeof(hars_sample_t));

    if (rec->sample == NULL) {
        return hars_fault(fault, NULL, -1, -1, "no memory");
    }

    gather.rec = rec;
    gather.size = rows->n;

    hars_feed_init(feed, options, hars_gather, &gather);
    feed->bare = rows->bare;

    rc = hars_feed_rows(feed, rows, fault);

    if (rc == HARS_OK) {
        rc = hars_feed_end(feed, fault);
    }

    if (rc == HARS_OK && rec->n == 0) {
        rc = hars_fault(fault, "samples", -1, -1, feed->unpaired
                        ? "acceleration and rotation have no times in common"
                        : "no record has a value: all are zero or null");
    }

    rec->empty = feed->empty;
    rec->duplicates = feed->duplicates;

    return rc;
}


static int
hars_rows_judge(const hars_rows_t *rows, hars_fault_t *fault)
{
    size_t    i;
    unsigned  seen;

    seen = 0;

    for (i = 0; i < rows->n; i++) {
        seen |= 1u << rows->row[i].stream;
    }

    if (seen & 1u << HARS_STREAM_JOINED) {
        return HARS_OK;
    }

    if (!(seen & 1u << HARS_STREAM_ACCELERATION)) {
        return hars_fault(fault, rows->bare || !(seen & 1u
                          << HARS_STREAM_ROTATION) ? "samples"
                          : "acceleration", -1, -1,
                          "there is no acceleration: send rows of all six "
                          "values, or both streams");
    }

    if (!(seen & 1u << HARS_STREAM_ROTATION)) {
        return hars_fault(fault, rows->bare ? "samples" : "rotation", -1, -1,
                          "the rotation is missing: there is no model for "
                          "acceleration alone");
    }

    return HARS_OK;
}


int
hars_feed_rows(hars_feed_t *feed, const hars_rows_t *rows,
    hars_fault_t *fault)
{
    size_t             at[HARS_LANES];
    unsigned           lane, first;
    const hars_row_t  *next[HARS_LANES];

    for (lane = 0; lane < HARS_LANES; lane++) {
        at[lane] = 0;
        next[lane] = hars_rows_next(rows, &at[lane], lane);
    }

    for ( ;; ) {
        first = HARS_LANES;

        for (lane = 0; lane < HARS_LANES; lane++) {
            if (next[lane] && (first == HARS_LANES
                               || next[lane]->t < next[first]->t))
            {
                first = lane;
            }
        }

        if (first == HARS_LANES) {
            return HARS_OK;
        }

        if (hars_feed_push(feed, next[first], fault) != HARS_OK) {
            return HARS_ERROR;
        }

        next[first] = hars_rows_next(rows, &at[first], first);
    }
}


/* lanes: heart rates; joined records and acceleration, as sent; rotation */
static const hars_row_t *
hars_rows_next(const hars_rows_t *rows, size_t *at, unsigned lane)
{
    unsigned           is;
    const hars_row_t  *row;

    while (*at < rows->n) {
        row = &rows->row[(*at)++];

        is = row->stream == HARS_STREAM_HEART ? 0
             : row->stream == HARS_STREAM_ROTATION ? 2 : 1;

        if (is == lane) {
            return row;
        }
    }

    return NULL;
}


static void
hars_gather(void *data, const hars_sample_t *sample)
{
    hars_gather_t  *gather = data;

    /* a sample for each row at most */
    if (gather->rec->n < gather->size) {
        gather->rec->sample[gather->rec->n++] = *sample;
    }
}

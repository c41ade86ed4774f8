
/*
 * Rows of a recording while they come, and whether they are one: those of two
 * streams in order of time, through the feed, measured on the way; at the end
 * it is judged as a whole.  What is kept does not grow with what came, but for
 * rows of a stream that is ahead of the other one.
 *
 *     rows -> lanes -> feed -> clean samples
 *                          \-> middles: of times between samples, |a|, |g|
 */

#ifndef HARS_ML_SIFT_H
#define HARS_ML_SIFT_H


#include "hars_ml_rows.h"


#define HARS_SIFT_AHEAD      150000       /* rows of one stream that wait */

#define HARS_MIDDLE_OCTAVES  40
#define HARS_MIDDLE_BINS     (64 * HARS_MIDDLE_OCTAVES)


/* zeroed: no values yet */
typedef struct {
    size_t             n;
    uint32_t           count[HARS_MIDDLE_BINS];
    double             sum[HARS_MIDDLE_BINS];
} hars_middle_t;


/* rows that wait for the other stream */
typedef struct {
    hars_row_t        *row;
    size_t             at;                 /* the next one */
    size_t             n;
    size_t             size;
} hars_lane_t;


typedef struct {
    hars_options_t     options;
    hars_feed_t        feed;
    hars_lane_t        lane[2];            /* six values or acceleration;
                                              rotation */
    size_t             max;                /* rows */
    size_t             rows;
    unsigned           seen;               /* bits of hars_stream_e */

    size_t             samples;
    double             first;              /* s */
    double             last;
    hars_middle_t      step;               /* s, from sample to sample */
    hars_middle_t      gravity;            /* |a| */
    hars_middle_t      turning;            /* |g| */

    hars_fault_t      *fault;              /* of the call */
    unsigned           status;             /* of a refusal; 0: none */

    /* takes a sample, a heart rate (status as below); NULL: nobody wants it */
    void             (*emit)(void *data, const hars_sample_t *sample);
    unsigned         (*beat)(void *data, const hars_row_t *row);
    void              *data;

    /* more memory is needed: HARS_OK, or there is too much already */
    int              (*hold)(void *data, size_t size);
    void              *hold_data;
} hars_sift_t;


void hars_middle_add(hars_middle_t *middle, double value);

/* NaN: there is no value */
double hars_middle(const hars_middle_t *middle);

/* a zeroed one; emit, beat, data, hold and hold_data are the caller's to set */
void hars_sift_init(hars_sift_t *sift, const hars_options_t *options,
    size_t max);
void hars_sift_free(hars_sift_t *sift);

/*
 * Rows in our units, and their end: status 0, or the HTTP status of the
 * refusal with its fault.
 */
unsigned hars_sift_rows(hars_sift_t *sift, const hars_rows_t *rows,
    hars_fault_t *fault);
unsigned hars_sift_end(hars_sift_t *sift, hars_fault_t *fault);

/* after the end: is it a recording? */
int hars_sift_judge(const hars_sift_t *sift, hars_fault_t *fault);

/* room for more, "size" in ones; NULL after the fault */
void *hars_sift_grow(hars_sift_t *sift, void *old, size_t *size, size_t one);


#endif /* HARS_ML_SIFT_H */

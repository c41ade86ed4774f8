
/*
 * See hars_ml_reading.h for what this is: the way of a recording's rows, and
 * what of them has to wait or to be kept, and when all is read: is it a
 * recording that can be answered?
 */


#include "hars_ml_reading.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


static unsigned hars_reading_beat(void *data, const hars_row_t *row);
static void hars_reading_sample(void *data, const hars_sample_t *sample);
static void hars_reading_window(void *data, double start,
    const double (*row)[HARS_ML_AXES]);
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

    reading->model = model;

    hars_sift_init(&reading->sift, options, HARS_READING_ROWS);
    reading->sift.emit = hars_reading_sample;
    reading->sift.beat = hars_reading_beat;
    reading->sift.data = reading;
    reading->sift.hold = hold;
    reading->sift.hold_data = data;

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

    hars_sift_free(&reading->sift);
    free(reading->beat);
    free(reading->told);
    hars_features_free(reading->features);
    free(reading);
}


unsigned
hars_reading_rows(hars_reading_t *reading, const hars_rows_t *rows,
    hars_fault_t *fault)
{
    return hars_sift_rows(&reading->sift, rows, fault);
}


static unsigned
hars_reading_beat(void *data, const hars_row_t *row)
{
    void            *p;
    hars_sift_t     *sift;
    hars_beat_t     *beat;
    hars_reading_t  *reading = data;

    sift = &reading->sift;

    if (reading->beats == HARS_READING_BEATS) {
        hars_fault(sift->fault, hars_feed_field(&sift->feed, row->stream),
                   (long) row->index, -1, "more than %d heart rates; send "
                   "them in parts", HARS_READING_BEATS);
        return 413;
    }

    if (reading->beats == reading->beats_size) {
        p = hars_sift_grow(sift, reading->beat, &reading->beats_size,
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


static void
hars_reading_sample(void *data, const hars_sample_t *sample)
{
    hars_windows_push(&((hars_reading_t *) data)->windows, sample);
}


static void
hars_reading_window(void *data, double start,
    const double (*row)[HARS_ML_AXES])
{
    void            *p;
    hars_answer_t    answer;
    hars_reading_t  *reading = data;

    if (reading->sift.status) {
        return;
    }

    if (reading->n == HARS_READING_WINDOWS) {
        hars_fault(reading->sift.fault, "samples", -1, -1, "more than %d "
                   "windows of %.2f s; send the recording in parts",
                   HARS_READING_WINDOWS,
                   (double) HARS_ML_HOP / HARS_ML_RATE);
        reading->sift.status = 413;
        return;
    }

    if (reading->n == reading->size) {
        p = hars_sift_grow(&reading->sift, reading->told, &reading->size,
                           sizeof(hars_told_t));
        if (p == NULL) {
            reading->sift.status = 503;
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

    status = hars_sift_end(&reading->sift, fault);

    if (status) {
        return status;
    }

    hars_windows_end(&reading->windows);

    if (reading->sift.status) {
        return reading->sift.status;
    }

    if (hars_sift_judge(&reading->sift, fault) != HARS_OK) {
        return 422;
    }

    if (reading->n == 0) {
        hars_fault(fault, "samples", -1, -1, "no stretch of %.2f s is "
                   "without a gap longer than %.2f s",
                   (double) HARS_ML_WINDOW / HARS_ML_RATE, HARS_ML_GAP);
        return 422;
    }

    hars_reading_hearts(reading);

    return 0;
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

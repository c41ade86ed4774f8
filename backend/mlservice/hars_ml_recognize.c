
/*
 * From a recording to the answers of all its windows.  Nothing is allocated
 * per window but the answer itself.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    const hars_model_t  *model;
    hars_features_t     *features;
    hars_answers_t      *answers;
    int                  rc;
    hars_run_t           run;
} hars_recognizer_t;


static void hars_recognize_window(void *data, double start,
    const double (*row)[HARS_ML_AXES]);
static hars_answer_t *hars_answers_add(hars_answers_t *answers);


int
hars_recognize(const hars_model_t *model, const hars_recording_t *rec,
    hars_answers_t *answers)
{
    size_t             i;
    hars_windows_t    *windows;
    hars_recognizer_t  r;

    memset(answers, 0, sizeof(hars_answers_t));

    r.model = model;
    r.answers = answers;
    r.rc = HARS_OK;
    memset(&r.run, 0, sizeof(r.run));
    r.features = hars_features_create();
    windows = malloc(sizeof(hars_windows_t));

    if (r.features == NULL || windows == NULL) {
        r.rc = HARS_ERROR;
        goto done;
    }

    hars_windows_init(windows, rec->rate, hars_recognize_window, &r);

    for (i = 0; i < rec->n; i++) {
        hars_windows_push(windows, &rec->sample[i]);
    }

    hars_windows_end(windows);

done:

    if (r.rc != HARS_OK) {
        free(answers->answer);
        memset(answers, 0, sizeof(hars_answers_t));
    }

    free(windows);
    hars_features_free(r.features);

    return r.rc;
}


static void
hars_recognize_window(void *data, double start,
    const double (*row)[HARS_ML_AXES])
{
    hars_recognizer_t  *r = data;

    if (r->rc == HARS_OK) {
        r->rc = hars_answers_window(r->answers, &r->run, r->model,
                                    r->features, start, row);
    }
}


int
hars_answers_window(hars_answers_t *answers, hars_run_t *run,
    const hars_model_t *model, hars_features_t *features, double start,
    const double (*row)[HARS_ML_AXES])
{
    hars_answer_t  *answer;

    answer = hars_answers_add(answers);
    if (answer == NULL) {
        return HARS_ERROR;
    }

    hars_answer_window(answer, run, model, features, start, row);

    return HARS_OK;
}


void
hars_answer_window(hars_answer_t *answer, hars_run_t *run,
    const hars_model_t *model, hars_features_t *features, double start,
    const double (*row)[HARS_ML_AXES])
{
    float  out[HARS_ML_INPUTS];

    answer->start = start;
    answer->end = start + (double) HARS_ML_WINDOW / HARS_ML_RATE;
    answer->heart = (double) NAN;

    hars_inputs_run(run, features, start, row, out);
    hars_model_classify(model, out, &answer->vote);

    answer->smooth = answer->vote;
    hars_smooth(&run->smooth, model->nclasses, &answer->smooth);
}


static hars_answer_t *
hars_answers_add(hars_answers_t *answers)
{
    size_t          size;
    hars_answer_t  *p;

    if (answers->n == answers->size) {
        size = answers->size ? 2 * answers->size : 64;

        p = realloc(answers->answer, size * sizeof(hars_answer_t));
        if (p == NULL) {
            return NULL;
        }

        answers->answer = p;
        answers->size = size;
    }

    return &answers->answer[answers->n++];
}


/*
 * From a window to its answer: inputs, votes, and the mean of the last ones.
 * Nothing is allocated per window but the answer itself.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


static hars_answer_t *hars_answers_add(hars_answers_t *answers);


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

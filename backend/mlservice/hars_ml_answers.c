
/*
 * Answers as CSV, for who accepts no JSON, and what a window is called in
 * either form.  An activity is unknown where the window and the mean of the
 * last ones say so: what one window alone says of that is not enough.
 */


#include "hars_ml_service.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* longest line: three numbers, two names, a heart rate */
#define HARS_ANSWER_LINE   (3 * 32 + 2 * HARS_ML_NAME + 32)


const char *
hars_answer_activity(const hars_model_t *model, const hars_answer_t *answer,
    const hars_vote_t *vote)
{
    return hars_vote_is_unknown(model, vote)
           && hars_vote_is_unknown(model, &answer->smooth)
           ? "unknown" : model->class[vote->class];
}


char *
hars_text_answers(const hars_model_t *model, const hars_answers_t *answers)
{
    char                 *text, *p, heart[32];
    size_t                i;
    const hars_answer_t  *a;

    text = malloc((answers->n + 1) * HARS_ANSWER_LINE);
    if (text == NULL) {
        return NULL;
    }

    p = stpcpy(text, "start_s,end_s,activity,confidence,smoothed,"
               "heart_rate_bpm\r\n");

    for (i = 0; i < answers->n; i++) {
        a = &answers->answer[i];
        heart[0] = '\0';

        if (!isnan(a->heart)) {
            snprintf(heart, sizeof(heart), "%.5g", a->heart);
        }

        p += snprintf(p, HARS_ANSWER_LINE, "%.6f,%.6f,%s,%.4f,%s,%s\r\n",
                      a->start, a->end,
                      hars_answer_activity(model, a, &a->vote),
                      (double) a->vote.confidence,
                      hars_answer_activity(model, a, &a->smooth), heart);
    }

    return text;
}

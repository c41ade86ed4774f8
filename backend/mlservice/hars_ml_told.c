
/*
 * What is told of a window: shares to four places, and "unknown" where the
 * window and the mean of the last ones look like no activity that the model
 * knows: what one window alone says of that is not enough.
 */


#include "hars_ml_reading.h"

#include <math.h>


void
hars_told(const hars_model_t *model, const hars_answer_t *answer,
    hars_told_t *told)
{
    unsigned  i;

    told->start = answer->start;
    told->heart = answer->heart;
    told->confidence = (uint16_t) round((double) answer->vote.confidence
                                        * HARS_TOLD_PLACES);

    for (i = 0; i < model->nclasses; i++) {
        told->share[i] = (uint16_t) round((double) answer->vote.share[i]
                                          * HARS_TOLD_PLACES);
    }

    told->activity = (uint8_t) answer->vote.class;
    told->smoothed = (uint8_t) answer->smooth.class;

    if (hars_vote_is_unknown(model, &answer->smooth)) {
        told->smoothed = HARS_TOLD_UNKNOWN;

        if (hars_vote_is_unknown(model, &answer->vote)) {
            told->activity = HARS_TOLD_UNKNOWN;
        }
    }
}


const char *
hars_told_activity(const hars_model_t *model, unsigned activity)
{
    return activity == HARS_TOLD_UNKNOWN ? "unknown"
                                         : model->class[activity];
}


/*
 * What a person's own labelled windows add to the vote: half a minute of
 * each activity is enough to tell how this one goes upstairs.
 *
 *     share = (1 - w) * share + w * own
 *
 * own is the k-NN's vote among the person's windows alone, on the model's
 * axes; w falls with the activities that the person gave nothing of, because
 * those cannot win there.  The model is not changed: it is many people's.
 */


#include "hars_ml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_PERSON_K        5
#define HARS_PERSON_WEIGHT   0.25f


static void hars_person_near(const hars_person_t *person, const float *point,
    hars_neighbour_t *near);
static float hars_person_weight(const hars_person_t *person,
    const hars_model_t *model);


int
hars_person_learn(hars_person_t *person, const hars_model_t *model,
    const float *input, unsigned class)
{
    void      *p;
    unsigned   size;

    if (person->n == HARS_ML_OWN || class >= model->nclasses) {
        return HARS_DECLINED;
    }

    if (person->n == person->size) {
        size = person->size ? 2 * person->size : 64;

        p = realloc(person->point, size * sizeof(person->point[0]));
        if (p == NULL) {
            return HARS_ERROR;
        }

        person->point = p;
        person->size = size;
    }

    memset(person->point[person->n], 0, sizeof(person->point[0]));
    hars_model_project(model, input, person->point[person->n]);
    person->class[person->n++] = (uint8_t) class;

    return HARS_OK;
}


void
hars_person_free(hars_person_t *person)
{
    free(person->point);
    memset(person, 0, sizeof(hars_person_t));
}


void
hars_person_vote(const hars_person_t *person, const hars_model_t *model,
    const float *input, hars_vote_t *vote)
{
    float             w, sum, own[HARS_ML_CLASSES], point[HARS_ML_DIMS];
    float             weight;
    unsigned          i, k, n;
    hars_neighbour_t  near[HARS_PERSON_K];

    if (person->n == 0) {
        return;
    }

    memset(point, 0, sizeof(point));
    hars_model_project(model, input, point);
    hars_person_near(person, point, near);

    memset(own, 0, sizeof(own));
    n = person->n < HARS_PERSON_K ? person->n : HARS_PERSON_K;
    sum = 0;

    for (i = 0; i < n; i++) {
        weight = 1 / sqrtf(near[i].distance + 1e-6f);
        own[person->class[near[i].index]] += weight;
        sum += weight;
    }

    w = hars_person_weight(person, model);
    vote->class = 0;

    for (k = 0; k < model->nclasses; k++) {
        vote->share[k] = (1 - w) * vote->share[k] + w * own[k] / sum;

        if (vote->share[k] > vote->share[vote->class]) {
            vote->class = k;
        }
    }

    vote->confidence = vote->share[vote->class];
}


static void
hars_person_near(const hars_person_t *person, const float *point,
    hars_neighbour_t *near)
{
    float     d, distance;
    unsigned  i, k;

    for (k = 0; k < HARS_PERSON_K; k++) {
        near[k].distance = INFINITY;
        near[k].index = 0;
    }

    for (i = 0; i < person->n; i++) {
        distance = 0;

        for (k = 0; k < HARS_ML_DIMS; k++) {
            d = person->point[i][k] - point[k];
            distance += d * d;
        }

        if (!(distance < near[HARS_PERSON_K - 1].distance)) {
            continue;
        }

        for (k = HARS_PERSON_K - 1;
             k > 0 && distance < near[k - 1].distance; k--)
        {
            near[k] = near[k - 1];
        }

        near[k].distance = distance;
        near[k].index = i;
    }
}


static float
hars_person_weight(const hars_person_t *person, const hars_model_t *model)
{
    unsigned  i, k, given;

    given = 0;

    for (k = 0; k < model->nclasses; k++) {
        for (i = 0; i < person->n && person->class[i] != k; i++) {
            /* void */
        }

        given += i < person->n;
    }

    return HARS_PERSON_WEIGHT * (float) given / (float) model->nclasses;
}


/*
 * What the endpoints of the ML service share: the models, the request's body
 * as rows, and the answers.  One endpoint per file; the service knows nothing
 * of tokens or people.
 */

#ifndef HARS_ML_SERVICE_H
#define HARS_ML_SERVICE_H


#include "hars_http.h"
#include "hars_ml.h"
#include "hars_ml_rows.h"

#include <pthread.h>


#define HARS_ML_MODELS   8

#define HARS_ML_PACKED_TYPE  "application/vnd.hars.samples"


/* models that were read together; the first one is for no placement named */
typedef struct {
    unsigned           refs;               /* under the service's lock */
    unsigned           n;
    hars_model_t      *model[HARS_ML_MODELS];
} hars_shelf_t;


/* hars_http_conf_t: data */
typedef struct {
    pthread_mutex_t    lock;
    hars_shelf_t      *shelf;              /* the one for new requests */
} hars_ml_t;


/* NULL: "error" says of which file what is wrong */
hars_shelf_t *hars_shelf_load(char *const *path, unsigned n, char *error,
    size_t size);

/* frees what no request holds; NULL is allowed */
void hars_shelf_free(hars_shelf_t *shelf);

/* the shelf of new requests, held until it is released */
hars_shelf_t *hars_shelf_hold(hars_ml_t *ml);
void hars_shelf_release(hars_ml_t *ml, hars_shelf_t *shelf);

/* from now on the new one; the old one goes with its last request */
void hars_shelf_replace(hars_ml_t *ml, hars_shelf_t *shelf);

/* by id, or by placement; NULL after the fault */
const hars_model_t *hars_shelf_choose(const hars_shelf_t *shelf,
    const hars_options_t *options, hars_fault_t *fault);

/*
 * The request's rows in our units: status 0, or the HTTP status of the
 * refusal with its fault.  rows->row comes from malloc() in any case.
 * "options" are read from it; "fixed" are those of before, then there may be
 * none in it.
 */
unsigned hars_body_rows(hars_request_t *r, hars_options_t *options,
    const hars_options_t *fixed, hars_rows_t *rows, hars_fault_t *fault);

/* the refusal, as RFC 9457 has it */
void hars_body_refuse(hars_request_t *r, unsigned status,
    const hars_fault_t *fault);

/* bodies from malloc(), NULL: no memory */
char *hars_json_answers(const hars_model_t *model, const hars_feed_t *feed,
    const hars_answers_t *answers);
char *hars_json_models(const hars_shelf_t *shelf);

/* RFC 9457 with the members field, row, column */
char *hars_json_fault(unsigned status, const hars_fault_t *fault);

/* handlers */
void hars_recognitions_post(hars_request_t *r);
void hars_models_get(hars_request_t *r);


#endif /* HARS_ML_SERVICE_H */

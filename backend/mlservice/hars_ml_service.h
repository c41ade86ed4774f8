
/*
 * What the endpoints of the ML service share: the models, the request's body
 * as rows, and the answers.  One endpoint per file; the service knows nothing
 * of tokens or people.
 */

#ifndef HARS_ML_SERVICE_H
#define HARS_ML_SERVICE_H


#include "hars_http.h"
#include "hars_ml.h"
#include "hars_ml_metrics.h"
#include "hars_ml_reading.h"
#include "hars_ml_rows.h"

#include <pthread.h>


#define HARS_ML_MODELS   8

#define HARS_ML_BUSY        1              /* beside HARS_OK, HARS_ERROR */
#define HARS_ML_STREAM_ID   32             /* hex digits of 128 bits */

#define HARS_ML_PROBABILITIES  "ml:probabilities"    /* a scope */

#define HARS_ML_PACKED_TYPE  "application/vnd.hars.samples"


/* models that were read together; the first one is for no placement named */
typedef struct {
    unsigned           refs;               /* under the service's lock */
    unsigned           n;
    hars_model_t      *model[HARS_ML_MODELS];
} hars_shelf_t;


/* what a stream's samples left; a request that fails puts it back */
typedef struct {
    hars_feed_t        feed;
    hars_windows_t     windows;
    hars_run_t         run;
    size_t             samples;            /* of the stretch */
    unsigned           alone;              /* samples with gaps before them */
    double             first;              /* s, of the stretch */
    double             last;
    unsigned           judged:1;           /* rate and units are right */
    size_t             made;               /* windows */
} hars_progress_t;


typedef struct {
    char               id[HARS_ML_STREAM_ID + 1];
    unsigned char      owner[HARS_ML_DIGEST];
    uint64_t           used;               /* ms of the caller's clock */
    unsigned           busy:1;             /* a request has it */
    hars_options_t     options;
    hars_shelf_t      *shelf;
    const hars_model_t  *model;
    hars_progress_t    progress;
} hars_session_t;


typedef struct {
    pthread_mutex_t    lock;
    unsigned           n;
    unsigned           max;
    uint64_t           idle;               /* ms */
    hars_session_t   **session;            /* [max] */
} hars_sessions_t;


/* hars_http_conf_t: data */
typedef struct {
    pthread_mutex_t    lock;
    hars_shelf_t      *shelf;              /* the one for new requests */
    hars_sessions_t    sessions;
    hars_metrics_t     metrics;
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

/* what the query says, judged: status as above */
unsigned hars_body_options(hars_request_t *r, hars_options_t *options,
    hars_fault_t *fault);

/* Content-Encoding: is it gzip? */
unsigned hars_body_coding(hars_request_t *r, unsigned *gzip,
    hars_fault_t *fault);

/* 413 of more than "max" bytes, 415 of another type, and what to do */
unsigned hars_body_long(hars_fault_t *fault, size_t max);
unsigned hars_body_foreign(hars_fault_t *fault);

/* the refusal, as RFC 9457 has it; of 503 "fault" may be NULL */
void hars_body_refuse(hars_request_t *r, unsigned status,
    const hars_fault_t *fault);

/*
 * Sessions.  "now" is in ms.  What is created or taken is the caller's alone
 * until it is given back or removed; *gone are those whose time was up, the
 * caller's to free: their shelves are to be released.
 */
int hars_sessions_init(hars_sessions_t *st, unsigned max, uint64_t idle);
void hars_sessions_free(hars_ml_t *ml);

/* HARS_DECLINED: there are too many, HARS_ERROR: no memory */
int hars_sessions_create(hars_ml_t *ml, const char *id,
    const unsigned char *owner, uint64_t now, hars_session_t **session);

/* HARS_DECLINED: the owner has none of this id, HARS_ML_BUSY: it is in use */
int hars_sessions_take(hars_ml_t *ml, const char *id,
    const unsigned char *owner, uint64_t now, hars_session_t **session);
void hars_sessions_give(hars_ml_t *ml, hars_session_t *session, uint64_t now);
void hars_sessions_remove(hars_ml_t *ml, hars_session_t *session);

/* a session's windows: those that the rows complete, or the last ones */
void hars_session_begin(hars_session_t *session);
int hars_session_push(hars_session_t *session, const hars_rows_t *rows,
    hars_answers_t *answers, hars_fault_t *fault);
int hars_session_end(hars_session_t *session, hars_answers_t *answers,
    hars_fault_t *fault);

/* 200 with all windows; reading and shelf are not the caller's any more */
void hars_answer_send(hars_request_t *r, hars_shelf_t *shelf,
    hars_reading_t *reading, unsigned csv);

/* has the client's token this scope, as the gateway says? */
int hars_body_scope(hars_request_t *r, const char *scope);

/*
 * Bodies from malloc(), NULL: no memory.  "probabilities": of every activity
 * beside the answered one.
 */
char *hars_json_session(const hars_session_t *session, uint64_t idle);
char *hars_json_appended(const hars_session_t *session,
    const hars_answers_t *answers, unsigned probabilities);
char *hars_json_models(const hars_shelf_t *shelf);

/* a recording's answer: this, windows parted by commas, the end */
#define HARS_JSON_TOLD_END  "]}"
char *hars_json_told_top(const hars_model_t *model, const hars_feed_t *feed);
char *hars_json_told(const hars_model_t *model, const hars_told_t *told,
    unsigned heart, unsigned probabilities);

/* RFC 9457 with the members field, row, column */
char *hars_json_fault(unsigned status, const hars_fault_t *fault);

/* handlers */
void hars_recognitions_post(hars_request_t *r);
int hars_recognitions_piece(hars_request_t *r, const char *data, size_t len);
void hars_recognitions_gone(hars_request_t *r);
void hars_models_get(hars_request_t *r);
void hars_streams_post(hars_request_t *r);
void hars_stream_post(hars_request_t *r);
void hars_stream_get(hars_request_t *r);
void hars_stream_delete(hars_request_t *r);


#endif /* HARS_ML_SERVICE_H */

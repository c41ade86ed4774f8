
/*
 * hars-dcm, the data collecting mechanism: recordings that wearables send,
 * the activities in them, and who may look at them.
 *
 *     gateway -> who -> endpoint (one per file) -> store
 *                                 queue -> ML service -> windows, days
 *
 * Settings, identity, store and keys are set before the first request and
 * stay; what changes has a lock or is atomic.
 */

#ifndef HARS_DCM_H
#define HARS_DCM_H


#include "hars_clock.h"
#include "hars_daemon.h"
#include "hars_dcm_exports.h"
#include "hars_dcm_metrics.h"
#include "hars_dcm_vault.h"
#include "hars_http.h"
#include "hars_record.h"
#include "hars_self.h"
#include "hars_settings.h"
#include "hars_store.h"
#include "hars_who.h"

#include <semaphore.h>


#define HARS_DCM_ID         HARS_WHO_ID


typedef struct {
    char                 *socket;
    char                 *gateway_user;
    char                 *database;
    hars_setting_list_t   data_key;

    /* hars-fogcloud through the gateway; both of them, or none */
    char                 *fog_url;
    char                 *fog_resource;   /* the audience */

    /* the ML service through the gateway; all of them, or none */
    char                 *ml_url;
    char                 *ml_resource;    /* the audience */
    hars_self_t           self;
} hars_dcm_conf_t;


/* hars_http_conf_t: data */
typedef struct {
    hars_dcm_conf_t       conf;
    hars_settings_t      *settings;
    hars_vault_t         *vault;          /* keys of the patients' keys */
    hars_store_t         *store;          /* NULL: not serving */
    struct hars_looks_s  *looks;          /* hars_dcm_look.h */
    sem_t                 json;           /* bodies parsed at a time */
    hars_exports_t        exports;        /* going on */
    struct hars_recognizer_s  *recognizer;     /* NULL: there is none */
    struct hars_streams_s     *streams;
    struct hars_sessions_s    *sessions;  /* of the fog; NULL: there is none */
    atomic_uint           erasing;        /* 1: there may be rows to go */
    hars_dcm_metrics_t    metrics;
} hars_dcm_t;


/* hars_dcm_settings.c: reads, checks and says what is wrong; HARS_OK */
int hars_dcm_configure(hars_dcm_t *dcm, const char *file);
void hars_dcm_release(hars_dcm_t *dcm);
void hars_dcm_settings_help(void);

/* hars_dcm_serve.c: until a signal; HARS_EXIT_... */
int hars_dcm_serve(hars_dcm_t *dcm);


#endif /* HARS_DCM_H */


/*
 * hars-fogcloud, the cloud server of the fog's key exchange (docs/fog.md):
 * who is registered, sessions of wearables and fog nodes.
 *
 *     gateway -> who -> endpoint -> parties in memory -> rows in the database
 *
 * The rules of the protocol are of backend/fog/aka; here is what they need
 * around them: an index, transactions, time and randomness.
 *
 * Settings, keys and store are set before the first request and stay; what
 * changes has a lock or is atomic.  One process at a time has a database:
 * the last one that was started (hars_fc_rows.h).
 */

#ifndef HARS_FC_H
#define HARS_FC_H


#include "aka.h"
#include "hars_clock.h"
#include "hars_daemon.h"
#include "hars_http.h"
#include "hars_metrics.h"
#include "hars_record.h"
#include "hars_settings.h"
#include "hars_store.h"
#include "hars_who.h"

#include <stdatomic.h>


#define HARS_FC_TOKEN       16
#define HARS_FC_KEPT_MS     (30 * (int64_t) 86400000)  /* after its end */

#define HARS_FC_BINARY      "application/octet-stream"


typedef struct {
    char                     *socket;
    char                     *gateway_user;
    char                     *database;
    char                     *master_key;      /* x */
    char                     *exchange_key;    /* sk_cs */
    unsigned long             fog_rate;        /* M2 of a fog node, in 1 s */
    unsigned long             fog_burst;
    unsigned long             session_hours;   /* at most */
} hars_fc_conf_t;


typedef struct {
    hars_metrics_times_t      times;
    atomic_ullong             registered;
    atomic_ullong             accepted;        /* M3 sent */
    atomic_ullong             confirmed;
    atomic_ullong             refused[6];      /* hars_fc_refusal() */
    atomic_ullong             burns;           /* M1 whose tag was wrong */
    atomic_uint               unwritten;       /* parties that had some */
} hars_fc_metrics_t;


/* hars_http_conf_t: data */
typedef struct {
    hars_fc_conf_t            conf;
    hars_settings_t          *settings;
    hars_aka_cloud_t          cloud;
    unsigned char             name_key[32];    /* of x; hars_fc_keys.h */
    unsigned char             who_key[32];
    hars_store_t             *store;           /* NULL: not serving */
    unsigned char             token[HARS_FC_TOKEN];    /* of this process */
    atomic_uint               lost;            /* another one has the rows */
    struct hars_fc_parties_s      *parties;
    struct hars_fc_provisional_s  *provisional;
    struct hars_fc_commits_s      *commits;
    hars_fc_metrics_t         metrics;
} hars_fc_t;


/* hars_fc_settings.c: reads, checks and says what is wrong; HARS_OK */
int hars_fc_configure(hars_fc_t *fc, const char *file);
void hars_fc_release(hars_fc_t *fc);
void hars_fc_settings_help(void);

/* hars_fc_serve.c: until a signal; HARS_EXIT_... */
int hars_fc_serve(hars_fc_t *fc);

/* hars_fc_random.c: bytes that nobody knows; HARS_ERROR: logged */
int hars_fc_random(void *dst, size_t len);

/* hars_fc_metrics.c */
void hars_fc_served(void *data, const hars_route_t *route,
    uint64_t microseconds);
void hars_fc_metrics(hars_request_t *r);


#endif /* HARS_FC_H */

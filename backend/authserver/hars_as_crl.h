
/*
 * The issuing authority's revocation list, RFC 5280, 5: all certificates
 * that are revoked and have not ended, or ended within the last day (3.3: an
 * entry stays for one list beyond its end).
 *
 *     revoked -> a revision more -> a number of its own -> signed -> stored
 *
 * The newest list is in the database, so that all instances show the same
 * one; each keeps a copy, and the root's list (root.crl of ca_dir) beside it.
 * It is made anew when something was revoked, and daily.  Numbers are the
 * time in thousandths of seconds, or one more than the last: a database that
 * was restored from a copy gives none twice.
 */

#ifndef HARS_AS_CRL_H
#define HARS_AS_CRL_H


#include "hars_as.h"
#include "hars_as_ca.h"
#include "hars_as_store.h"
#include "hars_http.h"


#define HARS_CRL_PATH      "/crl"         /* PEM: the root's and the issuing */
#define HARS_CRL_DER_PATH  "/issuing.crl" /* RFC 5280, 4.2.1.13: one in DER */

#define HARS_CRL_LIFE      (7 * 86400)    /* s, to nextUpdate */
#define HARS_CRL_OFTEN     86400          /* s, from one list to the next */
#define HARS_CRL_KEEP      86400          /* s, of what has ended */
#define HARS_CRL_PER_SECOND  1000         /* numbers */
#define HARS_CRL_AGE       60             /* s, in caches of HTTP */

#define HARS_CRL_CESSATION 5              /* reason: its client was removed */

#define HARS_CRL_TAG       16             /* hexadecimal digits */


typedef struct hars_crl_s  hars_crl_t;

struct X509_crl_st;


typedef struct {
    unsigned char         serial[HARS_CA_SERIAL];
    int64_t               revoked_at;     /* s */
    int                   reason;         /* RFC 5280, 5.3.1 */
} hars_crl_entry_t;


/* what is signed */
typedef struct {
    struct x509_st         *issuer;
    struct evp_pkey_st     *key;
    int64_t                 number;
    int64_t                 this_update;  /* s */
    int64_t                 next_update;
    const hars_crl_entry_t *entry;
    size_t                  n;
} hars_crl_plan_t;


/* what the database has of the newest list */
typedef struct hars_crl_state_s {
    int64_t               revision;       /* of what is revoked now */
    int64_t               covers;         /* of what stands in the list */
    int64_t               number;         /* 0: there is none yet */
    int64_t               issued_at;      /* s */
    size_t                len;            /* of the list */
} hars_crl_state_t;


/* what is to stand in the next one */
typedef struct {
    int64_t               number;
    int64_t               revision;
    hars_crl_entry_t     *entry;          /* free() */
    size_t                n;
} hars_crl_draft_t;


/* for the metrics, and for what is cached beside it */
typedef struct {
    int64_t               number;
    int64_t               issued_at;      /* s */
    int64_t               next_update;
    size_t                n;              /* entries */
} hars_crl_info_t;


/* of as->ca, NULL without one; HARS_ERROR: logged */
int hars_crl_create(hars_as_t *as);
void hars_crl_free(hars_as_t *as);

/*
 * Takes the newest list over, or makes the next one where it is due, "now" in
 * seconds; cheap where nothing has happened.  HARS_ERROR: logged, once; what
 * there was stays.
 */
int hars_crl_refresh(hars_as_t *as, hars_store_t *store, int64_t now);

/* is this certificate revoked by the root's list? */
int hars_crl_root_has(hars_crl_t *crl, struct x509_st *cert);

/* zeros where there is none */
void hars_crl_info(hars_crl_t *crl, hars_crl_info_t *info);

/*
 * A copy, zero-terminated, and its entity tag; NULL: there is none yet.
 * "der": the issuing authority's alone.
 */
char *hars_crl_copy(hars_crl_t *crl, unsigned der, size_t *len,
    char tag[HARS_CRL_TAG + 1]);

/* hars_as_crl_http.c: handlers */
void hars_as_crl(hars_request_t *r);
void hars_as_crl_der(hars_request_t *r);

/* hars_as_crl_build.c: signed and verified; NULL: it cannot be made */
struct X509_crl_st *hars_crl_build(const hars_crl_plan_t *plan);

/* reasons of RFC 5280, 5.3.1 that have a use here; -1, NULL: none of them */
int hars_crl_reason(const char *name);
const char *hars_crl_reason_name(int reason);

/* hars_as_store_crl.c; HARS_DECLINED: there is none yet */
int hars_store_crl_state(hars_store_t *store, hars_crl_state_t *state);

/* with the list itself, to be freed */
int hars_store_crl_get(hars_store_t *store, hars_crl_state_t *state,
    unsigned char **der);

/* a number that nobody else has, and what is revoked */
int hars_store_crl_reserve(hars_store_t *store, int64_t now,
    hars_crl_draft_t *draft);

/* HARS_DECLINED: there is a newer one */
int hars_store_crl_put(hars_store_t *store, const hars_crl_state_t *state,
    const unsigned char *der);

/* inside a transaction: something was revoked */
int hars_crl_changed(hars_db_t *db);


#endif /* HARS_AS_CRL_H */


/* See hars_as_crl.h for what this is. */

#include "hars_as_crl.h"
#include "hars_as_audit.h"
#include "hars_log.h"
#include "hars_sha256.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>


#define HARS_CRL_PATH_MAX  4096
#define HARS_CRL_ROOT_MAX  (1024 * 1024)


struct hars_crl_s {
    hars_ca_t         *ca;
    pthread_mutex_t    making;            /* one at a time looks and makes */
    unsigned           failed:1;          /* the log knows */
    struct stat        root_file;         /* as it was read */
    unsigned           root_failed:1;

    pthread_mutex_t    mutex;             /* of what follows */
    hars_crl_info_t    info;
    X509_CRL          *root;
    unsigned char     *der;               /* the issuing authority's */
    size_t             der_len;
    char              *pem;               /* the root's, and that */
    size_t             pem_len;
};


static int hars_crl_root(hars_crl_t *crl, int64_t now);
static const char *hars_crl_root_read(hars_crl_t *crl, const char *path,
    int64_t now, X509_CRL **root);
static int hars_crl_end(const X509_CRL *list, int64_t *end);
static int hars_crl_due(const hars_crl_t *crl, const hars_crl_state_t *state,
    int64_t now);
static int hars_crl_take(hars_crl_t *crl, hars_store_t *store);
static int hars_crl_make(hars_as_t *as, hars_store_t *store, int64_t now);
static int hars_crl_sign(hars_crl_t *crl, const hars_crl_draft_t *draft,
    int64_t now, hars_crl_state_t *state, unsigned char **der);
static int hars_crl_show(hars_crl_t *crl, const hars_crl_state_t *state,
    unsigned char *der);
static char *hars_crl_text(X509_CRL *root, X509_CRL *list, size_t *len);


int
hars_crl_create(hars_as_t *as)
{
    hars_crl_t  *crl;

    if (as->ca == NULL) {
        return HARS_OK;
    }

    crl = calloc(1, sizeof(hars_crl_t));

    if (crl == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    crl->ca = as->ca;
    pthread_mutex_init(&crl->making, NULL);
    pthread_mutex_init(&crl->mutex, NULL);
    as->crl = crl;

    return hars_crl_root(crl, time(NULL));
}


void
hars_crl_free(hars_as_t *as)
{
    hars_crl_t  *crl;

    crl = as->crl;

    if (crl) {
        X509_CRL_free(crl->root);
        free(crl->der);
        free(crl->pem);
        pthread_mutex_destroy(&crl->making);
        pthread_mutex_destroy(&crl->mutex);
        free(crl);
        as->crl = NULL;
    }
}


/* root.crl, where it is another file than the one that was read */
static int
hars_crl_root(hars_crl_t *crl, int64_t now)
{
    char          path[HARS_CRL_PATH_MAX + 64];
    X509_CRL     *root;
    const char   *wrong;
    struct stat   file;

    snprintf(path, sizeof(path), "%s/" HARS_CA_ROOT_CRL,
             hars_ca_dir(crl->ca));

    wrong = (stat(path, &file) == -1) ? strerror(errno) : NULL;

    if (wrong == NULL && crl->root && file.st_ino == crl->root_file.st_ino
        && file.st_mtim.tv_sec == crl->root_file.st_mtim.tv_sec
        && file.st_mtim.tv_nsec == crl->root_file.st_mtim.tv_nsec)
    {
        return HARS_OK;
    }

    if (wrong == NULL) {
        wrong = hars_crl_root_read(crl, path, now, &root);
    }

    if (wrong) {
        if (!crl->root_failed) {
            hars_log_error("ca_dir: \"%s\": %s", path, wrong);
        }

        crl->root_failed = 1;

        return HARS_ERROR;
    }

    crl->root_failed = 0;

    pthread_mutex_lock(&crl->mutex);

    X509_CRL_free(crl->root);
    crl->root = root;
    crl->root_file = file;

    crl->info.number = 0;                 /* what is shown is made anew */

    pthread_mutex_unlock(&crl->mutex);

    return HARS_OK;
}


/* NULL: *root is the caller's; otherwise what is wrong with it */
static const char *
hars_crl_root_read(hars_crl_t *crl, const char *path, int64_t now,
    X509_CRL **root)
{
    FILE        *fp;
    int64_t      end;
    X509_CRL    *list;
    const char  *wrong;

    fp = fopen(path, "re");
    list = fp ? PEM_read_X509_CRL(fp, NULL, NULL, NULL) : NULL;
    wrong = (list == NULL) ? "there is no revocation list in PEM" : NULL;

    if (fp) {
        fclose(fp);
    }

    if (list
        && (X509_NAME_cmp(X509_CRL_get_issuer(list),
                          X509_get_subject_name(hars_ca_root(crl->ca))) != 0
            || X509_CRL_verify(list, X509_get0_pubkey(hars_ca_root(crl->ca)))
               != 1))
    {
        wrong = "it is not signed by root.crt";

    } else if (list && (hars_crl_end(list, &end) != HARS_OK || end <= now)) {
        wrong = "it has ended: make another one with the root's key";
    }

    ERR_clear_error();

    if (wrong) {
        X509_CRL_free(list);

    } else {
        *root = list;
    }

    return wrong;
}


static int
hars_crl_end(const X509_CRL *list, int64_t *end)
{
    int         days, seconds;
    ASN1_TIME  *epoch;

    epoch = ASN1_TIME_set(NULL, 0);

    if (epoch == NULL || X509_CRL_get0_nextUpdate(list) == NULL
        || !ASN1_TIME_diff(&days, &seconds, epoch,
                           X509_CRL_get0_nextUpdate(list)))
    {
        ASN1_TIME_free(epoch);
        return HARS_ERROR;
    }

    *end = (int64_t) days * HARS_CA_DAY + seconds;
    ASN1_TIME_free(epoch);

    return HARS_OK;
}


int
hars_crl_refresh(hars_as_t *as, hars_store_t *store, int64_t now)
{
    int                rc;
    hars_crl_t        *crl;
    hars_crl_state_t   state;

    crl = as->crl;

    if (crl == NULL) {
        return HARS_OK;
    }

    pthread_mutex_lock(&crl->making);

    /* without a good one of the root the issuing authority's goes on */

    (void) hars_crl_root(crl, now);

    rc = hars_store_crl_state(store, &state);

    if (rc == HARS_DECLINED) {
        memset(&state, 0, sizeof(state));
        rc = HARS_OK;
    }

    if (rc == HARS_OK && state.number
        && state.number != crl->info.number)
    {
        rc = hars_crl_take(crl, store);
    }

    if (rc == HARS_DECLINED
        || (rc == HARS_OK && hars_crl_due(crl, &state, now)))
    {
        rc = hars_crl_make(as, store, now);
    }

    if (rc != HARS_OK && !crl->failed) {
        hars_log_error("there is no new revocation list: the one before goes "
                       "on, see that the key of ca_dir can sign");
    }

    crl->failed = (rc != HARS_OK);

    pthread_mutex_unlock(&crl->making);

    return rc;
}


/* "making" is held: nobody else writes what is read here */
static int
hars_crl_due(const hars_crl_t *crl, const hars_crl_state_t *state,
    int64_t now)
{
    return crl->info.number == 0
           || state->revision != state->covers
           || now - crl->info.issued_at >= HARS_CRL_OFTEN
           || now < crl->info.issued_at - HARS_CA_BACKDATE;
}


/* HARS_DECLINED: what the database has is not of this authority */
static int
hars_crl_take(hars_crl_t *crl, hars_store_t *store)
{
    int                rc;
    unsigned char     *der;
    hars_crl_state_t   state;

    rc = hars_store_crl_get(store, &state, &der);

    return rc == HARS_OK ? hars_crl_show(crl, &state, der) : rc;
}


static int
hars_crl_make(hars_as_t *as, hars_store_t *store, int64_t now)
{
    int                rc;
    hars_crl_t        *crl;
    unsigned char     *der;
    hars_crl_draft_t   draft;
    hars_crl_state_t   state;

    crl = as->crl;

    if (hars_store_crl_reserve(store, now, &draft) != HARS_OK) {
        return HARS_ERROR;
    }

    rc = hars_crl_sign(crl, &draft, now, &state, &der);
    free(draft.entry);

    if (rc != HARS_OK) {
        return HARS_ERROR;
    }

    rc = hars_store_crl_put(store, &state, der);

    if (rc == HARS_OK) {
        rc = hars_crl_show(crl, &state, der);
        (void) hars_audit_crl(as, &state, draft.n);

        return rc;
    }

    free(der);

    /* another instance was faster, by a higher number */

    return rc == HARS_DECLINED ? hars_crl_take(crl, store) : HARS_ERROR;
}


static int
hars_crl_sign(hars_crl_t *crl, const hars_crl_draft_t *draft, int64_t now,
    hars_crl_state_t *state, unsigned char **der)
{
    int               len;
    X509_CRL         *list;
    hars_crl_plan_t   plan;

    plan.issuer = hars_ca_issuing(crl->ca);
    plan.key = hars_ca_key(crl->ca);
    plan.number = draft->number;
    plan.this_update = now - HARS_CA_BACKDATE;
    plan.next_update = now + HARS_CRL_LIFE;
    plan.entry = draft->entry;
    plan.n = draft->n;

    hars_ca_lock(crl->ca);
    list = hars_crl_build(&plan);
    hars_ca_unlock(crl->ca);

    *der = NULL;
    len = list ? i2d_X509_CRL(list, der) : -1;
    X509_CRL_free(list);

    if (len <= 0) {
        return HARS_ERROR;
    }

    state->revision = draft->revision;
    state->covers = draft->revision;
    state->number = draft->number;
    state->issued_at = now;
    state->len = (size_t) len;

    return HARS_OK;
}


/* takes "der"; HARS_DECLINED: it is not of this authority */
static int
hars_crl_show(hars_crl_t *crl, const hars_crl_state_t *state,
    unsigned char *der)
{
    X509                 *issuer;
    char                 *pem;
    size_t                len;
    int64_t               end;
    X509_CRL             *list;
    const unsigned char  *p;

    p = der;
    list = d2i_X509_CRL(NULL, &p, (long) state->len);
    issuer = hars_ca_issuing(crl->ca);

    if (list == NULL
        || X509_NAME_cmp(X509_CRL_get_issuer(list),
                         X509_get_subject_name(issuer)) != 0
        || X509_CRL_verify(list, X509_get0_pubkey(issuer)) != 1
        || hars_crl_end(list, &end) != HARS_OK)
    {
        ERR_clear_error();
        X509_CRL_free(list);
        free(der);
        return HARS_DECLINED;
    }

    pthread_mutex_lock(&crl->mutex);

    pem = hars_crl_text(crl->root, list, &len);

    if (pem) {
        free(crl->der);
        free(crl->pem);
        crl->der = der;
        crl->der_len = state->len;
        crl->pem = pem;
        crl->pem_len = len;
        crl->info.number = state->number;
        crl->info.issued_at = state->issued_at;
        crl->info.next_update = end;
        crl->info.n = (size_t) sk_X509_REVOKED_num(
                                                X509_CRL_get_REVOKED(list));
        if (X509_CRL_get_REVOKED(list) == NULL) {
            crl->info.n = 0;
        }
    }

    pthread_mutex_unlock(&crl->mutex);

    X509_CRL_free(list);

    if (pem == NULL) {
        free(der);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static char *
hars_crl_text(X509_CRL *root, X509_CRL *list, size_t *len)
{
    BIO   *bio;
    char  *data, *text;
    long   n;

    bio = BIO_new(BIO_s_mem());
    text = NULL;

    if (bio && root && PEM_write_bio_X509_CRL(bio, root)
        && PEM_write_bio_X509_CRL(bio, list))
    {
        n = BIO_get_mem_data(bio, &data);
        text = (n > 0) ? malloc((size_t) n + 1) : NULL;

        if (text) {
            memcpy(text, data, (size_t) n);
            text[n] = '\0';
            *len = (size_t) n;
        }
    }

    BIO_free(bio);
    ERR_clear_error();

    return text;
}


int
hars_crl_root_has(hars_crl_t *crl, X509 *cert)
{
    int            found;
    X509_REVOKED  *revoked;

    pthread_mutex_lock(&crl->mutex);
    found = crl->root == NULL
            || X509_CRL_get0_by_cert(crl->root, &revoked, cert) != 0;
    pthread_mutex_unlock(&crl->mutex);

    return found;
}


void
hars_crl_info(hars_crl_t *crl, hars_crl_info_t *info)
{
    memset(info, 0, sizeof(hars_crl_info_t));

    if (crl) {
        pthread_mutex_lock(&crl->mutex);
        *info = crl->info;
        pthread_mutex_unlock(&crl->mutex);
    }
}


char *
hars_crl_copy(hars_crl_t *crl, unsigned der, size_t *len,
    char tag[HARS_CRL_TAG + 1])
{
    char           *copy;
    const void     *data;
    unsigned char   digest[HARS_SHA256_LEN];

    pthread_mutex_lock(&crl->mutex);

    data = der ? (const void *) crl->der : crl->pem;
    *len = der ? crl->der_len : crl->pem_len;
    copy = data ? malloc(*len + 1) : NULL;

    if (copy) {
        memcpy(copy, data, *len);
        copy[*len] = '\0';
    }

    pthread_mutex_unlock(&crl->mutex);

    if (copy == NULL || hars_sha256(digest, copy, *len) != HARS_OK) {
        free(copy);
        return NULL;
    }

    hars_hex(tag, digest, HARS_CRL_TAG / 2);
    tag[HARS_CRL_TAG] = '\0';

    return copy;
}

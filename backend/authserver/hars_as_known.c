
/*
 * See hars_as_known.h for what this is: two tables with a place for each
 * hash, where the newer one stays.  What is not there, or of another revision,
 * is read from the database together with the revision that it is of.
 */

#include "hars_as_known.h"
#include "hars_log.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>


#define HARS_KNOWN_CLIENTS  1024          /* some 7 KB each, once used */
#define HARS_KNOWN_CERTS    1024


typedef struct {
    pthread_mutex_t   mutex;              /* of what follows */
    int64_t           revision;           /* 0: free */
    unsigned          bound:1;
    unsigned char     cnf[HARS_SHA256_LEN];
    hars_client_t     client;
} hars_known_client_t;

typedef struct {
    pthread_mutex_t   mutex;              /* of what follows */
    int64_t           revision;           /* 0: free */
    unsigned char     thumbprint[HARS_SHA256_LEN];
} hars_known_cert_t;

struct hars_known_s {
    hars_store_t         *store;
    hars_known_client_t   client[HARS_KNOWN_CLIENTS];
    hars_known_cert_t     cert[HARS_KNOWN_CERTS];    /* not revoked */
};


static hars_known_client_t *hars_known_client_at(hars_known_t *known,
    const char *id);
static void hars_known_copy(hars_client_t *dst, const hars_client_t *src);


hars_known_t *
hars_known_create(hars_store_t *store)
{
    unsigned       i;
    hars_known_t  *known;

    known = calloc(1, sizeof(hars_known_t));
    if (known == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    known->store = store;

    for (i = 0; i < HARS_KNOWN_CLIENTS; i++) {
        pthread_mutex_init(&known->client[i].mutex, NULL);
    }

    for (i = 0; i < HARS_KNOWN_CERTS; i++) {
        pthread_mutex_init(&known->cert[i].mutex, NULL);
    }

    return known;
}


void
hars_known_free(hars_known_t *known)
{
    unsigned  i;

    if (known == NULL) {
        return;
    }

    for (i = 0; i < HARS_KNOWN_CLIENTS; i++) {
        pthread_mutex_destroy(&known->client[i].mutex);
    }

    for (i = 0; i < HARS_KNOWN_CERTS; i++) {
        pthread_mutex_destroy(&known->cert[i].mutex);
    }

    free(known);
}


int
hars_known_client(hars_known_t *known, const char *id, int64_t revision,
    hars_client_t *client)
{
    int                   rc;
    unsigned              found;
    hars_known_client_t  *kept;

    if (revision == 0
        && hars_store_revision(known->store, &revision) != HARS_OK)
    {
        return HARS_ERROR;
    }

    kept = hars_known_client_at(known, id);

    pthread_mutex_lock(&kept->mutex);

    found = kept->revision == revision && strcmp(kept->client.id, id) == 0;

    if (found) {
        hars_known_copy(client, &kept->client);
    }

    pthread_mutex_unlock(&kept->mutex);

    if (found) {
        return HARS_OK;
    }

    rc = hars_store_client_at(known->store, id, client, &revision);

    if (rc == HARS_OK) {
        pthread_mutex_lock(&kept->mutex);

        if (kept->revision <= revision) {
            kept->revision = revision;
            kept->bound = 0;
            hars_known_copy(&kept->client, client);
        }

        pthread_mutex_unlock(&kept->mutex);
    }

    return rc;
}


/* FNV-1a */
static hars_known_client_t *
hars_known_client_at(hars_known_t *known, const char *id)
{
    uint32_t  hash;

    for (hash = 2166136261u; *id; id++) {
        hash = (hash ^ (unsigned char) *id) * 16777619u;
    }

    return &known->client[(hash ^ hash >> 16) % HARS_KNOWN_CLIENTS];
}


static void
hars_known_copy(hars_client_t *dst, const hars_client_t *src)
{
    memcpy(dst, src, offsetof(hars_client_t, metadata));
    strcpy(dst->metadata, src->metadata);
}


unsigned
hars_known_bound(hars_known_t *known, const char *id,
    const unsigned char thumbprint[HARS_SHA256_LEN])
{
    unsigned              bound;
    hars_known_client_t  *kept;

    kept = hars_known_client_at(known, id);

    pthread_mutex_lock(&kept->mutex);

    bound = kept->bound && strcmp(kept->client.id, id) == 0
            && memcmp(kept->cnf, thumbprint, HARS_SHA256_LEN) == 0;

    pthread_mutex_unlock(&kept->mutex);

    return bound;
}


/* of one that is not remembered itself there is nothing to remember */
void
hars_known_bind(hars_known_t *known, const char *id,
    const unsigned char thumbprint[HARS_SHA256_LEN])
{
    hars_known_client_t  *kept;

    kept = hars_known_client_at(known, id);

    pthread_mutex_lock(&kept->mutex);

    if (kept->revision && strcmp(kept->client.id, id) == 0) {
        kept->bound = 1;
        memcpy(kept->cnf, thumbprint, HARS_SHA256_LEN);
    }

    pthread_mutex_unlock(&kept->mutex);
}


int
hars_known_revoked(hars_known_t *known,
    const unsigned char thumbprint[HARS_SHA256_LEN], int64_t revision)
{
    int                 rc;
    unsigned            found;
    hars_known_cert_t  *kept;

    if (revision == 0
        && hars_store_revision(known->store, &revision) != HARS_OK)
    {
        return HARS_ERROR;
    }

    kept = &known->cert[(thumbprint[0] | thumbprint[1] << 8)
                        % HARS_KNOWN_CERTS];

    pthread_mutex_lock(&kept->mutex);

    found = kept->revision == revision
            && memcmp(kept->thumbprint, thumbprint, HARS_SHA256_LEN) == 0;

    pthread_mutex_unlock(&kept->mutex);

    if (found) {
        return HARS_DECLINED;
    }

    rc = hars_store_cert_revoked_at(known->store, thumbprint, &revision);

    if (rc == HARS_DECLINED) {
        pthread_mutex_lock(&kept->mutex);

        if (kept->revision <= revision) {
            kept->revision = revision;
            memcpy(kept->thumbprint, thumbprint, HARS_SHA256_LEN);
        }

        pthread_mutex_unlock(&kept->mutex);
    }

    return rc;
}

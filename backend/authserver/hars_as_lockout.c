
/*
 * See hars_as_lockout.h for what this is.  Names are known by a keyed hash,
 * so that nobody can choose names that fall into one bucket.
 */

#include "hars_as_lockout.h"
#include "hars_record.h"
#include "hars_sha256.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>


#define HARS_LOCKOUT_BUCKETS  1024
#define HARS_LOCKOUT_WAYS     4
#define HARS_LOCKOUT_NAME     128         /* longest that is told apart */


typedef struct {
    unsigned char       hash[HARS_SHA256_LEN];
    unsigned            tries;            /* 0: free */
    int64_t             since;            /* s, of the first */
} hars_lockout_slot_t;


struct hars_lockout_s {
    unsigned char        key[HARS_SHA256_LEN];
    pthread_mutex_t      mutex;           /* of what follows */
    hars_lockout_slot_t  slot[HARS_LOCKOUT_BUCKETS][HARS_LOCKOUT_WAYS];
};


static void hars_lockout_less(hars_lockout_t *lockout, const char *name,
    unsigned n);
static int hars_lockout_hash(hars_lockout_t *lockout, const char *name,
    unsigned char hash[HARS_SHA256_LEN]);
static hars_lockout_slot_t *hars_lockout_bucket(hars_lockout_t *lockout,
    const unsigned char hash[HARS_SHA256_LEN]);
static hars_lockout_slot_t *hars_lockout_find(hars_lockout_slot_t *bucket,
    const unsigned char hash[HARS_SHA256_LEN]);
static hars_lockout_slot_t *hars_lockout_place(hars_lockout_slot_t *bucket,
    int64_t now);


hars_lockout_t *
hars_lockout_create(void)
{
    hars_lockout_t  *lockout;

    lockout = calloc(1, sizeof(hars_lockout_t));

    if (lockout == NULL
        || RAND_bytes(lockout->key, sizeof(lockout->key)) != 1)
    {
        free(lockout);
        return NULL;
    }

    pthread_mutex_init(&lockout->mutex, NULL);

    return lockout;
}


void
hars_lockout_free(hars_lockout_t *lockout)
{
    if (lockout) {
        pthread_mutex_destroy(&lockout->mutex);
        free(lockout);
    }
}


unsigned
hars_lockout_try(hars_lockout_t *lockout, const char *name, int64_t now)
{
    unsigned              wait;
    unsigned char         hash[HARS_SHA256_LEN];
    hars_lockout_slot_t  *bucket, *slot;

    if (hars_lockout_hash(lockout, name, hash) != HARS_OK) {
        return HARS_LOCKOUT_TIME;
    }

    bucket = hars_lockout_bucket(lockout, hash);
    wait = 0;

    pthread_mutex_lock(&lockout->mutex);

    slot = hars_lockout_find(bucket, hash);

    /* a clock that was set back ends it, too */

    if (slot && (now >= slot->since + HARS_LOCKOUT_TIME || now < slot->since))
    {
        slot->tries = 0;
    }

    if (slot == NULL || slot->tries == 0) {
        slot = slot ? slot : hars_lockout_place(bucket, now);
        memcpy(slot->hash, hash, HARS_SHA256_LEN);
        slot->tries = 0;
        slot->since = now;
    }

    if (slot->tries < HARS_LOCKOUT_TRIES) {
        slot->tries++;

    } else {
        wait = (unsigned) (slot->since + HARS_LOCKOUT_TIME - now);
    }

    pthread_mutex_unlock(&lockout->mutex);

    return wait;
}


void
hars_lockout_unmade(hars_lockout_t *lockout, const char *name)
{
    hars_lockout_less(lockout, name, 1);
}


void
hars_lockout_succeeded(hars_lockout_t *lockout, const char *name)
{
    hars_lockout_less(lockout, name, HARS_LOCKOUT_TRIES);
}


static void
hars_lockout_less(hars_lockout_t *lockout, const char *name, unsigned n)
{
    unsigned char         hash[HARS_SHA256_LEN];
    hars_lockout_slot_t  *slot;

    if (hars_lockout_hash(lockout, name, hash) != HARS_OK) {
        return;
    }

    pthread_mutex_lock(&lockout->mutex);

    slot = hars_lockout_find(hars_lockout_bucket(lockout, hash), hash);

    if (slot) {
        slot->tries -= (slot->tries < n) ? slot->tries : n;
    }

    pthread_mutex_unlock(&lockout->mutex);
}


static int
hars_lockout_hash(hars_lockout_t *lockout, const char *name,
    unsigned char hash[HARS_SHA256_LEN])
{
    size_t         len;
    unsigned char  text[HARS_SHA256_LEN + HARS_LOCKOUT_NAME];

    len = strlen(name);

    if (len > HARS_LOCKOUT_NAME) {
        len = HARS_LOCKOUT_NAME;
    }

    memcpy(text, lockout->key, HARS_SHA256_LEN);
    memcpy(text + HARS_SHA256_LEN, name, len);

    return hars_sha256(hash, text, HARS_SHA256_LEN + len);
}


static hars_lockout_slot_t *
hars_lockout_bucket(hars_lockout_t *lockout,
    const unsigned char hash[HARS_SHA256_LEN])
{
    return lockout->slot[(hash[0] << 8 | hash[1]) % HARS_LOCKOUT_BUCKETS];
}


static hars_lockout_slot_t *
hars_lockout_find(hars_lockout_slot_t *bucket,
    const unsigned char hash[HARS_SHA256_LEN])
{
    unsigned  i;

    for (i = 0; i < HARS_LOCKOUT_WAYS; i++) {
        if (bucket[i].tries
            && memcmp(bucket[i].hash, hash, HARS_SHA256_LEN) == 0)
        {
            return &bucket[i];
        }
    }

    return NULL;
}


/* free, ended, or the one with the fewest attempts, of these the oldest */
static hars_lockout_slot_t *
hars_lockout_place(hars_lockout_slot_t *bucket, int64_t now)
{
    unsigned              i;
    hars_lockout_slot_t  *slot, *least;

    least = bucket;

    for (i = 0; i < HARS_LOCKOUT_WAYS; i++) {
        slot = &bucket[i];

        if (slot->tries == 0 || now >= slot->since + HARS_LOCKOUT_TIME) {
            return slot;
        }

        if (slot->tries < least->tries
            || (slot->tries == least->tries && slot->since < least->since))
        {
            least = slot;
        }
    }

    return least;
}

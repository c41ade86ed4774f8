
/*
 * See hars_as_publish.h for what this is.  Keys are those of the one caller
 * "gateway_client" of this issuer with the claims of "record_claims".
 */

#include "hars_as_publish.h"
#include "hars_as_answer.h"
#include "hars_as_redis.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define HARS_PUBLISH_PASSWORD  512


struct hars_publish_s {
    const hars_as_conf_t  *conf;
    hars_redis_conf_t      redis_conf;
    hars_redis_t          *redis;
    char                   password[HARS_PUBLISH_PASSWORD];

    pthread_mutex_t        mutex;         /* of the keyer and the seal */
    hars_keyer_t          *keyer;
    hars_seal_t           *seal;
    unsigned char          endpoint[HARS_SHA256_LEN];
    unsigned char          claims[HARS_SHA256_LEN];
};


static int hars_publish_keys(hars_publish_t *publish);
static int hars_publish_ids(hars_publish_t *publish);
static int hars_publish_password(hars_publish_t *publish);
static size_t hars_publish_seal(hars_publish_t *publish,
    const hars_token_t *token, int64_t now_ms, char *hex,
    unsigned char *sealed);
static int hars_publish_key(hars_publish_t *publish,
    const unsigned char hash[HARS_SHA256_LEN], char *hex);
static int hars_publish_tombstone(hars_publish_t *publish,
    const hars_outbox_t *row, int64_t now_ms);


hars_publish_t *
hars_publish_create(const hars_as_conf_t *conf)
{
    hars_publish_t  *publish;

    publish = calloc(1, sizeof(hars_publish_t));
    if (publish == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    publish->conf = conf;
    pthread_mutex_init(&publish->mutex, NULL);

    if (hars_publish_keys(publish) != HARS_OK
        || hars_publish_ids(publish) != HARS_OK
        || hars_publish_password(publish) != HARS_OK)
    {
        goto failed;
    }

    publish->redis_conf.server = conf->redis;
    publish->redis_conf.db = conf->redis_db;
    publish->redis_conf.user = conf->redis_user;
    publish->redis_conf.password = conf->redis_password_file
                                   ? publish->password : NULL;
    publish->redis_conf.prefix = conf->redis_prefix;
    publish->redis_conf.timeout = conf->redis_timeout;

    publish->redis = hars_redis_create(&publish->redis_conf);

    if (publish->redis) {
        return publish;
    }

failed:

    hars_publish_free(publish);

    return NULL;
}


void
hars_publish_free(hars_publish_t *publish)
{
    if (publish == NULL) {
        return;
    }

    hars_redis_free(publish->redis);
    hars_seal_free(publish->seal);
    hars_keyer_free(publish->keyer);
    pthread_mutex_destroy(&publish->mutex);
    OPENSSL_cleanse(publish->password, sizeof(publish->password));
    free(publish);
}


static int
hars_publish_keys(hars_publish_t *publish)
{
    int                    rc;
    unsigned               i;
    const char            *file, *error;
    unsigned char          zone[HARS_SECRET_LEN];
    unsigned char          seal[HARS_SETTINGS_LIST][HARS_SECRET_LEN];
    const hars_as_conf_t  *conf;

    conf = publish->conf;
    file = conf->zone_key;

    rc = hars_key_file_read(file, zone, &error);

    for (i = 0; rc == HARS_OK && i < conf->seal_key.n; i++) {
        file = conf->seal_key.value[i];
        rc = hars_key_file_read(file, seal[i], &error);

        if (rc == HARS_OK
            && CRYPTO_memcmp(seal[i], zone, HARS_SECRET_LEN) == 0)
        {
            error = "has the same key as zone_key, make it one of its own";
            rc = HARS_ERROR;
        }
    }

    if (rc == HARS_OK) {
        publish->keyer = hars_keyer_create(zone);
        publish->seal = hars_seal_create(
                            (const unsigned char (*)[HARS_SECRET_LEN]) seal,
                            conf->seal_key.n);

        if (publish->keyer == NULL || publish->seal == NULL) {
            error = "cannot be used";
            rc = HARS_ERROR;
        }
    }

    if (rc != HARS_OK) {
        hars_log_error("key file \"%s\" %s", file, error);
    }

    OPENSSL_cleanse(zone, sizeof(zone));
    OPENSSL_cleanse(seal, sizeof(seal));

    return rc;
}


static int
hars_publish_ids(hars_publish_t *publish)
{
    size_t       len;
    unsigned     n;
    hars_str_t   issuer, caller, path[HARS_RECORD_CLAIMS];
    const char  *p, *name;

    issuer.data = (unsigned char *) publish->conf->issuer;
    issuer.len = strlen(publish->conf->issuer);
    caller.data = (unsigned char *) publish->conf->gateway_client;
    caller.len = strlen(publish->conf->gateway_client);

    p = publish->conf->record_claims ? publish->conf->record_claims : "";

    for (n = 0; n < HARS_RECORD_CLAIMS; n++) {
        name = hars_words_next(&p, ' ', &len);

        if (name == NULL) {
            break;
        }

        path[n].data = (unsigned char *) name;
        path[n].len = len;
    }

    if (hars_endpoint_id(publish->endpoint, &issuer, &caller) != HARS_OK
        || hars_claim_set_id(publish->claims, path, n) != HARS_OK)
    {
        hars_log_error("the identities of issuer and claims cannot be made");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* one line; the file is to be as closed as a key's */
static int
hars_publish_password(hars_publish_t *publish)
{
    int           fd;
    ssize_t       n;
    struct stat   sb;
    const char   *file;

    file = publish->conf->redis_password_file;

    if (file == NULL) {
        return HARS_OK;
    }

    n = -1;
    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd != -1
        && fstat(fd, &sb) == 0
        && S_ISREG(sb.st_mode)
        && (sb.st_uid == 0 || sb.st_uid == geteuid())
        && (sb.st_mode & (S_IWGRP | S_IRWXO)) == 0)
    {
        n = read(fd, publish->password, sizeof(publish->password) - 1);
    }

    if (fd != -1) {
        close(fd);
    }

    if (n > 0) {
        publish->password[n] = '\0';
        publish->password[strcspn(publish->password, "\r\n")] = '\0';
    }

    if (n <= 0 || publish->password[0] == '\0') {
        hars_log_error("redis_password_file \"%s\" has to be a file with one "
                       "line, owned by root or this user, closed to others",
                       file);
        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_publish_connect(hars_publish_t *publish)
{
    return hars_redis_connect(publish->redis);
}


int
hars_publish_record(hars_publish_t *publish, const hars_token_t *token,
    int64_t now_ms)
{
    char           hex[HARS_KEY_HEX_LEN];
    size_t         len;
    int64_t        ttl, cap;
    unsigned char  sealed[HARS_RECORD_MAX + HARS_SEAL_OVERHEAD];

    ttl = token->exp * 1000 - now_ms;
    cap = (int64_t) publish->conf->record_ttl * 1000;

    if (ttl > cap) {
        ttl = cap;
    }

    if (ttl <= 0) {
        return HARS_DECLINED;
    }

    len = hars_publish_seal(publish, token, now_ms, hex, sealed);

    if (len == 0) {
        hars_log_error("a record cannot be made of a token of client %s",
                       token->client_id);
        return HARS_ERROR;
    }

    return hars_redis_set(publish->redis, hex, sealed, len, ttl, 1);
}


/* key and sealed record; 0: failed */
static size_t
hars_publish_seal(hars_publish_t *publish, const hars_token_t *token,
    int64_t now_ms, char *hex, unsigned char *sealed)
{
    size_t          len;
    hars_record_t   rec;
    unsigned char   key[HARS_KEY_LEN], nonce[HARS_SEAL_NONCE_LEN];
    unsigned char   plain[HARS_RECORD_MAX];

    if (hars_answer_record(token, publish->conf->issuer,
                           publish->conf->record_claims
                           ? publish->conf->record_claims : "",
                           now_ms, &rec) != HARS_OK)
    {
        return 0;
    }

    len = hars_record_encode(&rec, plain, sizeof(plain));

    if (len == 0 || RAND_bytes(nonce, sizeof(nonce)) != 1) {
        return 0;
    }

    pthread_mutex_lock(&publish->mutex);

    if (hars_record_key_hashed(publish->keyer, key, publish->endpoint,
                               publish->claims, token->hash) == HARS_OK)
    {
        len = hars_seal(publish->seal, key, publish->endpoint, nonce, plain,
                        len, sealed);
    } else {
        len = 0;
    }

    pthread_mutex_unlock(&publish->mutex);

    hars_hex(hex, key, HARS_KEY_LEN);

    return len;
}


static int
hars_publish_key(hars_publish_t *publish,
    const unsigned char hash[HARS_SHA256_LEN], char *hex)
{
    int            rc;
    unsigned char  key[HARS_KEY_LEN];

    pthread_mutex_lock(&publish->mutex);
    rc = hars_record_key_hashed(publish->keyer, key, publish->endpoint,
                                publish->claims, hash);
    pthread_mutex_unlock(&publish->mutex);

    if (rc == HARS_OK) {
        hars_hex(hex, key, HARS_KEY_LEN);
    }

    return rc;
}


int
hars_publish_outbox(hars_publish_t *publish, hars_store_t *store,
    int64_t now_ms)
{
    unsigned       i, n;
    hars_outbox_t  row[HARS_STORE_BATCH];

    do {
        if (hars_store_outbox(store, row, &n) != HARS_OK) {
            return HARS_ERROR;
        }

        for (i = 0; i < n; i++) {

            /* first told, then forgotten: told twice does no harm */

            if (hars_publish_tombstone(publish, &row[i], now_ms) != HARS_OK
                || hars_store_outbox_done(store, row[i].hash) != HARS_OK)
            {
                return HARS_ERROR;
            }
        }

    } while (n == HARS_STORE_BATCH);

    return HARS_OK;
}


static int
hars_publish_tombstone(hars_publish_t *publish, const hars_outbox_t *row,
    int64_t now_ms)
{
    char     hex[HARS_KEY_HEX_LEN];
    int64_t  ttl;

    ttl = row->exp * 1000 - now_ms;

    if (ttl <= 0) {
        return HARS_OK;
    }

    if (hars_publish_key(publish, row->hash, hex) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_redis_set(publish->redis, hex, hars_tombstone,
                          HARS_TOMBSTONE_LEN, ttl, 0);
}


int
hars_publish_token_id(hars_publish_t *publish,
    const unsigned char hash[HARS_SHA256_LEN],
    char id[HARS_TOKEN_ID_LEN + 1])
{
    char  hex[HARS_KEY_HEX_LEN];

    if (hars_publish_key(publish, hash, hex) != HARS_OK) {
        return HARS_ERROR;
    }

    memcpy(id, hex, HARS_TOKEN_ID_LEN);
    id[HARS_TOKEN_ID_LEN] = '\0';

    return HARS_OK;
}


/*
 * See hars_as_publish.h for what this is.  Keys are those of the one caller
 * "gateway_client" of this issuer with the claims of "record_claims".
 */

#include "hars_as_publish.h"
#include "hars_as_publish_private.h"
#include "hars_as_answer.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define HARS_PUBLISH_KEYS      64         /* in one entry of the stream */
#define HARS_PUBLISH_MAXLEN    "100000"

/* XADD stream MAXLEN ~ 100000 *, cert C until U, and the keys */
#define HARS_PUBLISH_ARGS      (6 + 4 + 2 * HARS_PUBLISH_KEYS)


/* one round trip: tombstones, the thumbprint, the entry */
typedef struct {
    unsigned                n;            /* tombstones */
    hars_publish_command_t  set[HARS_PUBLISH_KEYS];
    hars_publish_command_t  zadd;
    unsigned                argc;         /* of XADD */
    const char             *argv[HARS_PUBLISH_ARGS];
    size_t                  len[HARS_PUBLISH_ARGS];
    char                    stream[HARS_PUBLISH_NAME];
    hars_redis_command_t    command[HARS_PUBLISH_KEYS + 2];
} hars_publish_entry_t;


static void hars_publish_server(hars_publish_t *publish);
static int hars_publish_keys(hars_publish_t *publish);
static int hars_publish_ids(hars_publish_t *publish);
static int hars_publish_password(hars_publish_t *publish);
static size_t hars_publish_seal(hars_publish_t *publish,
    const hars_token_t *token, int64_t now_ms, char *hex,
    unsigned char *sealed);
static int hars_publish_key(hars_publish_t *publish,
    const unsigned char hash[HARS_SHA256_LEN], char *hex);
static int hars_publish_set(hars_publish_t *publish,
    hars_publish_command_t *command, const char *hex,
    const unsigned char *value, size_t len, int64_t ttl);
static int hars_publish_entry(hars_publish_t *publish,
    hars_publish_entry_t *entry, const hars_outbox_t *row, unsigned n,
    const hars_outbox_t *cert, int64_t now);
static void hars_publish_pair(hars_publish_entry_t *entry, const char *name,
    const char *value, size_t len);
static int hars_publish_send(hars_publish_t *publish,
    hars_publish_entry_t *entry);


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

    hars_publish_server(publish);

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


static void
hars_publish_server(hars_publish_t *publish)
{
    hars_redis_conf_t     *redis;
    const hars_as_conf_t  *conf;

    conf = publish->conf;
    redis = &publish->redis_conf;

    redis->server = conf->redis.value;
    redis->n = conf->redis.n;
    redis->sentinel = conf->redis_sentinel;
    redis->cluster = hars_as_yes(conf->redis_cluster);

    redis->db = conf->redis_db;
    redis->user = conf->redis_user;
    redis->password = conf->redis_password_file ? publish->password : NULL;
    redis->timeout = conf->redis_timeout;

    redis->tls = hars_as_yes(conf->redis_tls);
    redis->tls_ca = conf->redis_tls_ca;
    redis->tls_cert = conf->redis_tls_cert;
    redis->tls_key = conf->redis_tls_key;
    redis->tls_name = conf->redis_tls_name;
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
    char                    hex[HARS_KEY_HEX_LEN];
    size_t                  len;
    int64_t                 ttl, cap;
    unsigned char           sealed[HARS_RECORD_MAX + HARS_SEAL_OVERHEAD];
    hars_publish_command_t  set;
    hars_redis_command_t    command;

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

    if (hars_publish_set(publish, &set, hex, sealed, len, ttl) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_publish_arg(&set, "NX", 2);
    command = hars_publish_command(&set);

    return hars_redis_run(publish->redis, &command, 1);
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
                               publish->claims, token->id.hash) == HARS_OK)
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
hars_publish_name(hars_publish_t *publish, char *name, const char *suffix,
    size_t len)
{
    int  n;

    n = snprintf(name, HARS_PUBLISH_NAME, "%s%.*s",
                 publish->conf->redis_prefix, (int) len, suffix);

    return (n > 0 && n < HARS_PUBLISH_NAME) ? HARS_OK : HARS_ERROR;
}


void
hars_publish_arg(hars_publish_command_t *command, const void *data,
    size_t len)
{
    command->argv[command->argc] = data;
    command->len[command->argc++] = len;
}


hars_redis_command_t
hars_publish_command(const hars_publish_command_t *command)
{
    hars_redis_command_t  c = { .argc = command->argc,
                                .argv = (const char **) command->argv,
                                .len = command->len };

    return c;
}


/* SET name value PX ttl */
static int
hars_publish_set(hars_publish_t *publish, hars_publish_command_t *command,
    const char *hex, const unsigned char *value, size_t len, int64_t ttl)
{
    command->argc = 0;

    if (hars_publish_name(publish, command->name, hex, HARS_KEY_HEX_LEN)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    snprintf(command->number, HARS_PUBLISH_NUMBER, "%lld", (long long) ttl);

    hars_publish_arg(command, "SET", 3);
    hars_publish_arg(command, command->name, strlen(command->name));
    hars_publish_arg(command, value, len);
    hars_publish_arg(command, "PX", 2);
    hars_publish_arg(command, command->number, strlen(command->number));

    return HARS_OK;
}


int
hars_publish_tombstone(hars_publish_t *publish,
    hars_publish_command_t *command, const hars_outbox_t *row, int64_t now)
{
    char  hex[HARS_KEY_HEX_LEN];

    if (hars_publish_key(publish, row->id.hash, hex) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_publish_set(publish, command, hex, hars_tombstone,
                            HARS_TOMBSTONE_LEN, (row->exp - now) * 1000);
}


int
hars_publish_zadd(hars_publish_t *publish, hars_publish_command_t *command,
    const hars_outbox_t *row, int64_t now)
{
    (void) now;

    if (hars_publish_name(publish, command->name, HARS_PUBLISH_CERTS,
                          strlen(HARS_PUBLISH_CERTS)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_b64url_sha256_encode(command->text, row->id.hash);
    snprintf(command->number, HARS_PUBLISH_NUMBER, "%lld",
             (long long) row->exp);

    command->argc = 0;
    hars_publish_arg(command, "ZADD", 4);
    hars_publish_arg(command, command->name, strlen(command->name));
    hars_publish_arg(command, "GT", 2);
    hars_publish_arg(command, command->number, strlen(command->number));
    hars_publish_arg(command, command->text, HARS_B64_SHA256_LEN);

    return HARS_OK;
}


int
hars_publish_revoked(hars_publish_t *publish, const hars_outbox_t *row,
    unsigned n, const hars_outbox_t *cert, int64_t now)
{
    int                    rc;
    unsigned               keys;
    hars_publish_entry_t  *entry;

    entry = malloc(sizeof(hars_publish_entry_t));

    if (entry == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    rc = HARS_OK;

    while (rc == HARS_OK && (n || cert)) {
        keys = (n < HARS_PUBLISH_KEYS) ? n : HARS_PUBLISH_KEYS;

        rc = hars_publish_entry(publish, entry, row, keys, cert, now);

        if (rc == HARS_OK) {
            rc = hars_publish_send(publish, entry);
        }

        row += keys;
        n -= keys;
        cert = NULL;
    }

    free(entry);

    return rc;
}


static int
hars_publish_entry(hars_publish_t *publish, hars_publish_entry_t *entry,
    const hars_outbox_t *row, unsigned n, const hars_outbox_t *cert,
    int64_t now)
{
    unsigned                 i;
    hars_publish_command_t  *set;

    if (hars_publish_name(publish, entry->stream, HARS_PUBLISH_STREAM,
                          strlen(HARS_PUBLISH_STREAM)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    entry->n = 0;
    entry->zadd.argc = 0;
    entry->argc = 0;

    hars_publish_pair(entry, "XADD", entry->stream, strlen(entry->stream));
    hars_publish_pair(entry, "MAXLEN", "~", 1);
    hars_publish_pair(entry, HARS_PUBLISH_MAXLEN, "*", 1);

    if (cert) {
        if (hars_publish_zadd(publish, &entry->zadd, cert, now) != HARS_OK) {
            return HARS_ERROR;
        }

        hars_publish_pair(entry, "cert", entry->zadd.text,
                          HARS_B64_SHA256_LEN);
        hars_publish_pair(entry, "until", entry->zadd.number,
                          strlen(entry->zadd.number));
    }

    for (i = 0; i < n; i++) {
        if (row[i].exp <= now) {
            continue;
        }

        set = &entry->set[entry->n];

        if (hars_publish_tombstone(publish, set, &row[i], now) != HARS_OK) {
            return HARS_ERROR;
        }

        /* the key is the end of the name */

        hars_publish_pair(entry, "key",
                          set->name + strlen(publish->conf->redis_prefix),
                          HARS_KEY_HEX_LEN);
        entry->n++;
    }

    return HARS_OK;
}


/* two arguments more of XADD */
static void
hars_publish_pair(hars_publish_entry_t *entry, const char *name,
    const char *value, size_t len)
{
    entry->argv[entry->argc] = name;
    entry->len[entry->argc++] = strlen(name);
    entry->argv[entry->argc] = value;
    entry->len[entry->argc++] = len;
}


/* a gateway that reads the entry finds its tombstones in place */
static int
hars_publish_send(hars_publish_t *publish, hars_publish_entry_t *entry)
{
    unsigned               i, n;
    hars_redis_command_t  *command;

    command = entry->command;
    n = 0;

    for (i = 0; i < entry->n; i++) {
        command[n++] = hars_publish_command(&entry->set[i]);
    }

    if (entry->zadd.argc) {
        command[n++] = hars_publish_command(&entry->zadd);
    }

    if (n == 0) {
        return HARS_OK;
    }

    command[n++] = (hars_redis_command_t) { .argc = entry->argc,
                                            .argv = entry->argv,
                                            .len = entry->len,
                                            .last = 1 };

    return hars_redis_run(publish->redis, command, n);
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


/*
 * What goes to Redis: the record opens under the key that a gateway computes
 * from the token itself, and holds what introspection would say; tombstones
 * leave the outbox only once they are told.  Redis and the store are here.
 */

/* link: -ljansson -lcrypto -lpthread */

#include "../../backend/authserver/hars_as_publish.c"
#include "../../backend/authserver/hars_as_answer.c"
#include "../../backend/authserver/hars_as_kind.c"
#include "../../backend/authserver/hars_as_words.c"
#include "../../backend/common/hars_log.c"
#include "../../common/hars_record.c"

#include "tap.h"

#include <openssl/evp.h>


#define NOW     1800000000
#define TOKEN   "hats_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


static struct {
    int            rc;
    unsigned       calls;
    char           key[HARS_KEY_HEX_LEN];
    unsigned char  value[HARS_RECORD_MAX + HARS_SEAL_OVERHEAD];
    size_t         len;
    int64_t        ttl;
    int            unless;
} redis;

static hars_outbox_t  outbox[3];
static unsigned       noutbox;


hars_redis_t *
hars_redis_create(const hars_redis_conf_t *conf)
{
    (void) conf;

    return (hars_redis_t *) &redis;
}


void
hars_redis_free(hars_redis_t *r)
{
    (void) r;
}


int
hars_redis_connect(hars_redis_t *r)
{
    (void) r;

    return redis.rc;
}


int
hars_redis_set(hars_redis_t *r, const char *key, const unsigned char *value,
    size_t len, int64_t ttl, int unless)
{
    (void) r;

    redis.calls++;
    memcpy(redis.key, key, HARS_KEY_HEX_LEN);
    memcpy(redis.value, value, len);
    redis.len = len;
    redis.ttl = ttl;
    redis.unless = unless;

    return redis.rc;
}


int
hars_store_outbox(hars_store_t *store, hars_outbox_t *row, unsigned *n)
{
    (void) store;

    memcpy(row, outbox, noutbox * sizeof(hars_outbox_t));
    *n = noutbox;

    return HARS_OK;
}


int
hars_store_outbox_done(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN])
{
    (void) store;

    if (noutbox == 0 || memcmp(outbox[0].hash, hash, HARS_SHA256_LEN) != 0) {
        return HARS_ERROR;
    }

    noutbox--;
    memmove(outbox, outbox + 1, noutbox * sizeof(hars_outbox_t));

    return HARS_OK;
}


static hars_str_t
str(const char *s)
{
    return (hars_str_t) { strlen(s), (unsigned char *) s };
}


static void
key_file(const char *path, char c)
{
    int   fd;
    char  digits[64];

    memset(digits, c, sizeof(digits));
    fd = open(path, O_WRONLY | O_CREAT, 0600);

    if (write(fd, digits, sizeof(digits)) != sizeof(digits)) {
        abort();
    }

    close(fd);
}


/* all as a gateway does it, from the token and the two secrets alone */
static void
opened(const hars_token_t *token)
{
    size_t          len;
    hars_str_t      issuer, caller, claim, value;
    hars_seal_t    *seal;
    hars_keyer_t   *keyer;
    hars_record_t   rec;
    unsigned char   zone[HARS_SECRET_LEN], secret[1][HARS_SECRET_LEN];
    unsigned char   endpoint[HARS_SHA256_LEN], claims[HARS_SHA256_LEN];
    unsigned char   key[HARS_KEY_LEN], plain[HARS_RECORD_MAX];
    char            hex[HARS_KEY_HEX_LEN];

    memset(zone, 0xaa, sizeof(zone));
    memset(secret, 0xbb, sizeof(secret));

    issuer = str("https://auth.hars.localhost");
    caller = str("gateway");
    claim = str("hars_kind");
    value = str(TOKEN);

    keyer = hars_keyer_create(zone);
    seal = hars_seal_create((const unsigned char (*)[HARS_SECRET_LEN]) secret,
                            1);
    hars_endpoint_id(endpoint, &issuer, &caller);
    hars_claim_set_id(claims, &claim, 1);
    hars_record_key(keyer, key, endpoint, claims, &value);
    hars_hex(hex, key, HARS_KEY_LEN);

    ok(memcmp(hex, redis.key, HARS_KEY_HEX_LEN) == 0, "the gateway's key");

    ok(hars_open(seal, key, endpoint, redis.value, redis.len, plain, &len)
       == HARS_OK && hars_record_decode(&rec, plain, len) == HARS_OK,
       "the gateway's seal opens it");

    ok(rec.active && rec.exp == NOW + 300 && rec.checked_at == NOW * 1000LL
       && memcmp(rec.cnf, token->cnf, HARS_SHA256_LEN) == 0
       && rec.nclaims == 1 && rec.claim[0].len == 7
       && memcmp(rec.claim[0].data, "service", 7) == 0, "the record");

    hars_seal_free(seal);
    hars_keyer_free(keyer);
}


static void
records(hars_publish_t *publish, hars_token_t *token)
{
    redis.rc = HARS_OK;

    ok(hars_publish_record(publish, token, NOW * 1000LL) == HARS_OK
       && redis.unless, "a record, which never replaces");
    ok(redis.ttl == 60000, "for record_ttl at most");
    opened(token);

    hars_publish_record(publish, token, (NOW + 299) * 1000LL + 1);
    ok(redis.ttl == 999, "or for the rest of the token's life");

    redis.calls = 0;
    ok(hars_publish_record(publish, token, (NOW + 300) * 1000LL)
       == HARS_DECLINED && redis.calls == 0, "none of one that has ended");

    redis.rc = HARS_ERROR;
    ok(hars_publish_record(publish, token, NOW * 1000LL) == HARS_ERROR,
       "an error is told");
}


static void
tombstones(hars_publish_t *publish, const hars_token_t *token)
{
    char  key[HARS_KEY_HEX_LEN], id[HARS_TOKEN_ID_LEN + 1];

    memcpy(key, redis.key, sizeof(key));
    memcpy(outbox[0].hash, token->hash, HARS_SHA256_LEN);
    outbox[0].exp = NOW + 300;
    memset(outbox[1].hash, 1, HARS_SHA256_LEN);
    outbox[1].exp = NOW;
    memset(outbox[2].hash, 2, HARS_SHA256_LEN);
    outbox[2].exp = NOW + 1;
    noutbox = 3;

    redis.rc = HARS_ERROR;
    ok(hars_publish_outbox(publish, NULL, NOW * 1000LL) == HARS_ERROR
       && noutbox == 3, "what Redis did not take stays");
    ok(memcmp(key, redis.key, HARS_KEY_HEX_LEN) == 0
       && redis.len == HARS_TOMBSTONE_LEN
       && hars_is_tombstone(redis.value, redis.len)
       && redis.ttl == 300000 && !redis.unless,
       "a tombstone under the record's key replaces it");

    redis.rc = HARS_OK;
    redis.calls = 0;
    ok(hars_publish_outbox(publish, NULL, NOW * 1000LL) == HARS_OK
       && noutbox == 0 && redis.calls == 2,
       "all is told but what has ended");

    ok(hars_publish_token_id(publish, token->hash, id) == HARS_OK
       && memcmp(id, key, HARS_TOKEN_ID_LEN) == 0, "the token's id");
}


int
main(void)
{
    char             dir[] = "/tmp/hars-publish-XXXXXX";
    char             zone[64], seal[64], file[64];
    hars_token_t     token;
    hars_as_conf_t   conf;
    hars_publish_t  *publish;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(zone, sizeof(zone), "%s/zone", dir);
    snprintf(seal, sizeof(seal), "%s/seal", dir);
    snprintf(file, sizeof(file), "%s/password", dir);
    key_file(zone, 'a');
    key_file(seal, 'b');

    memset(&conf, 0, sizeof(conf));
    conf.issuer = "https://auth.hars.localhost";
    conf.gateway_client = "gateway";
    conf.redis = "unix:/nowhere";
    conf.redis_prefix = "hars:";
    conf.record_ttl = 60;
    conf.record_claims = "hars_kind";
    conf.zone_key = zone;
    conf.seal_key.n = 1;
    conf.seal_key.value[0] = seal;

    memset(&token, 0, sizeof(token));
    memset(token.cnf, 0xcc, HARS_SHA256_LEN);
    strcpy(token.client_id, "dcm-1");
    strcpy(token.sub, "dcm-1");
    strcpy(token.scope, "ml:recognize");
    strcpy(token.aud, "https://ml.hars.localhost/");
    token.kind = hars_kind_find("service");
    token.iat = NOW;
    token.exp = NOW + 300;
    EVP_Digest(TOKEN, strlen(TOKEN), token.hash, NULL, EVP_sha256(), NULL);

    publish = hars_publish_create(&conf);

    if (ok(publish != NULL, "ready")) {
        records(publish, &token);
        tombstones(publish, &token);
    }

    hars_publish_free(publish);

    key_file(file, 'p');
    conf.redis_password_file = file;
    publish = hars_publish_create(&conf);
    ok(publish && strlen(publish->password) == 64, "a password file");
    hars_publish_free(publish);

    chmod(file, 0644);
    ok(hars_publish_create(&conf) == NULL, "one that others can read");

    conf.redis_password_file = NULL;
    conf.seal_key.value[0] = zone;
    ok(hars_publish_create(&conf) == NULL, "one key for both purposes");

    unlink(zone);
    unlink(seal);
    unlink(file);
    rmdir(dir);

    return tap_done();
}


/*
 * What goes to Redis: the record opens under the key that a gateway computes
 * from the token itself, and holds what introspection would say; tombstones
 * leave the outbox only once they are told.  Redis and the store are here.
 */

/* link: -ljansson -lcrypto -lpthread */

#include "../../backend/authserver/hars_as_publish.c"
#include "../../backend/authserver/hars_as_answer.c"
#include "../../backend/authserver/hars_as_json.c"
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
    unsigned       calls;                 /* round trips */
    unsigned       commands;
    char           key[HARS_KEY_HEX_LEN]; /* of the last SET */
    unsigned char  value[HARS_RECORD_MAX + HARS_SEAL_OVERHEAD];
    size_t         len;
    int64_t        ttl;
    int            unless;
    char           text[16384];           /* the last round trip but SETs */
} redis;


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
hars_redis_run(hars_redis_t *r, const hars_redis_command_t *command,
    unsigned n)
{
    unsigned  i, j;

    (void) r;

    redis.calls++;
    redis.commands = n;
    redis.text[0] = '\0';

    for (i = 0; i < n; i++) {

        if (strcmp(command[i].argv[0], "SET") == 0) {
            memcpy(redis.key, command[i].argv[1] + strlen("hars:"),
                   HARS_KEY_HEX_LEN);
            redis.len = command[i].len[2];
            memcpy(redis.value, command[i].argv[2], redis.len);
            redis.ttl = atoll(command[i].argv[4]);
            redis.unless = (command[i].argc == 6);
            strcat(redis.text, "SET ");
            continue;
        }

        for (j = 0; j < command[i].argc; j++) {
            strncat(redis.text, command[i].argv[j], command[i].len[j]);
            strcat(redis.text, " ");
        }
    }

    return redis.rc;
}


unsigned
hars_as_yes(const char *value)
{
    return strcmp(value, "yes") == 0;
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
    char           key[HARS_KEY_HEX_LEN], id[HARS_TOKEN_ID_LEN + 1];
    char           text[512];
    unsigned       i;
    hars_outbox_t  row[130], cert;

    memcpy(key, redis.key, sizeof(key));
    memset(row, 0, sizeof(row));
    memcpy(row[0].id.hash, token->id.hash, HARS_SHA256_LEN);
    row[0].exp = NOW + 300;

    redis.rc = HARS_OK;
    ok(hars_publish_revoked(publish, row, 1, NULL, NOW) == HARS_OK,
       "a revocation");
    ok(memcmp(key, redis.key, HARS_KEY_HEX_LEN) == 0
       && redis.len == HARS_TOMBSTONE_LEN
       && hars_is_tombstone(redis.value, redis.len)
       && redis.ttl == 300000 && !redis.unless,
       "a tombstone under the record's key replaces it");

    snprintf(text, sizeof(text), "SET XADD hars:{revoked}stream MAXLEN ~ "
             "100000 * key %.64s ", key);
    ok(strcmp(redis.text, text) == 0, "and then the entry: %s", redis.text);

    memset(cert.id.hash, 0, HARS_SHA256_LEN);
    cert.exp = NOW + 99;
    hars_publish_revoked(publish, row, 1, &cert, NOW);
    snprintf(text, sizeof(text), "SET ZADD hars:{revoked}certs GT "
             "1800000099 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA XADD "
             "hars:{revoked}stream MAXLEN ~ 100000 * cert "
             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA until 1800000099 "
             "key %.64s ", key);
    ok(strcmp(redis.text, text) == 0, "a certificate: %s", redis.text);

    redis.rc = HARS_ERROR;
    ok(hars_publish_revoked(publish, row, 1, NULL, NOW)
       == HARS_ERROR, "an error is told");

    for (i = 1; i < 130; i++) {
        row[i].id.hash[0] = (unsigned char) i;
        row[i].exp = NOW + 1;
    }

    redis.rc = HARS_OK;
    redis.calls = 0;
    hars_publish_revoked(publish, row, 130, &cert, NOW);
    ok(redis.calls == 3 && redis.commands == 3, "64 keys in one entry");

    redis.calls = 0;
    ok(hars_publish_revoked(publish, row + 1, 1, NULL, NOW + 1)
       == HARS_OK && redis.calls == 0, "nothing of what has ended");

    ok(hars_publish_token_id(publish, token->id.hash, id) == HARS_OK
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
    conf.redis.n = 1;
    conf.redis.value[0] = "unix:/nowhere";
    conf.redis_cluster = "no";
    conf.redis_tls = "no";
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
    EVP_Digest(TOKEN, strlen(TOKEN), token.id.hash, NULL, EVP_sha256(), NULL);

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

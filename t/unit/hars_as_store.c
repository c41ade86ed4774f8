
/* the store: what is put comes out, revocation and outbox are one step */

/* link: common/hars_record.c -lsqlite3 -lpthread -lcrypto */

#include "../../backend/authserver/hars_as_store.c"
#include "../../backend/authserver/hars_as_row.c"
#include "../../backend/authserver/hars_as_kind.c"
#include "../../backend/authserver/hars_as_auth.c"
#include "../../backend/authserver/hars_as_dn.c"
#include "../../backend/authserver/hars_as_form.c"
#include "../../backend/authserver/hars_as_words.c"
#include "../../backend/common/hars_log.c"

#include "tap.h"


#define NOW  1800000000


static char  path[256];


static void
fill(hars_token_t *token, unsigned char id, int64_t exp)
{
    memset(token, 0, sizeof(hars_token_t));
    memset(token->hash, id, HARS_SHA256_LEN);
    memset(token->cnf, 0xc0, HARS_SHA256_LEN);

    strcpy(token->client_id, "dcm-1");
    strcpy(token->sub, "dcm-1");
    strcpy(token->scope, "ml:recognize");
    strcpy(token->aud, "https://a/\nhttps://b/");
    token->kind = hars_kind_find("service");
    token->iat = NOW;
    token->exp = exp;
}


static void
count(void *data, const hars_client_t *client)
{
    (void) client;

    (*(unsigned *) data)++;
}


static void
clients(hars_store_t *store)
{
    unsigned       n;
    hars_token_t   token;
    hars_client_t  client, got;

    memset(&client, 0, sizeof(client));
    strcpy(client.id, "dcm-1");
    strcpy(client.sub, "it's; --");
    client.auth = hars_auth_find("subject_dn");
    strcpy(client.auth_value, "CN=dcm-1,O=\"x'");
    strcpy(client.scope, "ml:recognize");
    strcpy(client.resources, "https://a/\nhttps://b/");
    client.kind = hars_kind_find("service");
    client.token_ttl = 77;
    client.created_at = NOW;

    ok(hars_store_client_get(store, "dcm-1", &got) == HARS_DECLINED,
       "no client yet");
    ok(hars_store_client_add(store, &client) == HARS_OK, "a client is added");
    ok(hars_store_client_add(store, &client) == HARS_DECLINED,
       "and not twice");
    ok(hars_store_client_get(store, "dcm-1", &got) == HARS_OK
       && memcmp(&client, &got, sizeof(client)) == 0, "and comes out whole");

    strcpy(client.id, "dcm-2");
    client.auth = hars_auth_find("secret");
    memset(client.auth_value, 0, sizeof(client.auth_value));
    strcpy(client.issuer_dn, "CN=x");
    memset(client.secret, 3, HARS_SHA256_LEN);
    client.has_secret = 1;
    client.disabled_at = NOW;
    ok(hars_store_client_add(store, &client) == HARS_OK
       && hars_store_client_get(store, "dcm-2", &got) == HARS_OK
       && memcmp(&client, &got, sizeof(client)) == 0, "another one, too");

    fill(&token, 0x40, NOW + 300);
    strcpy(token.client_id, "dcm-2");
    ok(hars_store_token_add(store, &token) == HARS_DECLINED,
       "it is disabled, and gets no token");
    ok(hars_store_client_disable(store, "dcm-2", 0) == HARS_OK
       && hars_store_token_add(store, &token) == HARS_OK,
       "until it is enabled");
    strcpy(token.client_id, "nobody");
    token.hash[0]++;
    ok(hars_store_token_add(store, &token) == HARS_DECLINED
       && hars_store_client_disable(store, "nobody", NOW) == HARS_DECLINED,
       "nobody gets none, and cannot be disabled");
    ok(hars_store_client_remove(store, "dcm-2") == HARS_OK
       && hars_store_client_get(store, "dcm-2", &got) == HARS_DECLINED
       && hars_store_client_add(store, &client) == HARS_OK
       && hars_store_client_disable(store, "dcm-2", 0) == HARS_OK,
       "removed, and registered again");

    n = 0;
    ok(hars_store_client_each(store, count, &n) == HARS_OK && n == 2,
       "and is listed");
}


static int
end(hars_store_t *store, hars_revoke_e what, const char *id,
    unsigned char hash, int64_t now, unsigned *n)
{
    hars_revoke_t         what_ = { .what = what, .id = id,
                                    .until = NOW + 1000 };
    static hars_outbox_t  row[HARS_STORE_BATCH];

    memset(what_.hash, hash, HARS_SHA256_LEN);

    return hars_store_revoke(store, &what_, now, row, n);
}


static void
tokens(hars_store_t *store, hars_store_t *other)
{
    unsigned       n;
    hars_token_t   token, got;
    hars_outbox_t  row[HARS_STORE_BATCH];

    fill(&token, 1, NOW + 300);

    ok(hars_store_token_get(store, token.hash, &got) == HARS_DECLINED,
       "no token yet");
    ok(hars_store_token_add(store, &token) == HARS_OK, "a token is added");
    ok(hars_store_token_get(other, token.hash, &got) == HARS_OK
       && memcmp(&token, &got, sizeof(token)) == 0,
       "and another connection has it whole");
    ok(hars_store_token_add(store, &token) == HARS_ERROR, "never twice");

    ok(hars_store_outbox(store, row, &n) == HARS_OK && n == 0,
       "the outbox is empty");
    ok(end(other, HARS_REVOKE_TOKEN, NULL, 1, NOW + 5, &n) == HARS_OK
       && n == 1, "the token is revoked");
    ok(hars_store_token_get(store, token.hash, &got) == HARS_OK
       && got.revoked_at == NOW + 5, "which is seen at once");
    ok(hars_store_outbox(store, row, &n) == HARS_OK && n == 1
       && memcmp(row[0].hash, token.hash, HARS_SHA256_LEN) == 0
       && row[0].exp == NOW + 300, "and stands in the outbox");

    ok(hars_store_outbox_done(store, row, 1) == HARS_OK
       && hars_store_outbox(store, row, &n) == HARS_OK && n == 0,
       "done, it leaves the outbox");

    ok(end(store, HARS_REVOKE_TOKEN, NULL, 1, NOW + 9, &n) == HARS_OK
       && n == 1
       && hars_store_token_get(store, token.hash, &got) == HARS_OK
       && got.revoked_at == NOW + 5
       && hars_store_outbox(store, row, &n) == HARS_OK && n == 1,
       "revoked again, it keeps its time and is told again");
    hars_store_outbox_done(store, row, 1);

    fill(&token, 2, NOW - 1);
    hars_store_token_add(store, &token);
    ok(end(store, HARS_REVOKE_TOKEN, NULL, 2, NOW, &n) == HARS_OK
       && n == 0
       && hars_store_outbox(store, row, &n) == HARS_OK && n == 0,
       "what has ended needs no telling");

    ok(end(store, HARS_REVOKE_TOKEN, NULL, 9, NOW, &n) == HARS_DECLINED,
       "what is not there cannot be revoked");
}


/* all live ones of a client, a subject, a certificate */
static void
several(hars_store_t *store)
{
    unsigned        i, n;
    hars_token_t    token;
    hars_outbox_t   row[HARS_STORE_BATCH], cert;

    for (i = 0; i < HARS_STORE_BATCH + 10; i++) {
        fill(&token, 0x10, i == 0 ? NOW : NOW + 300);
        memcpy(token.hash, &i, sizeof(i));
        strcpy(token.client_id, i == 1 ? "dcm-2" : "dcm-1");
        strcpy(token.sub, "alice");
        token.cnf[0] = (i < 3) ? 1 : 0xc0;
        hars_store_token_add(store, &token);
    }

    ok(end(store, HARS_REVOKE_CLIENT, "dcm-1", 0, NOW, &n) == HARS_OK
       && n == HARS_STORE_BATCH, "a client's tokens, a batch");
    ok(end(store, HARS_REVOKE_CLIENT, "dcm-1", 0, NOW, &n) == HARS_OK
       && n == 8, "and the rest, without the one that has ended");
    ok(end(store, HARS_REVOKE_CLIENT, "dcm-1", 0, NOW, &n) == HARS_OK
       && n == 0, "and then there are none");
    ok(end(store, HARS_REVOKE_SUB, "alice", 0, NOW, &n) == HARS_OK
       && n == 1, "a subject's, the other client's one");

    do {
        hars_store_outbox(store, row, &n);
        hars_store_outbox_done(store, row, n);
    } while (n);

    fill(&token, 0x20, NOW + 300);
    memset(token.cnf, 7, HARS_SHA256_LEN);
    hars_store_token_add(store, &token);

    ok(hars_store_cert_revoked(store, token.cnf) == HARS_DECLINED
       && hars_store_outbox_cert(store, &cert) == HARS_DECLINED,
       "no certificate is revoked");
    ok(end(store, HARS_REVOKE_CERT, NULL, 7, NOW, &n) == HARS_OK && n == 1
       && hars_store_cert_revoked(store, token.cnf) == HARS_OK,
       "one is, with its token");
    ok(hars_store_outbox_cert(store, &cert) == HARS_OK
       && memcmp(cert.hash, token.cnf, HARS_SHA256_LEN) == 0
       && cert.exp == NOW + 1000, "it stands in the outbox");
    ok(hars_store_outbox_cert_done(store, &cert) == HARS_OK
       && hars_store_outbox_cert(store, &cert) == HARS_DECLINED,
       "and leaves it");

    memset(token.hash, 0x21, HARS_SHA256_LEN);
    ok(hars_store_token_add(store, &token) == HARS_DECLINED,
       "it gets no token any more");

    hars_store_exec(store, "UPDATE token SET revoked_at = 0 WHERE cnf ="
                    " x'0707070707070707070707070707070707070707070707070707"
                    "070707070707'");
    memset(token.hash, 0x20, HARS_SHA256_LEN);
    ok(hars_store_token_get(store, token.hash, &token) == HARS_OK
       && token.revoked_at == NOW, "its tokens are revoked, whatever they "
       "say");
}


/* page by page, each once, the ended ones not */
static void
pages(hars_store_t *store)
{
    unsigned       i, n, total;
    hars_token_t   token;
    hars_outbox_t  row[HARS_STORE_BATCH];

    hars_store_exec(store, "DELETE FROM token; DELETE FROM revoked_cert");

    for (i = 0; i < HARS_STORE_BATCH + 10; i++) {
        fill(&token, 0, NOW + 100 + i % 3);
        memcpy(token.hash, &i, sizeof(i));
        hars_store_token_add(store, &token);
    }

    do {
        end(store, HARS_REVOKE_CLIENT, "dcm-1", 0, NOW, &n);
    } while (n);

    for (n = 0, total = 0; ; total += n) {
        if (hars_store_revoked(store, NOW + 99, row, &n) != HARS_OK || n == 0)
        {
            break;
        }
    }

    ok(total == HARS_STORE_BATCH + 10, "all that is revoked: %u", total);

    n = 0;
    hars_store_revoked(store, NOW + 101, row, &n);
    ok(n == (HARS_STORE_BATCH + 10) / 3, "without what has ended: %u", n);

    end(store, HARS_REVOKE_CERT, NULL, 0, NOW, &n);
    end(store, HARS_REVOKE_CERT, NULL, 0xff, NOW, &n);
    n = 0;
    ok(hars_store_revoked_certs(store, NOW, row, &n) == HARS_OK && n == 2
       && hars_store_revoked_certs(store, NOW, row, &n) == HARS_OK && n == 0,
       "the first and the last certificate there can be");
    n = 0;
    ok(hars_store_revoked_certs(store, NOW + 1000, row, &n) == HARS_OK
       && n == 0, "without those that have ended");
}


static void
told(hars_store_t *store, hars_store_t *other)
{
    char  mark[HARS_STORE_MARK];

    ok(hars_store_told(store, mark) == HARS_OK && mark[0] == '\0',
       "nobody was told");
    ok(hars_store_tell(store, "1 a b") == HARS_OK
       && hars_store_tell(store, "2 c") == HARS_OK
       && hars_store_told(other, mark) == HARS_OK && strcmp(mark, "2 c") == 0,
       "who was told last");
}


/* a database as it was before certificates could be revoked */
static void
older(hars_store_t *store)
{
    hars_token_t   token;
    hars_store_t  *other;

    hars_store_exec(store, "DROP TABLE told;"
                    "DROP TABLE revoked_cert; DROP TABLE outbox_cert;"
                    "DROP INDEX token_client; DROP INDEX token_sub;"
                    "DROP INDEX token_cnf; DROP INDEX token_revoked;"
                    "ALTER TABLE client RENAME COLUMN auth_value TO"
                    " subject_dn; ALTER TABLE client DROP COLUMN auth;"
                    "ALTER TABLE client DROP COLUMN issuer_dn;"
                    "ALTER TABLE client DROP COLUMN secret;"
                    "ALTER TABLE client DROP COLUMN disabled_at;"
                    "PRAGMA user_version = 1");

    other = hars_store_open(path, HARS_STORE_FAST);

    fill(&token, 0x30, NOW + 300);
    ok(other && hars_store_token_add(other, &token) == HARS_OK,
       "an older layout is brought up to date");
    hars_store_close(other);
}


static void
sweep(hars_store_t *store)
{
    hars_token_t  token;

    fill(&token, 3, NOW + 10);
    hars_store_token_add(store, &token);

    ok(hars_store_sweep(store, NOW + 10) == HARS_OK, "swept");
    ok(hars_store_token_get(store, token.hash, &token) == HARS_OK,
       "what ends then stays");

    memset(token.hash, 2, HARS_SHA256_LEN);
    ok(hars_store_token_get(store, token.hash, &token) == HARS_DECLINED,
       "what ended before is gone");
}


static void
broken(hars_store_t *store)
{
    hars_client_t  client;
    hars_store_t  *other;

    hars_store_exec(store, "INSERT INTO client (" HARS_STORE_CLIENT ")"
                    " VALUES ('x', 'wizard', 's', 'none', '', '', x'', '',"
                    " '', 0, 0, 0)");
    ok(hars_store_client_get(store, "x", &client) == HARS_ERROR,
       "a row of an unknown kind is an error");

    hars_store_exec(store, "INSERT INTO client (" HARS_STORE_CLIENT ")"
                    " SELECT 'y', 'service',"
                    " group_concat(sub, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
                    " || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'),"
                    " 'none', '', '', x'', '', '', 0, 0, 0 FROM client");
    ok(hars_store_client_get(store, "y", &client) == HARS_ERROR,
       "a row that does not fit is an error");

    hars_store_exec(store, "PRAGMA user_version = 99");
    other = hars_store_open(path, HARS_STORE_FAST);
    ok(other == NULL, "a database of another version is left alone");
    hars_store_close(other);
}


int
main(void)
{
    char           dir[] = "/tmp/hars-store-XXXXXX", name[300];
    hars_store_t  *store, *other;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(path, sizeof(path), "%s/db", dir);

    store = hars_store_open(path, HARS_STORE_DURABLE);
    other = hars_store_open(path, HARS_STORE_FAST);

    if (!ok(store && other, "a store is made, and opened again")) {
        return tap_done();
    }

    clients(store);
    tokens(store, other);
    several(store);
    pages(store);
    told(store, other);
    older(store);
    sweep(store);
    broken(store);

    hars_store_close(other);
    hars_store_close(store);

    ok(hars_store_open("/nonexistent/db", HARS_STORE_FAST) == NULL,
       "no directory, no store");

    remove(path);
    snprintf(name, sizeof(name), "%s-wal", path);
    remove(name);
    snprintf(name, sizeof(name), "%s-shm", path);
    remove(name);
    remove(dir);

    return tap_done();
}

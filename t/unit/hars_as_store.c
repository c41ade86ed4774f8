
/* the store: what is put comes out, revocation and outbox are one step */

/* link: -lsqlite3 -lpthread */

#include "../../backend/authserver/hars_as_store.c"
#include "../../backend/authserver/hars_as_row.c"
#include "../../backend/authserver/hars_as_kind.c"
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
    hars_client_t  client, got;

    memset(&client, 0, sizeof(client));
    strcpy(client.id, "dcm-1");
    strcpy(client.sub, "it's; --");
    strcpy(client.subject_dn, "CN=dcm-1,O=\"x'");
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

    n = 0;
    ok(hars_store_client_each(store, count, &n) == HARS_OK && n == 1,
       "and is listed");
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
    ok(hars_store_token_revoke(other, token.hash, NOW + 5) == HARS_OK,
       "the token is revoked");
    ok(hars_store_token_get(store, token.hash, &got) == HARS_OK
       && got.revoked_at == NOW + 5, "which is seen at once");
    ok(hars_store_outbox(store, row, &n) == HARS_OK && n == 1
       && memcmp(row[0].hash, token.hash, HARS_SHA256_LEN) == 0
       && row[0].exp == NOW + 300, "and stands in the outbox");

    ok(hars_store_token_revoke(store, token.hash, NOW + 9) == HARS_OK
       && hars_store_token_get(store, token.hash, &got) == HARS_OK
       && got.revoked_at == NOW + 5, "revoked again, it keeps its time");

    ok(hars_store_outbox_done(store, token.hash) == HARS_OK
       && hars_store_outbox(store, row, &n) == HARS_OK && n == 0,
       "done, it leaves the outbox");

    fill(&token, 2, NOW - 1);
    hars_store_token_add(store, &token);
    ok(hars_store_token_revoke(store, token.hash, NOW) == HARS_OK
       && hars_store_outbox(store, row, &n) == HARS_OK && n == 0,
       "what has ended needs no telling");

    memset(token.hash, 9, HARS_SHA256_LEN);
    ok(hars_store_token_revoke(store, token.hash, NOW) == HARS_DECLINED,
       "what is not there cannot be revoked");
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

    hars_store_exec(store, "INSERT INTO client VALUES ('x', 'wizard', 's',"
                    " '', '', '', 0, 0)");
    ok(hars_store_client_get(store, "x", &client) == HARS_ERROR,
       "a row of an unknown kind is an error");

    hars_store_exec(store, "INSERT INTO client SELECT 'y', 'service',"
                    " group_concat(sub, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
                    " || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'),"
                    " '', '', '', 0, 0 FROM client");
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

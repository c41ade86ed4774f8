
/*
 * The store's initial access tokens: a policy comes out as it was put, a use
 * is counted together with the client that it made or not at all, and an
 * update meets what it was made from or nothing; who ends itself does so
 * together with its tokens.
 *
 * HARS_TEST_DATABASE: an empty database that is used instead of a new file.
 */

/* link: backend/authserver/hars_as_store_token.c */
/* link: common/hars_record.c -lsqlite3 -lpq -ljansson -lpthread -lcrypto */

#include "../../backend/authserver/hars_as_store_register.c"
#include "../../backend/authserver/hars_as_policy.c"
#include "../../backend/authserver/hars_as_registration.c"
#include "../../backend/authserver/hars_as_registration_echo.c"
#include "../../backend/authserver/hars_as_registration_jwks.c"
#include "../../backend/authserver/hars_as_answer.c"
#include "../../backend/authserver/hars_as_json.c"
#include "../../backend/authserver/hars_as_cert.c"
#include "../../backend/common/hars_store.c"
#include "../../backend/common/hars_store_queue.c"
#include "../../backend/authserver/hars_as_store_client.c"
#include "../../backend/authserver/hars_as_store_revoke.c"
#include "../../backend/authserver/hars_as_store_crl.c"
#include "../../backend/authserver/hars_as_store_family.c"
#include "../../backend/authserver/hars_as_family.c"
#include "../../backend/authserver/hars_as_value.c"
#include "../../backend/authserver/hars_as_layout.c"
#include "../../backend/common/hars_layout.c"
#include "../../backend/common/hars_db.c"
#include "../../backend/common/hars_db_sqlite.c"
#include "../../backend/common/hars_db_pg.c"
#include "../../backend/common/hars_db_pg_conn.c"
#include "../../backend/authserver/hars_as_row.c"
#include "../../backend/authserver/hars_as_kind.c"
#include "../../backend/authserver/hars_as_auth.c"
#include "../../backend/authserver/hars_as_dn.c"
#include "../../backend/authserver/hars_as_dn_memo.c"
#include "../../backend/authserver/hars_as_dn_parse.c"
#include "../../backend/authserver/hars_as_form.c"
#include "../../backend/authserver/hars_as_words.c"
#include "../../backend/common/hars_log.c"
#include "../../backend/common/hars_owner.c"
#include "../../backend/common/hars_sha256.c"

#include "tap.h"

#include <stdatomic.h>


#define NOW       1800000000
#define TOGETHER  20                      /* threads */


static hars_store_t           *store;
static hars_register_token_t   shared;
static atomic_uint             made, refused;


static void
fill_token(hars_register_token_t *token, unsigned char id, int64_t uses)
{
    memset(token, 0, sizeof(hars_register_token_t));
    memset(token->hash, id, HARS_SHA256_LEN);
    token->uses = uses;
    token->created_at = NOW;
    token->expires_at = NOW + 100;
    token->policy.kind = hars_kind_find("service");
    token->policy.secret = 1;
    strcpy(token->policy.scope, "ml:recognize");
    strcpy(token->policy.resources, "https://a/\nhttps://b/");
    strcpy(token->policy.issuer_dn, "CN=x\\,y");
    hars_policy_name(&token->policy, hars_auth_find("subject_dn"), "CN=a b");
    hars_policy_name(&token->policy, hars_auth_find("san_dns"), "x.example");
}


static void
fill_client(hars_client_t *client, const char *id)
{
    memset(client, 0, sizeof(hars_client_t));
    strcpy(client->id, id);
    strcpy(client->sub, id);
    strcpy(client->scope, "ml:recognize");
    strcpy(client->resources, "https://a/");
    client->kind = hars_kind_find("service");
    client->auth = hars_auth_find("san_dns");
    strcpy(client->auth_value, "x.example");
    memset(client->registration, 7, HARS_SHA256_LEN);
    client->has_registration = 1;
    client->created_at = NOW;
}


static void
count(void *data, const hars_client_t *client)
{
    (void) client;

    (*(unsigned *) data)++;
}


static unsigned
clients(void)
{
    unsigned  n;

    n = 0;
    hars_store_client_each(store, count, &n);

    return n;
}


static void
tokens(void)
{
    hars_client_t           client;
    hars_register_token_t   token, found;

    fill_token(&token, 1, 2);
    ok(hars_store_register_token_add(store, &token) == HARS_OK
       && strcmp(token.id, "0101010101010101") == 0, "add");
    ok(hars_store_register_token_add(store, &token) == HARS_DECLINED,
       "not twice");

    ok(hars_store_register_token_get(store, token.hash, NOW, &found)
       == HARS_OK
       && found.policy.kind == token.policy.kind
       && strcmp(found.policy.names, "subject_dn CN=a b\nsan_dns x.example")
          == 0
       && strcmp(found.policy.issuer_dn, "CN=x\\,y") == 0
       && strcmp(found.policy.resources, token.policy.resources) == 0
       && found.policy.secret && !found.policy.refresh
       && !found.policy.any_subject && found.uses == 2, "as it was put");
    ok(hars_store_register_token_get(store, token.hash, NOW + 100, &found)
       == HARS_DECLINED, "not when it has ended");

    fill_client(&client, "one");
    ok(hars_store_register(store, &token, &client, NOW + 100)
       == HARS_DECLINED && clients() == 0, "... nor of use");
    ok(hars_store_register(store, &token, &client, NOW) == HARS_OK
       && clients() == 1, "of use");
    ok(hars_store_register(store, &token, &client, NOW) == HARS_ERROR
       && hars_store_register_token_get(store, token.hash, NOW, &found)
          == HARS_OK
       && found.uses == 1, "no client, no use");

    fill_client(&client, "two");
    ok(hars_store_register(store, &token, &client, NOW) == HARS_OK
       && hars_store_register_token_get(store, token.hash, NOW, &found)
          == HARS_DECLINED, "used up");
    fill_client(&client, "three");
    ok(hars_store_register(store, &token, &client, NOW) == HARS_DECLINED
       && clients() == 2, "... for good");

    ok(hars_store_register_token_remove(store, token.id) == HARS_OK
       && hars_store_register_token_remove(store, token.id)
          == HARS_DECLINED, "remove");
}


static void *
one_of_many(void *data)
{
    int            rc;
    char           id[HARS_AS_ID_SIZE];
    hars_client_t  client;

    snprintf(id, sizeof(id), "many-%u", (unsigned) (uintptr_t) data);
    fill_client(&client, id);

    rc = hars_store_register(store, &shared, &client, NOW);

    atomic_fetch_add(rc == HARS_OK ? &made : &refused, 1);

    return NULL;
}


static void
together(void)
{
    unsigned   i, before;
    pthread_t  thread[TOGETHER];

    fill_token(&shared, 9, 1);
    hars_store_register_token_add(store, &shared);
    before = clients();

    for (i = 0; i < TOGETHER; i++) {
        pthread_create(&thread[i], NULL, one_of_many,
                       (void *) (uintptr_t) i);
    }

    for (i = 0; i < TOGETHER; i++) {
        pthread_join(thread[i], NULL);
    }

    ok(made == 1 && refused == TOGETHER - 1 && clients() == before + 1,
       "%d at once with a token for one", TOGETHER);
}


static void
updates(void)
{
    unsigned        i;
    hars_client_t   from, to, found;

    hars_store_client_get(store, "one", &from);
    to = from;
    strcpy(to.scope, "");
    strcpy(to.metadata, "{}");

    ok(hars_store_reregister(store, &from, &to) == HARS_OK
       && hars_store_client_get(store, "one", &found) == HARS_OK
       && found.scope[0] == '\0' && strcmp(found.metadata, "{}") == 0,
       "an update");
    ok(hars_store_reregister(store, &from, &from) == HARS_DECLINED
       && hars_store_client_get(store, "one", &found) == HARS_OK
       && found.scope[0] == '\0', "not of what it was before");

    for (i = 0; i < 5; i++) {
        from = found;

        switch (i) {
        case 0: strcpy(from.resources, "https://x/"); break;
        case 1: strcpy(from.auth_value, "y.example"); break;
        case 2: strcpy(from.issuer_dn, "CN=x"); break;
        case 3: from.refresh = 1; break;
        case 4: from.registration[0] ^= 1; break;
        }

        ok(hars_store_reregister(store, &from, &to) == HARS_DECLINED,
           "nor of what it never was, %u", i);
    }

    hars_store_client_disable(store, "one", NOW);
    ok(hars_store_reregister(store, &found, &to) == HARS_DECLINED,
       "nor of a client that is disabled");
    hars_store_client_remove(store, "one");
    ok(hars_store_reregister(store, &found, &to) == HARS_DECLINED,
       "nor of one that is gone");
}


static hars_token_t *
token_of(const char *id, unsigned char n)
{
    static hars_token_t  token;

    memset(&token, 0, sizeof(hars_token_t));
    token.id.key = n;
    memset(token.id.hash, n, HARS_SHA256_LEN);
    strcpy(token.client_id, id);
    token.kind = hars_kind_find("service");
    token.iat = NOW;
    token.exp = NOW + 300;

    return &token;
}


static void
ends(void)
{
    uint64_t        n;
    hars_token_t    token;
    hars_client_t   client, other;

    fill_client(&client, "ends");
    ok(hars_store_client_add(store, &client) == HARS_OK
       && hars_store_token_add(store, token_of("ends", 1)) == HARS_OK,
       "a client and its token");

    hars_store_client_disable(store, "ends", NOW);
    ok(hars_store_unregister(store, &client, NOW, &n) == HARS_DECLINED
       && hars_store_client_get(store, "ends", &other) == HARS_OK
       && other.disabled_at == NOW, "disabled: it stays so");
    hars_store_client_disable(store, "ends", 0);

    other = client;
    other.registration[0] ^= 1;
    ok(hars_store_unregister(store, &other, NOW, &n) == HARS_DECLINED
       && hars_store_client_get(store, "ends", &other) == HARS_OK,
       "another one of that name");

    ok(hars_store_unregister(store, &client, NOW, &n) == HARS_OK && n == 1
       && hars_store_client_get(store, "ends", &other) == HARS_DECLINED
       && hars_store_token_get(store, &token_of("ends", 1)->id, &token, NULL)
          == HARS_OK
       && token.revoked_at == NOW, "it goes, and its token with it");
    ok(hars_store_token_add(store, token_of("ends", 2)) == HARS_DECLINED,
       "... and there is no other");
    ok(hars_store_unregister(store, &client, NOW, &n) == HARS_DECLINED,
       "... nor is it there to go once more");
}


int
main(void)
{
    char         path[64];
    const char  *where;

    hars_log_init("store_register");

    snprintf(path, sizeof(path), "/tmp/hars-register-%d.db", (int) getpid());
    where = getenv("HARS_TEST_DATABASE");
    store = hars_store_open(where ? where : path, &hars_as_layout);

    if (store == NULL) {
        return EXIT_FAILURE;
    }

    tokens();
    together();
    updates();
    ends();

    hars_store_close(store);

    unlink(path);
    strcat(path, "-wal");
    unlink(path);
    memcpy(path + strlen(path) - 3, "shm", 3);
    unlink(path);

    return tap_done();
}


/*
 * The store: what is put comes out, revocation and outbox are one step, ops
 * that come together are committed together and fail alone.
 *
 * HARS_TEST_DATABASE: an empty database that is used instead of a new file.
 */

/* link: common/hars_record.c -lsqlite3 -lpq -lpthread -lcrypto */

#include "../../backend/common/hars_store.c"
#include "../../backend/common/hars_store_queue.c"
#include "../../backend/authserver/hars_as_store_client.c"
#include "../../backend/authserver/hars_as_store_token.c"
#include "../../backend/authserver/hars_as_store_revoke.c"
#include "../../backend/authserver/hars_as_store_crl.c"
#include "../../backend/authserver/hars_as_layout.c"
#include "../../backend/authserver/hars_as_value.c"
#include "../../backend/authserver/hars_as_family.c"
#include "../../backend/authserver/hars_as_store_family.c"
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

#include <sched.h>
#include <stdatomic.h>


#define NOW  1800000000


#define TOGETHER  20                      /* threads */


static char  path[256];


/* beside the store's own calls */
static int
sql(hars_store_t *store, const char *text)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);
    rc = hars_db_exec(db, text);
    hars_store_reader_done(store, db);

    return rc;
}


static int64_t
number(hars_store_t *store, const char *text)
{
    int64_t     n;
    hars_db_t  *db;

    db = hars_store_reader(store);
    n = (hars_db_first(db, text) == HARS_OK) ? hars_db_get_int(db, 0) : -1;
    hars_store_reader_done(store, db);

    return n;
}


static void
fill(hars_token_t *token, unsigned char id, int64_t exp)
{
    memset(token, 0, sizeof(hars_token_t));
    memset(&token->id, id, sizeof(token->id));
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
    token.id.hash[0]++;
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

    memset(&what_.token, hash, sizeof(what_.token));
    memset(what_.cert, hash, HARS_SHA256_LEN);

    return hars_store_revoke(store, &what_, now, row, n);
}


static void
tokens(hars_store_t *store, hars_store_t *other)
{
    unsigned       n;
    hars_token_t   token, got;
    hars_outbox_t  row[HARS_STORE_BATCH];

    fill(&token, 1, NOW + 300);

    ok(hars_store_token_get(store, &token.id, &got, NULL) == HARS_DECLINED,
       "no token yet");
    ok(hars_store_token_add(store, &token) == HARS_OK, "a token is added");
    ok(hars_store_token_get(other, &token.id, &got, NULL) == HARS_OK
       && memcmp(&token, &got, sizeof(token)) == 0,
       "and another connection has it whole");
    ok(hars_store_token_add(store, &token) == HARS_DECLINED, "never twice");

    ok(hars_store_outbox(store, row, &n) == HARS_OK && n == 0,
       "the outbox is empty");
    ok(end(other, HARS_REVOKE_TOKEN, NULL, 1, NOW + 5, &n) == HARS_OK
       && n == 1, "the token is revoked");
    ok(hars_store_token_get(store, &token.id, &got, NULL) == HARS_OK
       && got.revoked_at == NOW + 5, "which is seen at once");
    ok(hars_store_outbox(store, row, &n) == HARS_OK && n == 1
       && memcmp(row[0].id.hash, token.id.hash, HARS_SHA256_LEN) == 0
       && row[0].exp == NOW + 300, "and stands in the outbox");

    ok(hars_store_outbox_done(store, row, 1) == HARS_OK
       && hars_store_outbox(store, row, &n) == HARS_OK && n == 0,
       "done, it leaves the outbox");

    ok(end(store, HARS_REVOKE_TOKEN, NULL, 1, NOW + 9, &n) == HARS_OK
       && n == 1
       && hars_store_token_get(store, &token.id, &got, NULL) == HARS_OK
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
        token.id.key += i;
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
    ok(end(store, HARS_REVOKE_SUB, "it's; --", 0, NOW, &n) == HARS_OK
       && n == 2, "a subject's, the other client's two");

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
       && memcmp(cert.id.hash, token.cnf, HARS_SHA256_LEN) == 0
       && cert.exp == NOW + 1000, "it stands in the outbox");
    ok(hars_store_outbox_cert_done(store, &cert) == HARS_OK
       && hars_store_outbox_cert(store, &cert) == HARS_DECLINED,
       "and leaves it");

    memset(&token.id, 0x21, sizeof(token.id));
    ok(hars_store_token_add(store, &token) == HARS_DECLINED,
       "it gets no token any more");

    sql(store, "UPDATE token SET revoked_at = 0 WHERE cnf IN"
               " (SELECT hash FROM revoked_cert)");
    memset(&token.id, 0x20, sizeof(token.id));
    ok(hars_store_token_get(store, &token.id, &token, NULL) == HARS_OK
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

    sql(store, "DELETE FROM token; DELETE FROM revoked_cert");

    for (i = 0; i < HARS_STORE_BATCH + 10; i++) {
        fill(&token, 0, NOW + 100 + i % 3);
        token.id.key = i + 1;
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


/* of 20 at once the odd ones fail, and only these; all in few commits */
static atomic_uint  held;
static unsigned     tries;

static int
op(hars_db_t *db, void *data)
{
    unsigned       i;
    hars_token_t   token;

    i = *(unsigned *) data;
    tries++;

    fill(&token, 0x50, NOW + 300);
    token.id.key += i;

    if (hars_token_insert(db, &token) != HARS_OK) {
        return HARS_ERROR;
    }

    return (i % 2) ? HARS_ERROR : HARS_OK;
}


static int
hold(hars_db_t *db, void *data)
{
    (void) db;

    atomic_store(&held, 1);

    while (sem_wait(data) != 0) { /* EINTR */ }

    return HARS_OK;
}


typedef struct {
    hars_store_t  *store;
    unsigned       i;
    int            rc;
    sem_t         *sem;
    pthread_t      thread;
} together_t;


static void *
one(void *data)
{
    together_t  *t;

    t = data;
    t->rc = t->sem ? hars_store_write(t->store, hold, t->sem)
                   : hars_store_write(t->store, op, &t->i);

    return NULL;
}


/* how many wait for the writer */
static unsigned
queued(hars_store_t *store)
{
    unsigned           n;
    hars_store_job_t  *job;

    pthread_mutex_lock(&store->queue.mutex);

    for (n = 0, job = store->queue.first; job; job = job->next) {
        n++;
    }

    pthread_mutex_unlock(&store->queue.mutex);

    return n;
}


static void
group(hars_store_t *store)
{
    sem_t         sem;
    unsigned      i, wrong;
    together_t    first, t[TOGETHER];
    hars_token_t  token;

    sem_init(&sem, 0, 0);
    first = (together_t) { .store = store, .sem = &sem };
    pthread_create(&first.thread, NULL, one, &first);

    while (!atomic_load(&held)) {
        sched_yield();
    }

    for (i = 0; i < TOGETHER; i++) {
        t[i] = (together_t) { .store = store, .i = i };
        pthread_create(&t[i].thread, NULL, one, &t[i]);
    }

    while (queued(store) < TOGETHER) {
        sched_yield();
    }

    sem_post(&sem);
    pthread_join(first.thread, NULL);

    for (i = 0, wrong = 0; i < TOGETHER; i++) {
        pthread_join(t[i].thread, NULL);
        wrong += (t[i].rc != ((i % 2) ? HARS_ERROR : HARS_OK));
    }

    ok(wrong == 0, "of those that come together, who fails fails alone");
    ok(tries > TOGETHER && tries <= 2 * TOGETHER,
       "all were tried once together: %u tries", tries);

    for (i = 0, wrong = 0; i < TOGETHER; i++) {
        fill(&token, 0x50, NOW + 300);
        token.id.key += i;
        wrong += (hars_store_token_get(store, &token.id, &token, NULL)
                  != ((i % 2) ? HARS_DECLINED : HARS_OK));
    }

    ok(wrong == 0, "and leaves nothing behind");
    sem_destroy(&sem);
}


/* an op that goes on after an error, which ends a PostgreSQL's transaction */
static int
careless(hars_db_t *db, void *data)
{
    hars_token_insert(db, data);
    hars_db_do(db, "INSERT INTO token (key) VALUES (1)", NULL);

    return HARS_DECLINED;
}


static void
failed(hars_store_t *store)
{
    int           rc;
    hars_token_t  token, got;

    fill(&token, 0x60, NOW + 300);
    rc = hars_store_write(store, careless, &token);

    ok((rc == HARS_ERROR)
       == (hars_store_token_get(store, &token.id, &got, NULL) != HARS_OK),
       "what is no error is committed: %d", rc);
}


static void
at(hars_token_t *token, int64_t iat, unsigned char id, int64_t ttl)
{
    fill(token, id, iat + ttl);
    token->id.key = hars_value_key(iat * 1000, token->id.hash);
    token->iat = iat;
}


/* what lives for so long, of an hour that is long past */
static int64_t  life = 10 * 3600;

/* so many of them, in one commit */
static int
many(hars_db_t *db, void *data)
{
    unsigned       i, n;
    hars_token_t   token;

    n = *(unsigned *) data;

    for (i = 0; i < n; i++) {
        at(&token, NOW - 3 * 3600 + i % 7, 1, life);
        token.id.key += i / 7;

        if (hars_token_insert(db, &token) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* by the time of issue, and nothing that lives */
static void
sweep(hars_store_t *store)
{
    int64_t       from;
    unsigned      n;
    hars_token_t  token;

    sql(store, "DELETE FROM token");

    from = 0;
    n = HARS_SWEEP_SLICE * HARS_SWEEP_SLICES + 100;
    hars_store_write(store, many, &n);
    at(&token, NOW - 3 * 3600 + 60, 2, 10);
    hars_store_token_add(store, &token);

    ok(hars_store_sweep(store, NOW, 7200, &from) == HARS_DECLINED
       && from > 0 && number(store, "SELECT count(*) FROM token") == n + 1,
       "looked at, and all have to stay");
    ok(hars_store_sweep(store, NOW, 7200, &from) == HARS_OK
       && from == 0 && number(store, "SELECT count(*) FROM token") == n,
       "what has ended behind these goes");

    sql(store, "UPDATE token SET exp = 1");
    ok(hars_store_sweep(store, NOW, 7200, &from) == HARS_DECLINED
       && number(store, "SELECT count(*) FROM token") == 100,
       "swept, and there are more");

    sql(store, "DELETE FROM token");

    from = 0;
    life = 300;
    n = HARS_SWEEP_SLICE + 100;
    hars_store_write(store, many, &n);

    at(&token, NOW - 7200 - 1, 2, 7200 + 10);
    hars_store_token_add(store, &token);
    at(&token, NOW - 3600, 3, 10);
    hars_store_token_add(store, &token);
    at(&token, NOW - 10, 4, 300);
    hars_store_token_add(store, &token);

    ok(hars_store_sweep(store, NOW, 7200, &from) == HARS_OK
       && number(store, "SELECT count(*) FROM token") == 3,
       "swept, more than a slice");
    ok(hars_store_sweep(store, NOW, 300, &from) == HARS_OK
       && number(store, "SELECT count(*) FROM token") == 2
       && hars_store_token_get(store, &token.id, &token, NULL) == HARS_OK,
       "what lived longer than tokens do now stays");
    ok(hars_store_sweep(store, NOW + 3 * 3600, 300, &from) == HARS_OK
       && number(store, "SELECT count(*) FROM token") == 0,
       "till it has ended");
}


static int
families_many(hars_db_t *db, void *data)
{
    unsigned        i;
    hars_family_t   family;

    memset(&family, 0, sizeof(family));
    strcpy(family.client_id, "dcm-1");
    family.generation = 1;
    family.exp = NOW;

    for (i = 0; i < *(unsigned *) data; i++) {
        memcpy(family.id, &i, sizeof(i));

        if (hars_family_insert(db, &family) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static void
families(hars_store_t *store)
{
    unsigned  n;

    n = HARS_FAMILY_SLICE + 5;
    hars_store_write(store, families_many, &n);

    ok(hars_store_family_sweep(store, NOW) == HARS_OK
       && number(store, "SELECT count(*) FROM family") == n,
       "families that have not ended stay");
    ok(hars_store_family_sweep(store, NOW + 1) == HARS_DECLINED
       && number(store, "SELECT count(*) FROM family") == 5
       && hars_store_family_sweep(store, NOW + 1) == HARS_OK
       && number(store, "SELECT count(*) FROM family") == 0,
       "those that have go, a slice at a time");
}


/* the layout before this one, as it was written */
static void
older(const char *file)
{
    hars_db_t      *db;
    hars_store_t   *store;
    hars_client_t   client;

    db = hars_db_open(file);
    hars_db_exec(db,
        "CREATE TABLE client (id TEXT PRIMARY KEY, kind TEXT NOT NULL,"
        " sub TEXT NOT NULL, auth_value TEXT NOT NULL, scope TEXT NOT NULL,"
        " resources TEXT NOT NULL, token_ttl INTEGER NOT NULL,"
        " created_at INTEGER NOT NULL, auth TEXT NOT NULL DEFAULT"
        " 'subject_dn', issuer_dn TEXT NOT NULL DEFAULT '',"
        " secret BLOB NOT NULL DEFAULT x'', disabled_at INTEGER NOT NULL"
        " DEFAULT 0) STRICT, WITHOUT ROWID;"
        "CREATE TABLE token (hash BLOB PRIMARY KEY, sub TEXT, cnf BLOB);"
        "CREATE INDEX token_cnf ON token (cnf);"
        "CREATE INDEX token_sub ON token (sub);"
        "CREATE TABLE outbox (hash BLOB PRIMARY KEY);"
        "CREATE TABLE revoked_cert (hash BLOB PRIMARY KEY, until INTEGER NOT"
        " NULL, revoked_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE outbox_cert (hash BLOB PRIMARY KEY) STRICT,"
        " WITHOUT ROWID;"
        "CREATE TABLE told (one INTEGER PRIMARY KEY, mark TEXT);"
        "INSERT INTO client VALUES ('old', 'service', 'old', 'CN=old', 's',"
        " 'https://a/', 60, 5, 'subject_dn', 'CN=ca', x'', 7);"
        "INSERT INTO revoked_cert VALUES (zeroblob(32), 9, 8);"
        "INSERT INTO outbox_cert VALUES (zeroblob(32));"
        "PRAGMA user_version = 4");
    hars_db_close(db);

    store = hars_store_open(file, &hars_as_layout);

    ok(store && hars_store_client_get(store, "old", &client) == HARS_OK
       && strcmp(client.issuer_dn, "CN=ca") == 0 && client.disabled_at == 7
       && number(store, "SELECT until FROM revoked_cert"
                        " JOIN outbox_cert USING (hash)") == 9
       && number(store, "SELECT count(*) FROM token") == 0,
       "an older layout is brought up to date");
    hars_store_close(store);
}


static void
broken(hars_store_t *store)
{
    hars_client_t   client;

    memset(&client, 0, sizeof(client));
    strcpy(client.id, "x");
    client.kind = hars_kind_find("service");
    client.auth = hars_auth_find("none");
    hars_store_client_add(store, &client);

    sql(store, "UPDATE client SET kind = 'wizard' WHERE id = 'x'");
    ok(hars_store_client_get(store, "x", &client) == HARS_ERROR,
       "a row of an unknown kind is an error");

    sql(store, "UPDATE client SET kind = 'service', sub ="
               " replace('0000000000', '0', '1234567') WHERE id = 'x'");
    ok(hars_store_client_get(store, "x", &client) == HARS_ERROR,
       "a row that does not fit is an error");

    sql(store, "UPDATE client SET sub = 'x', secret = (SELECT"
               " substr(hash, 1, 5) FROM revoked_cert LIMIT 1)"
               " WHERE id = 'x'");
    ok(hars_store_client_get(store, "x", &client) == HARS_ERROR,
       "a secret's hash that is none is an error, not no secret");
}


/* left alone: it is somebody else's, or of a later program */
static void
newer(hars_store_t *store)
{
    hars_db_t     *db;
    hars_store_t  *other;

    db = hars_store_reader(store);
    hars_db_set_version(db, 99);
    hars_store_reader_done(store, db);

    other = hars_store_open(path, &hars_as_layout);
    ok(other == NULL, "a database of another version is left alone");
    hars_store_close(other);
}


static void
forget(const char *file)
{
    char  name[300];

    remove(file);
    snprintf(name, sizeof(name), "%s-wal", file);
    remove(name);
    snprintf(name, sizeof(name), "%s-shm", file);
    remove(name);
}


int
main(void)
{
    char           dir[] = "/tmp/hars-store-XXXXXX", file[256];
    const char    *where;
    hars_store_t  *store, *other;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    where = getenv("HARS_TEST_DATABASE");

    if (where) {
        snprintf(path, sizeof(path), "%s", where);

    } else {
        snprintf(path, sizeof(path), "%s/db", dir);
    }

    store = hars_store_open(path, &hars_as_layout);
    other = hars_store_open(path, &hars_as_layout);

    if (!ok(store && other, "a store is made, and opened again")) {
        return tap_done();
    }

    clients(store);
    tokens(store, other);
    several(store);
    pages(store);
    told(store, other);
    group(store);
    failed(store);
    sweep(store);
    families(store);
    broken(store);
    newer(store);

    hars_store_close(other);
    hars_store_close(store);

    ok(hars_store_open("/nonexistent/db", &hars_as_layout) == NULL,
       "no directory, no store");

    snprintf(file, sizeof(file), "%s/old", dir);
    older(file);

    forget(file);

    if (where == NULL) {
        forget(path);
    }

    remove(dir);

    return tap_done();
}

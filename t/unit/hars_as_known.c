
/*
 * What is remembered of clients and certificates is not used a moment longer
 * than it holds: each change makes a new revision, whoever made it.
 *
 * HARS_TEST_DATABASE: an empty database that is used instead of a new file.
 */

/*
 * link: backend/common/hars_owner.c backend/common/hars_sha256.c
 * link: common/hars_record.c backend/common/hars_store.c
 * link: backend/common/hars_store_queue.c
 * link: backend/authserver/hars_as_store_client.c
 * link: backend/authserver/hars_as_store_token.c
 * link: backend/authserver/hars_as_store_revoke.c
 * link: backend/authserver/hars_as_store_crl.c
 * link: backend/authserver/hars_as_layout.c
 * link: backend/authserver/hars_as_value.c
 * link: backend/authserver/hars_as_family.c
 * link: backend/authserver/hars_as_store_family.c
 * link: backend/common/hars_layout.c backend/common/hars_db.c
 * link: backend/common/hars_db_sqlite.c backend/common/hars_db_pg.c
 * link: backend/common/hars_db_pg_conn.c backend/authserver/hars_as_row.c
 * link: backend/authserver/hars_as_kind.c backend/authserver/hars_as_auth.c
 * link: backend/authserver/hars_as_dn.c backend/authserver/hars_as_dn_memo.c
 * link: backend/authserver/hars_as_dn_parse.c
 * link: backend/authserver/hars_as_form.c backend/authserver/hars_as_words.c
 * link: backend/common/hars_log.c backend/authserver/hars_as_policy.c
 * link: backend/authserver/hars_as_registration.c
 * link: backend/authserver/hars_as_registration_echo.c
 * link: backend/authserver/hars_as_registration_jwks.c
 * link: backend/authserver/hars_as_answer.c backend/authserver/hars_as_json.c
 * link: backend/authserver/hars_as_cert.c
 * link: backend/authserver/hars_as_store_register.c -lsqlite3 -lpq -ljansson
 * link: -lpthread -lcrypto
 */

#include "../../backend/authserver/hars_as_known.c"
#include "../../backend/authserver/hars_as_auth.h"
#include "../../backend/authserver/hars_as_register.h"

#include <unistd.h>

#include "tap.h"


#define NOW  1800000000


static hars_store_t  *store, *other;
static hars_known_t  *known;
static const char    *database;


static void
fill(hars_client_t *client, const char *id)
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
}


/* as another program would, which knows nothing of revisions */
static void
behind(const char *sql)
{
    hars_db_t  *db;

    db = hars_db_open(database);

    if (hars_db_exec(db, sql) != HARS_OK) {
        ok(0, "%s", sql);
    }

    hars_db_close(db);
}


static int64_t
revision(void)
{
    int64_t  n;

    return hars_store_revision(store, &n) == HARS_OK ? n : -1;
}


/* by another connection, as a command or another instance does it */
static void
clients(void)
{
    int64_t         before;
    hars_client_t   client, changed, got;

    fill(&client, "one");

    ok(hars_known_client(known, "one", 0, &got) == HARS_DECLINED,
       "nobody is known");

    before = revision();
    ok(hars_store_client_add(other, &client) == HARS_OK
       && revision() > before
       && hars_known_client(known, "one", 0, &got) == HARS_OK
       && strcmp(got.scope, "ml:recognize") == 0, "a client that is added");

    before = revision();
    ok(hars_store_client_disable(other, "one", NOW) == HARS_OK
       && revision() > before
       && hars_known_client(known, "one", 0, &got) == HARS_OK
       && got.disabled_at == NOW, "disabled");

    before = revision();
    ok(hars_store_client_disable(other, "one", 0) == HARS_OK
       && revision() > before
       && hars_known_client(known, "one", 0, &got) == HARS_OK
       && got.disabled_at == 0, "enabled");

    changed = got;
    changed.scope[0] = '\0';
    before = revision();
    ok(hars_store_reregister(other, &got, &changed) == HARS_OK
       && revision() > before
       && hars_known_client(known, "one", 0, &got) == HARS_OK
       && got.scope[0] == '\0', "registered otherwise");

    before = revision();
    ok(hars_store_client_remove(other, "one") == HARS_OK
       && revision() > before
       && hars_known_client(known, "one", 0, &got) == HARS_DECLINED,
       "removed");
}


static void
certificates(void)
{
    int64_t        before;
    unsigned       n;
    hars_outbox_t  row[HARS_STORE_BATCH];
    hars_revoke_t  revoke;
    unsigned char  thumbprint[HARS_SHA256_LEN];

    memset(thumbprint, 5, sizeof(thumbprint));

    ok(hars_known_revoked(known, thumbprint, 0) == HARS_DECLINED
       && hars_known_revoked(known, thumbprint, 0) == HARS_DECLINED,
       "a certificate that is not revoked");

    memset(&revoke, 0, sizeof(revoke));
    revoke.what = HARS_REVOKE_CERT;
    revoke.until = NOW + 100;
    memcpy(revoke.cert, thumbprint, HARS_SHA256_LEN);

    before = revision();
    ok(hars_store_revoke(other, &revoke, NOW, row, &n) == HARS_OK
       && revision() > before
       && hars_known_revoked(known, thumbprint, 0) == HARS_OK
       && hars_known_revoked(known, thumbprint, 0) == HARS_OK, "revoked");
}


/* whose token with which certificate the store has */
static void
bound(void)
{
    hars_client_t  client, got;
    unsigned char  one[HARS_SHA256_LEN], other_one[HARS_SHA256_LEN];

    memset(one, 1, sizeof(one));
    memset(other_one, 2, sizeof(other_one));

    hars_known_bind(known, "bound", one);
    ok(!hars_known_bound(known, "bound", one), "nothing of who is not known");

    fill(&client, "bound");
    strcpy(client.metadata, "{\"client_name\":\"x\"}");
    hars_store_client_add(store, &client);
    hars_known_client(known, "bound", 0, &got);
    ok(!hars_known_bound(known, "bound", one), "no token yet");

    hars_known_bind(known, "bound", one);
    ok(hars_known_bound(known, "bound", one)
       && !hars_known_bound(known, "bound", other_one)
       && !hars_known_bound(known, "two", one),
       "one of a client and a certificate");

    memset(&got, 0xff, sizeof(got));
    hars_known_client(known, "bound", 0, &got);
    ok(strcmp(got.metadata, client.metadata) == 0, "all of a client is there");

    behind("UPDATE revision SET n = n + 1");
    hars_known_client(known, "bound", 0, &got);
    ok(!hars_known_bound(known, "bound", one), "till it is read again");
    hars_store_client_remove(store, "bound");
}


/* a test of the test: without a new revision nothing is asked again */
static void
remembered(void)
{
    hars_client_t  client, got;
    unsigned char  thumbprint[HARS_SHA256_LEN];

    fill(&client, "two");
    memset(thumbprint, 0, sizeof(thumbprint));

    hars_store_client_add(store, &client);
    hars_known_client(known, "two", 0, &got);
    hars_known_revoked(known, thumbprint, 0);

    behind("UPDATE client SET scope = 'behind' WHERE id = 'two'");
    behind("INSERT INTO revoked_cert (hash, until, revoked_at) SELECT"
           " registration, 1, 1 FROM client WHERE id = 'two'");

    ok(hars_known_client(known, "two", 0, &got) == HARS_OK
       && strcmp(got.scope, "ml:recognize") == 0, "a client is remembered");

    memset(thumbprint, 7, sizeof(thumbprint));
    ok(hars_known_revoked(known, thumbprint, 0) == HARS_OK,
       "but not another one's certificate");

    behind("UPDATE revision SET n = n + 1");
    ok(hars_known_client(known, "two", 0, &got) == HARS_OK
       && strcmp(got.scope, "behind") == 0, "until there is a revision");

    behind("UPDATE client SET scope = 'again' WHERE id = 'two'");
    ok(hars_known_client(known, "two", revision() - 1, &got) == HARS_OK
       && strcmp(got.scope, "again") == 0
       && hars_known_client(known, "two", revision(), &got) == HARS_OK
       && strcmp(got.scope, "again") == 0, "which is the caller's");
}


/* more than there is room for */
static void
many(void)
{
    unsigned        i, right;
    char            id[16];
    hars_client_t   client, got;

    for (i = 0; i < 2 * HARS_KNOWN_CLIENTS; i++) {
        snprintf(id, sizeof(id), "c-%u", i);
        fill(&client, id);
        hars_store_client_add(store, &client);
    }

    for (i = 0, right = 0; i < 4 * HARS_KNOWN_CLIENTS; i++) {
        snprintf(id, sizeof(id), "c-%u", i % (2 * HARS_KNOWN_CLIENTS));
        right += hars_known_client(known, id, 0, &got) == HARS_OK
                 && strcmp(got.id, id) == 0;
    }

    ok(right == 4 * HARS_KNOWN_CLIENTS, "each of many is itself");
}


/*
 * layout 5 had no revisions, no hashes of keys, and identifiers of 38 bytes,
 * of which 32 are a hash
 */
static void
older(void)
{
    unsigned        n;
    hars_db_t      *db;
    hars_outbox_t   row[HARS_STORE_BATCH];
    hars_client_t   got;
    unsigned char   id[38];

    hars_known_free(known);
    hars_store_close(other);
    hars_store_close(store);

    db = hars_db_open(database);
    hars_db_exec(db, "DROP TABLE revision; DROP TABLE outbox;"
                     "DROP INDEX certificate_key;"
                     "ALTER TABLE certificate DROP COLUMN key_hash;"
                     "CREATE TABLE outbox (id {BLOB} PRIMARY KEY,"
                     " exp {INT} NOT NULL) {END};");
    memset(id, 1, sizeof(id));
    hars_db_blob(db, id, sizeof(id));
    hars_db_do(db, "INSERT INTO outbox (id, exp) VALUES (?1, 9)", NULL);
    hars_db_begin(db);
    hars_db_set_version(db, 5);
    hars_db_commit(db);
    hars_db_close(db);

    store = hars_store_open(database, &hars_as_layout);
    known = hars_known_create(store);

    ok(revision() == 1 && hars_known_client(known, "two", 0, &got) == HARS_OK,
       "the layout before this one is brought up to date");

    db = hars_store_reader(store);
    ok(hars_db_first(db, "SELECT count(key_hash) FROM certificate")
       == HARS_OK, "... has hashes of keys");
    hars_store_reader_done(store, db);

    ok(hars_store_outbox(store, row, &n) == HARS_OK && n == 1
       && row[0].exp == 9 && memcmp(row[0].id.hash, id, HARS_SHA256_LEN) == 0,
       "and what is to be told, too");

    hars_known_free(known);
    hars_store_close(store);
}


int
main(void)
{
    char  dir[] = "/tmp/hars-known-XXXXXX", file[256];

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    database = getenv("HARS_TEST_DATABASE");

    if (database == NULL) {
        snprintf(file, sizeof(file), "%s/db", dir);
        database = file;
    }

    store = hars_store_open(database, &hars_as_layout);
    other = hars_store_open(database, &hars_as_layout);
    known = store ? hars_known_create(store) : NULL;

    if (!ok(known && other, "a store is made, and opened again")) {
        return tap_done();
    }

    clients();
    certificates();
    bound();
    remembered();
    many();
    older();

    if (database == file) {
        remove(file);
    }

    remove(dir);

    return tap_done();
}

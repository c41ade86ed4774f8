
/*
 * A connection to PostgreSQL: values both ways, what is committed, what fails
 * and why, a connection that is lost.
 *
 * HARS_TEST_DATABASE: an empty database of it; nothing is tested without.
 */

/* link: -lsqlite3 -lpq -lpthread */

#include "../../backend/common/hars_db.c"
#include "../../backend/common/hars_db_sqlite.c"
#include "../../backend/common/hars_db_pg.c"
#include "../../backend/common/hars_db_pg_conn.c"
#include "../../backend/common/hars_log.c"
#include "../../backend/common/hars_owner.c"

#include "tap.h"

#include <pthread.h>


static const char  *where;
static hars_db_t   *db;


static const char *
text(const char *sql)
{
    static char  value[256];

    strcpy(value, "nothing");

    if (hars_db_first(db, sql) == HARS_OK) {
        hars_db_get_text(db, 0, value, sizeof(value));
    }

    hars_db_done(db);

    return value;
}


static int64_t
number(const char *sql)
{
    int64_t  n;

    n = (hars_db_first(db, sql) == HARS_OK) ? hars_db_get_int(db, 0) : -1;
    hars_db_done(db);

    return n;
}


static void
wrong(void)
{
    ok(hars_db_wrong("/var/lib/x") == NULL, "a file");
    ok(hars_db_wrong("postgresql:x") != NULL, "neither a path nor a URI");
    ok(hars_db_wrong("host=db password=x") != NULL, "libpq's other form");
    ok(hars_db_wrong("postgresql://a@b/c?sslmode=disable") == NULL, "a URI");
    ok(hars_db_wrong("postgresql://a:b@c/d") != NULL, "a password inside");
    ok(hars_db_wrong("postgres://c/d?password=b") != NULL, "another one");
    ok(hars_db_wrong("postgresql://c/d?x=y") != NULL, "not libpq's");
}


static void
session(void)
{
    ok(strcmp(text("SELECT current_setting('synchronous_commit')"), "on")
       == 0, "a commit is on the disk, whatever the database's preset");
    ok(strcmp(text("SELECT current_setting('transaction_isolation')"),
              "read committed") == 0, "read committed, whatever the preset");
    ok(strcmp(text("SELECT current_setting('lock_timeout')"), "3s") == 0
       && strcmp(text("SELECT current_setting('statement_timeout')"), "5s")
          == 0, "nothing takes for ever");
}


static void
values(void)
{
    char           out[16];
    unsigned char  blob[] = { 0, 255, '\'', '\\', 0 }, got[5];

    hars_db_exec(db, "CREATE TABLE v (id {INT} PRIMARY KEY, t TEXT NOT NULL,"
                     " b {BLOB} NOT NULL) {END}");

    hars_db_int(db, INT64_MIN);
    hars_db_text(db, "");
    hars_db_blob(db, NULL, 0);
    ok(hars_db_do(db, "INSERT INTO v VALUES (?1, ?2, ?3)", NULL) == HARS_OK
       && number("SELECT length(b) FROM v") == 0,
       "the least number, nothing, and no bytes");

    hars_db_int(db, INT64_MAX);
    hars_db_text(db, "it's \xc3\xa9");
    hars_db_blob(db, blob, sizeof(blob));
    ok(hars_db_do(db, "INSERT INTO v VALUES (?1, ?2, ?3)", NULL) == HARS_OK
       && hars_db_first(db, "SELECT id, t, b, '?1' FROM v WHERE id > 0")
          == HARS_OK
       && hars_db_get_int(db, 0) == INT64_MAX
       && hars_db_get_text(db, 1, out, sizeof(out)) == HARS_OK
       && strcmp(out, "it's \xc3\xa9") == 0
       && hars_db_get_blob(db, 2, got, sizeof(got)) == HARS_OK
       && memcmp(got, blob, sizeof(got)) == 0
       && hars_db_get_text(db, 3, out, sizeof(out)) == HARS_OK
       && strcmp(out, "?1") == 0,
       "the greatest one, quotes, zero bytes, and no parameter in quotes");

    ok(hars_db_get_blob(db, 2, got, 4) == HARS_ERROR
       && hars_db_get_text(db, 1, out, 4) == HARS_ERROR
       && hars_db_row(db) == HARS_DECLINED, "what does not fit, and the end");
    hars_db_done(db);

    hars_db_text(db, "\xff\xfe");
    ok(hars_db_do(db, "UPDATE v SET t = ?1", NULL) == HARS_ERROR
       && number("SELECT count(*) FROM v") == 2, "text that is no UTF-8");
}


static void
transactions(void)
{
    uint64_t  changed;

    ok(hars_db_begin(db) == HARS_OK
       && hars_db_do(db, "DELETE FROM v", &changed) == HARS_OK
       && changed == 2, "two rows are deleted");
    hars_db_rollback(db);
    ok(number("SELECT count(*) FROM v") == 2, "and back again");

    hars_db_begin(db);
    hars_db_do(db, "DELETE FROM v", NULL);
    hars_db_exec(db, "nonsense");
    ok(hars_db_commit(db) == HARS_ERROR
       && number("SELECT count(*) FROM v") == 2,
       "PostgreSQL answers a commit with a rollback: that is an error");
    ok(hars_db_begin(db) == HARS_OK && hars_db_commit(db) == HARS_OK,
       "and the next one is none");
}


/* the other one of two that wait for each other */
static void *
crossing(void *data)
{
    hars_db_t  *other;

    other = data;
    hars_db_do(other, "UPDATE v SET t = 'x' WHERE id < 0", NULL);

    return NULL;
}


static void
contention(void)
{
    int         rc, contended;
    pthread_t   thread;
    hars_db_t  *other;

    other = hars_db_open(where);
    hars_db_begin(db);
    hars_db_begin(other);
    hars_db_do(db, "UPDATE v SET t = 'a' WHERE id < 0", NULL);
    hars_db_do(other, "UPDATE v SET t = 'b' WHERE id > 0", NULL);

    pthread_create(&thread, NULL, crossing, other);
    rc = hars_db_do(db, "UPDATE v SET t = 'c' WHERE id > 0", NULL);
    contended = hars_db_contended(db);
    hars_db_rollback(db);
    pthread_join(thread, NULL);
    contended |= hars_db_contended(other);
    hars_db_rollback(other);

    ok(contended && (rc == HARS_OK || rc == HARS_ERROR),
       "of two in each other's way one fails, and may try again");

    hars_db_begin(other);
    hars_db_do(other, "UPDATE v SET t = 'b'", NULL);
    ok(hars_db_do(db, "UPDATE v SET t = 'c'", NULL) == HARS_ERROR
       && !hars_db_contended(db), "a lock that is not let go of");
    hars_db_rollback(other);
    hars_db_close(other);
}


static void
turns(void)
{
    int         n;
    hars_db_t  *other;

    other = hars_db_open(where);
    ok(hars_db_turn(db) == HARS_OK && hars_db_turn(other) == HARS_DECLINED,
       "a turn is of one connection");
    hars_db_turn_done(db);
    ok(hars_db_turn(other) == HARS_OK && hars_db_turn(db) == HARS_DECLINED,
       "until it is given back");
    hars_db_close(other);

    for (n = 0; hars_db_turn(db) == HARS_DECLINED && n < 500; n++) {
        poll(NULL, 0, 10);
    }

    ok(n < 500, "or the connection ends");
    hars_db_turn_done(db);
}


/* ends the connection of "db" by another one */
static void
lose(void)
{
    hars_db_t  *other;

    other = hars_db_open(where);
    ok(hars_db_exec(other, "SELECT pg_terminate_backend(pid) FROM"
                           " pg_stat_activity WHERE datname ="
                           " current_database() AND pid <> pg_backend_pid()"
                           " AND backend_type = 'client backend'")
       == HARS_OK, "a connection is ended");
    hars_db_close(other);
}


static void
lost(void)
{
    lose();
    ok(number("SELECT count(*) FROM v") == 2, "there is another one");

    lose();
    ok(hars_db_begin(db) == HARS_OK && hars_db_commit(db) == HARS_OK,
       "for a transaction, too");

    hars_db_begin(db);
    hars_db_do(db, "DELETE FROM v", NULL);
    lose();
    ok(hars_db_do(db, "DELETE FROM v", NULL) == HARS_ERROR,
       "not in the middle of one");
    ok(hars_db_commit(db) == HARS_ERROR, "which is not committed");
    ok(number("SELECT count(*) FROM v") == 2, "and left nothing");
}


int
main(void)
{
    wrong();

    where = getenv("HARS_TEST_DATABASE");

    if (where == NULL) {
        return tap_done();
    }

    db = hars_db_open(where);

    if (ok(db != NULL, "a connection")) {
        hars_db_exec(db, "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' ||"
                         " current_database() ||"
                         " ' SET synchronous_commit = off';"
                         " EXECUTE 'ALTER DATABASE ' || current_database() ||"
                         " ' SET default_transaction_isolation ="
                         " ''serializable'''; END $$");
        hars_db_close(db);
        db = hars_db_open(where);

        session();
        values();
        transactions();
        contention();
        turns();
        lost();
        hars_db_close(db);
    }

    return tap_done();
}

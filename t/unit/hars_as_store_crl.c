
/*
 * The store's revocation list: numbers of which none is given twice, what
 * stands in the next one, and that an older one never takes a newer one's
 * place.
 *
 * HARS_TEST_DATABASE: an empty database that is used instead of a new file.
 */

/* link: common/hars_record.c -lsqlite3 -lpq -lpthread -lcrypto */

#include "../../backend/common/hars_store.c"
#include "../../backend/common/hars_store_queue.c"
#include "../../backend/authserver/hars_as_store_crl.c"
#include "../../backend/authserver/hars_as_store_family.c"
#include "../../backend/authserver/hars_as_store_revoke.c"
#include "../../backend/authserver/hars_as_store_client.c"
#include "../../backend/authserver/hars_as_store_token.c"
#include "../../backend/authserver/hars_as_layout.c"
#include "../../backend/authserver/hars_as_value.c"
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


#define NOW      1800000000
#define DAY      86400
#define THREADS  8
#define EACH     25


static hars_store_t  *store;
static int64_t        numbers[THREADS * EACH];


/* a certificate whose bytes are "n", revoked where "at" is not 0 */
static int
insert(hars_db_t *db, void *data)
{
    int64_t        *cert;
    unsigned char   bytes[HARS_SHA256_LEN];

    cert = data;
    memset(bytes, (int) cert[0], sizeof(bytes));

    hars_db_blob(db, bytes, HARS_CA_SERIAL);
    hars_db_blob(db, bytes, HARS_SHA256_LEN);
    hars_db_text(db, "dcm-1");
    hars_db_blob(db, NULL, 0);
    hars_db_int(db, cert[1]);
    hars_db_int(db, NOW - DAY);
    hars_db_int(db, 0);
    hars_db_int(db, 0);

    return hars_db_do(db, "INSERT INTO certificate (serial, thumbprint,"
                          " client_id, follows, not_after, issued_at,"
                          " revoked_at, reason)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", NULL);
}


static void
certificate(int n, int64_t not_after)
{
    int64_t  cert[2] = { n, not_after };

    hars_store_write(store, insert, cert);
}


static int
revoked(int n, int reason)
{
    unsigned        rows;
    hars_outbox_t   row[HARS_STORE_BATCH];
    hars_revoke_t   what = { .what = HARS_REVOKE_CERT, .until = NOW + DAY,
                             .reason = reason };

    memset(what.cert, n, HARS_SHA256_LEN);

    return hars_store_revoke(store, &what, NOW + n, row, &rows);
}


static void
entries(void)
{
    hars_crl_draft_t  draft;
    hars_crl_state_t  state;

    ok(hars_store_crl_state(store, &state) == HARS_DECLINED, "no list");

    ok(hars_store_crl_reserve(store, NOW, &draft) == HARS_OK
       && draft.number == (int64_t) NOW * HARS_CRL_PER_SECOND
       && draft.revision == 0 && draft.n == 0, "the first number is the time");
    free(draft.entry);

    certificate(1, NOW + DAY);
    certificate(2, NOW + DAY);
    certificate(3, NOW - HARS_CRL_KEEP + 1);
    certificate(4, NOW - HARS_CRL_KEEP);

    ok(revoked(1, 1) == HARS_OK && revoked(3, 0) == HARS_OK
       && revoked(4, 4) == HARS_OK, "three are revoked");
    ok(revoked(1, 4) == HARS_OK && revoked(99, 0) == HARS_OK,
       "one twice, and one that is none of ours");

    ok(hars_store_crl_reserve(store, NOW, &draft) == HARS_OK
       && draft.number == (int64_t) NOW * HARS_CRL_PER_SECOND + 1,
       "the next number in the same second");
    ok(draft.revision == 3, "three revocations count");
    ok(draft.n == 2, "two stand in the list: one ended more than a day ago");
    ok(draft.n == 2 && draft.entry[0].serial[0] == 3
       && draft.entry[1].serial[0] == 1 && draft.entry[1].reason == 1
       && draft.entry[1].revoked_at == NOW + 1,
       "... with time and reason of the first time");
    free(draft.entry);
}


static void
newest(void)
{
    unsigned char      *der;
    hars_crl_state_t    state, put = { .number = 7, .covers = 1,
                                       .issued_at = NOW, .len = 5 };

    ok(hars_store_crl_get(store, &state, &der) == HARS_DECLINED,
       "numbers without a list");
    ok(hars_store_crl_put(store, &put, (unsigned char *) "seven") == HARS_OK,
       "a list");
    ok(hars_store_crl_put(store, &put, (unsigned char *) "again")
       == HARS_DECLINED, "... another one of its number");

    put.number = 6;
    ok(hars_store_crl_put(store, &put, (unsigned char *) "older")
       == HARS_DECLINED, "... an older one");

    ok(hars_store_crl_get(store, &state, &der) == HARS_OK
       && state.number == 7 && state.covers == 1 && state.revision == 3
       && state.issued_at == NOW && state.len == 5
       && memcmp(der, "seven", 5) == 0, "... it is still there");
    free(der);

    put.number = 8;
    ok(hars_store_crl_put(store, &put, (unsigned char *) "eight") == HARS_OK
       && hars_store_crl_state(store, &state) == HARS_OK
       && state.number == 8, "a newer one takes its place");
}


static void *
reserve(void *data)
{
    int                i;
    int64_t           *number;
    hars_crl_draft_t   draft;

    number = data;

    for (i = 0; i < EACH; i++) {
        number[i] = (hars_store_crl_reserve(store, NOW, &draft) == HARS_OK)
                    ? draft.number : 0;
        free(draft.entry);
    }

    return NULL;
}


static int
by_number(const void *one, const void *two)
{
    int64_t  a, b;

    a = *(const int64_t *) one;
    b = *(const int64_t *) two;

    return (a > b) - (a < b);
}


static void
together(void)
{
    int        i, twice;
    pthread_t  thread[THREADS];

    for (i = 0; i < THREADS; i++) {
        pthread_create(&thread[i], NULL, reserve, &numbers[i * EACH]);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }

    qsort(numbers, THREADS * EACH, sizeof(int64_t), by_number);
    twice = 0;

    for (i = 1; i < THREADS * EACH; i++) {
        twice += numbers[i] == numbers[i - 1];
    }

    ok(numbers[0] > 0 && twice == 0, "%d numbers at once, none twice",
       THREADS * EACH);
}


int
main(void)
{
    char         dir[] = "/tmp/hars-store-crl-XXXXXX", path[64];
    const char  *where;

    hars_log_init("hars");

    where = getenv("HARS_TEST_DATABASE");

    if (where == NULL) {
        snprintf(path, sizeof(path), "%s/db", mkdtemp(dir));
        where = path;
    }

    store = hars_store_open(where, &hars_as_layout);

    entries();
    newest();
    together();

    hars_store_close(store);

    if (where == path) {
        snprintf(path, sizeof(path), "rm -rf %s", dir);
        ok(system(path) == 0, "the place is empty again");
    }

    return tap_done();
}


/*
 * Rows like those that the authorization server makes, straight into its own
 * SQLite database: the yardstick of its speed, and ten million of them to see
 * what they cost it.  Whatever the layout is, a row is a copy of one that the
 * server made, in turn of one of each client, with a key of its own.
 *
 *     rows raw DATABASE SECONDS           16 per commit, synchronous = FULL
 *     rows fill DATABASE N HOURS TOKENS   N more, issued in so many hours up
 *                                         to now; some of them go to TOKENS
 *     rows past DATABASE N HOURS          N that ended so long ago
 *     rows count DATABASE                 those that are there
 *
 * Prints one line of name=value.
 */

#include "hars_as_value.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <sqlite3.h>


#define HARS_ROWS_COMMIT   16
#define HARS_ROWS_FILL     200000
#define HARS_ROWS_CLIENTS  1024
#define HARS_ROWS_DAY      86400
#define HARS_ROWS_TOKENS   100000         /* of those filled in */


typedef struct {
    sqlite3        *db;
    sqlite3_stmt   *insert[HARS_ROWS_CLIENTS];      /* one for each client */
    unsigned        inserts;
    unsigned        next;
    int             key_at;               /* columns, from 1 on */
    int             hash_at;
    int             iat_at;
    int             exp_at;
    FILE           *tokens;               /* NULL: keys of no token */
} hars_rows_t;


static int hars_rows_command(hars_rows_t *rows, int argc, char **argv);
static void hars_rows_open(hars_rows_t *rows, const char *file);
static void hars_rows_columns(hars_rows_t *rows);
static sqlite3_stmt *hars_rows_copy(hars_rows_t *rows, sqlite3_stmt *row);
static void hars_rows_raw(hars_rows_t *rows, double seconds);
static void hars_rows_fill(hars_rows_t *rows, uint64_t n, double hours);
static void hars_rows_past(hars_rows_t *rows, uint64_t n, double hours);
static void hars_rows_many(hars_rows_t *rows, uint64_t n, int64_t from,
    int64_t spread, int64_t life);
static void hars_rows_insert(hars_rows_t *rows, int64_t ms, int64_t life,
    int told);
static void hars_rows_id(hars_rows_t *rows, hars_token_id_t *id, int64_t ms,
    int told);
static void hars_rows_random(unsigned char *dst, size_t len);
static void hars_rows_count(hars_rows_t *rows);
static void hars_rows_exec(hars_rows_t *rows, const char *sql);
static double hars_rows_now(void);
static int64_t hars_rows_ms(void);
static void hars_rows_fail(hars_rows_t *rows, const char *what);


int
main(int argc, char **argv)
{
    int       rc;
    unsigned  i;
    hars_rows_t    rows;

    memset(&rows, 0, sizeof(rows));

    rc = hars_rows_command(&rows, argc, argv);

    for (i = 0; i < rows.inserts; i++) {
        sqlite3_finalize(rows.insert[i]);
    }

    if (rows.tokens) {
        fclose(rows.tokens);
    }

    return sqlite3_close(rows.db) == SQLITE_OK ? rc : 1;
}


static int
hars_rows_command(hars_rows_t *rows, int argc, char **argv)
{
    const char  *what;

    what = (argc > 2) ? argv[1] : "";

    if (strcmp(what, "raw") == 0 && argc == 4) {
        hars_rows_open(rows, argv[2]);
        hars_rows_columns(rows);
        hars_rows_raw(rows, atof(argv[3]));

    } else if (strcmp(what, "fill") == 0 && argc == 6) {
        hars_rows_open(rows, argv[2]);
        hars_rows_columns(rows);
        rows->tokens = fopen(argv[5], "w");
        hars_rows_fill(rows, strtoull(argv[3], NULL, 10), atof(argv[4]));

    } else if (strcmp(what, "past") == 0 && argc == 5) {
        hars_rows_open(rows, argv[2]);
        hars_rows_columns(rows);
        hars_rows_past(rows, strtoull(argv[3], NULL, 10), atof(argv[4]));

    } else if (strcmp(what, "count") == 0 && argc == 3) {
        hars_rows_open(rows, argv[2]);
        hars_rows_count(rows);

    } else {
        fprintf(stderr, "usage: rows raw DATABASE SECONDS\n"
                "       rows fill DATABASE N HOURS TOKENS\n"
                "       rows past DATABASE N HOURS\n"
                "       rows count DATABASE\n");
        return 2;
    }

    return 0;
}


static void
hars_rows_open(hars_rows_t *rows, const char *file)
{
    if (sqlite3_open_v2(file, &rows->db, SQLITE_OPEN_READWRITE, NULL)
        != SQLITE_OK)
    {
        hars_rows_fail(rows, file);
    }

    sqlite3_busy_timeout(rows->db, 5000);
    hars_rows_exec(rows, "PRAGMA journal_mode = WAL");
}


/* a statement for each client, with all but key and times bound for good */
static void
hars_rows_columns(hars_rows_t *rows)
{
    sqlite3_stmt  *row;

    if (sqlite3_prepare_v2(rows->db, "SELECT * FROM token WHERE key IN"
                           " (SELECT max(key) FROM token GROUP BY client_id"
                           " LIMIT 1024)", -1, &row, NULL) != SQLITE_OK)
    {
        hars_rows_fail(rows, "the table token is not as expected");
    }

    while (sqlite3_step(row) == SQLITE_ROW) {
        rows->insert[rows->inserts++] = hars_rows_copy(rows, row);
    }

    sqlite3_finalize(row);

    if (rows->inserts == 0 || rows->key_at == 0 || rows->hash_at == 0
        || rows->exp_at == 0
        || rows->iat_at == 0)
    {
        hars_rows_fail(rows, "no token to copy, or not with key, hash, iat");
    }
}


static sqlite3_stmt *
hars_rows_copy(hars_rows_t *rows, sqlite3_stmt *row)
{
    int            i, n;
    char           sql[1024];
    const char    *name;
    sqlite3_stmt  *insert;

    n = sqlite3_column_count(row);
    strcpy(sql, "INSERT OR IGNORE INTO token VALUES (?");

    for (i = 1; i < n; i++) {
        strcat(sql, ", ?");
    }

    strcat(sql, ")");

    if (sqlite3_prepare_v2(rows->db, sql, -1, &insert, NULL) != SQLITE_OK) {
        hars_rows_fail(rows, sql);
    }

    for (i = 0; i < n; i++) {
        name = sqlite3_column_name(row, i);

        if (strcmp(name, "key") == 0) {
            rows->key_at = i + 1;

        } else if (strcmp(name, "hash") == 0
                   && sqlite3_column_bytes(row, i) == HARS_SHA256_LEN)
        {
            rows->hash_at = i + 1;

        } else if (strcmp(name, "iat") == 0) {
            rows->iat_at = i + 1;

        } else if (strcmp(name, "exp") == 0) {
            rows->exp_at = i + 1;

        } else if (sqlite3_bind_value(insert, i + 1,
                                      sqlite3_column_value(row, i))
                   != SQLITE_OK)
        {
            hars_rows_fail(rows, name);
        }
    }

    return insert;
}


static void
hars_rows_raw(hars_rows_t *rows, double seconds)
{
    int       i;
    double    begun, end;
    uint64_t  n;

    hars_rows_exec(rows, "PRAGMA synchronous = FULL");

    begun = hars_rows_now();
    n = 0;

    do {
        hars_rows_exec(rows, "BEGIN IMMEDIATE");

        for (i = 0; i < HARS_ROWS_COMMIT; i++) {
            hars_rows_insert(rows, hars_rows_ms(), 3600, 0);
        }

        hars_rows_exec(rows, "COMMIT");

        n += HARS_ROWS_COMMIT;
        end = hars_rows_now();

    } while (end - begun < seconds);

    printf("per_second=%.0f rows=%llu seconds=%.3f\n",
           (double) n / (end - begun), (unsigned long long) n, end - begun);
}


/* the life of a day: all are live for as long as anybody looks */
static void
hars_rows_fill(hars_rows_t *rows, uint64_t n, double hours)
{
    int64_t  spread;

    if (rows->tokens == NULL) {
        hars_rows_fail(rows, "the file for tokens cannot be written");
    }

    spread = llround(hours * 3600);
    hars_rows_many(rows, n, time(NULL) - spread, spread, HARS_ROWS_DAY);
}


static void
hars_rows_past(hars_rows_t *rows, uint64_t n, double hours)
{
    int64_t  ended;

    ended = time(NULL) - llround(hours * 3600);
    hars_rows_many(rows, n, ended - 2 * HARS_ROWS_DAY, HARS_ROWS_DAY,
                   HARS_ROWS_DAY);
}


/* in the order of their times, as they would have come */
static void
hars_rows_many(hars_rows_t *rows, uint64_t n, int64_t from, int64_t spread,
    int64_t life)
{
    double    begun;
    int64_t   ms;
    uint64_t  i, step;

    hars_rows_exec(rows, "PRAGMA synchronous = OFF");
    hars_rows_exec(rows, "PRAGMA cache_size = -262144");

    begun = hars_rows_now();
    step = n / HARS_ROWS_TOKENS + 1;

    for (i = 0; i < n; i++) {
        if (i % HARS_ROWS_FILL == 0) {
            hars_rows_exec(rows, i ? "COMMIT; BEGIN" : "BEGIN IMMEDIATE");
        }

        ms = from * 1000 + (int64_t) (1000.0 * (double) spread * (double) i
                                      / (double) n);
        hars_rows_insert(rows, ms, life, i % step == 0);
    }

    hars_rows_exec(rows, n ? "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)" : "");

    printf("rows=%llu seconds=%.3f\n", (unsigned long long) n,
           hars_rows_now() - begun);
}


static void
hars_rows_insert(hars_rows_t *rows, int64_t ms, int64_t life, int told)
{
    sqlite3_stmt     *insert;
    hars_token_id_t   id;

    insert = rows->insert[rows->next++ % rows->inserts];
    hars_rows_id(rows, &id, ms, told);

    sqlite3_bind_int64(insert, rows->key_at, id.key);
    sqlite3_bind_blob(insert, rows->hash_at, id.hash, HARS_SHA256_LEN,
                      SQLITE_STATIC);
    sqlite3_bind_int64(insert, rows->iat_at, ms / 1000);
    sqlite3_bind_int64(insert, rows->exp_at, ms / 1000 + life);

    if (sqlite3_step(insert) != SQLITE_DONE
        || sqlite3_reset(insert) != SQLITE_OK)
    {
        hars_rows_fail(rows, "insert");
    }
}


/* as of a token, which somebody knows where it is to be told */
static void
hars_rows_id(hars_rows_t *rows, hars_token_id_t *id, int64_t ms, int told)
{
    char  value[HARS_AS_TOKEN_LEN + 1];

    if (rows->tokens && told) {
        if (hars_value_token(value, id, ms) != HARS_OK) {
            hars_rows_fail(rows, "no token");
        }

        fprintf(rows->tokens, "%s\n", value);
        return;
    }

    hars_rows_random(id->hash, sizeof(id->hash));
    id->key = hars_value_key(ms, id->hash);
}


/* xorshift64*: bytes that differ are all that is needed here */
static void
hars_rows_random(unsigned char *dst, size_t len)
{
    size_t           i;
    uint64_t         word;
    static uint64_t  x;

    while (x == 0) {
        if (getrandom(&x, sizeof(x), 0) != sizeof(x)) {
            x = 0;
        }
    }

    for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        word = x * 2685821657736338717u;
        memcpy(dst + i, &word, sizeof(word));
    }
}


static void
hars_rows_count(hars_rows_t *rows)
{
    sqlite3_stmt  *count;

    if (sqlite3_prepare_v2(rows->db, "SELECT count(*) FROM token", -1, &count,
                           NULL) != SQLITE_OK
        || sqlite3_step(count) != SQLITE_ROW)
    {
        hars_rows_fail(rows, "count");
    }

    printf("rows=%lld\n", (long long) sqlite3_column_int64(count, 0));
    sqlite3_finalize(count);
}


static void
hars_rows_exec(hars_rows_t *rows, const char *sql)
{
    if (sqlite3_exec(rows->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        hars_rows_fail(rows, sql);
    }
}


static double
hars_rows_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + ts.tv_nsec / 1e9;
}


static int64_t
hars_rows_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
hars_rows_fail(hars_rows_t *rows, const char *what)
{
    fprintf(stderr, "rows: %s: %s\n", what,
            rows->db ? sqlite3_errmsg(rows->db) : "no memory");
    exit(1);
}

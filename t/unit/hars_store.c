
/*
 * A write is answered after the disk has it, and the next one is written
 * meanwhile; where the disk fails, all that waits for it fails, and all that
 * comes later.  fdatasync() is this test's, for SQLite as well.
 */

/*
 * link: common/hars_record.c backend/common/hars_owner.c
 * link: backend/common/hars_log.c backend/common/hars_layout.c
 * link: backend/common/hars_db.c backend/common/hars_db_sqlite.c
 * link: backend/common/hars_db_pg.c backend/common/hars_db_pg_conn.c
 * link: -lsqlite3 -lpq -lpthread -lcrypto
 */

#include "../../backend/common/hars_store.c"
#include "../../backend/common/hars_store_queue.c"

#include "tap.h"
#include "soon.h"

#include <limits.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>


#define HELD      8                       /* s, for a database that is not */


static const char *const  tables[] = {
    "CREATE TABLE t (n {INT} PRIMARY KEY) {END};",
    NULL
};

static const hars_layout_older_t  older[] = { { .version = 0 } };

static const hars_layout_t  layout = {
    .version = 1,
    .tables = tables,
    .older = older
};


typedef struct {
    hars_store_job_t  job;
    int64_t           n;
    atomic_uint       told;
} row_t;


static hars_store_t  *store;
static atomic_int     descriptor[HARS_STORE_WRITERS] = { -1, -1 };
static atomic_uint    open_gate = 1, at_gate, syncs, broken, in_the_log,
                      ops;


/* those of the store's own descriptors end when the gate opens */
int
fdatasync(int fd)
{
    char     path[64], file[PATH_MAX];
    ssize_t  n;

    if (fd != atomic_load(&descriptor[0]) && fd != atomic_load(&descriptor[1]))
    {
        return (int) syscall(SYS_fdatasync, fd);
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = readlink(path, file, sizeof(file));
    in_the_log = n > 4 && memcmp(file + n - 4, "-wal", 4) == 0;

    atomic_fetch_add(&syncs, 1);
    atomic_fetch_add(&at_gate, 1);

    while (!atomic_load(&open_gate)) {
        sched_yield();
    }

    atomic_fetch_sub(&at_gate, 1);

    if (atomic_load(&broken)) {
        errno = EIO;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


static int
insert(hars_db_t *db, void *data)
{
    atomic_fetch_add(&ops, 1);
    hars_db_int(db, ((row_t *) data)->n);

    return hars_db_do(db, "INSERT INTO t (n) VALUES (?1)", NULL);
}


static int
clear(hars_db_t *db, void *data)
{
    (void) data;

    return hars_db_do(db, "DELETE FROM t", NULL);
}


static void
told(void *data)
{
    atomic_store(&((row_t *) data)->told, 1);
}


static void
later(row_t *row, int64_t n)
{
    memset(row, 0, sizeof(row_t));
    row->job.op = insert;
    row->job.done = told;
    row->job.data = row;
    row->n = n;

    hars_store_write_later(store, &row->job);
}


static int64_t
rows(void)
{
    int64_t     n;
    hars_db_t  *db;

    db = hars_store_reader(store);
    n = (hars_db_first(db, "SELECT count(*) FROM t") == HARS_OK)
        ? hars_db_get_int(db, 0) : -1;
    hars_store_reader_done(store, db);

    return n;
}


/* a disk that is fast, as far as anybody knows */
static void
alone(void)
{
    row_t            one, two;
    struct timespec  ts = { .tv_nsec = 30 * 1000 * 1000 };

    atomic_store(&open_gate, 0);
    later(&one, 10);

    ok(soon(&at_gate, 1), "a commit goes to a fast disk");

    later(&two, 11);
    nanosleep(&ts, NULL);
    ok(rows() == 1 && !atomic_load(&one.told), "the next one waits for it");

    atomic_store(&open_gate, 1);
    ok(soon(&one.told, 1) && soon(&two.told, 1) && atomic_load(&syncs) == 2
       && one.job.rc == HARS_OK && two.job.rc == HARS_OK,
       "each is answered after a sync of its own");

    hars_store_write(store, clear, NULL);
    atomic_store(&syncs, 0);
}


static void
waits(void)
{
    row_t  one, two, three;

    atomic_store(&open_gate, 0);
    later(&one, 1);

    ok(soon(&at_gate, 1), "a commit goes to the disk");
    ok(in_the_log == 1, "which is the log's sync");
    ok(rows() == 1 && !atomic_load(&one.told),
       "whoever reads sees it, and it is not answered");

    later(&two, 2);
    ok(soon(&at_gate, 2) && rows() == 2,
       "the next commit does not wait for the disk");

    later(&three, 3);
    ok(!atomic_load(&one.told) && !atomic_load(&two.told)
       && atomic_load(&syncs) == 2 && rows() == 2,
       "none is answered before its sync, and a third one waits");

    atomic_store(&open_gate, 1);
    ok(soon(&one.told, 1) && soon(&two.told, 1) && soon(&three.told, 1)
       && one.job.rc == HARS_OK && two.job.rc == HARS_OK
       && three.job.rc == HARS_OK, "then each is");
    ok(atomic_load(&syncs) == 3, "the third after a sync of its own");
    ok(rows() == 3, "and all are there");
}


static void
fails(void)
{
    row_t     first, second, third;
    unsigned  before, begun;

    before = atomic_load(&syncs);
    atomic_store(&open_gate, 0);
    atomic_store(&broken, 1);

    later(&first, 4);
    (void) soon(&at_gate, 1);
    later(&second, 5);
    ok(soon(&at_gate, 2), "two commits are on their way to a disk that fails");
    later(&third, 6);
    begun = atomic_load(&ops);

    atomic_store(&open_gate, 1);
    ok(soon(&first.told, 1) && first.job.rc == HARS_ERROR
       && soon(&second.told, 1) && second.job.rc == HARS_ERROR,
       "both are errors");

    /* the kernel would say that all is well */

    atomic_store(&broken, 0);
    ok(soon(&third.told, 1) && third.job.rc == HARS_ERROR,
       "what waited behind them as well");

    later(&first, 7);
    ok(soon(&first.told, 1) && first.job.rc == HARS_ERROR
       && atomic_load(&syncs) <= before + 3
       && atomic_load(&ops) <= begun + 1,
       "whatever comes later is an error, and is not begun");
    ok(hars_store_reader(store) == NULL, "and nobody reads what may be gone");
}


static void *
let_go(void *data)
{
    usleep(100 * 1000);                   /* so long it is held, at least */
    sqlite3_exec(data, "COMMIT", NULL, NULL, NULL);

    return NULL;
}


/* of a new file, which has no log yet, while another process writes to it */
static void
first(const char *path)
{
    sqlite3    *other;
    hars_db_t  *db;
    pthread_t   thread;

    ok(sqlite3_open(path, &other) == SQLITE_OK
       && sqlite3_exec(other, "BEGIN IMMEDIATE; CREATE TABLE one (n)", NULL,
                       NULL, NULL) == SQLITE_OK, "another one makes it");

    pthread_create(&thread, NULL, let_go, other);
    db = hars_db_open(path);
    pthread_join(thread, NULL);

    ok(db != NULL, "... and is waited for");

    hars_db_close(db);
    sqlite3_close(other);
    unlink(path);
}


/* 5 s are waited in all, not 5 s for each try */
static void
held(const char *path)
{
    sqlite3          *other;
    hars_db_t        *db;
    struct timespec   from, to;

    ok(sqlite3_open(path, &other) == SQLITE_OK
       && sqlite3_exec(other, "BEGIN EXCLUSIVE; CREATE TABLE one (n)", NULL,
                       NULL, NULL) == SQLITE_OK, "another one keeps it");

    clock_gettime(CLOCK_MONOTONIC, &from);
    alarm(6 * HELD);
    db = hars_db_open(path);
    alarm(0);
    clock_gettime(CLOCK_MONOTONIC, &to);

    ok(db == NULL && to.tv_sec - from.tv_sec < HELD,
       "... which is an error before long");

    hars_db_close(db);
    sqlite3_close(other);
    unlink(path);
}


int
main(void)
{
    char  path[64];

    snprintf(path, sizeof(path), "/tmp/hars_store.XXXXXX");

    if (mkdtemp(path) == NULL) {
        return 1;
    }

    strcpy(path + strlen(path), "/db");

    first(path);
    held(path);

    store = hars_store_open(path, &layout);
    ok(store && store->writers == HARS_STORE_WRITERS
       && store->writer[0].fd != store->writer[1].fd,
       "two threads write in turn, each with a descriptor of its own");

    atomic_store(&descriptor[0], store->writer[0].fd);
    atomic_store(&descriptor[1], store->writer[1].fd);

    alone();

    /* as of a slow disk, from now on */

    atomic_store(&store->took, 1000000000);

    waits();
    fails();

    atomic_store(&descriptor[0], -1);
    atomic_store(&descriptor[1], -1);
    hars_store_close(store);
    store = hars_store_open(path, &layout);
    ok(store && rows() >= 3, "a new beginning reads what is there");
    hars_store_close(store);

    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);

    return tap_done();
}


/*
 * Erasure: afterwards neither what was stored nor the key is in any file of
 * the database, and nobody reads or writes on with a key of before.
 *
 * HARS_TEST_DATABASE: an empty database that is used instead of a new file;
 * HARS_TEST_FILES: the directory of its files.
 */

/* link: common/hars_record.c backend/common/hars_log.c */
/* link: backend/common/hars_db.c backend/common/hars_db_sqlite.c */
/* link: backend/common/hars_db_pg.c backend/common/hars_db_pg_conn.c */
/* link: backend/common/hars_layout.c backend/common/hars_store.c */
/* link: backend/common/hars_store_queue.c */
/* link: backend/common/hars_owner.c */
/* link: backend/dcm/hars_dcm_layout.c backend/dcm/hars_dcm_vault.c */
/* link: backend/dcm/hars_dcm_patient.c backend/dcm/hars_dcm_intake.c */
/* link: backend/dcm/hars_dcm_block.c backend/dcm/hars_dcm_samples.c */
/* link: backend/dcm/hars_dcm_recording.c backend/dcm/hars_dcm_packed.c */
/* link: backend/mlservice/hars_ml_rows.c backend/mlservice/hars_ml_feed.c */
/* link: backend/mlservice/hars_ml_source.c backend/mlservice/hars_ml_drift.c */
/* link: backend/mlservice/hars_ml_recording.c */
/* link: -lsqlite3 -lpq -lcrypto -lpthread -lm */

#include "../../backend/dcm/hars_dcm_erase.h"

static int write_and_more(hars_store_t *store, hars_store_op_pt write,
    void *data);

#define hars_store_write  write_and_more
#include "../../backend/dcm/hars_dcm_erase.c"
#undef hars_store_write

#include "../../backend/dcm/hars_dcm_intake.h"
#include "../../backend/dcm/hars_dcm_layout.h"
#include "../../backend/dcm/hars_dcm_packed.h"
#include "../../backend/dcm/hars_dcm_samples.h"

#include "tap.h"

#include <ftw.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>


#define T0       1790000000
#define SUB      "patient-to-be-erased"
#define NAME     "the name of somebody who leaves"


static hars_dcm_t  dcm;
static char        dir[256], path[128];
static const char *meanwhile;             /* erased behind the next write */

static struct {
    const void    *what;
    size_t         len;
    const char    *skip;                  /* files with this in their path */
    unsigned       found;
} search;


int64_t
hars_now(void)
{
    return (int64_t) (T0 + 1000) * 1000;
}


static int
look(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    FILE  *f;
    char  *text;

    (void) ftw;

    if (type != FTW_F || st->st_size == 0
        || (search.skip && strstr(name, search.skip)))
    {
        return 0;
    }

    f = fopen(name, "r");
    text = malloc((size_t) st->st_size);

    if (f && text && fread(text, 1, (size_t) st->st_size, f)
                     == (size_t) st->st_size
        && memmem(text, (size_t) st->st_size, search.what, search.len))
    {
        search.found++;
    }

    free(text);

    if (f) {
        fclose(f);
    }

    return 0;
}


/* in how many of the database's files this is */
static unsigned
files(const void *what, size_t len, const char *skip)
{
    search.what = what;
    search.len = len;
    search.skip = skip;
    search.found = 0;

    nftw(dir, look, 16, FTW_PHYS);

    return search.found;
}


static int
begin(hars_intake_t *intake, const char *sub, const char *id)
{
    memset(intake, 0, sizeof(hars_intake_t));
    strcpy(intake->recording.patient, sub);
    strcpy(intake->recording.id, id);

    return hars_intake_open(&dcm, intake) == HARS_INTAKE_STORED;
}


/* of a wearable in the fog, whose session began then */
static int
relayed(hars_intake_t *intake, const char *sub, int64_t ms)
{
    unsigned    i, full;
    hars_row_t  row;

    memset(&row, 0, sizeof(row));
    memset(intake, 0, sizeof(hars_intake_t));
    strcpy(intake->recording.patient, sub);
    strcpy(intake->recording.id, "relayed");
    strcpy(intake->recording.fog_session, "00112233445566778899aabbccddeeff");
    intake->session_ms = ms;

    for (i = 0; i < 500; i++) {
        row.t = T0 + i / 50.0;
        hars_intake_row(intake, &row);
    }

    /* as hars_intake_open() has it, had it looked before the erasure */

    return hars_patient_key_made(&dcm, sub, &intake->key, &full);
}


static hars_intake_e
record(const char *sub, const char *id, double from, unsigned seconds)
{
    unsigned        i;
    hars_row_t      row;
    hars_intake_e   outcome;
    hars_intake_t   intake;

    memset(&row, 0, sizeof(row));
    begin(&intake, sub, id);

    for (i = 0; i < 50 * seconds; i++) {
        row.t = from + i / 50.0;
        row.v[0] = 9.81;
        hars_intake_row(&intake, &row);
    }

    intake.recording.start_ms = (int64_t) (from * 1000);
    outcome = hars_intake_commit(&dcm, &intake);
    hars_intake_free(&intake);

    return outcome;
}


static int
set_name(hars_db_t *db, void *data)
{
    int                  rc;
    char                 name[HARS_VAULT_NAME];
    unsigned char        sealed[sizeof(NAME) + HARS_VAULT_SEAL];
    hars_patient_key_t  *key;

    key = data;
    hars_seal_name(name, "patient", SUB, "name");
    hars_seal_bytes(key, name, NAME, sizeof(NAME), sealed);

    hars_db_text(db, SUB);
    hars_db_blob(db, sealed, sizeof(sealed));
    rc = hars_db_do(db, "UPDATE patient SET name = ?2 WHERE sub = ?1", NULL);

    return rc;
}


static int64_t
count(const char *sql)
{
    int64_t     n;
    hars_db_t  *db;

    db = hars_store_reader(dcm.store);
    n = hars_db_first(db, sql) == HARS_OK ? hars_db_get_int(db, 0) : -1;
    hars_store_reader_done(dcm.store, db);

    return n;
}


static int
samples(const char *sub, const char *id)
{
    int         rc;
    char       *body;
    size_t      len;
    hars_db_t  *db;

    db = hars_store_reader(dcm.store);
    rc = hars_samples_packed(&dcm, db, sub, id, &body, &len);
    hars_store_reader_done(dcm.store, db);
    free(body);

    return rc;
}


static void
test_erase(void)
{
    unsigned             full;
    hars_db_t           *db;
    unsigned char        wrapped[HARS_VAULT_WRAPPED];
    hars_patient_key_t   key, other;

    ok(record(SUB, "a", T0, 90) == HARS_INTAKE_STORED
       && record(SUB, "b", T0 + 40 * 86400, 3) == HARS_INTAKE_STORED
       && record("stays", "a", T0, 90) == HARS_INTAKE_STORED,
       "recordings of two");
    ok(samples(SUB, "a") == HARS_OK, "are there");

    db = hars_store_reader(dcm.store);
    hars_db_text(db, SUB);
    hars_db_first(db, "SELECT key FROM patient WHERE sub = ?1");
    hars_db_get_blob(db, 0, wrapped, sizeof(wrapped));
    hars_db_done(db);
    ok(hars_patient_key(&dcm, db, SUB, &key) == HARS_OK, "a key");
    hars_store_reader_done(dcm.store, db);

    hars_store_write(dcm.store, set_name, &key);

    if (getenv("HARS_TEST_DATABASE")) {
        hars_store_write(dcm.store, set_name, &key);
        db = hars_store_reader(dcm.store);
        hars_db_exec(db, "CHECKPOINT");
        hars_store_reader_done(dcm.store, db);
    }

    ok(files(wrapped, sizeof(wrapped), NULL) > 0, "wrapped, in the files");
    ok(files(key.bytes, HARS_KEY_LEN, NULL) == 0, "never as it is");
    ok(files(NAME, sizeof(NAME), NULL) == 0, "nor what it seals");

    ok(hars_erase(&dcm, SUB) == HARS_OK, "erased");
    ok(files(wrapped, sizeof(wrapped), "pg_wal") == 0,
       "the wrapped key is in no file");
    ok(count("SELECT count(*) FROM erased WHERE recordings = 2") == 1,
       "that it was is written down");
    ok(samples(SUB, "a") == HARS_DECLINED, "nothing can be read");
    ok(hars_patient_key_made(&dcm, SUB, &other, &full) == HARS_DECLINED,
       "nobody begins anew among what is left");
    ok(hars_erase(&dcm, SUB) == HARS_OK, "asked for again");
    ok(hars_erase_rows(&dcm) == HARS_OK && hars_erase_rows(&dcm) == HARS_OK
       && hars_erase_rows(&dcm) == HARS_DECLINED, "the rows go");
    ok(hars_erase(&dcm, SUB) == HARS_DECLINED, "there is nobody any more");

    ok(count("SELECT count(*) FROM patient") == 1
       && count("SELECT count(*) FROM recording") == 1
       && count("SELECT count(*) FROM block") == 2
       && count("SELECT count(*) FROM job") == 1, "the other one stays");
    ok(samples("stays", "a") == HARS_OK, "and is read");

    ok(record(SUB, "a", T0, 90) == HARS_INTAKE_STORED, "who comes again");
    ok(samples(SUB, "a") == HARS_OK, "has a key again");

    hars_patient_key_wipe(&key);
}


/* uploads that began before, and end after */
static void
test_meanwhile(void)
{
    unsigned       i, k;
    hars_row_t     row;
    hars_intake_t  intake[3];

    memset(&row, 0, sizeof(row));

    for (k = 0; k < 3; k++) {
        begin(&intake[k], "quick", "x");

        for (i = 0; i < 500; i++) {
            row.t = T0 + i / 50.0;
            hars_intake_row(&intake[k], &row);
        }
    }

    ok(hars_erase(&dcm, "quick") == HARS_OK, "erased while something comes");
    ok(hars_intake_commit(&dcm, &intake[0]) == HARS_INTAKE_ERASED,
       "it is not stored any more");
    hars_erase_rows(&dcm);
    ok(hars_intake_commit(&dcm, &intake[1]) == HARS_INTAKE_ERASED,
       "nor later");
    ok(record("quick", "y", T0, 10) == HARS_INTAKE_STORED, "anew");
    ok(hars_intake_commit(&dcm, &intake[2]) == HARS_INTAKE_ERASED,
       "nor under another key");

    for (k = 0; k < 3; k++) {
        hars_intake_free(&intake[k]);
    }
}


/* the store's, and what another thread does before its caller goes on */
static int
write_and_more(hars_store_t *store, hars_store_op_pt write, void *data)
{
    int          rc;
    const char  *sub;

    rc = hars_store_write(store, write, data);
    sub = meanwhile;
    meanwhile = NULL;

    if (sub) {
        ok(rc == HARS_DECLINED && hars_erase(&dcm, sub) == HARS_OK,
           "there was nobody, and now there is");
    }

    return rc;
}


/* nobody is forgotten who is erased while there was nobody to be found */
static void
test_woken(void)
{
    while (hars_erase_rows(&dcm) == HARS_OK) { /* to the last */ }

    ok(atomic_load(&dcm.erasing) == 0, "nobody is left: it is quiet");
    ok(record("late", "x", T0, 10) == HARS_INTAKE_STORED, "somebody");

    meanwhile = "late";
    ok(hars_erase_rows(&dcm) == HARS_DECLINED, "it looked too early");
    ok(atomic_load(&dcm.erasing) == 1, "... and is called again");

    ok(hars_erase_rows(&dcm) == HARS_OK && atomic_load(&dcm.erasing) == 1,
       "... as long as there is something");

    while (hars_erase_rows(&dcm) == HARS_OK) { /* to the last */ }

    ok(count("SELECT count(*) FROM patient WHERE sub = 'late'") == 0
       && atomic_load(&dcm.erasing) == 0, "till all of it is gone");
}


/* a session that began before: nothing of it comes back after */
static void
test_session(void)
{
    int64_t        now;
    hars_intake_t  intake;

    now = hars_now();

    ok(record("worn", "x", T0, 10) == HARS_INTAKE_STORED
       && hars_erase(&dcm, "worn") == HARS_OK, "who wore one is erased");

    while (hars_erase_rows(&dcm) == HARS_OK) { /* to the last */ }

    ok(relayed(&intake, "worn", now - 1000) == HARS_OK
       && hars_intake_commit(&dcm, &intake) == HARS_INTAKE_ERASED,
       "of a session of before nothing is stored, whoever is there again");
    ok(hars_intake_open(&dcm, &intake) == HARS_INTAKE_ERASED,
       "... it is not even begun");
    hars_intake_free(&intake);

    ok(relayed(&intake, "worn", now + 1000) == HARS_OK
       && hars_intake_open(&dcm, &intake) == HARS_INTAKE_STORED
       && hars_intake_commit(&dcm, &intake) == HARS_INTAKE_STORED,
       "a session of after is the patient's");
    hars_intake_free(&intake);
}


int
main(void)
{
    FILE                 *f;
    char                  error[HARS_VAULT_ERROR], key[160];
    const char           *where;
    hars_setting_list_t   list = { .n = 1, .value = { key } };

    hars_log_init("hars");
    umask(077);
    strcpy(path, "/tmp/hars-erase-XXXXXX");

    if (mkdtemp(path) == NULL) {
        return EXIT_FAILURE;
    }

    snprintf(key, sizeof(key), "%s.key", path);
    f = fopen(key, "w");
    fprintf(f, "%064d\n", 7);
    fclose(f);

    dcm.vault = hars_vault_create(&list, error);
    ok(dcm.vault != NULL, "a data key");

    where = getenv("HARS_TEST_DATABASE");
    snprintf(dir, sizeof(dir), "%s",
             where ? getenv("HARS_TEST_FILES") : path);
    strcat(path, "/db");

    hars_db_files(2048, 1);
    dcm.store = hars_store_open(where ? where : path, &hars_dcm_layout);
    ok(dcm.store != NULL, "a store");

    if (dcm.store) {
        test_erase();
        test_meanwhile();
        test_woken();
        test_session();
    }

    hars_store_close(dcm.store);
    hars_vault_free(dcm.vault);

    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    unlink(key);

    return tap_done();
}

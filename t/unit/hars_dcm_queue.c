
/*
 * The queue: who claims a job has it till the lease ends, and who claimed it
 * last alone may end it.  Results: stored once, with the days they touch, and
 * never by a claim of before.
 */

/* link: common/hars_record.c backend/common/hars_log.c */
/* link: backend/common/hars_db.c backend/common/hars_db_sqlite.c */
/* link: backend/common/hars_db_pg.c backend/common/hars_db_pg_conn.c */
/* link: backend/common/hars_layout.c backend/common/hars_store.c */
/* link: backend/common/hars_store_queue.c */
/* link: backend/common/hars_owner.c */
/* link: backend/dcm/hars_dcm_layout.c backend/dcm/hars_dcm_vault.c */
/* link: backend/dcm/hars_dcm_patient.c backend/dcm/hars_dcm_recording.c */
/* link: backend/dcm/hars_dcm_results.c backend/dcm/hars_dcm_timeline.c */
/* link: backend/dcm/hars_dcm_windows.c backend/dcm/hars_dcm_totals.c */
/* link: -lsqlite3 -lpq -lcrypto -lpthread -ljansson */

#include "../../backend/dcm/hars_dcm_queue.c"
#include "../../backend/dcm/hars_dcm_layout.h"
#include "../../backend/dcm/hars_dcm_results.h"
#include "../../backend/dcm/hars_dcm_timeline.h"

#include "tap.h"

#include <sys/stat.h>
#include <unistd.h>


#define NOW  1790000000000LL
#define SUB  "patient-1"


static hars_dcm_t  dcm;
static char        dir[64], path[96];
static int64_t     seq;


int64_t
hars_now(void)
{
    return NOW;
}


static int
insert(hars_db_t *db, void *data)
{
    hars_dcm_recording_t  r;

    memset(&r, 0, sizeof(r));
    strcpy(r.patient, SUB);
    strcpy(r.id, data);
    r.seq = ++seq;
    strcpy(r.uploader_sub, SUB);
    strcpy(r.uploader_client, "phone");
    strcpy(r.placement, "pocket");
    strcpy(r.options, "sampling_rate_hz=50");
    r.start_ms = NOW;
    r.end_ms = NOW + 10000;

    if (hars_recording_insert(db, &r) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_db_text(db, SUB);
    hars_db_text(db, data);
    hars_db_int(db, NOW + seq);

    return hars_db_do(db, "INSERT INTO job (patient, recording, due_ms,"
                      " until_ms, tries) VALUES (?1, ?2, ?3, 0, 0)", NULL);
}


static hars_recording_state_e
state(const char *id, hars_dcm_recording_t *r)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(dcm.store);
    rc = hars_recording_get(db, SUB, id, r);
    hars_store_reader_done(dcm.store, db);

    return rc == HARS_OK ? r->state : 99;
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


static void
leases(void)
{
    hars_job_t            a, b, c;
    hars_dcm_recording_t  r;

    ok(hars_queue_claim(&dcm, NOW, &a) == HARS_DECLINED, "nothing is due");
    ok(hars_queue_claim(&dcm, NOW + 10, &a) == HARS_OK
       && strcmp(a.recording, "one") == 0, "the first one is, first");
    ok(state("one", &r) == HARS_RECORDING_RUNNING, "... it runs");
    ok(hars_queue_claim(&dcm, NOW + 10, &b) == HARS_OK
       && strcmp(b.recording, "two") == 0, "... the next one");
    ok(hars_queue_claim(&dcm, NOW + 10, &c) == HARS_DECLINED,
       "... and no more");

    ok(hars_queue_keep(&dcm, &a, NOW + 10000) == HARS_OK, "one is kept");
    ok(hars_queue_claim(&dcm, NOW + 9 + HARS_QUEUE_LEASE, &c)
       == HARS_DECLINED, "a lease lasts");
    ok(hars_queue_claim(&dcm, NOW + 10 + HARS_QUEUE_LEASE, &c) == HARS_OK
       && strcmp(c.recording, "two") == 0, "... and ends: another has it");

    ok(hars_queue_keep(&dcm, &b, NOW) == HARS_DECLINED,
       "who had it before keeps nothing");
    ok(hars_queue_later(&dcm, &b, NOW) == HARS_DECLINED,
       "... delays nothing");
    ok(hars_queue_fail(&dcm, &b, "no") == HARS_DECLINED
       && state("two", &r) == HARS_RECORDING_RUNNING, "... ends nothing");

    ok(hars_queue_fail(&dcm, &c, "too short") == HARS_OK
       && state("two", &r) == HARS_RECORDING_FAILED
       && strcmp(r.reason, "too short") == 0, "who has it does");

    ok(hars_queue_later(&dcm, &a, NOW + 60000) == HARS_OK
       && state("one", &r) == HARS_RECORDING_QUEUED, "one is put off");
    ok(hars_queue_claim(&dcm, NOW + 59999, &a) == HARS_DECLINED,
       "... till then");
    ok(hars_queue_claim(&dcm, NOW + 60000, &a) == HARS_OK, "... and done");
    ok(hars_queue_recover(&dcm) == HARS_OK
       && hars_queue_claim(&dcm, NOW + 60000, &b) == HARS_OK,
       "after a restart nobody has it");

    hars_queue_later(&dcm, &b, NOW + 60000);
    ok(hars_queue_claim(&dcm, NOW + 60000 - HARS_QUEUE_NEVER, &a)
       == HARS_DECLINED, "put off for an hour");
    ok(hars_queue_claim(&dcm, NOW + 60000 - HARS_QUEUE_NEVER - 1, &a)
       == HARS_OK, "... which is the longest, whatever the clock does");
}


static void
results(void)
{
    unsigned              i;
    hars_job_t            before, job;
    hars_window_t         window[4];
    hars_ml_answer_t      answer;
    hars_dcm_recording_t  r;

    memset(&answer, 0, sizeof(answer));
    memset(window, 0, sizeof(window));
    strcpy(answer.model, "pocket-1");
    answer.window = window;
    answer.n = 4;

    /* two of them on the day before, a gap longer than a block */

    for (i = 0; i < 4; i++) {
        window[i].start_ms = NOW / HARS_DAY_MS * HARS_DAY_MS - 900000
                             + (i < 2 ? i * 1280 : 900000 + i * 1280);
        window[i].len_ms = 2560;
        window[i].activity = window[i].smoothed =
            (uint8_t) hars_activity(&answer.activities, "walking");
    }

    hars_store_write(dcm.store, insert, "three");
    hars_queue_claim(&dcm, NOW + 50000, &before);
    hars_queue_recover(&dcm);
    hars_queue_claim(&dcm, NOW + 50000, &job);

    ok(strcmp(job.recording, "three") == 0 && job.tries == before.tries + 1,
       "a job twice in hand");
    ok(hars_results_store(&dcm, &before, &answer) == HARS_DECLINED
       && count("SELECT count(*) FROM window_block") == 0
       && count("SELECT count(*) FROM day") == 0,
       "a claim of before stores nothing");
    ok(hars_results_store(&dcm, &job, &answer) == HARS_OK,
       "the last one does");
    ok(count("SELECT count(*) FROM window_block") == 2, "... two blocks");
    ok(count("SELECT max(event) FROM window_block") == 2
       && count("SELECT event FROM patient") == 2, "... two events");
    ok(count("SELECT count(*) FROM day") == 2, "... two days");
    ok(state("three", &r) == HARS_RECORDING_DONE && r.windows == 4
       && strcmp(r.model, "pocket-1") == 0, "... the recording is done");
    ok(count("SELECT count(*) FROM job WHERE recording = 'three'") == 0,
       "... its job is gone");
    ok(hars_results_store(&dcm, &job, &answer) == HARS_DECLINED
       && count("SELECT count(*) FROM window_block") == 2,
       "... and again stores nothing");
}


/* what another key sealed is not of this patient */
static void
erased(void)
{
    hars_job_t         job;
    hars_db_t         *db;
    hars_ml_answer_t   answer;

    memset(&answer, 0, sizeof(answer));
    strcpy(answer.model, "pocket-1");

    hars_store_write(dcm.store, insert, "four");
    hars_queue_claim(&dcm, NOW + 50000, &job);

    db = hars_db_open(path);
    hars_db_begin(db);
    hars_db_do(db, "DELETE FROM patient", NULL);
    hars_db_commit(db);
    hars_db_close(db);

    ok(hars_results_store(&dcm, &job, &answer) == HARS_DECLINED,
       "of who was erased nothing is stored");
}


int
main(void)
{
    char                  key[96], error[HARS_VAULT_ERROR];
    FILE                 *f;
    unsigned              full;
    hars_patient_key_t    unused;
    hars_setting_list_t   keys = { .n = 1, .value = { key } };

    strcpy(dir, "/tmp/hars-dcm-queue.XXXXXX");

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(path, sizeof(path), "%s/dcm.db", dir);
    snprintf(key, sizeof(key), "%s/key", dir);

    f = fopen(key, "w");
    fprintf(f, "%064d\n", 7);
    fclose(f);
    chmod(key, 0600);

    dcm.vault = hars_vault_create(&keys, error);
    dcm.conf.database = path;
    dcm.store = hars_store_open(path, &hars_dcm_layout);

    ok(dcm.vault && dcm.store
       && hars_patient_key_made(&dcm, SUB, &unused, &full) == HARS_OK
       && hars_store_write(dcm.store, insert, "one") == HARS_OK
       && hars_store_write(dcm.store, insert, "two") == HARS_OK,
       "a patient with two recordings");

    leases();
    results();
    erased();

    hars_store_close(dcm.store);
    hars_vault_free(dcm.vault);

    snprintf(error, sizeof(error), "rm -rf %s", dir);

    return system(error) == 0 ? tap_done() : 1;
}

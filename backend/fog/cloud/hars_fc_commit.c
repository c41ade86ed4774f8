
/*
 * See hars_fc_commit.h for what this is.
 *
 *     commit -> gathering -> one op of the store -> each is told
 *
 * The op may be done twice (hars_store.h): what it wrote before was rolled
 * back, so each run has a number of its own, by which it knows what it has
 * written itself.
 */

#include "hars_fc_commit.h"
#include "hars_fc_rows.h"
#include "hars_log.h"

#include <pthread.h>
#include <stdlib.h>


struct hars_fc_commits_s {
    hars_fc_t           *fc;
    hars_store_job_t     job;
    hars_fc_commit_t    *batch;           /* of the job; the writer's */
    uint64_t             run;             /* the writer's */

    pthread_mutex_t      mutex;           /* of what follows */
    hars_fc_commit_t    *gathering;
    unsigned             busy:1;          /* the job is under way */
};


static int hars_fc_commits_write(hars_db_t *db, void *data);
static int hars_fc_commits_party(hars_fc_commits_t *commits, hars_db_t *db,
    hars_fc_party_t *party);
static void hars_fc_commits_done(void *data);
static int hars_fc_commits_next(hars_fc_commits_t *commits);


hars_fc_commits_t *
hars_fc_commits_create(hars_fc_t *fc)
{
    hars_fc_commits_t  *commits;

    commits = calloc(1, sizeof(hars_fc_commits_t));

    if (commits == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    commits->fc = fc;
    commits->job.op = hars_fc_commits_write;
    commits->job.done = hars_fc_commits_done;
    commits->job.data = commits;
    pthread_mutex_init(&commits->mutex, NULL);

    return commits;
}


void
hars_fc_commits_free(hars_fc_commits_t *commits)
{
    if (commits) {
        pthread_mutex_destroy(&commits->mutex);
        free(commits);
    }
}


void
hars_fc_commit(hars_fc_commits_t *commits, hars_fc_commit_t *commit)
{
    unsigned  start;

    pthread_mutex_lock(&commits->mutex);

    commit->next = commits->gathering;
    commits->gathering = commit;
    start = !commits->busy;
    commits->busy = 1;

    pthread_mutex_unlock(&commits->mutex);

    if (start && hars_fc_commits_next(commits) == HARS_OK) {
        hars_store_write_later(commits->fc->store, &commits->job);
    }
}


/* by who has made it busy: all that gathered; HARS_DECLINED: nothing did */
static int
hars_fc_commits_next(hars_fc_commits_t *commits)
{
    int  rc;

    pthread_mutex_lock(&commits->mutex);

    commits->batch = commits->gathering;
    commits->gathering = NULL;
    rc = commits->batch ? HARS_OK : HARS_DECLINED;

    if (rc == HARS_DECLINED) {
        commits->busy = 0;
    }

    pthread_mutex_unlock(&commits->mutex);

    return rc;
}


static int
hars_fc_commits_write(hars_db_t *db, void *data)
{
    hars_fc_commit_t   *commit;
    hars_fc_commits_t  *commits = data;

    if (hars_fc_rows_held(commits->fc, db) != HARS_OK) {
        return HARS_ERROR;
    }

    commits->run++;

    for (commit = commits->batch; commit; commit = commit->next) {
        if (hars_fc_commits_party(commits, db, commit->device) != HARS_OK
            || hars_fc_commits_party(commits, db, commit->fog) != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/*
 * All of the batch had moved their parties before this run began, so the
 * first time that it writes one is late enough for each of them.
 */
static int
hars_fc_commits_party(hars_fc_commits_t *commits, hars_db_t *db,
    hars_fc_party_t *party)
{
    if (party->written == commits->run) {
        return HARS_OK;
    }

    party->written = commits->run;

    return hars_fc_rows_update(commits->fc, db, party);
}


/* a commit is gone as soon as it is told; the next batch does not wait */
static void
hars_fc_commits_done(void *data)
{
    int                 rc;
    hars_fc_commit_t   *commit, *next;
    hars_fc_commits_t  *commits = data;

    rc = commits->job.rc;
    commit = commits->batch;

    if (hars_fc_commits_next(commits) == HARS_OK) {
        hars_store_write_later(commits->fc->store, &commits->job);
    }

    for ( /* void */ ; commit; commit = next) {
        next = commit->next;
        commit->rc = rc;
        commit->done(commit->data);
    }
}

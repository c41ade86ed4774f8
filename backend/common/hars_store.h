
/*
 * A database as a service uses it: some connections to read, and one to
 * write, whose thread commits together what was asked for at the same time (a
 * group commit).  A call that writes returns after the commit, which is on
 * the disk.  Who reads may see what is committed and not on the disk yet, of
 * which nobody has been told.  Where the disk fails, all calls fail from then
 * on.
 *
 * All calls are thread-safe and block for a bounded time.
 */

#ifndef HARS_STORE_H
#define HARS_STORE_H


#include "hars_db.h"
#include "hars_layout.h"


typedef struct hars_store_s  hars_store_t;


/*
 * What is done inside a transaction that others share.  It may be done twice:
 * after a failure all is rolled back and each is tried alone.  HARS_ERROR
 * rolls back, HARS_DECLINED commits.
 */
typedef int (*hars_store_op_pt)(hars_db_t *db, void *data);

/* one of these, for who does not wait; it has to stay till "done" is called */
typedef struct hars_store_job_s  hars_store_job_t;

struct hars_store_job_s {
    hars_store_op_pt     op;
    void               (*done)(void *data);
    void                *data;            /* of both */
    int                  rc;              /* as of hars_store_write() */
    unsigned             full:1;          /* an error, of a full disk */
    hars_store_job_t    *next;            /* private */
};


/*
 * Makes the database where there is none, and what its layout wants; NULL
 * after the log has the cause.
 */
hars_store_t *hars_store_open(const char *where, const hars_layout_t *layout);
void hars_store_close(hars_store_t *store);

/* what the op returned, after the commit */
int hars_store_write(hars_store_t *store, hars_store_op_pt op, void *data);

/* the same; *full: it failed since the disk is full */
int hars_store_write_full(hars_store_t *store, hars_store_op_pt op,
    void *data, unsigned *full);

/* the same without waiting: "done" is called by a thread of the store's */
void hars_store_write_later(hars_store_t *store, hars_store_job_t *job);

/* a connection to read, to be given back at once; NULL: logged */
hars_db_t *hars_store_reader(hars_store_t *store);
void hars_store_reader_done(hars_store_t *store, hars_db_t *db);


#endif /* HARS_STORE_H */

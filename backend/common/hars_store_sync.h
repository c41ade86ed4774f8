
/*
 * The second half of a group commit, where a commit does not wait for the
 * disk itself: those whose jobs are done are told so by a thread of its own,
 * after the disk has them, while the writer is at the next batch.
 *
 *     writer      | batch 1 | batch 2           | batch 3
 *     here                  | sync 1 -> told 1  | sync 2 -> told 2
 *
 * Private to the store.
 */

#ifndef HARS_STORE_SYNC_H
#define HARS_STORE_SYNC_H


#include "hars_store.h"


typedef struct hars_store_sync_s  hars_store_sync_t;


/* of the file that commits are written to; it is closed here, in any case */
hars_store_sync_t *hars_store_sync_create(int fd);

/* after all that was given has been told */
void hars_store_sync_free(hars_store_sync_t *sync);

/* until the batch before is on its way to the disk: more come together */
void hars_store_sync_room(hars_store_sync_t *sync);

/* jobs that are committed, by "next"; they are gone when this returns */
void hars_store_sync_give(hars_store_sync_t *sync, hars_store_job_t *first);

/*
 * Did the disk refuse once?  What it has nobody knows since then, and the next
 * sync would not tell: there is nothing to be done but to begin anew.
 */
unsigned hars_store_sync_failed(hars_store_sync_t *sync);


#endif /* HARS_STORE_SYNC_H */

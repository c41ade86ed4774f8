
/*
 * The spool: recordings of a minute on disk, sealed, till the data collecting
 * mechanism has them.  A recording is a file of chunks; what was synced is
 * what a wearable is told to be kept.  What was cut off by a crash at its end
 * is nothing that was acknowledged, and left out.
 *
 *     SID-N-PLACEMENT.open     rows are added to it
 *     SID-N-PLACEMENT.full     to be sent
 *     SID-N-PLACEMENT.refused  it will never be taken, or was changed: it stays
 *                              aside
 *
 * All calls but those of an open recording may be made by any thread.
 */

#ifndef HARS_FN_SPOOL_H
#define HARS_FN_SPOOL_H


#include "hars_fn.h"
#include "hars_text.h"


#define HARS_SPOOL_NAME   96
#define HARS_SPOOL_CHUNK  4096            /* of plain bytes, most */


/* makes the directory where there is none; NULL: logged */
hars_spool_t *hars_spool_open(const char *dir, unsigned long most,
    hars_seal_t *seal);
void hars_spool_close(hars_spool_t *spool);

/* what it takes of the disk, in whole blocks */
unsigned long hars_spool_bytes(hars_spool_t *spool);

/* NULL: logged */
hars_spooled_t *hars_spool_begin(hars_spool_t *spool, const char *sid,
    unsigned n, const char *placement);

/* HARS_DECLINED: the spool is full; HARS_ERROR: logged */
int hars_spool_append(hars_spooled_t *spooled, const unsigned char *bytes,
    size_t len);

/* what was added is on the disk; HARS_ERROR: logged */
int hars_spool_sync(hars_spooled_t *spooled);

/*
 * The same, and the recording is to be sent; where nothing was added there is
 * none.  Frees it in any case.
 */
int hars_spool_end(hars_spooled_t *spooled);

/* a recording that is to be sent, the oldest; HARS_DECLINED: there is none */
int hars_spool_next(hars_spool_t *spool, char name[HARS_SPOOL_NAME]);

/*
 * Its bytes; HARS_DECLINED: changed, or the disk does not give it back;
 * HARS_ERROR: not now; both logged
 */
int hars_spool_load(hars_spool_t *spool, const char *name,
    hars_text_t *body);

/*
 * It was taken, or it was refused for ever; HARS_ERROR: it is there as
 * before, logged
 */
int hars_spool_done(hars_spool_t *spool, const char *name,
    unsigned refused);


#endif /* HARS_FN_SPOOL_H */


/*
 * Places for exports that go on at a time.  One takes a connection, a page of
 * memory and the time of a thread for as long as its reader takes, so that
 * there are few; and of whoever asks only some, so that nobody who reads
 * slowly keeps all others waiting.
 */

#ifndef HARS_DCM_EXPORTS_H
#define HARS_DCM_EXPORTS_H


#include "hars_who.h"

#include <pthread.h>


#define HARS_EXPORTS      4
#define HARS_EXPORTS_OWN  2               /* of one sub */


typedef struct {
    pthread_mutex_t    mutex;             /* of what follows */
    char               sub[HARS_EXPORTS][HARS_WHO_ID];   /* "": free */
} hars_exports_t;


void hars_exports_init(hars_exports_t *exports);
void hars_exports_free(hars_exports_t *exports);

/*
 * HARS_OK: it may begin, and hars_exports_end() is to be called for it;
 * HARS_DECLINED: the sub has as many as it may; HARS_ERROR: all places are
 * taken
 */
int hars_exports_begin(hars_exports_t *exports, const char *sub);
void hars_exports_end(hars_exports_t *exports, const char *sub);


#endif /* HARS_DCM_EXPORTS_H */


/*
 * Who guesses secrets waits: after HARS_LOCKOUT_TRIES attempts without a
 * success nobody gets another one for this name until HARS_LOCKOUT_TIME after
 * the first of them, with the right secret neither.  Names that are unknown
 * count the same.  Kept in memory, bounded: under a flood of names the one
 * with the fewest attempts is forgotten.
 *
 * Thread-safe; the time is an argument.
 */

#ifndef HARS_AS_LOCKOUT_H
#define HARS_AS_LOCKOUT_H


#include <stdint.h>


#define HARS_LOCKOUT_TRIES  5
#define HARS_LOCKOUT_TIME   900           /* s */


typedef struct hars_lockout_s  hars_lockout_t;


/* NULL: no memory or no randomness */
hars_lockout_t *hars_lockout_create(void);
void hars_lockout_free(hars_lockout_t *lockout);

/*
 * Counts an attempt before it is made, so that many at once count as many.
 * 0: it may be made; otherwise the seconds to wait.
 */
unsigned hars_lockout_try(hars_lockout_t *lockout, const char *name,
    int64_t now);

/* it was not made: it does not count */
void hars_lockout_unmade(hars_lockout_t *lockout, const char *name);

/* it succeeded: nothing is held against the name */
void hars_lockout_succeeded(hars_lockout_t *lockout, const char *name);


#endif /* HARS_AS_LOCKOUT_H */


/*
 * The tables of a service's database: statements that make them, and a number
 * that says which of the service's layouts they are.  A service numbers its
 * layouts in a range of its own (the authorization server from 1, the data
 * collecting mechanism from 101), so that none takes another one's database.
 */

#ifndef HARS_LAYOUT_H
#define HARS_LAYOUT_H


#include "hars_db.h"


/* an older layout: either one step to the present one, or all made anew */
typedef struct {
    int                          version;
    const char                  *step;
    const char                  *before;  /* what goes out of the way */
    const char                  *after;   /* and what is taken from it */
} hars_layout_older_t;

typedef struct {
    int                          version;
    const char *const           *tables;  /* statements, ends with NULL */
    const hars_layout_older_t   *older;   /* ends with 0; NULL: none */
} hars_layout_t;


/*
 * Makes what is not there.  HARS_ERROR after the log has the cause: above
 * all, a layout that is newer than this program.
 */
int hars_layout_apply(hars_db_t *db, const hars_layout_t *layout);


#endif /* HARS_LAYOUT_H */

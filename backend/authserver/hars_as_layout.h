
/*
 * The tables of the authorization server's database.
 */

#ifndef HARS_AS_LAYOUT_H
#define HARS_AS_LAYOUT_H


#include "hars_as_db.h"


/*
 * Makes what is not there.  HARS_ERROR after the log has the cause: above
 * all, a layout that is newer than this program.
 */
int hars_layout_make(hars_db_t *db);


#endif /* HARS_AS_LAYOUT_H */


/*
 * The carrier, a thread that brings what is in the spool to the data
 * collecting mechanism and fetches what was recognized in it.  While the cloud
 * is away it waits, longer after each failure; a recording is gone from the
 * spool once it was taken.
 */

#ifndef HARS_FN_CARRIER_H
#define HARS_FN_CARRIER_H


#include "hars_fn.h"


/* NULL: logged */
hars_carrier_t *hars_carrier_start(hars_fn_t *fn);
void hars_carrier_stop(hars_carrier_t *carrier);

/* by the thread of the links: activities to those that are still there */
void hars_carrier_take(hars_fn_t *fn);


#endif /* HARS_FN_CARRIER_H */

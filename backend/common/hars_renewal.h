
/*
 * The own certificate in time: before a third of its life is left the next
 * one is asked for by simplereenroll (RFC 7030, 4.2.2), with the same key.
 */

#ifndef HARS_RENEWAL_H
#define HARS_RENEWAL_H


#include "hars_https.h"


/*
 * Looks at the certificate's file, and replaces it where it is time.  HARS_OK:
 * there is a new one; HARS_DECLINED: it is not time, or could not be done,
 * which the log says.
 */
int hars_renewal(const hars_https_conf_t *peer);


#endif /* HARS_RENEWAL_H */

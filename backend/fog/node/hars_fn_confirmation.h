
/*
 * What hars-fogcloud says of a session that it has confirmed (POST
 * /v1/fog/sessions/{sid}/confirm): {"sid", "start", "end"}, s since 1970.
 * From "end" on nothing more belongs to it, so the fog node has to know it;
 * its own clock need not be the cloud's: what counts is how long that is.
 * Pure functions.
 */

#ifndef HARS_FN_CONFIRMATION_H
#define HARS_FN_CONFIRMATION_H


#include <stddef.h>
#include <stdint.h>


/*
 * HARS_OK, and from M3 to the end in ms; HARS_ERROR: it is another session's
 * or was torn, and confirms nothing.
 */
int hars_fn_confirmation(const unsigned char *body, size_t len,
    const char *sid, int64_t *lasts);


#endif /* HARS_FN_CONFIRMATION_H */

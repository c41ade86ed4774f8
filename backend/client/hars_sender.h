
/*
 * Recordings to the data collecting mechanism, one after another on one
 * connection.  What may become better (nobody there, 429, 5xx) is tried
 * again, from half a second to a minute apart, or after what Retry-After
 * says; a token that is refused is renewed once; what is wrong with a
 * recording is said and ends it.
 */

#ifndef HARS_SENDER_H
#define HARS_SENDER_H


#include "hars_client.h"


#define HARS_SENDER_ID  65                /* of a recording, with its 0 */


typedef struct hars_sender_s  hars_sender_t;


/* NULL: no memory */
hars_sender_t *hars_sender_create(const hars_options_t *options);
void hars_sender_free(hars_sender_t *sender);

/* of the recordings that follow */
void hars_sender_rate(hars_sender_t *sender, double rate);

/*
 * Both: HARS_EXIT_OK, or what to exit with, said on standard error.
 *
 * Is a recording of this id there, and from when?  *start_us: -1: it is not,
 * or this one may not be told.
 */
int hars_sender_there(hars_sender_t *sender, const char *id,
    int64_t *start_us);

/* CSV; it is stored when this returns */
int hars_sender_send(hars_sender_t *sender, const char *id,
    const hars_text_t *body);


#endif /* HARS_SENDER_H */

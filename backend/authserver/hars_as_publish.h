
/*
 * What other machines are told of a token, through Redis: on issue the
 * sealed record that a gateway would make of the introspection answer, on
 * revocation the tombstone, and then an entry of the stream that every
 * gateway listens to.  Redis only makes things faster, or a revocation known
 * sooner: what fails here fails no request.
 */

#ifndef HARS_AS_PUBLISH_H
#define HARS_AS_PUBLISH_H


#include "hars_as.h"
#include "hars_as_store.h"


#define HARS_TOKEN_ID_LEN  8              /* of $hars_token_id */

typedef struct hars_publish_s  hars_publish_t;


/* from settings that hold; NULL after the log has the cause */
hars_publish_t *hars_publish_create(const hars_as_conf_t *conf);
void hars_publish_free(hars_publish_t *publish);

/* the main thread's: connects where it is not; HARS_OK: there is Redis */
int hars_publish_connect(hars_publish_t *publish);

/* the record; SET NX, so that a tombstone stays */
int hars_publish_record(hars_publish_t *publish, const hars_token_t *token,
    int64_t now_ms);

/*
 * Revoked tokens, and the certificate that they are bound to or NULL, in
 * entries of up to 64 keys, each after the tombstones of its keys.  HARS_OK:
 * Redis has it all.
 */
int hars_publish_revoked(hars_publish_t *publish, const hars_outbox_t *row,
    unsigned n, const hars_outbox_t *cert, int64_t now);

/*
 * Has this Redis been told everything?  If not (a restart, a flush, another
 * server) all that is revoked and has not ended is written again, the mark
 * last.  The main thread's, each second.
 */
int hars_publish_refresh(hars_publish_t *publish, hars_store_t *store,
    int64_t now);

/* the first digits of the key, zero-terminated */
int hars_publish_token_id(hars_publish_t *publish,
    const unsigned char hash[HARS_SHA256_LEN],
    char id[HARS_TOKEN_ID_LEN + 1]);


#endif /* HARS_AS_PUBLISH_H */

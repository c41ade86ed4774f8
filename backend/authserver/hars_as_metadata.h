
/*
 * What a client may find out by itself: RFC 8414, with RFC 8705's section 3.3
 * and 5.  Made once, from the settings.
 */

#ifndef HARS_AS_METADATA_H
#define HARS_AS_METADATA_H


#include "hars_as.h"
#include "hars_http.h"


#define HARS_METADATA_PATH  "/.well-known/oauth-authorization-server"
#define HARS_METADATA_JWKS  "/oauth2/jwks"


/* the document and its path, in as->metadata; HARS_ERROR: no memory */
int hars_metadata_create(hars_as_t *as);
void hars_metadata_free(hars_as_t *as);

/* a handler: GET */
void hars_as_metadata(hars_request_t *r);


#endif /* HARS_AS_METADATA_H */

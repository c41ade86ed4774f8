
/*
 * A service behind the gateway, and the token that a service has for it as a
 * client of its own: what hars_https.h and hars_grant.h do, together.
 */

#ifndef HARS_PEER_H
#define HARS_PEER_H


#include "hars_grant.h"
#include "hars_self.h"


typedef struct {
    hars_https_conf_t   conf;             /* the service */
    hars_grant_conf_t   grant_conf;       /* seconds are the caller's to set */
    hars_grant_t       *grant;            /* private */
} hars_peer_t;


/*
 * The service at "url", whose audience is "resource"; what is pointed to stays
 * as long.  Calls end when "stop" is not 0.  HARS_ERROR: no memory.
 */
int hars_peer_create(hars_peer_t *peer, const hars_self_t *self,
    const char *url, const char *resource, const char *scope,
    atomic_uint *stop);
void hars_peer_free(hars_peer_t *peer);

/*
 * With the token, over "https", which is of this peer.  HARS_ERROR: there is
 * no answer, "answer" says why.  A token that is refused is asked for anew,
 * once, and over new connections.
 */
int hars_peer_call(hars_peer_t *peer, hars_https_t *https,
    hars_call_t *call, hars_answer_t *answer);


#endif /* HARS_PEER_H */

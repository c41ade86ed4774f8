
/* A service behind the gateway, as the fog node's settings have it. */

#ifndef HARS_FN_PEER_H
#define HARS_FN_PEER_H


#include "hars_fn.h"
#include "hars_peer.h"


/* HARS_ERROR: no memory; calls end when "stop" is not 0 */
int hars_fn_peer(hars_peer_t *peer, const hars_fn_conf_t *conf,
    const char *url, const char *resource, const char *scope,
    atomic_uint *stop);


#endif /* HARS_FN_PEER_H */

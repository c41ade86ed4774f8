
/* A service behind the gateway, as this one's settings have it. */

#ifndef HARS_DCM_PEER_H
#define HARS_DCM_PEER_H


#include "hars_dcm.h"
#include "hars_peer.h"


/* HARS_ERROR: no memory; calls end when "stop" is not 0 */
int hars_dcm_peer(hars_peer_t *peer, const hars_dcm_conf_t *conf,
    const char *url, const char *resource, const char *scope,
    atomic_uint *stop);


#endif /* HARS_DCM_PEER_H */


/* A service behind the gateway, and the token that the fog node has for it. */

#ifndef HARS_FN_PEER_H
#define HARS_FN_PEER_H


#include "hars_fn.h"


typedef struct {
    hars_https_conf_t    conf;
    hars_grant_conf_t    grant_conf;
    hars_grant_t        *grant;
} hars_fn_peer_t;


/* HARS_ERROR: no memory; calls end when "stop" is not 0 */
int hars_fn_peer(hars_fn_peer_t *peer, const hars_fn_conf_t *conf,
    const char *url, const char *resource, const char *scope,
    atomic_uint *stop);
void hars_fn_peer_free(hars_fn_peer_t *peer);

/* with its token, asked for again where it was refused */
int hars_fn_peer_call(hars_fn_peer_t *peer, hars_https_t *https,
    hars_call_t *call, hars_answer_t *answer);


#endif /* HARS_FN_PEER_H */

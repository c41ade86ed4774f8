
/* See hars_dcm_peer.h for what this is. */

#include "hars_dcm_peer.h"


int
hars_dcm_peer(hars_peer_t *peer, const hars_dcm_conf_t *conf,
    const char *url, const char *resource, const char *scope,
    atomic_uint *stop)
{
    peer->conf.url = url;
    peer->conf.cert = conf->certificate;
    peer->conf.key = conf->key;
    peer->conf.cacert = conf->server_ca;

    peer->grant_conf.peer = peer->conf;
    peer->grant_conf.peer.url = conf->auth_url;
    peer->grant_conf.client_id = conf->client_id;
    peer->grant_conf.scope = scope;
    peer->grant_conf.resource = resource;
    peer->grant_conf.stop = stop;

    return hars_peer_create(peer);
}


/* See hars_fn_peer.h for what this is. */

#include "hars_fn_peer.h"
#include "aka_crypto.h"

#include <string.h>


int
hars_fn_peer(hars_fn_peer_t *peer, const hars_fn_conf_t *conf,
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
    peer->grant_conf.stop = stop;
    peer->grant_conf.resource = resource;
    peer->grant = hars_grant_create(&peer->grant_conf);

    return peer->grant ? HARS_OK : HARS_ERROR;
}


void
hars_fn_peer_free(hars_fn_peer_t *peer)
{
    hars_grant_free(peer->grant);
}


int
hars_fn_peer_call(hars_fn_peer_t *peer, hars_https_t *https,
    hars_call_t *call, hars_answer_t *answer)
{
    int             rc;
    unsigned        i;
    hars_granted_t  granted;

    for (i = 0; i < 2; i++) {

        if (hars_grant_get(peer->grant, &granted, answer) != HARS_OK) {
            return HARS_ERROR;
        }

        hars_text_free(&answer->body);
        memset(answer, 0, sizeof(hars_answer_t));
        call->token = granted.token;
        rc = hars_https_call(https, call, answer);

        if (rc == HARS_OK && answer->status == 401) {
            hars_grant_refused(peer->grant, granted.serial);
        }

        hars_aka_wipe(&granted, sizeof(granted));

        if (rc != HARS_OK || answer->status != 401) {
            break;
        }
    }

    call->token = NULL;

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


/* See hars_peer.h for what this is. */

#include "hars_peer.h"

#include <string.h>

#include <openssl/crypto.h>


#define HARS_PEER_TRIES  2


static void hars_peer_again(hars_answer_t *answer);


int
hars_peer_create(hars_peer_t *peer, const hars_self_t *self, const char *url,
    const char *resource, const char *scope, atomic_uint *stop)
{
    peer->conf.url = url;
    peer->conf.cert = self->certificate;
    peer->conf.key = self->key;
    peer->conf.cacert = self->server_ca;

    peer->grant_conf.peer = peer->conf;
    peer->grant_conf.peer.url = self->auth_url;
    peer->grant_conf.client_id = self->client_id;
    peer->grant_conf.scope = scope;
    peer->grant_conf.resource = resource;
    peer->grant_conf.stop = stop;

    peer->grant = hars_grant_create(&peer->grant_conf);

    return peer->grant ? HARS_OK : HARS_ERROR;
}


void
hars_peer_free(hars_peer_t *peer)
{
    hars_grant_free(peer->grant);
    peer->grant = NULL;
}


int
hars_peer_call(hars_peer_t *peer, hars_https_t *https, hars_call_t *call,
    hars_answer_t *answer)
{
    int             rc;
    unsigned        i;
    hars_granted_t  granted;

    rc = HARS_ERROR;

    for (i = 0; i < HARS_PEER_TRIES; i++) {
        hars_peer_again(answer);

        if (hars_grant_get(peer->grant, &granted, answer) != HARS_OK) {
            return HARS_ERROR;
        }

        hars_peer_again(answer);
        call->token = granted.token;
        rc = hars_https_call(https, call, answer);

        if (rc == HARS_OK && answer->status == 401) {
            hars_grant_refused(peer->grant, granted.serial);
            hars_https_fresh(https);
        }

        OPENSSL_cleanse(&granted, sizeof(granted));

        if (rc != HARS_OK || answer->status != 401) {
            break;
        }
    }

    call->token = NULL;

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


/* what is added to it is the next answer */
static void
hars_peer_again(hars_answer_t *answer)
{
    hars_text_free(&answer->body);
    memset(answer, 0, sizeof(hars_answer_t));
}


/*
 * See hars_as_issue.h for what this is.
 *
 *     text -> store (group commit) -> audit log -> Redis -> answer
 *
 * A token is opaque (hars_as_value.h), stored as SHA-256, and told to Redis
 * after the commit and before the answer.  A certificate that was revoked
 * meanwhile gets nothing: the store looks once more, in the transaction that
 * has the row.  A refresh token that is used again ends its family there, too.
 */

#include "hars_as_issue.h"
#include "hars_as_answer.h"
#include "hars_as_known.h"
#include "hars_as_metrics.h"
#include "hars_as_publish.h"
#include "hars_as_revocation.h"
#include "hars_as_value.h"
#include "hars_as_words.h"
#include "hars_clock.h"
#include "hars_log.h"

#include <string.h>

#include <openssl/crypto.h>


#define HARS_ISSUE_TRIES  5               /* for a key of its own */


static void hars_issue_unaudited(hars_request_t *r);
static void hars_issue_stored(void *data);
static void hars_issue_done(hars_request_t *r);
static int hars_issue_credentials(hars_db_t *db, void *data);
static int hars_issue_refresh(hars_db_t *db, void *data);
static int hars_issue_store(hars_db_t *db, hars_grant_t *grant);
static void hars_issue_failed(hars_request_t *r, hars_grant_t *grant, int rc);
static void hars_issue_reused(hars_request_t *r, hars_grant_t *grant);
static void hars_issue_answer(hars_request_t *r, const hars_grant_t *grant);
static void hars_issue_publish(hars_as_socket_t *socket,
    const hars_token_t *token);


/* nobody waits for the disk where others could be served meanwhile */
void
hars_issue(hars_request_t *r, hars_grant_t *grant)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    /* a refresh token that is used for nothing would count as reused later */

    if (hars_audit_unwritten(socket->as)) {
        hars_issue_unaudited(r);
        return;
    }

    if (hars_value_token(grant->value, &grant->token.id, hars_now())
        != HARS_OK)
    {
        hars_issue_failed(r, grant, HARS_ERROR);
        return;
    }

    grant->token.bound = hars_known_bound(socket->known,
                                          grant->token.client_id,
                                          grant->token.cnf);

    grant->job.op = grant->rotates ? hars_issue_refresh
                                   : hars_issue_credentials;
    grant->job.done = hars_issue_stored;
    grant->job.data = grant;

    if (hars_request_later(r, hars_issue_done) == HARS_OK) {
        hars_store_write_later(socket->store, &grant->job);
        return;
    }

    grant->job.rc = hars_store_write(socket->store, grant->job.op, grant);
    hars_issue_done(r);
}


/* the refusal's own line tries the log again */
static void
hars_issue_unaudited(hars_request_t *r)
{
    hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                     "The audit log cannot be written.");
}


/* the writer's */
static void
hars_issue_stored(void *data)
{
    hars_request_go_on(((hars_grant_t *) data)->request);
}


static void
hars_issue_done(hars_request_t *r)
{
    hars_grant_t      *grant;
    hars_as_socket_t  *socket;

    socket = r->data;
    grant = hars_request_room(r, sizeof(hars_grant_t));

    if (grant->job.rc == HARS_OK && !grant->token.bound) {
        hars_known_bind(socket->known, grant->token.client_id,
                        grant->token.cnf);
    }

    if (grant->job.rc != HARS_OK) {
        hars_issue_failed(r, grant, grant->job.rc);

    } else if (hars_audit_issue(socket->as, &grant->token) != HARS_OK) {
        hars_issue_unaudited(r);

    } else {
        hars_metrics_issued(socket->as->metrics, grant->token.kind);
        hars_issue_publish(socket, &grant->token);
        hars_issue_answer(r, grant);
    }
}


static int
hars_issue_credentials(hars_db_t *db, void *data)
{
    int            rc;
    hars_grant_t  *grant;

    grant = data;
    rc = hars_issue_store(db, grant);

    if (rc == HARS_OK && grant->refresh) {
        rc = hars_family_insert(db, &grant->family);
    }

    return rc;
}


/* what is used again ends in the transaction that sees it */
static int
hars_issue_refresh(hars_db_t *db, void *data)
{
    hars_grant_t   *grant;
    hars_revoke_t   revoke = { .what = HARS_REVOKE_FAMILY };

    grant = data;

    if (hars_family_rotate(db, &grant->family, grant->now, grant->grace,
                           &grant->rotated) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (grant->rotated == HARS_FAMILY_REUSED) {
        memcpy(revoke.family, grant->family.id, HARS_FAMILY_LEN);

        return hars_store_revoke_all(db, &revoke, grant->now, &grant->revoked)
               == HARS_OK ? HARS_DECLINED : HARS_ERROR;
    }

    if (grant->rotated == HARS_FAMILY_ENDED) {
        return HARS_DECLINED;
    }

    return hars_issue_store(db, grant);
}


/* where its key is that of another one, of the same millisecond: a new one */
static int
hars_issue_store(hars_db_t *db, hars_grant_t *grant)
{
    int       rc;
    unsigned  n;

    for (n = 0; n < HARS_ISSUE_TRIES; n++) {
        rc = hars_token_insert(db, &grant->token);

        if (rc != HARS_DECLINED) {
            return rc;
        }

        rc = hars_token_taken(db, &grant->token.id);

        if (rc != HARS_OK) {
            return rc;
        }

        if (hars_value_token(grant->value, &grant->token.id, hars_now())
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_ERROR;
}


/* HARS_DECLINED: something ended meanwhile */
static void
hars_issue_failed(hars_request_t *r, hars_grant_t *grant, int rc)
{
    if (rc == HARS_ERROR) {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The token cannot be stored.");

    } else if (grant->refresh && grant->rotated == HARS_FAMILY_REUSED) {
        hars_issue_reused(r, grant);

    } else if (grant->refresh && grant->rotated == HARS_FAMILY_ENDED) {
        hars_oauth_error(r, HARS_OAUTH_INVALID_GRANT,
                         "The refresh token is not valid.");

    } else {
        hars_oauth_error(r, HARS_OAUTH_INVALID_CLIENT,
                         "The client is unknown, or the certificate is not "
                         "its own.");
    }
}


/* RFC 9700, 4.14.2: two hands hold it, and nobody knows whose is whose */
static void
hars_issue_reused(hars_request_t *r, hars_grant_t *grant)
{
    hars_revoke_t      revoke = { .what = HARS_REVOKE_FAMILY };
    hars_as_socket_t  *socket;

    socket = r->data;
    memcpy(revoke.family, grant->family.id, HARS_FAMILY_LEN);

    /* what cannot be told now stays in the outbox */

    (void) hars_revocation_outbox(socket->as, socket->store);

    hars_log_warn("client %s used a refresh token again: its family is "
                  "revoked", grant->client.id);
    hars_metrics_revoked(socket->as->metrics, revoke.what, grant->revoked);
    (void) hars_audit_revoke(socket->as, grant->client.id, &revoke,
                             grant->revoked);

    hars_oauth_error(r, HARS_OAUTH_INVALID_GRANT,
                     "The refresh token is not valid.");
}


static void
hars_issue_answer(hars_request_t *r, const hars_grant_t *grant)
{
    char               refresh[HARS_FAMILY_SIZE];
    hars_as_socket_t  *socket;

    socket = r->data;
    refresh[0] = '\0';

    if (grant->refresh
        && hars_family_value(socket->as->refresh, grant->family.id,
                             grant->next, refresh) != HARS_OK)
    {
        hars_oauth_error(r, HARS_OAUTH_SERVER_ERROR,
                         "The refresh token cannot be made.");
        return;
    }

    hars_oauth_reply(r, hars_answer_token(&grant->token, grant->value,
                                          refresh, grant->now));
    OPENSSL_cleanse(refresh, sizeof(refresh));
}


/*
 * The record is what introspection would tell the gateway: nothing, where
 * that one may not see the token.
 */
static void
hars_issue_publish(hars_as_socket_t *socket, const hars_token_t *token)
{
    hars_client_t  gateway;

    if (socket->as->publish == NULL
        || hars_known_client(socket->known, socket->as->conf.gateway_client,
                             0, &gateway) != HARS_OK
        || gateway.disabled_at
        || !gateway.kind->introspect
        || !hars_words_meet(token->aud, gateway.resources,
                            HARS_WORDS_RESOURCE))
    {
        return;
    }

    hars_publish_record(socket->as->publish, token, hars_now());
}

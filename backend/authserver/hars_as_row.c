
/* See hars_as_row.h for what this is. */

#include "hars_as_row.h"
#include "hars_as_auth.h"

#include <string.h>


static int hars_row_hash(hars_db_t *db, unsigned i,
    unsigned char hash[HARS_SHA256_LEN]);


void
hars_row_bind_client(hars_db_t *db, const hars_client_t *client)
{
    hars_db_text(db, client->id);
    hars_db_text(db, client->kind->name);
    hars_db_text(db, client->sub);
    hars_db_text(db, client->auth->name);
    hars_db_text(db, client->auth_value);
    hars_db_text(db, client->issuer_dn);
    hars_db_blob(db, client->secret,
                 client->has_secret ? HARS_SHA256_LEN : 0);
    hars_db_text(db, client->scope);
    hars_db_text(db, client->resources);
    hars_db_int(db, client->token_ttl);
    hars_db_int(db, client->refresh);
    hars_db_text(db, client->metadata);
    hars_db_blob(db, client->registration,
                 client->has_registration ? HARS_SHA256_LEN : 0);
    hars_db_int(db, client->disabled_at);
    hars_db_int(db, client->created_at);
}


int
hars_row_client(hars_db_t *db, hars_client_t *client)
{
    int   secret, registration;
    char  kind[HARS_AS_ID_SIZE], auth[HARS_AS_ID_SIZE];

    memset(client, 0, sizeof(hars_client_t));

    if (hars_db_get_text(db, 0, client->id, sizeof(client->id))
        || hars_db_get_text(db, 1, kind, sizeof(kind))
        || hars_db_get_text(db, 2, client->sub, sizeof(client->sub))
        || hars_db_get_text(db, 3, auth, sizeof(auth))
        || hars_db_get_text(db, 4, client->auth_value,
                            sizeof(client->auth_value))
        || hars_db_get_text(db, 5, client->issuer_dn,
                            sizeof(client->issuer_dn))
        || hars_db_get_text(db, 7, client->scope, sizeof(client->scope))
        || hars_db_get_text(db, 8, client->resources,
                            sizeof(client->resources))
        || hars_db_get_text(db, 11, client->metadata,
                            sizeof(client->metadata)))
    {
        return HARS_ERROR;
    }

    client->kind = hars_kind_find(kind);
    client->auth = hars_auth_find(auth);
    client->token_ttl = hars_db_get_int(db, 9);
    client->refresh = (hars_db_get_int(db, 10) != 0);
    client->disabled_at = hars_db_get_int(db, 13);
    client->created_at = hars_db_get_int(db, 14);

    secret = hars_row_hash(db, 6, client->secret);
    registration = hars_row_hash(db, 12, client->registration);
    client->has_secret = (secret == HARS_OK);
    client->has_registration = (registration == HARS_OK);

    return (client->kind && client->auth && secret != HARS_ERROR
            && registration != HARS_ERROR) ? HARS_OK : HARS_ERROR;
}


/* HARS_DECLINED: an empty one; of any other length it is a broken row */
static int
hars_row_hash(hars_db_t *db, unsigned i, unsigned char hash[HARS_SHA256_LEN])
{
    unsigned char  none[1];

    if (hars_db_get_blob(db, i, hash, HARS_SHA256_LEN) == HARS_OK) {
        return HARS_OK;
    }

    return (hars_db_get_blob(db, i, none, 0) == HARS_OK) ? HARS_DECLINED
                                                         : HARS_ERROR;
}


void
hars_row_bind_token(hars_db_t *db, const hars_token_t *token)
{
    hars_row_bind_id(db, &token->id);
    hars_db_blob(db, token->cnf, HARS_SHA256_LEN);
    hars_db_text(db, token->client_id);
    hars_db_text(db, token->sub);
    hars_db_text(db, token->kind->name);
    hars_db_text(db, token->scope);
    hars_db_text(db, token->aud);
    hars_db_int(db, token->iat);
    hars_db_int(db, token->exp);
    hars_db_blob(db, token->family, token->has_family ? HARS_FAMILY_LEN : 0);
}


int
hars_row_token(hars_db_t *db, hars_token_t *token)
{
    char  kind[HARS_AS_ID_SIZE];

    memset(token, 0, sizeof(hars_token_t));

    if (hars_row_id(db, 0, &token->id)
        || hars_db_get_blob(db, 2, token->cnf, HARS_SHA256_LEN)
        || hars_db_get_text(db, 3, token->client_id,
                            sizeof(token->client_id))
        || hars_db_get_text(db, 4, token->sub, sizeof(token->sub))
        || hars_db_get_text(db, 5, kind, sizeof(kind))
        || hars_db_get_text(db, 6, token->scope, sizeof(token->scope))
        || hars_db_get_text(db, 7, token->aud, sizeof(token->aud)))
    {
        return HARS_ERROR;
    }

    token->kind = hars_kind_find(kind);
    token->iat = hars_db_get_int(db, 8);
    token->exp = hars_db_get_int(db, 9);
    token->has_family =
        (hars_db_get_blob(db, 10, token->family, HARS_FAMILY_LEN) == HARS_OK);
    token->revoked_at = hars_db_get_int(db, 11);

    return token->kind ? HARS_OK : HARS_ERROR;
}


void
hars_row_bind_id(hars_db_t *db, const hars_token_id_t *id)
{
    hars_db_int(db, id->key);
    hars_db_blob(db, id->hash, HARS_SHA256_LEN);
}


int
hars_row_id(hars_db_t *db, unsigned i, hars_token_id_t *id)
{
    id->key = hars_db_get_int(db, i);

    return hars_db_get_blob(db, i + 1, id->hash, HARS_SHA256_LEN);
}

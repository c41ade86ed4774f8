
/* See hars_as_row.h for what this is. */

#include "hars_as_row.h"
#include "hars_as_auth.h"

#include <string.h>

#include <sqlite3.h>


static int hars_row_text(sqlite3_stmt *stmt, int i, char *dst, size_t size);


void
hars_row_bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
    sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}


void
hars_row_bind_hash(sqlite3_stmt *stmt, int i,
    const unsigned char hash[HARS_SHA256_LEN])
{
    sqlite3_bind_blob(stmt, i, hash, HARS_SHA256_LEN, SQLITE_STATIC);
}


int
hars_row_client(sqlite3_stmt *stmt, hars_client_t *client)
{
    char  kind[HARS_AS_ID_SIZE], auth[HARS_AS_ID_SIZE];

    memset(client, 0, sizeof(hars_client_t));

    if (hars_row_text(stmt, 0, client->id, sizeof(client->id))
        || hars_row_text(stmt, 1, kind, sizeof(kind))
        || hars_row_text(stmt, 2, client->sub, sizeof(client->sub))
        || hars_row_text(stmt, 3, auth, sizeof(auth))
        || hars_row_text(stmt, 4, client->auth_value,
                         sizeof(client->auth_value))
        || hars_row_text(stmt, 5, client->issuer_dn,
                         sizeof(client->issuer_dn))
        || hars_row_text(stmt, 7, client->scope, sizeof(client->scope))
        || hars_row_text(stmt, 8, client->resources,
                         sizeof(client->resources)))
    {
        return HARS_ERROR;
    }

    client->kind = hars_kind_find(kind);
    client->auth = hars_auth_find(auth);
    client->has_secret = (hars_row_hash(stmt, 6, client->secret) == HARS_OK);
    client->token_ttl = sqlite3_column_int64(stmt, 9);
    client->disabled_at = sqlite3_column_int64(stmt, 10);
    client->created_at = sqlite3_column_int64(stmt, 11);

    return (client->kind && client->auth) ? HARS_OK : HARS_ERROR;
}


int
hars_row_token(sqlite3_stmt *stmt, hars_token_t *token)
{
    char  kind[HARS_AS_ID_SIZE];

    memset(token, 0, sizeof(hars_token_t));

    if (hars_row_hash(stmt, 0, token->hash)
        || hars_row_hash(stmt, 1, token->cnf)
        || hars_row_text(stmt, 2, token->client_id, sizeof(token->client_id))
        || hars_row_text(stmt, 3, token->sub, sizeof(token->sub))
        || hars_row_text(stmt, 4, kind, sizeof(kind))
        || hars_row_text(stmt, 5, token->scope, sizeof(token->scope))
        || hars_row_text(stmt, 6, token->aud, sizeof(token->aud)))
    {
        return HARS_ERROR;
    }

    token->kind = hars_kind_find(kind);
    token->iat = sqlite3_column_int64(stmt, 7);
    token->exp = sqlite3_column_int64(stmt, 8);
    token->revoked_at = sqlite3_column_int64(stmt, 9);

    return token->kind ? HARS_OK : HARS_ERROR;
}


static int
hars_row_text(sqlite3_stmt *stmt, int i, char *dst, size_t size)
{
    size_t       len;
    const char  *text;

    text = (const char *) sqlite3_column_text(stmt, i);
    len = (size_t) sqlite3_column_bytes(stmt, i);

    if (text == NULL || len >= size || strlen(text) != len) {
        return HARS_ERROR;
    }

    memcpy(dst, text, len + 1);

    return HARS_OK;
}


int
hars_row_hash(sqlite3_stmt *stmt, int i,
    unsigned char hash[HARS_SHA256_LEN])
{
    const void  *blob;

    blob = sqlite3_column_blob(stmt, i);

    if (blob == NULL || sqlite3_column_bytes(stmt, i) != HARS_SHA256_LEN) {
        return HARS_ERROR;
    }

    memcpy(hash, blob, HARS_SHA256_LEN);

    return HARS_OK;
}


/*
 * Between the rows of clients and tokens and the structs of hars_as.h.  A row
 * that does not fit, of an unknown kind or with a zero byte inside is an
 * error, never a shortened client.
 */

#ifndef HARS_AS_ROW_H
#define HARS_AS_ROW_H


#include "hars_as.h"
#include "hars_db.h"


#define HARS_ROW_CLIENT                                                      \
    "id, kind, sub, auth, auth_value, issuer_dn, secret, scope, resources,"  \
    " token_ttl, refresh, metadata, registration, disabled_at, created_at"

/* behind those of a client or token */
#define HARS_ROW_REVISION  ", (SELECT n FROM revision)"

#define HARS_ROW_CLIENT_COLUMNS  15

/* of a token, two columns */
#define HARS_ROW_ID  "key, hash"

#define HARS_ROW_TOKEN                                                       \
    HARS_ROW_ID ", cnf, client_id, sub, kind, scope, aud, iat, exp, family"

/* with the time of its revocation behind them */
#define HARS_ROW_TOKEN_COLUMNS  12


/* all columns, as parameters */
void hars_row_bind_client(hars_db_t *db, const hars_client_t *client);
void hars_row_bind_token(hars_db_t *db, const hars_token_t *token);

void hars_row_bind_id(hars_db_t *db, const hars_token_id_t *id);

/* all columns, and behind those of a token revoked_at */
int hars_row_client(hars_db_t *db, hars_client_t *client);
int hars_row_token(hars_db_t *db, hars_token_t *token);

int hars_row_id(hars_db_t *db, unsigned i, hars_token_id_t *id);


#endif /* HARS_AS_ROW_H */

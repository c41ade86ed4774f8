
/* The store's initial access tokens; see hars_as_register.h. */

#include "hars_as_register.h"

#include <string.h>


/* the last three: of a registration */
typedef struct {
    const hars_register_token_t  *token;
    const char                   *policy;
    const hars_client_t          *client;
    const hars_client_t          *from;
    int64_t                       now;
} hars_store_registration_t;


typedef struct {
    const hars_client_t          *client;
    int64_t                       now;
    uint64_t                     *tokens;
} hars_store_unregister_t;


static int hars_store_token_insert(hars_db_t *db, void *data);
static int hars_store_token_delete(hars_db_t *db, void *data);
static int hars_store_token_row(hars_db_t *db, hars_register_token_t *token);
static int hars_store_token_use(hars_db_t *db, void *data);
static int hars_store_client_replace(hars_db_t *db, void *data);
static int hars_store_client_end(hars_db_t *db, void *data);


int
hars_store_register_token_add(hars_store_t *store,
    hars_register_token_t *token)
{
    char                       policy[HARS_POLICY_JSON];
    hars_store_registration_t  what = { .token = token, .policy = policy };

    hars_hex(token->id, token->hash, HARS_REGISTER_ID / 2);
    token->id[HARS_REGISTER_ID] = '\0';

    if (hars_policy_encode(&token->policy, policy) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_store_write(store, hars_store_token_insert, &what);
}


static int
hars_store_token_insert(hars_db_t *db, void *data)
{
    uint64_t                    added;
    hars_store_registration_t  *what;

    what = data;

    hars_db_int(db, what->token->created_at);

    if (hars_db_do(db, "DELETE FROM register_token WHERE expires_at <= ?1",
                   NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_blob(db, what->token->hash, HARS_SHA256_LEN);
    hars_db_text(db, what->token->id);
    hars_db_text(db, what->policy);
    hars_db_int(db, what->token->uses);
    hars_db_int(db, what->token->expires_at);
    hars_db_int(db, what->token->created_at);

    if (hars_db_do(db, "INSERT INTO register_token (hash, id, policy, uses,"
                       " expires_at, created_at)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                       " ON CONFLICT DO NOTHING", &added) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return added ? HARS_OK : HARS_DECLINED;
}


int
hars_store_register_token_remove(hars_store_t *store, const char *id)
{
    return hars_store_write(store, hars_store_token_delete, (void *) id);
}


static int
hars_store_token_delete(hars_db_t *db, void *data)
{
    uint64_t  gone;

    hars_db_text(db, data);

    if (hars_db_do(db, "DELETE FROM register_token WHERE id = ?1", &gone)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    return gone ? HARS_OK : HARS_DECLINED;
}


int
hars_store_register_token_get(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now,
    hars_register_token_t *token)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_blob(db, hash, HARS_SHA256_LEN);
    hars_db_int(db, now);

    rc = hars_db_first(db, "SELECT hash, id, policy, uses, expires_at,"
                           " created_at FROM register_token WHERE hash = ?1"
                           " AND uses > 0 AND expires_at > ?2");
    if (rc == HARS_OK) {
        rc = hars_store_token_row(db, token);
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_register_token_each(hars_store_t *store,
    hars_register_token_pt take, void *data)
{
    int                     rc;
    hars_db_t              *db;
    hars_register_token_t   token;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_run(db, "SELECT hash, id, policy, uses, expires_at,"
                         " created_at FROM register_token"
                         " ORDER BY created_at, id");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        if (hars_store_token_row(db, &token) == HARS_OK) {
            take(data, &token);
        }
    }

    hars_store_reader_done(store, db);

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


static int
hars_store_token_row(hars_db_t *db, hars_register_token_t *token)
{
    char  policy[HARS_POLICY_JSON];

    memset(token, 0, sizeof(hars_register_token_t));

    if (hars_db_get_blob(db, 0, token->hash, HARS_SHA256_LEN) != HARS_OK
        || hars_db_get_text(db, 1, token->id, sizeof(token->id)) != HARS_OK
        || hars_db_get_text(db, 2, policy, sizeof(policy)) != HARS_OK
        || hars_policy_decode(&token->policy, policy) != HARS_OK)
    {
        return HARS_ERROR;
    }

    token->uses = hars_db_get_int(db, 3);
    token->expires_at = hars_db_get_int(db, 4);
    token->created_at = hars_db_get_int(db, 5);

    return HARS_OK;
}


int
hars_store_register(hars_store_t *store, const hars_register_token_t *token,
    const hars_client_t *client, int64_t now)
{
    hars_store_registration_t  what = { .token = token, .client = client,
                                        .now = now };

    return hars_store_write(store, hars_store_token_use, &what);
}


static int
hars_store_token_use(hars_db_t *db, void *data)
{
    uint64_t                    used;
    hars_store_registration_t  *what;

    what = data;

    hars_db_blob(db, what->token->hash, HARS_SHA256_LEN);
    hars_db_int(db, what->now);

    if (hars_db_do(db, "UPDATE register_token SET uses = uses - 1"
                       " WHERE hash = ?1 AND uses > 0 AND expires_at > ?2",
                   &used) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (used == 0) {
        return HARS_DECLINED;
    }

    /* an id of 128 random bits that is there already is an error */

    return hars_client_insert(db, what->client) == HARS_OK ? HARS_OK
                                                           : HARS_ERROR;
}


int
hars_store_reregister(hars_store_t *store, const hars_client_t *from,
    const hars_client_t *to)
{
    hars_store_registration_t  what = { .client = to, .from = from };

    return hars_store_write(store, hars_store_client_replace, &what);
}


static int
hars_store_client_replace(hars_db_t *db, void *data)
{
    uint64_t                    changed;
    const hars_client_t        *from, *to;
    hars_store_registration_t  *what;

    what = data;
    from = what->from;
    to = what->client;

    hars_db_text(db, to->id);
    hars_db_text(db, to->auth_value);
    hars_db_text(db, to->issuer_dn);
    hars_db_text(db, to->scope);
    hars_db_text(db, to->resources);
    hars_db_int(db, to->refresh);
    hars_db_text(db, to->metadata);
    hars_db_blob(db, from->registration, HARS_SHA256_LEN);
    hars_db_text(db, from->auth_value);
    hars_db_text(db, from->issuer_dn);
    hars_db_text(db, from->scope);
    hars_db_text(db, from->resources);
    hars_db_int(db, from->refresh);

    if (hars_db_do(db, "UPDATE client SET auth_value = ?2, issuer_dn = ?3,"
                       " scope = ?4, resources = ?5, refresh = ?6,"
                       " metadata = ?7 WHERE id = ?1"
                       " AND registration = ?8 AND auth_value = ?9"
                       " AND issuer_dn = ?10 AND scope = ?11"
                       " AND resources = ?12 AND refresh = ?13"
                       " AND disabled_at = 0",
                   &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return changed ? hars_store_revise(db) : HARS_DECLINED;
}


int
hars_store_unregister(hars_store_t *store, const hars_client_t *client,
    int64_t now, uint64_t *tokens)
{
    hars_store_unregister_t  what = { client, now, tokens };

    return hars_store_write(store, hars_store_client_end, &what);
}


/* the row first: whoever inserts a token has it locked, and is seen then */
static int
hars_store_client_end(hars_db_t *db, void *data)
{
    uint64_t                  gone;
    hars_revoke_t             revoke;
    hars_store_unregister_t  *what;

    what = data;

    hars_db_text(db, what->client->id);
    hars_db_blob(db, what->client->registration, HARS_SHA256_LEN);

    if (hars_db_do(db, "DELETE FROM client WHERE id = ?1"
                       " AND registration = ?2 AND disabled_at = 0", &gone)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (gone == 0) {
        return HARS_DECLINED;
    }

    memset(&revoke, 0, sizeof(hars_revoke_t));
    revoke.what = HARS_REVOKE_CLIENT;
    revoke.id = what->client->id;

    return hars_client_delete(db, what->client->id) == HARS_OK
           ? hars_store_revoke_all(db, &revoke, what->now, what->tokens)
           : HARS_ERROR;
}

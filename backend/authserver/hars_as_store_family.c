
/* The store's families of refresh tokens; see hars_as_family.h. */

#include "hars_as_family.h"
#include "hars_as_row.h"

#include <string.h>


#define HARS_FAMILY_SLICE  1000           /* rows swept in one commit */


static int hars_family_row(hars_db_t *db, hars_family_t *family);
static int hars_family_state(hars_db_t *db, const hars_family_t *family,
    int64_t now, int64_t grace, hars_family_e *result);
static int hars_family_delete(hars_db_t *db, void *data);


int
hars_store_family_get(hars_store_t *store,
    const unsigned char id[HARS_FAMILY_LEN], hars_family_t *family)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_blob(db, id, HARS_FAMILY_LEN);

    rc = hars_db_first(db, "SELECT id, cnf, client_id, scope, aud,"
                           " generation, iat, exp, rotated_at, coalesce("
                           "nullif(revoked_at, 0), (SELECT c.revoked_at FROM"
                           " revoked_cert AS c WHERE c.hash = cnf), 0)"
                           " FROM family WHERE id = ?1");
    if (rc == HARS_OK) {
        rc = hars_family_row(db, family);
    }

    hars_store_reader_done(store, db);

    return rc;
}


static int
hars_family_row(hars_db_t *db, hars_family_t *family)
{
    memset(family, 0, sizeof(hars_family_t));

    if (hars_db_get_blob(db, 0, family->id, HARS_FAMILY_LEN)
        || hars_db_get_blob(db, 1, family->cnf, HARS_SHA256_LEN)
        || hars_db_get_text(db, 2, family->client_id,
                            sizeof(family->client_id))
        || hars_db_get_text(db, 3, family->scope, sizeof(family->scope))
        || hars_db_get_text(db, 4, family->aud, sizeof(family->aud)))
    {
        return HARS_ERROR;
    }

    family->generation = (uint32_t) hars_db_get_int(db, 5);
    family->iat = hars_db_get_int(db, 6);
    family->exp = hars_db_get_int(db, 7);
    family->rotated_at = hars_db_get_int(db, 8);
    family->revoked_at = hars_db_get_int(db, 9);

    return HARS_OK;
}


int
hars_family_insert(hars_db_t *db, const hars_family_t *family)
{
    hars_db_blob(db, family->id, HARS_FAMILY_LEN);
    hars_db_blob(db, family->cnf, HARS_SHA256_LEN);
    hars_db_text(db, family->client_id);
    hars_db_text(db, family->scope);
    hars_db_text(db, family->aud);
    hars_db_int(db, family->generation);
    hars_db_int(db, family->iat);
    hars_db_int(db, family->exp);
    hars_db_int(db, family->rotated_at);

    return hars_db_do(db, "INSERT INTO family (id, cnf, client_id, scope,"
                          " aud, generation, iat, exp, rotated_at,"
                          " revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,"
                          " ?8, ?9, 0)", NULL);
}


/* of many that come with one generation, one changes the row */
int
hars_family_rotate(hars_db_t *db, const hars_family_t *family, int64_t now,
    int64_t grace, hars_family_e *result)
{
    uint64_t  changed;

    hars_db_blob(db, family->id, HARS_FAMILY_LEN);
    hars_db_int(db, family->generation);
    hars_db_int(db, now);
    hars_db_text(db, family->client_id);
    hars_db_blob(db, family->cnf, HARS_SHA256_LEN);

    if (hars_db_do(db, "UPDATE family SET generation = generation + 1,"
                       " rotated_at = ?3 WHERE id = ?1 AND generation = ?2"
                       " AND revoked_at = 0 AND exp > ?3 AND client_id = ?4"
                       " AND cnf = ?5", &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (changed) {
        *result = HARS_FAMILY_ROTATED;
        return HARS_OK;
    }

    return hars_family_state(db, family, now, grace, result);
}


/* why there was nothing to rotate */
static int
hars_family_state(hars_db_t *db, const hars_family_t *family, int64_t now,
    int64_t grace, hars_family_e *result)
{
    int      rc;
    int64_t  generation, rotated_at;

    *result = HARS_FAMILY_ENDED;

    hars_db_blob(db, family->id, HARS_FAMILY_LEN);
    hars_db_int(db, now);
    hars_db_text(db, family->client_id);
    hars_db_blob(db, family->cnf, HARS_SHA256_LEN);

    rc = hars_db_first(db, "SELECT generation, rotated_at FROM family"
                           " WHERE id = ?1 AND revoked_at = 0 AND exp > ?2"
                           " AND client_id = ?3 AND cnf = ?4 {SHARE}");
    if (rc != HARS_OK) {
        return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
    }

    generation = hars_db_get_int(db, 0);
    rotated_at = hars_db_get_int(db, 1);

    if (generation == (int64_t) family->generation + 1
        && now - rotated_at <= grace)
    {
        *result = HARS_FAMILY_RETRIED;

    } else if (generation > (int64_t) family->generation) {
        *result = HARS_FAMILY_REUSED;
    }

    return HARS_OK;
}


int
hars_store_family_carry(hars_db_t *db, const char *client_id,
    const unsigned char from[HARS_SHA256_LEN],
    const unsigned char to[HARS_SHA256_LEN])
{
    hars_db_text(db, client_id);
    hars_db_blob(db, from, HARS_SHA256_LEN);
    hars_db_blob(db, to, HARS_SHA256_LEN);

    return hars_db_do(db, "UPDATE family SET cnf = ?3 WHERE cnf = ?2"
                          " AND client_id = ?1 AND revoked_at = 0", NULL);
}


int
hars_family_revoke(hars_db_t *db, const hars_revoke_t *revoke, int64_t now)
{
    switch (revoke->what) {

    case HARS_REVOKE_FAMILY:
        hars_db_blob(db, revoke->family, HARS_FAMILY_LEN);
        hars_db_int(db, now);
        return hars_db_do(db, "UPDATE family SET revoked_at = ?2"
                              " WHERE id = ?1 AND revoked_at = 0", NULL);

    case HARS_REVOKE_CLIENT:
        hars_db_text(db, revoke->id);
        hars_db_int(db, now);
        return hars_db_do(db, "UPDATE family SET revoked_at = ?2"
                              " WHERE client_id = ?1 AND revoked_at = 0",
                          NULL);

    case HARS_REVOKE_SUB:
        hars_db_text(db, revoke->id);
        hars_db_int(db, now);
        return hars_db_do(db, "UPDATE family SET revoked_at = ?2"
                              " WHERE client_id IN (SELECT id FROM client"
                              " WHERE sub = ?1) AND revoked_at = 0", NULL);

    case HARS_REVOKE_CERT:
        hars_db_blob(db, revoke->cert, HARS_SHA256_LEN);
        hars_db_int(db, now);
        return hars_db_do(db, "UPDATE family SET revoked_at = ?2"
                              " WHERE cnf = ?1 AND revoked_at = 0", NULL);

    default: /* HARS_REVOKE_TOKEN: RFC 7009, 2.1 leaves it open */
        return HARS_OK;
    }
}


int
hars_store_family_sweep(hars_store_t *store, int64_t until)
{
    return hars_store_write(store, hars_family_delete, &until);
}


static int
hars_family_delete(hars_db_t *db, void *data)
{
    uint64_t  changed;

    hars_db_int(db, *(int64_t *) data);
    hars_db_int(db, HARS_FAMILY_SLICE);

    if (hars_db_do(db, "DELETE FROM family WHERE id IN (SELECT id FROM"
                       " family WHERE exp < ?1 LIMIT ?2)", &changed)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    return (changed == HARS_FAMILY_SLICE) ? HARS_DECLINED : HARS_OK;
}


int
hars_store_family_clients(hars_store_t *store, int64_t *n)
{
    int         rc;
    hars_db_t  *db;

    *n = 0;
    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_db_first(db, "SELECT count(*) FROM client WHERE refresh = 1");

    if (rc == HARS_OK) {
        *n = hars_db_get_int(db, 0);
    }

    hars_store_reader_done(store, db);

    return rc;
}


/*
 * The store's secrets and passwords of enrolment, one of either sort for a
 * client; see hars_as_store_cert.h.  They are used in hars_as_store_cert.c,
 * in the transaction that stores a certificate.
 */

#include "hars_as_store_cert.h"


#define HARS_STORE_SECRET                                                    \
    "INSERT INTO enrol_secret (client_id, hash, until)"                      \
    " SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM client"                  \
    " WHERE id = ?1 {SHARE}) ON CONFLICT DO NOTHING"


typedef struct {
    const char           *client_id;
    const unsigned char  *hash;
    int64_t               until;
    const char           *password;  /* its hash; NULL: those above */
} hars_store_secret_t;


static int hars_store_secret_replace(hars_db_t *db, void *data);
static int hars_store_password_insert(hars_db_t *db,
    const hars_store_secret_t *secret);


int
hars_store_secret_set(hars_store_t *store, const char *client_id,
    const unsigned char hash[HARS_SHA256_LEN], int64_t until)
{
    hars_store_secret_t  secret = { client_id, hash, until, NULL };

    return hars_store_write(store, hars_store_secret_replace, &secret);
}


int
hars_store_password_set(hars_store_t *store, const char *client_id,
    const char *hash)
{
    hars_store_secret_t  secret = { client_id, NULL, 0, hash };

    return hars_store_write(store, hars_store_secret_replace, &secret);
}


static int
hars_store_secret_replace(hars_db_t *db, void *data)
{
    uint64_t              changed;
    hars_store_secret_t  *secret;

    secret = data;

    hars_db_text(db, secret->client_id);

    if (hars_db_do(db, "DELETE FROM enrol_secret WHERE client_id = ?1", NULL)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_text(db, secret->client_id);

    if (hars_db_do(db, "DELETE FROM enrol_password WHERE client_id = ?1",
                   NULL) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (secret->password) {
        return hars_store_password_insert(db, secret);
    }

    hars_db_text(db, secret->client_id);
    hars_db_blob(db, secret->hash, HARS_SHA256_LEN);
    hars_db_int(db, secret->until);

    if (hars_db_do(db, HARS_STORE_SECRET, &changed) != HARS_OK) {
        return HARS_ERROR;
    }

    return changed ? HARS_OK : HARS_DECLINED;
}


static int
hars_store_password_insert(hars_db_t *db, const hars_store_secret_t *secret)
{
    uint64_t  changed;

    hars_db_text(db, secret->client_id);
    hars_db_text(db, secret->password);

    if (hars_db_do(db, "INSERT INTO enrol_password (client_id, hash)"
                       " SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM client"
                       " WHERE id = ?1 {SHARE}) ON CONFLICT DO NOTHING",
                   &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return changed ? HARS_OK : HARS_DECLINED;
}


/* the same in a transaction of others: hars_as_store_cert.c */
int
hars_store_secret_again(hars_db_t *db, const char *client_id,
    const unsigned char hash[HARS_SHA256_LEN], int64_t until)
{
    hars_db_text(db, client_id);
    hars_db_blob(db, hash, HARS_SHA256_LEN);
    hars_db_int(db, until);

    return hars_db_do(db, HARS_STORE_SECRET, NULL);
}


int
hars_store_password_get(hars_store_t *store, const char *client_id,
    char hash[HARS_PASSWORD_HASH])
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_text(db, client_id);

    rc = hars_db_first(db, "SELECT hash FROM enrol_password WHERE"
                           " client_id = ?1");
    if (rc == HARS_OK) {
        rc = hars_db_get_text(db, 0, hash, HARS_PASSWORD_HASH);
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_secret_known(hars_store_t *store, const char *client_id,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now, int64_t *until)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_text(db, client_id);
    hars_db_blob(db, hash, HARS_SHA256_LEN);
    hars_db_int(db, now);

    rc = hars_db_first(db, "SELECT until FROM enrol_secret WHERE"
                           " client_id = ?1 AND hash = ?2 AND until > ?3");

    if (rc == HARS_OK) {
        *until = hars_db_get_int(db, 0);
    }

    hars_store_reader_done(store, db);

    return rc;
}

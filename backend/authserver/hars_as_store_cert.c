
/* See hars_as_store_cert.h for what this is. */

#include "hars_as_store_cert.h"
#include "hars_as_auth.h"
#include "hars_as_est.h"
#include "hars_as_family.h"

#include <string.h>


#define HARS_STORE_CERTIFICATE                                               \
    "SELECT serial, thumbprint, client_id, not_after, issued_at,"            \
    " revoked_at, reason FROM certificate"


typedef struct {
    const hars_client_t       *client;
    const unsigned char       *secret;    /* or NULL */
    const char                *password;  /* its hash, or NULL */
    const unsigned char       *old;       /* thumbprint, or NULL */
    const hars_certificate_t  *cert;
    hars_store_why_e          *why;
} hars_store_enrol_t;


typedef struct {
    const hars_certificate_t  *cert;
    const unsigned char       *old;       /* thumbprint, or NULL */
    const unsigned char       *secret;    /* or NULL */
    int64_t                    until;     /* of the secret */
} hars_store_unenrol_t;


typedef struct {
    int64_t                    until;
    int64_t                    now;
} hars_store_ended_t;


static int hars_store_enrol_op(hars_db_t *db, void *data);
static int hars_store_enrol_client(hars_db_t *db,
    const hars_client_t *client);
static int hars_store_enrol_key(hars_db_t *db,
    const hars_store_enrol_t *enrol);
static int hars_store_enrol_secret(hars_db_t *db,
    const hars_store_enrol_t *enrol);
static int hars_store_enrol_password(hars_db_t *db,
    const hars_store_enrol_t *enrol);
static int hars_store_enrol_old(hars_db_t *db,
    const hars_store_enrol_t *enrol);
static int hars_store_enrol_carry(hars_db_t *db,
    const hars_store_enrol_t *enrol);
static int hars_store_enrol_often(hars_db_t *db,
    const hars_store_enrol_t *enrol);
static int hars_store_certificate_insert(hars_db_t *db,
    const hars_store_enrol_t *enrol);
static int hars_store_unenrol_op(hars_db_t *db, void *data);
static int hars_store_certificate_read(hars_db_t *db,
    hars_certificate_t *cert);
static int hars_store_certificate_delete(hars_db_t *db, void *data);


int
hars_store_enrol(hars_store_t *store, const hars_client_t *client,
    const unsigned char secret[HARS_SHA256_LEN],
    const hars_certificate_t *cert, hars_store_why_e *why)
{
    hars_store_enrol_t  enrol = { .client = client, .secret = secret,
                                  .cert = cert, .why = why };

    return hars_store_write(store, hars_store_enrol_op, &enrol);
}


int
hars_store_enrol_again(hars_store_t *store, const hars_client_t *client,
    const char *password, const hars_certificate_t *cert,
    hars_store_why_e *why)
{
    hars_store_enrol_t  enrol = { .client = client, .password = password,
                                  .cert = cert, .why = why };

    return hars_store_write(store, hars_store_enrol_op, &enrol);
}


int
hars_store_reenrol(hars_store_t *store, const hars_client_t *client,
    const unsigned char old[HARS_SHA256_LEN], const hars_certificate_t *cert,
    hars_store_why_e *why)
{
    hars_store_enrol_t  enrol = { .client = client, .old = old, .cert = cert,
                                  .why = why };

    return hars_store_write(store, hars_store_enrol_op, &enrol);
}


/* what declines does so before anything is written */
static int
hars_store_enrol_op(hars_db_t *db, void *data)
{
    int                  rc;
    hars_store_enrol_t  *enrol;

    enrol = data;
    *enrol->why = HARS_STORE_CHANGED;

    rc = hars_store_enrol_client(db, enrol->client);

    if (rc == HARS_OK) {
        rc = hars_store_enrol_key(db, enrol);
    }

    if (rc == HARS_OK) {
        rc = enrol->secret ? hars_store_enrol_secret(db, enrol)
             : enrol->password ? hars_store_enrol_password(db, enrol)
             : hars_store_enrol_old(db, enrol);
    }

    return rc == HARS_OK ? hars_store_certificate_insert(db, enrol) : rc;
}


/* its names were read from this registration: is it still the same? */
static int
hars_store_enrol_client(hars_db_t *db, const hars_client_t *client)
{
    hars_db_text(db, client->id);
    hars_db_text(db, client->auth->name);
    hars_db_text(db, client->auth_value);
    hars_db_text(db, client->issuer_dn);

    return hars_db_first(db, "SELECT 1 FROM client WHERE id = ?1"
                             " AND auth = ?2 AND auth_value = ?3"
                             " AND issuer_dn = ?4 AND disabled_at = 0"
                             " {SHARE}");
}


/* a key is of one client, and of nobody once it was compromised */
static int
hars_store_enrol_key(hars_db_t *db, const hars_store_enrol_t *enrol)
{
    int  rc;

    hars_db_blob(db, enrol->cert->key, HARS_SHA256_LEN);
    hars_db_text(db, enrol->client->id);

    rc = hars_db_first(db, "SELECT 1 FROM certificate WHERE key_hash = ?1"
                           " AND (client_id <> ?2 OR (revoked_at > 0"
                           " AND reason = 1)) LIMIT 1");
    if (rc == HARS_OK) {
        *enrol->why = HARS_STORE_KEY;
    }

    return rc == HARS_OK ? HARS_DECLINED
           : rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


static int
hars_store_enrol_secret(hars_db_t *db, const hars_store_enrol_t *enrol)
{
    uint64_t  used;

    hars_db_text(db, enrol->client->id);
    hars_db_blob(db, enrol->secret, HARS_SHA256_LEN);
    hars_db_int(db, enrol->cert->issued_at);

    if (hars_db_do(db, "DELETE FROM enrol_secret WHERE client_id = ?1"
                       " AND hash = ?2 AND until > ?3", &used) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return used ? HARS_OK : HARS_DECLINED;
}


/* it was looked at before: is it still the same? */
static int
hars_store_enrol_password(hars_db_t *db, const hars_store_enrol_t *enrol)
{
    int  rc;

    rc = hars_store_enrol_often(db, enrol);

    if (rc != HARS_OK) {
        return rc;
    }

    hars_db_text(db, enrol->client->id);
    hars_db_text(db, enrol->password);

    return hars_db_first(db, "SELECT 1 FROM enrol_password WHERE"
                             " client_id = ?1 AND hash = ?2 {SHARE}");
}


static int
hars_store_enrol_old(hars_db_t *db, const hars_store_enrol_t *enrol)
{
    int  rc;

    rc = hars_store_enrol_often(db, enrol);

    if (rc != HARS_OK) {
        return rc;
    }

    hars_db_blob(db, enrol->old, HARS_SHA256_LEN);
    hars_db_text(db, enrol->client->id);
    hars_db_int(db, enrol->cert->issued_at);

    /* of two that follow at once the second finds the first */

    rc = hars_db_first(db, "SELECT 1 FROM certificate WHERE thumbprint = ?1"
                           " AND client_id = ?2 AND not_after >= ?3"
                           " AND revoked_at = 0 AND NOT EXISTS (SELECT 1"
                           " FROM revoked_cert WHERE hash = ?1) {LOCK}");

    return rc == HARS_OK ? hars_store_enrol_carry(db, enrol) : rc;
}


/*
 * The families of refresh tokens follow, in this transaction: those of the
 * old certificate, and of others that followed it, whose answer may never
 * have arrived.
 */
static int
hars_store_enrol_carry(hars_db_t *db, const hars_store_enrol_t *enrol)
{
    int             rc;
    unsigned        i, n;
    unsigned char   from[HARS_EST_OFTEN][HARS_SHA256_LEN];

    hars_db_text(db, enrol->client->id);
    hars_db_blob(db, enrol->old, HARS_SHA256_LEN);
    hars_db_int(db, enrol->cert->issued_at);

    rc = hars_db_run(db, "SELECT thumbprint FROM certificate WHERE"
                         " client_id = ?1 AND follows = ?2"
                         " AND not_after >= ?3 AND revoked_at = 0"
                         " ORDER BY issued_at DESC LIMIT 15");
    n = 0;

    while (rc == HARS_OK && n < HARS_EST_OFTEN - 1
           && (rc = hars_db_row(db)) == HARS_OK)
    {
        rc = hars_db_get_blob(db, 0, from[n++], HARS_SHA256_LEN);
    }

    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    hars_db_done(db);
    memcpy(from[n++], enrol->old, HARS_SHA256_LEN);

    for (i = 0; i < n; i++) {
        if (hars_store_family_carry(db, enrol->client->id, from[i],
                                    enrol->cert->thumbprint) != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_store_enrol_often(hars_db_t *db, const hars_store_enrol_t *enrol)
{
    hars_db_text(db, enrol->client->id);
    hars_db_int(db, enrol->cert->issued_at - HARS_EST_OFTEN_TIME);

    if (hars_db_first(db, "SELECT count(*) FROM certificate WHERE"
                          " client_id = ?1 AND issued_at > ?2") != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (hars_db_get_int(db, 0) < HARS_EST_OFTEN) {
        return HARS_OK;
    }

    *enrol->why = HARS_STORE_OFTEN;

    return HARS_DECLINED;
}


static int
hars_store_certificate_insert(hars_db_t *db, const hars_store_enrol_t *enrol)
{
    const hars_certificate_t  *cert;

    cert = enrol->cert;

    hars_db_blob(db, cert->serial, HARS_CA_SERIAL);
    hars_db_blob(db, cert->thumbprint, HARS_SHA256_LEN);
    hars_db_text(db, cert->client_id);
    hars_db_blob(db, enrol->old, enrol->old ? HARS_SHA256_LEN : 0);
    hars_db_int(db, cert->not_after);
    hars_db_int(db, cert->issued_at);
    hars_db_blob(db, cert->key, HARS_SHA256_LEN);

    return hars_db_do(db, "INSERT INTO certificate (serial, thumbprint,"
                          " client_id, follows, not_after, issued_at,"
                          " revoked_at, reason, key_hash)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7)",
                      NULL);
}


int
hars_store_unenrol(hars_store_t *store, const hars_certificate_t *cert,
    const unsigned char *old, const unsigned char *secret, int64_t until)
{
    hars_store_unenrol_t  unenrol = { cert, old, secret, until };

    return hars_store_write(store, hars_store_unenrol_op, &unenrol);
}


static int
hars_store_unenrol_op(hars_db_t *db, void *data)
{
    hars_store_unenrol_t      *unenrol;
    const hars_certificate_t  *cert;

    unenrol = data;
    cert = unenrol->cert;

    hars_db_blob(db, cert->serial, HARS_CA_SERIAL);

    if (hars_db_do(db, "DELETE FROM certificate WHERE serial = ?1", NULL)
        != HARS_OK
        || (unenrol->old
            && hars_store_family_carry(db, cert->client_id, cert->thumbprint,
                                       unenrol->old) != HARS_OK))
    {
        return HARS_ERROR;
    }

    return unenrol->secret
           ? hars_store_secret_again(db, cert->client_id, unenrol->secret,
                                     unenrol->until)
           : HARS_OK;
}


int
hars_store_certificate_get(hars_store_t *store,
    const unsigned char thumbprint[HARS_SHA256_LEN],
    hars_certificate_t *cert)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_blob(db, thumbprint, HARS_SHA256_LEN);

    rc = hars_db_first(db, HARS_STORE_CERTIFICATE " WHERE thumbprint = ?1");

    if (rc == HARS_OK) {
        rc = hars_store_certificate_read(db, cert);
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_certificate_serial(hars_store_t *store,
    const unsigned char serial[HARS_CA_SERIAL], hars_certificate_t *cert)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_blob(db, serial, HARS_CA_SERIAL);

    rc = hars_db_first(db, HARS_STORE_CERTIFICATE " WHERE serial = ?1");

    if (rc == HARS_OK) {
        rc = hars_store_certificate_read(db, cert);
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_certificate_live(hars_store_t *store, const char *client_id,
    int64_t now, hars_certificate_t *cert)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_text(db, client_id);
    hars_db_int(db, now);

    rc = hars_db_first(db, HARS_STORE_CERTIFICATE " WHERE client_id = ?1"
                           " AND not_after > ?2 AND revoked_at = 0 LIMIT 1");

    if (rc == HARS_OK) {
        rc = hars_store_certificate_read(db, cert);
    }

    hars_store_reader_done(store, db);

    return rc;
}


int
hars_store_certificate_each(hars_store_t *store, const char *client_id,
    hars_store_certificate_pt take, void *data)
{
    int                  rc;
    hars_db_t           *db;
    hars_certificate_t   cert;

    db = hars_store_reader(store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    if (client_id) {
        hars_db_text(db, client_id);
        rc = hars_db_run(db, HARS_STORE_CERTIFICATE " WHERE client_id = ?1"
                             " ORDER BY issued_at, serial");
    } else {
        rc = hars_db_run(db, HARS_STORE_CERTIFICATE
                             " ORDER BY issued_at, serial");
    }

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        rc = hars_store_certificate_read(db, &cert);

        if (rc == HARS_OK) {
            take(data, &cert);
        }
    }

    hars_store_reader_done(store, db);

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


static int
hars_store_certificate_read(hars_db_t *db, hars_certificate_t *cert)
{
    memset(cert, 0, sizeof(hars_certificate_t));

    if (hars_db_get_blob(db, 0, cert->serial, HARS_CA_SERIAL) != HARS_OK
        || hars_db_get_blob(db, 1, cert->thumbprint, HARS_SHA256_LEN)
           != HARS_OK
        || hars_db_get_text(db, 2, cert->client_id,
                            sizeof(cert->client_id)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    cert->not_after = hars_db_get_int(db, 3);
    cert->issued_at = hars_db_get_int(db, 4);
    cert->revoked_at = hars_db_get_int(db, 5);
    cert->reason = (int) hars_db_get_int(db, 6);

    return HARS_OK;
}


int
hars_store_certificate_sweep(hars_store_t *store, int64_t until, int64_t now)
{
    hars_store_ended_t  ended = { until, now };

    return hars_store_write(store, hars_store_certificate_delete, &ended);
}


static int
hars_store_certificate_delete(hars_db_t *db, void *data)
{
    hars_store_ended_t  *ended;

    ended = data;

    hars_db_int(db, ended->now);

    if (hars_db_do(db, "DELETE FROM enrol_secret WHERE until <= ?1", NULL)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_int(db, ended->until);

    return hars_db_do(db, "DELETE FROM certificate WHERE not_after < ?1"
                          " AND NOT (revoked_at > 0 AND reason = 1)", NULL);
}

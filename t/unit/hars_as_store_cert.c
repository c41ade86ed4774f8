
/*
 * The store's certificates and enrolment secrets: used once, till their end,
 * by the client that is still the one it was.
 *
 * HARS_TEST_DATABASE: an empty database that is used instead of a new file.
 */

/* link: common/hars_record.c -lsqlite3 -lpq -lpthread -lcrypto */

#include "../../backend/common/hars_store.c"
#include "../../backend/common/hars_store_queue.c"
#include "../../backend/authserver/hars_as_store_cert.c"
#include "../../backend/authserver/hars_as_store_secret.c"
#include "../../backend/authserver/hars_as_store_client.c"
#include "../../backend/authserver/hars_as_store_crl.c"
#include "../../backend/authserver/hars_as_store_family.c"
#include "../../backend/authserver/hars_as_store_revoke.c"
#include "../../backend/authserver/hars_as_store_token.c"
#include "../../backend/authserver/hars_as_layout.c"
#include "../../backend/authserver/hars_as_value.c"
#include "../../backend/common/hars_layout.c"
#include "../../backend/common/hars_db.c"
#include "../../backend/common/hars_db_sqlite.c"
#include "../../backend/common/hars_db_pg.c"
#include "../../backend/common/hars_db_pg_conn.c"
#include "../../backend/authserver/hars_as_row.c"
#include "../../backend/authserver/hars_as_kind.c"
#include "../../backend/authserver/hars_as_auth.c"
#include "../../backend/authserver/hars_as_dn.c"
#include "../../backend/authserver/hars_as_dn_memo.c"
#include "../../backend/authserver/hars_as_dn_parse.c"
#include "../../backend/authserver/hars_as_form.c"
#include "../../backend/authserver/hars_as_words.c"
#include "../../backend/common/hars_log.c"
#include "../../backend/common/hars_owner.c"
#include "../../backend/common/hars_sha256.c"

#include "tap.h"


#define NOW  1800000000
#define DAY  86400


static hars_client_t       client;
static hars_certificate_t  cert;
static unsigned char       secret[HARS_SHA256_LEN];
static unsigned char       other[HARS_SHA256_LEN];
static hars_store_why_e    why;
static int64_t             until;


/* the n-th certificate, issued at "at" for a day */
static const hars_certificate_t *
nth(unsigned char n, int64_t at)
{
    memset(&cert, 0, sizeof(cert));
    memset(cert.serial, n, HARS_CA_SERIAL);
    memset(cert.thumbprint, n, HARS_SHA256_LEN);
    memset(cert.key, n, HARS_SHA256_LEN);
    strcpy(cert.client_id, client.id);
    cert.issued_at = at;
    cert.not_after = at + DAY;

    return &cert;
}


static void
registered(hars_store_t *store)
{
    memset(&client, 0, sizeof(client));
    strcpy(client.id, "dcm-1");
    strcpy(client.sub, "dcm-1");
    client.auth = hars_auth_find("subject_dn");
    strcpy(client.auth_value, "CN=dcm-1");
    client.kind = hars_kind_find("service");

    memset(secret, 0x11, sizeof(secret));
    memset(other, 0x22, sizeof(other));

    ok(hars_store_secret_set(store, "dcm-1", secret, NOW) == HARS_DECLINED,
       "no secret of nobody");
    ok(hars_store_client_add(store, &client) == HARS_OK, "a client");
}


static void
secrets(hars_store_t *store)
{
    hars_certificate_t  got;

    ok(hars_store_secret_set(store, "dcm-1", secret, NOW) == HARS_OK,
       "a secret");
    ok(hars_store_secret_known(store, "dcm-1", secret, NOW - 1, &until)
       == HARS_OK,
       "... is known");
    ok(hars_store_secret_known(store, "dcm-1", secret, NOW, &until)
       == HARS_DECLINED,
       "... till its end");
    ok(hars_store_secret_known(store, "dcm-1", other, NOW - 1, &until)
       == HARS_DECLINED, "... another one is not");
    ok(hars_store_secret_known(store, "dcm-2", secret, NOW - 1, &until)
       == HARS_DECLINED, "... nor is it somebody else's");

    ok(hars_store_enrol(store, &client, secret, nth(1, NOW), &why)
       == HARS_DECLINED, "it enrols nobody after its end");
    ok(hars_store_enrol(store, &client, other, nth(1, NOW - 1), &why)
       == HARS_DECLINED, "another one does not before");
    ok(hars_store_certificate_get(store, nth(1, NOW)->thumbprint, &got)
       == HARS_DECLINED, "nothing is stored");

    ok(hars_store_enrol(store, &client, secret, nth(1, NOW - 1), &why)
       == HARS_OK, "it enrols");
    ok(hars_store_certificate_get(store, cert.thumbprint, &got) == HARS_OK
       && memcmp(got.serial, cert.serial, HARS_CA_SERIAL) == 0
       && strcmp(got.client_id, "dcm-1") == 0
       && got.not_after == cert.not_after
       && got.issued_at == cert.issued_at, "... all of it is stored");
    ok(hars_store_enrol(store, &client, secret, nth(2, NOW - 1), &why)
       == HARS_DECLINED, "... once");

    ok(hars_store_secret_set(store, "dcm-1", secret, NOW + DAY) == HARS_OK
       && hars_store_secret_set(store, "dcm-1", other, NOW + DAY) == HARS_OK
       && hars_store_enrol(store, &client, secret, nth(2, NOW), &why)
          == HARS_DECLINED, "a newer secret takes its place");
    ok(hars_store_enrol(store, &client, other, nth(1, NOW), &why)
       == HARS_ERROR, "a serial number that there is");
    ok(hars_store_secret_known(store, "dcm-1", other, NOW, &until) == HARS_OK,
       "... uses no secret up");
}


/* the registration changes between reading it and the commit */
static void
changed(hars_store_t *store)
{
    hars_client_t  was;

    was = client;
    strcpy(was.auth_value, "CN=dcm-1,O=x");
    ok(hars_store_enrol(store, &was, other, nth(2, NOW), &why)
       == HARS_DECLINED, "another subject");

    was = client;
    was.auth = hars_auth_find("san_dns");
    ok(hars_store_enrol(store, &was, other, nth(2, NOW), &why)
       == HARS_DECLINED, "another way to authenticate");

    was = client;
    strcpy(was.issuer_dn, "CN=x");
    ok(hars_store_enrol(store, &was, other, nth(2, NOW), &why)
       == HARS_DECLINED, "another issuer");

    ok(hars_store_client_disable(store, "dcm-1", NOW) == HARS_OK
       && hars_store_enrol(store, &client, other, nth(2, NOW), &why)
          == HARS_DECLINED
       && hars_store_reenrol(store, &client, nth(1, NOW)->thumbprint,
                             nth(2, NOW), &why)
          == HARS_DECLINED
       && hars_store_client_disable(store, "dcm-1", 0) == HARS_OK,
       "disabled");
    ok(hars_store_secret_known(store, "dcm-1", other, NOW, &until) == HARS_OK,
       "... the secret is still there");
}


static void
followed(hars_store_t *store)
{
    unsigned       i, bad;
    hars_revoke_t  revoke;
    hars_outbox_t  row[HARS_STORE_BATCH];
    unsigned char  old[HARS_SHA256_LEN];

    memset(old, 1, sizeof(old));

    ok(hars_store_reenrol(store, &client, other, nth(3, NOW), &why)
       == HARS_DECLINED && why == HARS_STORE_CHANGED,
       "an old one that was not issued here");
    ok(hars_store_reenrol(store, &client, old, nth(3, NOW + DAY), &why)
       == HARS_DECLINED && why == HARS_STORE_CHANGED, "... that has ended");
    ok(hars_store_reenrol(store, &client, old, nth(3, NOW), &why)
       == HARS_OK, "... that is good");

    memset(&revoke, 0, sizeof(revoke));
    revoke.what = HARS_REVOKE_CERT;
    memcpy(revoke.cert, old, HARS_SHA256_LEN);
    revoke.until = NOW + DAY;
    ok(hars_store_revoke(store, &revoke, NOW, row, &i) == HARS_OK
       && hars_store_reenrol(store, &client, old, nth(4, NOW), &why)
          == HARS_DECLINED && why == HARS_STORE_CHANGED, "... that is revoked");

    memset(old, 3, sizeof(old));

    for (i = 0, bad = 0; i < HARS_EST_OFTEN - 2; i++) {
        bad += hars_store_reenrol(store, &client, old,
                                  nth((unsigned char) (10 + i), NOW), &why)
               != HARS_OK;
    }

    ok(bad == 0, "sixteen in an hour");
    ok(hars_store_reenrol(store, &client, old, nth(40, NOW), &why)
       == HARS_DECLINED && why == HARS_STORE_OFTEN, "... and no more");
    ok(hars_store_reenrol(store, &client, old,
                          nth(40, NOW + HARS_EST_OFTEN_TIME), &why)
       == HARS_OK, "... but after it");
}


static void
passwords(hars_store_t *store)
{
    char           hash[HARS_PASSWORD_HASH];
    const int64_t  at = NOW + 10 * DAY;

    ok(hars_store_password_set(store, "dcm-2", "$x") == HARS_DECLINED,
       "no password of nobody");
    ok(hars_store_password_set(store, "dcm-1", "$x") == HARS_OK
       && hars_store_password_get(store, "dcm-1", hash) == HARS_OK
       && strcmp(hash, "$x") == 0, "a password");
    ok(hars_store_secret_known(store, "dcm-1", other, NOW, &until)
       == HARS_DECLINED,
       "... takes the secret's place");
    ok(hars_store_enrol_again(store, &client, "$x", nth(60, at), &why)
       == HARS_OK
       && hars_store_enrol_again(store, &client, "$x", nth(61, at), &why)
          == HARS_OK, "... and enrols twice");
    ok(hars_store_enrol_again(store, &client, "$y", nth(62, at), &why)
       == HARS_DECLINED && why == HARS_STORE_CHANGED,
       "... another one does not");
    ok(hars_store_client_disable(store, "dcm-1", NOW) == HARS_OK
       && hars_store_enrol_again(store, &client, "$x", nth(62, at), &why)
          == HARS_DECLINED && why == HARS_STORE_CHANGED
       && hars_store_client_disable(store, "dcm-1", 0) == HARS_OK,
       "... nor a client that is disabled");

    ok(hars_store_secret_set(store, "dcm-1", other, NOW + DAY) == HARS_OK
       && hars_store_password_get(store, "dcm-1", hash) == HARS_DECLINED,
       "a secret takes the password's place");
}


/* SECURITY.md, C7 */
static void
keys(hars_store_t *store)
{
    unsigned            n;
    hars_client_t       another;
    hars_revoke_t       revoke;
    hars_outbox_t       row[HARS_STORE_BATCH];
    const int64_t       at = NOW + 20 * DAY;
    hars_certificate_t  same;

    another = client;
    strcpy(another.id, "dcm-2");
    strcpy(another.auth_value, "CN=dcm-2");

    /* the key of 70, which is the first client's, with a serial of its own */

    ok(hars_store_secret_set(store, "dcm-1", secret, at + 1) == HARS_OK
       && hars_store_enrol(store, &client, secret, nth(70, at), &why)
          == HARS_OK
       && hars_store_client_add(store, &another) == HARS_OK
       && hars_store_secret_set(store, "dcm-2", other, at + DAY) == HARS_OK,
       "a key, and another client");

    same = *nth(71, at);
    memset(same.key, 70, HARS_SHA256_LEN);
    strcpy(same.client_id, "dcm-2");
    ok(hars_store_enrol(store, &another, other, &same, &why) == HARS_DECLINED
       && why == HARS_STORE_KEY, "another client's key");
    ok(hars_store_secret_known(store, "dcm-2", other, at, &until) == HARS_OK,
       "... uses no secret up");

    strcpy(same.client_id, "dcm-1");
    ok(hars_store_reenrol(store, &client, nth(70, at)->thumbprint, &same,
                          &why) == HARS_OK, "its own key again");

    memset(&revoke, 0, sizeof(revoke));
    revoke.what = HARS_REVOKE_CERT;
    memcpy(revoke.cert, same.thumbprint, HARS_SHA256_LEN);
    revoke.until = at + DAY;
    revoke.reason = 4;
    memset(same.serial, 72, HARS_CA_SERIAL);
    memset(same.thumbprint, 72, HARS_SHA256_LEN);
    ok(hars_store_revoke(store, &revoke, at, row, &n) == HARS_OK
       && hars_store_reenrol(store, &client, nth(70, at)->thumbprint, &same,
                             &why) == HARS_OK, "... after one superseded");

    memcpy(revoke.cert, same.thumbprint, HARS_SHA256_LEN);
    revoke.reason = 1;
    ok(hars_store_revoke(store, &revoke, at, row, &n) == HARS_OK
       && hars_store_reenrol(store, &client, nth(70, at)->thumbprint,
                             &same, &why) == HARS_DECLINED
       && why == HARS_STORE_KEY, "... not after a compromise");

    ok(hars_store_certificate_sweep(store, at + 9 * DAY, at) == HARS_OK
       && hars_store_secret_set(store, "dcm-1", secret, at + 10 * DAY)
          == HARS_OK
       && hars_store_enrol(store, &client, secret, &same, &why)
          == HARS_DECLINED && why == HARS_STORE_KEY, "... however long ago");
    ok(hars_store_enrol(store, &client, secret, nth(73, at + 9 * DAY), &why)
       == HARS_OK, "... another key is good");
}


/* a certificate that nobody got */
static void
undone(hars_store_t *store)
{
    hars_certificate_t  got, first;
    const int64_t       at = NOW + 40 * DAY;

    ok(hars_store_secret_set(store, "dcm-1", secret, at + 5) == HARS_OK
       && hars_store_enrol(store, &client, secret, nth(80, at), &why)
          == HARS_OK
       && hars_store_unenrol(store, &cert, NULL, secret, at + 5) == HARS_OK
       && hars_store_certificate_get(store, cert.thumbprint, &got)
          == HARS_DECLINED, "undone: it is not there");
    ok(hars_store_secret_known(store, "dcm-1", secret, at, &until) == HARS_OK
       && until == at + 5, "... and its secret good again, as long");

    ok(hars_store_enrol(store, &client, secret, nth(80, at), &why) == HARS_OK
       && hars_store_secret_set(store, "dcm-1", other, at + 9) == HARS_OK
       && hars_store_unenrol(store, &cert, NULL, secret, at + 5) == HARS_OK
       && hars_store_secret_known(store, "dcm-1", secret, at, &until)
          == HARS_DECLINED
       && hars_store_secret_known(store, "dcm-1", other, at, &until)
          == HARS_OK, "... unless there is another one");

    first = *nth(81, at);
    ok(hars_store_enrol(store, &client, other, &first, &why) == HARS_OK
       && hars_store_reenrol(store, &client, first.thumbprint, nth(82, at),
                             &why) == HARS_OK
       && hars_store_unenrol(store, &cert, first.thumbprint, NULL, 0)
          == HARS_OK
       && hars_store_certificate_get(store, cert.thumbprint, &got)
          == HARS_DECLINED
       && hars_store_certificate_get(store, first.thumbprint, &got)
          == HARS_OK && got.revoked_at == 0, "one that follows another");
}


static void
swept(hars_store_t *store)
{
    hars_certificate_t  got;

    ok(hars_store_certificate_sweep(store, NOW + DAY, NOW + DAY) == HARS_OK
       && hars_store_certificate_get(store, nth(1, 0)->thumbprint, &got)
          == HARS_DECLINED
       && hars_store_certificate_get(store, nth(3, 0)->thumbprint, &got)
          == HARS_OK, "what has ended is forgotten");
    ok(hars_store_secret_known(store, "dcm-1", other, NOW, &until)
       == HARS_DECLINED,
       "... and its secrets");

    ok(hars_store_secret_set(store, "dcm-1", other, NOW + 2 * DAY) == HARS_OK
       && hars_store_client_remove(store, "dcm-1") == HARS_OK
       && hars_store_client_add(store, &client) == HARS_OK
       && hars_store_enrol(store, &client, other, nth(50, NOW), &why)
          == HARS_DECLINED, "a client's secret goes with it");
}


int
main(void)
{
    char           dir[] = "/tmp/hars-store-cert-XXXXXX", path[64];
    const char    *where;
    hars_store_t  *store;

    hars_log_init("hars");

    where = getenv("HARS_TEST_DATABASE");

    if (where == NULL) {
        snprintf(path, sizeof(path), "%s/db", mkdtemp(dir));
        where = path;
    }

    store = hars_store_open(where, &hars_as_layout);

    registered(store);
    secrets(store);
    changed(store);
    followed(store);
    passwords(store);
    swept(store);
    keys(store);
    undone(store);

    hars_store_close(store);

    if (where == path) {
        snprintf(path, sizeof(path), "rm -rf %s", dir);
        ok(system(path) == 0, "the place is empty again");
    }

    return tap_done();
}

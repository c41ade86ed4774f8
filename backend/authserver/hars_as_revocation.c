
/* See hars_as_revocation.h for what this is. */

#include "hars_as_revocation.h"
#include "hars_as_audit.h"
#include "hars_as_family.h"
#include "hars_as_publish.h"
#include "hars_as_store_cert.h"
#include "hars_as_value.h"
#include "hars_as_words.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>


/* no public CA issues for longer (CA/Browser Forum, 6.3.2) */
#define HARS_REVOCATION_UNTIL   (398 * 86400)

/* a score of Redis is a double, which holds these exactly */
#define HARS_REVOCATION_DIGITS  12


static int hars_revocation_until_known(hars_store_t *store,
    hars_revoke_t *revoke);
static int hars_revocation_tell(hars_as_t *as, hars_store_t *store,
    const hars_outbox_t *row, unsigned n, const hars_outbox_t *cert);


int
hars_revocation(hars_as_t *as, hars_store_t *store,
    const hars_revoke_t *what, hars_revoked_t *revoked)
{
    int             rc;
    unsigned        n;
    hars_outbox_t   cert, row[HARS_STORE_BATCH], *first;
    hars_revoke_t   revoke;

    memset(revoked, 0, sizeof(hars_revoked_t));
    first = NULL;
    revoke = *what;

    if (revoke.what == HARS_REVOKE_CERT) {
        if (hars_revocation_until_known(store, &revoke) != HARS_OK) {
            return HARS_ERROR;
        }

        memset(&cert, 0, sizeof(cert));
        memcpy(cert.id.hash, revoke.cert, HARS_SHA256_LEN);
        cert.exp = revoke.until;
        first = &cert;
    }

    do {
        rc = hars_store_revoke(store, &revoke, time(NULL), row, &n);

        if (rc != HARS_OK) {
            return rc;
        }

        revoked->tokens += n;

        if (hars_revocation_tell(as, store, row, n, first) != HARS_OK) {
            revoked->untold = 1;
        }

        first = NULL;

    } while (n == HARS_STORE_BATCH);

    /* all its tokens are revoked: nothing is left to do for it at a start */

    if (revoke.what == HARS_REVOKE_CERT && !revoked->untold
        && hars_store_outbox_cert_done(store, &cert) != HARS_OK)
    {
        revoked->untold = 1;
    }

    return HARS_OK;
}


static int
hars_revocation_until_known(hars_store_t *store, hars_revoke_t *revoke)
{
    int                 rc;
    int64_t             least;
    hars_certificate_t  cert;

    rc = hars_store_certificate_get(store, revoke->cert, &cert);

    if (rc == HARS_OK) {

        /* it may have ended; others' clocks may be behind */

        least = time(NULL) + HARS_CA_BACKDATE;
        revoke->until = cert.not_after > least ? cert.not_after : least;
    }

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


/* first told, then forgotten: told twice does no harm */
static int
hars_revocation_tell(hars_as_t *as, hars_store_t *store,
    const hars_outbox_t *row, unsigned n, const hars_outbox_t *cert)
{
    if (as->publish
        && hars_publish_revoked(as->publish, row, n, cert, time(NULL))
           != HARS_OK)
    {
        return HARS_ERROR;
    }

    return n ? hars_store_outbox_done(store, row, n) : HARS_OK;
}


int
hars_revocation_certificates(hars_as_t *as, hars_store_t *store,
    const char *client_id, int reason, const char *by, unsigned *n,
    hars_revoked_t *revoked)
{
    int                  rc;
    hars_revoke_t        revoke = { .what = HARS_REVOKE_CERT,
                                    .reason = reason };
    hars_revoked_t       one;
    hars_certificate_t   cert;

    *n = 0;
    memset(revoked, 0, sizeof(hars_revoked_t));

    while ((rc = hars_store_certificate_live(store, client_id, time(NULL),
                                             &cert)) == HARS_OK)
    {
        memcpy(revoke.cert, cert.thumbprint, HARS_SHA256_LEN);

        if (hars_revocation(as, store, &revoke, &one) != HARS_OK) {
            return HARS_ERROR;
        }

        (void) hars_audit_revoke(as, by, &revoke, one.tokens);

        (*n)++;
        revoked->tokens += one.tokens;
        revoked->untold |= one.untold;
    }

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


int
hars_revocation_outbox(hars_as_t *as, hars_store_t *store)
{
    int             rc;
    unsigned        n;
    hars_outbox_t   row[HARS_STORE_BATCH];
    hars_revoke_t   revoke = { .what = HARS_REVOKE_CERT };
    hars_revoked_t  revoked;

    /* a certificate is begun anew: whoever began may have died on the way */

    while ((rc = hars_store_outbox_cert(store, row)) == HARS_OK) {
        memcpy(revoke.cert, row->id.hash, HARS_SHA256_LEN);
        revoke.until = row->exp;

        if (hars_revocation(as, store, &revoke, &revoked) != HARS_OK
            || revoked.untold)
        {
            return HARS_ERROR;
        }
    }

    do {
        if (rc == HARS_ERROR
            || hars_store_outbox(store, row, &n) != HARS_OK
            || hars_revocation_tell(as, store, row, n, NULL) != HARS_OK)
        {
            return HARS_ERROR;
        }

    } while (n == HARS_STORE_BATCH);

    return HARS_OK;
}


int
hars_revocation_what(const hars_as_t *as, hars_revoke_t *revoke,
    hars_revoke_e what, const char *text, int64_t now, const char **error)
{
    uint32_t  generation;

    memset(revoke, 0, sizeof(hars_revoke_t));

    revoke->what = what;

    switch (what) {

    case HARS_REVOKE_TOKEN:

        /* any generation will do */

        if (hars_family_parse(as->refresh, text, revoke->family, &generation)
            == HARS_OK)
        {
            revoke->what = HARS_REVOKE_FAMILY;
            return HARS_OK;
        }

        /* RFC 7009, 2.2: what is none of ours is as good as unknown */

        (void) hars_value_token_id(&revoke->token, text);
        return HARS_OK;

    case HARS_REVOKE_CERT:
        *error = "A thumbprint has 43 characters of base64url.";
        revoke->until = now + HARS_REVOCATION_UNTIL;

        return hars_b64url_sha256_decode(revoke->cert, text, strlen(text));

    default: /* HARS_REVOKE_CLIENT, HARS_REVOKE_SUB */
        *error = "An id has 1 to 64 of A-Z a-z 0-9 . _ -";
        revoke->id = text;
        return hars_words_id(text) ? HARS_OK : HARS_ERROR;
    }
}


int
hars_revocation_until(hars_revoke_t *revoke, const char *text, int64_t now)
{
    size_t  len;

    len = strlen(text);

    if (len == 0 || len > HARS_REVOCATION_DIGITS
        || strspn(text, "0123456789") != len)
    {
        return HARS_ERROR;
    }

    revoke->until = strtoll(text, NULL, 10);

    return (revoke->until > now) ? HARS_OK : HARS_ERROR;
}

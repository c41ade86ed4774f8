
/*
 * GET /crl: the root's list and the issuing authority's in one file of PEM,
 * as nginx' ssl_crl reads them.  GET /issuing.crl: that one in DER, which a
 * CRL distribution point leads to (RFC 5280, 4.2.1.13; RFC 2585).
 *
 * What was revoked before the request stands in the answer.  Where no new
 * list can be made the one before is shown, which says itself how long it is
 * good.  Conditional requests: RFC 9110, 13.
 */

#include "hars_as_crl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


static void hars_crl_reply(hars_request_t *r, unsigned der,
    const char *type);
static unsigned hars_crl_same(hars_request_t *r, const char *tag,
    time_t changed);


void
hars_as_crl(hars_request_t *r)
{
    hars_crl_reply(r, 0, "application/x-pem-file");
}


void
hars_as_crl_der(hars_request_t *r)
{
    hars_crl_reply(r, 1, "application/pkix-crl");
}


static void
hars_crl_reply(hars_request_t *r, unsigned der, const char *type)
{
    char               *text, tag[HARS_CRL_TAG + 1], value[64];
    size_t              len;
    time_t              changed;
    hars_crl_info_t     info;
    hars_as_socket_t   *socket;

    socket = r->data;

    if (socket->as->crl == NULL) {
        hars_reply_problem(r, 404, "There is no certificate authority here.");
        return;
    }

    (void) hars_crl_refresh(socket->as, socket->store, time(NULL));

    hars_crl_info(socket->as->crl, &info);
    text = hars_crl_copy(socket->as->crl, der, &len, tag);

    if (text == NULL) {
        hars_reply_problem(r, 503, "There is no revocation list yet.");
        return;
    }

    changed = (time_t) info.issued_at;

    snprintf(value, sizeof(value), "\"%s\"", tag);
    hars_reply_header(r, "ETag", value);

    snprintf(value, sizeof(value), "max-age=%d", HARS_CRL_AGE);
    hars_reply_header(r, "Cache-Control", value);

    hars_reply_date(r, "Last-Modified", changed);

    if (hars_crl_same(r, tag, changed)) {
        free(text);
        hars_reply(r, 304, NULL, NULL, 0);
        return;
    }

    hars_reply(r, 200, type, text, len);
}


/* RFC 9110, 13.1.2, 13.1.3: the tag decides where there is one */
static unsigned
hars_crl_same(hars_request_t *r, const char *tag, time_t changed)
{
    char         quoted[HARS_CRL_TAG + 3];
    const char  *value, *end;
    struct tm    tm;

    if (hars_request_header(r, "If-None-Match", &value) != HARS_DECLINED) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", tag);

        return value
               && (strcmp(value, "*") == 0 || strstr(value, quoted) != NULL);
    }

    if (hars_request_header(r, "If-Modified-Since", &value) != HARS_OK) {
        return 0;
    }

    memset(&tm, 0, sizeof(tm));
    end = strptime(value, HARS_HTTP_DATE, &tm);

    return end && *end == '\0' && timegm(&tm) >= changed;
}

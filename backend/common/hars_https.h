
/*
 * One request after another over TLS, as a client with a certificate.
 *
 * Only https, only TLS 1.3, the server's certificate verified against the one
 * CA named; no proxy, no redirects: nothing that carries a token goes where
 * the caller did not say.  The own certificate goes to a server alone that
 * names its authority (hars_tls_names.h).
 *
 * A handle keeps its connection from call to call and is used by one thread
 * at a time.  Another certificate in the file makes another connection.
 */

#ifndef HARS_HTTPS_H
#define HARS_HTTPS_H


#include "hars_record.h"
#include "hars_text.h"
#include "hars_token.h"

#include <stddef.h>
#include <stdint.h>


#define HARS_HTTPS_URL    2048
#define HARS_HTTPS_ERROR  768


typedef struct hars_https_s  hars_https_t;


/* where to and as whom; it stays as long as the handle */
typedef struct {
    const char         *url;              /* https://HOST[:PORT][/PATH] */
    const char         *cert;             /* PEM files */
    const char         *key;
    const char         *cacert;
    const char         *connect_to;       /* HOST:PORT, NULL: as in the URL */
    void              (*shown)(void *ssl);     /* of a handshake, or NULL */
} hars_https_conf_t;


typedef struct {
    const char         *path;             /* where the URL has none */
    const char         *type;             /* of the body */
    const char         *accept;           /* the header, NULL: of JSON */
    const char         *header;           /* one more, or NULL */
    const char         *body;
    size_t              len;
    const char         *token;            /* NULL: no Authorization */
    const char         *user;             /* of Basic, NULL: none */
    const char         *password;
    const hars_text_t  *roots;            /* PEM, instead of the cacert */
    unsigned            seconds;          /* for all of it, 0: 60 */
    unsigned            get:1;            /* no body */
    unsigned            anonymous:1;      /* without a certificate */
    unsigned            unverified:1;     /* whoever answers */

    /*
     * The one gets the body of a 200 as it comes, instead of the answer;
     * HARS_ERROR ends the call.  The other is asked about every second; not
     * 0 ends it as well.  Either may be NULL.
     */
    int               (*take)(void *data, const char *p, size_t len);
    unsigned          (*stop)(void *data);
    void               *data;             /* of both */
} hars_call_t;


/* zeroed before; its body is the caller's to free */
typedef struct {
    long          status;
    long          retry_after;            /* s, 0: it was not said */
    char          challenge[1024];        /* WWW-Authenticate, the first */
    hars_text_t   body;
    unsigned      withheld:1;             /* the server named no authority of
                                             the certificate: it was not sent */
    char          error[HARS_HTTPS_ERROR];     /* why there is no answer */
} hars_answer_t;


/* NULL: no memory */
hars_https_t *hars_https_create(const hars_https_conf_t *conf);
void hars_https_free(hars_https_t *https);

/* the next call is over a new connection, with what the files have now */
void hars_https_fresh(hars_https_t *https);

/* a number that is another one with another file in the certificate's place */
uint64_t hars_https_certificate(const hars_https_conf_t *conf);

/*
 * HARS_OK: there is an answer; HARS_ERROR: its "error" says why not;
 * HARS_DECLINED: the same, and it is what the conf names.
 */
int hars_https_call(hars_https_t *https, const hars_call_t *call,
    hars_answer_t *answer);

/*
 * The endpoint: the URL itself, or with "path" where it has none.  HARS_ERROR:
 * this is no URL for it.
 */
int hars_https_url(const char *url, const char *path,
    char dst[HARS_HTTPS_URL]);


#endif /* HARS_HTTPS_H */

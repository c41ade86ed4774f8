
/*
 * The status of a certificate, RFC 6960, in the profile of RFC 5019:
 *
 *     POST /ocsp            application/ocsp-request
 *     GET  /ocsp/BASE64     percent-encoded where need be
 *
 * Answers are signed by the issuing authority itself, when they are asked
 * for.  "good" is what was issued here and is not revoked, "unknown" what
 * this authority never issued; for the issuing authority itself there is the
 * root's answer.  A question about another authority's is refused as a whole
 * ("unauthorized"), and so is what is no question ("malformedRequest"): with
 * status 200 of HTTP and without a signature.
 */

#ifndef HARS_AS_OCSP_H
#define HARS_AS_OCSP_H


#include "hars_as.h"
#include "hars_as_store.h"
#include "hars_http.h"


#define HARS_OCSP_PATH      "/ocsp"
#define HARS_OCSP_GET_PATH  HARS_OCSP_PATH "/"
#define HARS_OCSP_BODY      8192          /* bytes, longest request */
#define HARS_OCSP_IDS       16            /* certificates in one request */
#define HARS_OCSP_NONCE     128           /* bytes at most, RFC 9654, 2.1 */
#define HARS_OCSP_NEXT      600           /* s, to nextUpdate */
#define HARS_OCSP_KEEP      60            /* s, that an answer is kept */


typedef struct hars_ocsp_s  hars_ocsp_t;

struct ocsp_request_st;
struct ocsp_cert_id_st;
struct x509_st;


/* for the metrics */
typedef enum {
    HARS_OCSP_GOOD = 0,
    HARS_OCSP_REVOKED,
    HARS_OCSP_UNKNOWN,
    HARS_OCSP_REFUSED,
    HARS_OCSP_FAILED,
    HARS_OCSP_OUTCOMES
} hars_ocsp_outcome_e;


typedef struct {
    struct ocsp_request_st  *ocsp;
    unsigned                 n;
    struct ocsp_cert_id_st  *id[HARS_OCSP_IDS];        /* in "ocsp" */
    unsigned                 nonce:1;     /* there is one */
} hars_ocsp_request_t;


/* what is known of one certificate that is asked about */
typedef struct {
    hars_ocsp_outcome_e   outcome;        /* GOOD, REVOKED or UNKNOWN */
    int64_t               revoked_at;     /* s */
    int                   reason;         /* RFC 5280, 5.3.1 */
} hars_ocsp_status_t;


/* of as->ca, NULL without one; HARS_ERROR: logged */
int hars_ocsp_create(hars_as_t *as);
void hars_ocsp_free(hars_as_t *as);

/* handlers */
void hars_as_ocsp_post(hars_request_t *r);
void hars_as_ocsp_get(hars_request_t *r);

/*
 * hars_as_ocsp_request.c.  HARS_OK: to be freed; HARS_DECLINED: malformed, or
 * with a critical extension that is not known.
 */
int hars_ocsp_parse(hars_ocsp_request_t *request, const unsigned char *der,
    size_t len);
void hars_ocsp_request_free(hars_ocsp_request_t *request);

/* the end of a path; "der" has room for as many bytes as "text" */
int hars_ocsp_decode(const char *text, unsigned char *der, size_t *len);

/* is this one of the authority's?  The serial number if it can be ours */
int hars_ocsp_ours(struct ocsp_cert_id_st *id, struct x509_st *issuer);
int hars_ocsp_serial(struct ocsp_cert_id_st *id, unsigned char *serial);

/* hars_as_ocsp_answer.c: DER, free(); NULL: it cannot be signed */
unsigned char *hars_ocsp_answer(struct hars_ca_s *ca,
    const hars_ocsp_request_t *request, const hars_ocsp_status_t *status,
    int64_t now, size_t *len);

/*
 * hars_as_ocsp_root.c: the root's answer about the issuing authority; signed;
 * read (*der NULL: there is none; HARS_ERROR: logged); asked for, by a digest
 * that it has?
 */
struct evp_pkey_st;
unsigned char *hars_ocsp_root_sign(struct x509_st *root,
    struct evp_pkey_st *key, struct x509_st *issuing, int64_t this_update,
    int64_t next_update, size_t *len);
int hars_ocsp_root_load(struct hars_ca_s *ca, unsigned char **der,
    size_t *len);
int hars_ocsp_root_asked(struct hars_ca_s *ca, struct ocsp_cert_id_st *id);

/* an answer as bytes, free(); NULL: there is no memory */
struct ocsp_response_st;
unsigned char *hars_ocsp_der(struct ocsp_response_st *response, size_t *len);

/* without a signature: malformedRequest and so on, RFC 6960, 4.2.1 */
unsigned char *hars_ocsp_error(int status, size_t *len);


#endif /* HARS_AS_OCSP_H */

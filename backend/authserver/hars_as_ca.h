
/*
 * The certificate authority: a root, whose key is kept elsewhere, and an
 * issuing authority, which signs clients' certificates (RFC 5280).  What a
 * certificate says is decided by the client's registration alone.
 *
 *     ca_dir/  root.crt root.crl root.ocsp root.key (until it is taken away)
 *              issuing.crt issuing.key (or ca_key)  ca.pem (both authorities)
 *
 * Times and serial numbers are arguments.  A certificate is X509, a key
 * EVP_PKEY, of OpenSSL.
 */

#ifndef HARS_AS_CA_H
#define HARS_AS_CA_H


#include "hars_as.h"
#include "hars_as_csr.h"
#include "hars_as_names.h"


#define HARS_CA_SERIAL     17             /* bytes: 0x01 and 128 random bits */
#define HARS_CA_BACKDATE   300            /* s, for clocks that are behind */
#define HARS_CA_DAY        86400

#define HARS_CA_ROOT_CRT     "root.crt"
#define HARS_CA_ROOT_KEY     "root.key"
#define HARS_CA_ROOT_CRL     "root.crl"
#define HARS_CA_ROOT_OCSP    "root.ocsp"
#define HARS_CA_ISSUING_CRT  "issuing.crt"
#define HARS_CA_ISSUING_KEY  "issuing.key"
#define HARS_CA_BUNDLE       "ca.pem"


typedef struct hars_ca_s  hars_ca_t;

struct x509_st;
struct evp_pkey_st;
struct evp_md_st;


/* what is signed: hars_as_ca_build.c */
typedef enum {
    HARS_CA_ROOT = 0,
    HARS_CA_ISSUING,                      /* pathlen 0 */
    HARS_CA_CLIENT
} hars_ca_profile_e;


typedef struct {
    hars_ca_profile_e     profile;
    const unsigned char  *subject;        /* Name, DER */
    size_t                subject_len;
    const unsigned char  *san;            /* GeneralNames, DER; len 0: none */
    size_t                san_len;
    const unsigned char  *serial;         /* HARS_CA_SERIAL bytes */
    int64_t               not_before;     /* s */
    int64_t               not_after;
    const char           *crl_url;        /* NULL: none */
    const char           *ocsp_url;
    struct evp_pkey_st   *key;            /* its public half is certified */
} hars_ca_plan_t;


/* a certificate that was issued, as the store has it */
typedef struct {
    unsigned char         serial[HARS_CA_SERIAL];
    unsigned char         thumbprint[HARS_SHA256_LEN];
    unsigned char         key[HARS_SHA256_LEN];        /* of its SPKI */
    char                  client_id[HARS_AS_ID_SIZE];
    int64_t               not_after;      /* s */
    int64_t               issued_at;
    int64_t               revoked_at;     /* 0: it is not */
    int                   reason;         /* RFC 5280, 5.3.1 */
} hars_certificate_t;


/*
 * The authority of a directory; "key" is a file, a pkcs11: URI, or NULL for
 * issuing.key there.  NULL after the log has cause and mend.
 */
hars_ca_t *hars_ca_open(const char *dir, const char *key);
void hars_ca_close(hars_ca_t *ca);

/* the settings' own, into as->ca and as->certs; HARS_OK where there is none */
int hars_ca_load(hars_as_t *as);

const char *hars_ca_dir(const hars_ca_t *ca);
struct x509_st *hars_ca_root(const hars_ca_t *ca);
struct x509_st *hars_ca_issuing(const hars_ca_t *ca);
struct evp_pkey_st *hars_ca_key(const hars_ca_t *ca);

/* what certificates say of their list and responder; kept as they are */
void hars_ca_urls(hars_ca_t *ca, const char *crl, const char *ocsp);

/* held while that key signs: a PKCS#11 token does one thing at a time */
void hars_ca_lock(hars_ca_t *ca);
void hars_ca_unlock(hars_ca_t *ca);

/*
 * A certificate for a client, by its registered names and the key that the
 * CSR proved, valid for "days" and never longer than the authority.  On
 * HARS_OK *der, of *len bytes, is the caller's (free()), and "row" is filled.
 * HARS_ERROR: logged.
 */
int hars_ca_issue(hars_ca_t *ca, const hars_names_t *names,
    const hars_csr_t *csr, const unsigned char serial[HARS_CA_SERIAL],
    int64_t now, unsigned long days, unsigned char **der, size_t *len,
    hars_certificate_t *row);

/* a random serial number; HARS_ERROR: there is no randomness */
int hars_ca_serial(unsigned char serial[HARS_CA_SERIAL]);

/*
 * hars_as_ca_build.c: a certificate, signed and verified; "issuer" NULL: by
 * its own key.  NULL: it cannot be made.
 */
struct x509_st *hars_ca_build(const hars_ca_plan_t *plan,
    struct x509_st *issuer, struct evp_pkey_st *issuer_key);

/* the digest that goes with a key: SHA-384 with P-384 */
const struct evp_md_st *hars_ca_digest(struct evp_pkey_st *key);

/* seconds since 1970 of a certificate's notBefore and notAfter */
int hars_ca_dates(const struct x509_st *cert, int64_t *not_before,
    int64_t *not_after);

/*
 * hars_as_ca_key.c: a private key, of a PEM file closed to others, or of a
 * PKCS#11 token.  NULL and a text that tells the mend.
 */
struct evp_pkey_st *hars_ca_key_load(const char *where, const char **error);
void hars_ca_key_end(void);
int hars_ca_key_is_uri(const char *where);


#endif /* HARS_AS_CA_H */


/* See hars_tls_names.h for what this is. */

#include "hars_tls_names.h"
#include "hars_record.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>


static int hars_tls_asked(SSL *ssl, void *data);
static int hars_tls_named(SSL *ssl, X509 *cert);
static int hars_tls_among(const STACK_OF(X509_NAME) *list, X509 *cert);


int
hars_tls_names_file(void *ctx, const char *file)
{
    STACK_OF(X509_NAME)  *list;

    if (file == NULL) {
        return HARS_OK;
    }

    list = SSL_load_client_CA_file(file);

    if (list == NULL) {
        ERR_clear_error();
        return HARS_ERROR;
    }

    SSL_CTX_set0_CA_list(ctx, list);

    return HARS_OK;
}


int
hars_tls_names_of(void *ctx, const char *pem, size_t len)
{
    BIO   *bio;
    X509  *cert;
    int    n;

    bio = len < INT32_MAX ? BIO_new_mem_buf(pem, (int) len) : NULL;
    n = 0;

    while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        n += SSL_CTX_add1_to_CA_list(ctx, cert);
        X509_free(cert);
    }

    BIO_free(bio);
    ERR_clear_error();

    return n ? HARS_OK : HARS_ERROR;
}


void
hars_tls_names_ask(void *ctx, hars_tls_names_t *names)
{
    SSL_CTX_set_cert_cb(ctx, hars_tls_asked, names);
}


/* RFC 8446, 4.3.2: a CertificateRequest came */
static int
hars_tls_asked(SSL *ssl, void *data)
{
    X509              *cert;
    hars_tls_names_t  *names;

    names = data;
    cert = SSL_get_certificate(ssl);

    names->withheld = cert && !hars_tls_named(ssl, cert);

    if (names->withheld) {
        SSL_certs_clear(ssl);
    }

    return 1;
}


static int
hars_tls_named(SSL *ssl, X509 *cert)
{
    int                         i;
    STACK_OF(X509)             *chain;
    const STACK_OF(X509_NAME)  *list;

    if (X509_NAME_cmp(X509_get_issuer_name(cert),
                      X509_get_subject_name(cert)) == 0)
    {
        return 1;
    }

    list = SSL_get0_peer_CA_list(ssl);
    chain = NULL;

    if (hars_tls_among(list, cert)) {
        return 1;
    }

    /* those between it and the root, which stand in its file */

    if (!SSL_get0_chain_certs(ssl, &chain) || chain == NULL) {
        SSL_CTX_get0_chain_certs(SSL_get_SSL_CTX(ssl), &chain);
    }

    for (i = 0; i < sk_X509_num(chain); i++) {
        if (hars_tls_among(list, sk_X509_value(chain, i))) {
            return 1;
        }
    }

    return 0;
}


/* is the issuer of this one named? */
static int
hars_tls_among(const STACK_OF(X509_NAME) *list, X509 *cert)
{
    int  i;

    for (i = 0; i < sk_X509_NAME_num(list); i++) {
        if (X509_NAME_cmp(sk_X509_NAME_value(list, i),
                          X509_get_issuer_name(cert)) == 0)
        {
            return 1;
        }
    }

    return 0;
}

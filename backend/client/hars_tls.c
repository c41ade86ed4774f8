
/* See hars_tls.h for what this is. */

#include "hars_tls.h"
#include "hars_record.h"

#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>


static void hars_tls_name(const char *label, X509 *cert);
static void hars_tls_thumbprint(X509 *cert);


void
hars_tls_show(void *ssl)
{
    int          group;
    X509        *peer;
    const char  *name;

    group = SSL_get_negotiated_group(ssl);
    name = SSL_group_to_name(ssl, group);

    fprintf(stderr, "tls.protocol=%s\n", SSL_get_version(ssl));
    fprintf(stderr, "tls.group=%s\n", name ? name : "unknown");
    fprintf(stderr, "tls.cipher=%s\n", SSL_get_cipher_name(ssl));

    peer = SSL_get1_peer_certificate(ssl);
    hars_tls_name("tls.server", peer);
    X509_free(peer);

    hars_tls_name("tls.client", SSL_get_certificate(ssl));
    hars_tls_thumbprint(SSL_get_certificate(ssl));
}


/* RFC 4514, as "hars-authserver client add --subject-dn" takes it */
static void
hars_tls_name(const char *label, X509 *cert)
{
    BIO         *bio;
    char        *text;
    long         len;

    if (cert == NULL) {
        fprintf(stderr, "%s=\n", label);
        return;
    }

    bio = BIO_new(BIO_s_mem());

    if (bio
        && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                              XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
    {
        len = BIO_get_mem_data(bio, &text);
        fprintf(stderr, "%s=%.*s\n", label, (int) len, text);
    }

    BIO_free(bio);
}


/* RFC 8705, 3.1: x5t#S256 */
static void
hars_tls_thumbprint(X509 *cert)
{
    char           text[HARS_B64_SHA256_LEN];
    unsigned char  digest[HARS_SHA256_LEN];

    if (cert == NULL || !X509_digest(cert, EVP_sha256(), digest, NULL)) {
        return;
    }

    hars_b64url_sha256_encode(text, digest);

    fprintf(stderr, "tls.thumbprint=%.*s\n", HARS_B64_SHA256_LEN, text);
}

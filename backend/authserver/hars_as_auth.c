
/* See hars_as_auth.h for what this is. */

#include "hars_as_auth.h"
#include "hars_as_dn.h"
#include "hars_as_form.h"
#include "hars_as_words.h"
#include "hars_sha256.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>


typedef int (*hars_auth_name_pt)(const char *value, const ASN1_STRING *name);


static int hars_auth_none_check(const char *value, const char **error);
static int hars_auth_none_match(const char *value, const hars_cert_t *cert);
static int hars_auth_dn_match(const char *value, const hars_cert_t *cert);
static int hars_auth_dns_check(const char *value, const char **error);
static int hars_auth_dns_match(const char *value, const hars_cert_t *cert);
static int hars_auth_uri_check(const char *value, const char **error);
static int hars_auth_uri_match(const char *value, const hars_cert_t *cert);
static int hars_auth_ip_check(const char *value, const char **error);
static int hars_auth_ip_match(const char *value, const hars_cert_t *cert);
static int hars_auth_email_check(const char *value, const char **error);
static int hars_auth_email_match(const char *value, const hars_cert_t *cert);
static int hars_auth_cert_check(const char *value, const char **error);
static int hars_auth_cert_match(const char *value, const hars_cert_t *cert);
static int hars_auth_any_match(const char *value, const hars_cert_t *cert);
static int hars_auth_printable(const char *value);
static int hars_auth_san(const char *value, const hars_cert_t *cert, int type,
    hars_auth_name_pt same);
static int hars_auth_same_dns(const char *value, const ASN1_STRING *name);
static int hars_auth_same_text(const char *value, const ASN1_STRING *name);
static int hars_auth_same_ip(const char *value, const ASN1_STRING *name);
static size_t hars_auth_address(const char *value, unsigned char ip[16]);


const hars_auth_t  hars_auths[] = {

    { "none", NULL, NULL, "none",
      hars_auth_none_check, hars_auth_none_match },

    { "subject_dn", "subject-dn", "tls_client_auth_subject_dn",
      "tls_client_auth", hars_dn_check, hars_auth_dn_match },

    { "san_dns", "san-dns", "tls_client_auth_san_dns",
      "tls_client_auth", hars_auth_dns_check, hars_auth_dns_match },

    { "san_uri", "san-uri", "tls_client_auth_san_uri",
      "tls_client_auth", hars_auth_uri_check, hars_auth_uri_match },

    { "san_ip", "san-ip", "tls_client_auth_san_ip",
      "tls_client_auth", hars_auth_ip_check, hars_auth_ip_match },

    { "san_email", "san-email", "tls_client_auth_san_email",
      "tls_client_auth", hars_auth_email_check, hars_auth_email_match },

    { "self_signed", "self-signed", NULL,
      "self_signed_tls_client_auth", hars_auth_cert_check,
      hars_auth_cert_match },

    { "secret", "secret", NULL,
      "client_secret_basic", hars_auth_none_check, hars_auth_any_match },

    { NULL, NULL, NULL, NULL, NULL, NULL }
};


const hars_auth_t *
hars_auth_find(const char *name)
{
    const hars_auth_t  *auth;

    for (auth = hars_auths; auth->name; auth++) {
        if (strcmp(auth->name, name) == 0) {
            return auth;
        }
    }

    return NULL;
}


const char *
hars_auth_wrong(const hars_client_t *client, const hars_cert_t *cert)
{
    if (client->auth->match == hars_auth_none_match) {
        return "has no way to authenticate registered";
    }

    if (client->auth->match == hars_auth_any_match && !client->has_secret) {
        return "has no secret registered";
    }

    /* who makes its own certificate is known by that very one */

    if (!cert->trusted && client->auth->match != hars_auth_cert_match) {
        return "came with a certificate of no authority in client_ca";
    }

    if (client->issuer_dn[0]
        && hars_dn_match_kept(client->issuer_dn, cert->issuer, cert->issuer_len)
           != HARS_OK)
    {
        return "came with a certificate of another issuer";
    }

    if (client->auth->match(client->auth_value, cert) != HARS_OK) {
        return "came with a certificate of somebody else";
    }

    return NULL;
}


static int
hars_auth_none_check(const char *value, const char **error)
{
    *error = "takes no value";

    return *value ? HARS_ERROR : HARS_OK;
}


static int
hars_auth_none_match(const char *value, const hars_cert_t *cert)
{
    (void) value;
    (void) cert;

    return HARS_ERROR;
}


/* a secret proves the client: its certificate only has to be a good one */
static int
hars_auth_any_match(const char *value, const hars_cert_t *cert)
{
    (void) value;
    (void) cert;

    return HARS_OK;
}


static int
hars_auth_dn_match(const char *value, const hars_cert_t *cert)
{
    return hars_dn_match_kept(value, cert->subject, cert->subject_len);
}


static int
hars_auth_dns_check(const char *value, const char **error)
{
    size_t  len;

    *error = "has to be a host name without wildcards";
    len = strlen(value);

    return len && len < 254 && value[0] != '.' && value[len - 1] != '.'
           && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "abcdefghijklmnopqrstuvwxyz0123456789-._")
              == len
           ? HARS_OK : HARS_ERROR;
}


static int
hars_auth_dns_match(const char *value, const hars_cert_t *cert)
{
    return hars_auth_san(value, cert, GEN_DNS, hars_auth_same_dns);
}


/* RFC 3986, 3: a scheme and something behind it */
static int
hars_auth_uri_check(const char *value, const char **error)
{
    const char  *colon;

    *error = "has to be an absolute URI";
    colon = strchr(value, ':');

    return colon && colon > value && colon[1] && hars_auth_printable(value)
           && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "abcdefghijklmnopqrstuvwxyz0123456789+-.")
              == (size_t) (colon - value)
           ? HARS_OK : HARS_ERROR;
}


static int
hars_auth_uri_match(const char *value, const hars_cert_t *cert)
{
    return hars_auth_san(value, cert, GEN_URI, hars_auth_same_text);
}


static int
hars_auth_ip_check(const char *value, const char **error)
{
    unsigned char  ip[16];

    *error = "has to be an IPv4 or IPv6 address";

    return hars_auth_address(value, ip) ? HARS_OK : HARS_ERROR;
}


static int
hars_auth_ip_match(const char *value, const hars_cert_t *cert)
{
    return hars_auth_san(value, cert, GEN_IPADD, hars_auth_same_ip);
}


static int
hars_auth_email_check(const char *value, const char **error)
{
    const char  *at;

    *error = "has to be a mail address, name@host";
    at = strrchr(value, '@');

    return at && at > value && at[1] && hars_auth_printable(value)
           ? HARS_OK : HARS_ERROR;
}


static int
hars_auth_email_match(const char *value, const hars_cert_t *cert)
{
    return hars_auth_san(value, cert, GEN_EMAIL, hars_auth_same_text);
}


/* thumbprints, x5t#S256, parted by line feeds */
static int
hars_auth_cert_check(const char *value, const char **error)
{
    size_t          len, n;
    const char     *word;
    unsigned char   thumbprint[HARS_SHA256_LEN];

    *error = "has to be a certificate";
    n = 0;

    while ((word = hars_words_next(&value, HARS_WORDS_RESOURCE, &len))) {
        if (hars_b64url_sha256_decode(thumbprint, word, len) != HARS_OK) {
            return HARS_ERROR;
        }

        n++;
    }

    return n ? HARS_OK : HARS_ERROR;
}


/* RFC 8705, 2.2: the certificate itself, not its key alone */
static int
hars_auth_cert_match(const char *value, const hars_cert_t *cert)
{
    char  text[HARS_B64_SHA256_LEN];

    hars_b64url_sha256_encode(text, cert->thumbprint);

    return hars_words_has(value, HARS_WORDS_RESOURCE, text, sizeof(text))
           ? HARS_OK : HARS_ERROR;
}


static int
hars_auth_printable(const char *value)
{
    for ( /* void */ ; *value; value++) {
        if (*value <= ' ' || *value > '~') {
            return 0;
        }
    }

    return 1;
}


/* is one of the certificate's names of this type the one registered? */
static int
hars_auth_san(const char *value, const hars_cert_t *cert, int type,
    hars_auth_name_pt same)
{
    int                   i, rc, found;
    ASN1_STRING          *name;
    GENERAL_NAMES        *names;
    const unsigned char  *p;

    p = cert->san;
    names = cert->san_len ? d2i_GENERAL_NAMES(NULL, &p, (long) cert->san_len)
                          : NULL;
    rc = HARS_ERROR;

    for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        name = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i),
                                       &found);

        if (found == type && same(value, name)) {
            rc = HARS_OK;
        }
    }

    GENERAL_NAMES_free(names);

    return rc;
}


/* a zero byte inside makes it another length, and so another name */
static int
hars_auth_same_dns(const char *value, const ASN1_STRING *name)
{
    size_t  len;

    len = strlen(value);

    return (size_t) ASN1_STRING_length(name) == len
           && strncasecmp(value, (const char *) ASN1_STRING_get0_data(name),
                          len)
              == 0;
}


static int
hars_auth_same_text(const char *value, const ASN1_STRING *name)
{
    size_t  len;

    len = strlen(value);

    return (size_t) ASN1_STRING_length(name) == len
           && memcmp(value, ASN1_STRING_get0_data(name), len) == 0;
}


static int
hars_auth_same_ip(const char *value, const ASN1_STRING *name)
{
    size_t         len;
    unsigned char  ip[16];

    len = hars_auth_address(value, ip);

    return len && (size_t) ASN1_STRING_length(name) == len
           && memcmp(ip, ASN1_STRING_get0_data(name), len) == 0;
}


/* 4 or 16 bytes; 0: it is none */
static size_t
hars_auth_address(const char *value, unsigned char ip[16])
{
    if (inet_pton(AF_INET, value, ip) == 1) {
        return 4;
    }

    return (inet_pton(AF_INET6, value, ip) == 1) ? 16 : 0;
}


int
hars_auth_basic(const char *header, char *buf, const char **id,
    const char **secret)
{
    return hars_auth_basic_plain(header, buf, id, secret) == HARS_OK
           && hars_form_decode((char *) *id) == HARS_OK
           && hars_form_decode((char *) *secret) == HARS_OK
           ? HARS_OK : HARS_ERROR;
}


int
hars_auth_basic_plain(const char *header, char *buf, const char **id,
    const char **secret)
{
    int     n, pad;
    char   *colon;
    size_t  len;

    if (strncasecmp(header, "Basic ", 6) != 0) {
        return HARS_ERROR;
    }

    header += 6;
    header += strspn(header, " ");
    len = strlen(header);

    if (len == 0 || len % 4 || len / 4 * 3 >= HARS_AUTH_BASIC) {
        return HARS_ERROR;
    }

    pad = (header[len - 1] == '=') + (header[len - 2] == '=');

    if (strspn(header, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                       "0123456789+/") != len - (size_t) pad)
    {
        return HARS_ERROR;
    }

    n = EVP_DecodeBlock((unsigned char *) buf,
                        (const unsigned char *) header, (int) len);

    if (n - pad < 1 || memchr(buf, '\0', (size_t) (n - pad))) {
        return HARS_ERROR;
    }

    buf[n - pad] = '\0';
    colon = strchr(buf, ':');

    if (colon == NULL) {
        return HARS_ERROR;
    }

    *colon = '\0';
    *id = buf;
    *secret = colon + 1;

    return HARS_OK;
}


int
hars_auth_secret(const hars_client_t *client, const char *secret)
{
    unsigned char  hash[HARS_SHA256_LEN];

    /* as long for a client that has none */

    if (hars_sha256(hash, secret, strlen(secret)) != HARS_OK) {
        return HARS_ERROR;
    }

    return CRYPTO_memcmp(hash, client->secret, HARS_SHA256_LEN) == 0
           && client->has_secret
           ? HARS_OK : HARS_ERROR;
}

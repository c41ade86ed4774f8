
/*
 * self_signed_tls_client_auth, RFC 8705, 2.2.2: the certificates that a
 * client has made itself, in the x5c of its JWK set.  Of use is only the
 * certificate; a JWK that holds a private key is refused, so that none is
 * ever stored here.
 */

#include "hars_as_registration_private.h"
#include "hars_as_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>


static int hars_registration_jwk(hars_registration_t *reg, json_t *jwk);
static int hars_registration_x5c(const char *x5c, hars_cert_t *cert);


int
hars_registration_jwks(hars_registration_t *reg, struct json_t *jwks)
{
    size_t   i;
    json_t  *keys, *jwk;

    keys = json_object_get(jwks, "keys");

    if (json_array_size(keys) == 0) {
        return hars_registration_refuse(reg, "jwks with an array keys has to "
                                        "come with "
                                        "self_signed_tls_client_auth.");
    }

    json_array_foreach(keys, i, jwk) {
        if (hars_registration_jwk(reg, jwk) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_registration_jwk(hars_registration_t *reg, json_t *jwk)
{
    char           text[HARS_B64_SHA256_LEN];
    json_t        *x5c;
    unsigned       i;
    const char    *value;
    hars_cert_t    cert;

    /* RFC 7518, 6.2.2, 6.3.2, 6.4 */
    static const char  *private[] = { "d", "p", "q", "k", NULL };

    for (i = 0; private[i]; i++) {
        if (json_object_get(jwk, private[i])) {
            return hars_registration_refuse(reg, "jwks has a key that is "
                                            "private: make another one.");
        }
    }

    x5c = json_object_get(jwk, "x5c");
    value = (json_array_size(x5c) == 1)
            ? json_string_value(json_array_get(x5c, 0)) : NULL;

    if (value == NULL
        || json_string_value(json_object_get(jwk, "kty")) == NULL
        || hars_registration_x5c(value, &cert) != HARS_OK)
    {
        return hars_registration_refuse(reg, "Each key of jwks has to have "
                                        "kty, and one certificate in x5c.");
    }

    hars_b64url_sha256_encode(text, cert.thumbprint);

    if (hars_words_add(reg->client.auth_value, sizeof(reg->client.auth_value),
                       HARS_WORDS_RESOURCE, text, sizeof(text)) != HARS_OK)
    {
        return hars_registration_refuse(reg, "jwks has too many keys.");
    }

    return HARS_OK;
}


/* base64 of the DER (RFC 7517, 4.7), which is what Client-Cert has, too */
static int
hars_registration_x5c(const char *x5c, hars_cert_t *cert)
{
    int      rc;
    char    *header;
    size_t   size;

    size = strlen(x5c) + 3;
    header = malloc(size);

    if (header == NULL) {
        return HARS_ERROR;
    }

    snprintf(header, size, ":%s:", x5c);
    rc = hars_cert_parse(NULL, cert, header, 0);

    free(header);

    return rc;
}

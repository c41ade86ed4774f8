
/* See hars_as_jwt.h for what this is. */

#include "hars_as_jwt.h"
#include "hars_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>


#define HARS_JWT_HEADER  256


int
hars_jwt_create(hars_as_t *as)
{
    unsigned                i;
    json_t                 *root, *keys;
    const hars_sign_jwk_t  *jwk;

    keys = json_array();

    for (i = 0; as->sign && (jwk = hars_sign_jwk(as->sign, i)); i++) {
        json_array_append_new(keys, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s,"
                                              " s:s}",
                                              "kty", "EC",
                                              "crv", "P-256",
                                              "x", jwk->x,
                                              "y", jwk->y,
                                              "use", "sig",
                                              "alg", HARS_SIGN_ALG,
                                              "kid", jwk->kid));
    }

    root = json_pack("{s:o}", "keys", keys);
    as->jwks = (json_array_size(keys) == i) ? json_dumps(root, JSON_COMPACT)
                                            : NULL;
    json_decref(root);

    if (as->jwks == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    return HARS_OK;
}


char *
hars_jwt_sign(hars_sign_t *sign, const char *typ, const char *claims)
{
    int             n;
    char            header[HARS_JWT_HEADER], *jwt, *p;
    size_t          len;
    unsigned char   signature[HARS_SIGN_LEN];

    n = snprintf(header, sizeof(header),
                 "{\"alg\":\"" HARS_SIGN_ALG "\",\"kid\":\"%s\","
                 "\"typ\":\"%s\"}", hars_sign_jwk(sign, 0)->kid, typ);

    if (n < 0 || n >= HARS_JWT_HEADER) {
        return NULL;
    }

    len = strlen(claims);
    jwt = malloc(HARS_SIGN_B64((size_t) n) + HARS_SIGN_B64(len)
                 + HARS_SIGN_B64(HARS_SIGN_LEN));

    if (jwt == NULL) {
        return NULL;
    }

    p = jwt;
    hars_sign_b64(p, header, (size_t) n);
    p += strlen(p);
    *p++ = '.';

    hars_sign_b64(p, claims, len);
    p += strlen(p);

    if (hars_sign(sign, jwt, (size_t) (p - jwt), signature) != HARS_OK) {
        free(jwt);
        return NULL;
    }

    *p++ = '.';
    hars_sign_b64(p, signature, HARS_SIGN_LEN);

    return jwt;
}


void
hars_as_jwks(hars_request_t *r)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    hars_reply_header(r, "Cache-Control", "max-age=300");
    hars_reply_text(r, 200, "application/jwk-set+json", socket->as->jwks);
}

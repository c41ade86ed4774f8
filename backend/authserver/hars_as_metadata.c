
/* See hars_as_metadata.h for what this is. */

#include "hars_as_metadata.h"
#include "hars_as_auth.h"
#include "hars_as_register.h"
#include "hars_as_sign.h"
#include "hars_as_words.h"
#include "hars_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>


#define HARS_METADATA_URL  1024


static json_t *hars_metadata_grants(const hars_as_t *as);
static json_t *hars_metadata_methods(void);
static json_t *hars_metadata_scopes(void);
static int hars_metadata_signing(json_t *root, const hars_as_t *as);
static int hars_metadata_endpoints(json_t *root, const char *base);
static int hars_metadata_has(json_t *array, const char *text, size_t len);


static const struct {
    const char  *name;
    const char  *path;
} hars_metadata_urls[] = {
    { "token_endpoint", "/oauth2/token" },
    { "introspection_endpoint", "/oauth2/introspect" },
    { "revocation_endpoint", "/oauth2/revoke" },
    { "registration_endpoint", HARS_REGISTER_PATH },
    { NULL, NULL }
};


int
hars_metadata_create(hars_as_t *as)
{
    int          rc;
    char        *path;
    size_t       size;
    json_t      *root, *aliases;
    const char  *issuer, *host;

    issuer = as->conf.issuer;

    /* RFC 8414, 3.1: between the host and the issuer's own path */

    host = issuer + strlen("https://");
    path = strchr(host, '/');
    path = path ? path : (char *) "";

    size = sizeof(HARS_METADATA_PATH) + strlen(path);
    as->metadata_path = malloc(size);

    if (as->metadata_path) {
        snprintf(as->metadata_path, size, "%s%s", HARS_METADATA_PATH, path);
    }

    /*
     * No authorization endpoint: there is no grant that uses one, so that
     * response_types_supported, which is required, has nothing to say.
     */

    aliases = json_object();
    rc = hars_metadata_endpoints(aliases, as->conf.mtls_base
                                          ? as->conf.mtls_base : issuer);

    root = json_pack("{s:s, s:[], s:o, s:o, s:o, s:o, s:o, s:b, s:o}",
                     "issuer", issuer,
                     "response_types_supported",
                     "grant_types_supported", hars_metadata_grants(as),
                     "token_endpoint_auth_methods_supported",
                     hars_metadata_methods(),
                     "introspection_endpoint_auth_methods_supported",
                     hars_metadata_methods(),
                     "revocation_endpoint_auth_methods_supported",
                     hars_metadata_methods(),
                     "scopes_supported", hars_metadata_scopes(),
                     "tls_client_certificate_bound_access_tokens", 1,
                     "mtls_endpoint_aliases", aliases);

    rc |= hars_metadata_endpoints(root, issuer);
    rc |= hars_metadata_signing(root, as);

    as->metadata = (rc == 0) ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);

    if (as->metadata == NULL || as->metadata_path == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    return HARS_OK;
}


void
hars_metadata_free(hars_as_t *as)
{
    free(as->metadata);
    free(as->metadata_path);
}


/* RFC 9701, 7 */
static int
hars_metadata_signing(json_t *root, const hars_as_t *as)
{
    int   rc;
    char  url[HARS_METADATA_URL];

    if (as->sign == NULL) {
        return 0;
    }

    snprintf(url, sizeof(url), "%s" HARS_METADATA_JWKS, as->conf.issuer);

    rc = json_object_set_new(root, "jwks_uri", json_string(url));
    rc |= json_object_set_new(root,
                              "introspection_signing_alg_values_supported",
                              json_pack("[s]", HARS_SIGN_ALG));

    return rc;
}


static int
hars_metadata_endpoints(json_t *root, const char *base)
{
    int       rc;
    char      url[HARS_METADATA_URL];
    unsigned  i;

    rc = 0;

    for (i = 0; hars_metadata_urls[i].name; i++) {
        snprintf(url, sizeof(url), "%s%s", base, hars_metadata_urls[i].path);
        rc |= json_object_set_new(root, hars_metadata_urls[i].name,
                                  json_string(url));
    }

    return rc;
}


static json_t *
hars_metadata_grants(const hars_as_t *as)
{
    json_t  *array;

    array = json_pack("[s]", "client_credentials");

    if (as->refresh) {
        json_array_append_new(array, json_string("refresh_token"));
    }

    return array;
}


/* each once: several names of a certificate are one method */
static json_t *
hars_metadata_methods(void)
{
    json_t             *array;
    const hars_auth_t  *auth;

    array = json_array();

    for (auth = hars_auths; auth->name; auth++) {
        if (auth->option
            && !hars_metadata_has(array, auth->method, strlen(auth->method)))
        {
            json_array_append_new(array, json_string(auth->method));
        }
    }

    return array;
}


static json_t *
hars_metadata_scopes(void)
{
    size_t              len;
    json_t             *array;
    const char         *list, *word;
    const hars_kind_t  *kind;

    array = json_array();

    for (kind = hars_kinds; kind->name; kind++) {
        list = kind->scope;

        while ((word = hars_words_next(&list, HARS_WORDS_SCOPE, &len))) {
            if (!hars_metadata_has(array, word, len)) {
                json_array_append_new(array, json_stringn(word, len));
            }
        }
    }

    return array;
}


static int
hars_metadata_has(json_t *array, const char *text, size_t len)
{
    size_t   i;
    json_t  *value;

    json_array_foreach(array, i, value) {
        if (json_string_length(value) == len
            && memcmp(json_string_value(value), text, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


void
hars_as_metadata(hars_request_t *r)
{
    hars_as_socket_t  *socket;

    socket = r->data;

    hars_reply_header(r, "Cache-Control", "max-age=300");
    hars_reply_text(r, 200, "application/json", socket->as->metadata);
}

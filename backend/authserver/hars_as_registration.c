
/*
 * See hars_as_registration.h for what this is.  JSON is read with one value
 * per name, no zero bytes and jansson's bound on nesting; null counts as
 * absent (RFC 7591, 2).
 */

#include "hars_as_registration_private.h"
#include "hars_as_answer.h"
#include "hars_as_auth.h"
#include "hars_as_dn.h"
#include "hars_as_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>


typedef int (*hars_registration_pt)(hars_registration_t *reg, json_t *root);


static int hars_registration_string(hars_registration_t *reg, json_t *root,
    const char *name, const char **value);
static int hars_registration_copy(hars_registration_t *reg, json_t *root,
    const char *name, char *dst, size_t size);
static int hars_registration_update(hars_registration_t *reg, json_t *root);
static int hars_registration_unused(hars_registration_t *reg, json_t *root);
static int hars_registration_bound(hars_registration_t *reg, json_t *root);
static int hars_registration_grants(hars_registration_t *reg, json_t *root);
static int hars_registration_scope(hars_registration_t *reg, json_t *root);
static int hars_registration_resources(hars_registration_t *reg,
    json_t *root);
static int hars_registration_method(hars_registration_t *reg, json_t *root);
static int hars_registration_name(hars_registration_t *reg, json_t *root,
    const hars_auth_t **auth);
static int hars_registration_issuer(hars_registration_t *reg, json_t *root);


static const hars_registration_pt  hars_registration_questions[] = {
    hars_registration_unused,
    hars_registration_bound,
    hars_registration_grants,
    hars_registration_scope,
    hars_registration_resources,
    hars_registration_method,
    hars_registration_issuer,
    hars_registration_echo,
    NULL
};


int
hars_registration_read(hars_registration_t *reg, const char *body,
    size_t len, unsigned update)
{
    int                          rc;
    json_t                      *root;
    const hars_registration_pt  *question;

    memset(reg, 0, sizeof(hars_registration_t));

    root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(root)) {
        json_decref(root);
        return hars_registration_refuse(reg, "The body has to be one JSON "
                                        "object, each name in it once.");
    }

    rc = update ? hars_registration_update(reg, root) : HARS_OK;

    for (question = hars_registration_questions;
         rc == HARS_OK && *question;
         question++)
    {
        rc = (*question)(reg, root);
    }

    json_decref(root);

    return rc;
}


int
hars_registration_refuse(hars_registration_t *reg, const char *fmt, ...)
{
    char     *p;
    va_list   args;

    va_start(args, fmt);
    vsnprintf(reg->why, sizeof(reg->why), fmt, args);
    va_end(args);

    /* RFC 6749, 5.2: neither of these in a description */

    for (p = reg->why; *p; p++) {
        if (*p == '"' || *p == '\\') {
            *p = '\'';
        }
    }

    reg->error = HARS_OAUTH_INVALID_METADATA;

    return HARS_ERROR;
}


json_t *
hars_registration_get(json_t *root, const char *name)
{
    json_t  *value;

    value = json_object_get(root, name);

    return json_is_null(value) ? NULL : value;
}


/* *value is NULL where there is none */
static int
hars_registration_string(hars_registration_t *reg, json_t *root,
    const char *name, const char **value)
{
    json_t  *member;

    member = hars_registration_get(root, name);
    *value = json_string_value(member);

    if (member && *value == NULL) {
        return hars_registration_refuse(reg, "%s has to be a string.", name);
    }

    return HARS_OK;
}


static int
hars_registration_copy(hars_registration_t *reg, json_t *root,
    const char *name, char *dst, size_t size)
{
    const char  *value;

    if (hars_registration_string(reg, root, name, &value) != HARS_OK) {
        return HARS_ERROR;
    }

    if (value && strlen(value) >= size) {
        return hars_registration_refuse(reg, "%s is too long.", name);
    }

    strcpy(dst, value ? value : "");

    return HARS_OK;
}


/* RFC 7592, 2.2: what an update has to have, and must not have */
static int
hars_registration_update(hars_registration_t *reg, json_t *root)
{
    unsigned            i;

    static const char  *ours[] = {
        "registration_access_token", "registration_client_uri",
        "client_secret_expires_at", "client_id_issued_at", NULL
    };

    for (i = 0; ours[i]; i++) {
        if (json_object_get(root, ours[i])) {
            return hars_registration_refuse(reg, "%s is not to be sent "
                                            "(RFC 7592, 2.2).", ours[i]);
        }
    }

    if (hars_registration_copy(reg, root, "client_id", reg->id,
                               sizeof(reg->id)) != HARS_OK
        || hars_registration_copy(reg, root, "client_secret", reg->secret,
                                  sizeof(reg->secret)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return reg->id[0] ? HARS_OK
                      : hars_registration_refuse(reg, "client_id is missing "
                                                 "(RFC 7592, 2.2).");
}


/* what no grant here uses, or nobody verifies: refused rather than ignored */
static int
hars_registration_unused(hars_registration_t *reg, json_t *root)
{
    json_t  *uris, *types;

    if (hars_registration_get(root, "software_statement")) {
        (void) hars_registration_refuse(reg, "This server believes no "
                                        "software statements.");
        reg->error = HARS_OAUTH_INVALID_STATEMENT;
        return HARS_ERROR;
    }

    uris = hars_registration_get(root, "redirect_uris");

    if (uris && (!json_is_array(uris) || json_array_size(uris))) {
        (void) hars_registration_refuse(reg, "This server has no grant that "
                                        "redirects: leave redirect_uris "
                                        "out.");
        reg->error = HARS_OAUTH_INVALID_REDIRECT;
        return HARS_ERROR;
    }

    types = hars_registration_get(root, "response_types");

    if (types && (!json_is_array(types) || json_array_size(types))) {
        return hars_registration_refuse(reg, "There are no response_types "
                                        "here: leave them out.");
    }

    if (hars_registration_get(root, "jwks")
        && hars_registration_get(root, "jwks_uri"))
    {
        return hars_registration_refuse(reg, "jwks and jwks_uri exclude one "
                                        "another.");
    }

    return HARS_OK;
}


/* RFC 8705, 3.4: there are no other tokens here */
static int
hars_registration_bound(hars_registration_t *reg, json_t *root)
{
    json_t       *value;
    const char   *name;

    name = "tls_client_certificate_bound_access_tokens";
    value = hars_registration_get(root, name);

    return value == NULL || json_is_true(value)
           ? HARS_OK
           : hars_registration_refuse(reg, "%s has to be true.", name);
}


static int
hars_registration_grants(hars_registration_t *reg, json_t *root)
{
    size_t       i;
    json_t      *grants, *value;
    unsigned     client;
    const char  *name;

    grants = hars_registration_get(root, "grant_types");

    if (grants == NULL) {
        return HARS_OK;
    }

    client = json_array_size(grants) == 0;

    json_array_foreach(grants, i, value) {
        name = json_string_value(value);

        if (name && strcmp(name, "client_credentials") == 0) {
            client = 1;

        } else if (name && strcmp(name, "refresh_token") == 0) {
            reg->client.refresh = 1;

        } else {
            return hars_registration_refuse(reg, "grant_types may hold "
                                            "client_credentials and "
                                            "refresh_token.");
        }
    }

    return client && json_is_array(grants)
           ? HARS_OK
           : hars_registration_refuse(reg, "grant_types has to be an array "
                                      "with client_credentials in it.");
}


static int
hars_registration_scope(hars_registration_t *reg, json_t *root)
{
    const char  *value;

    if (hars_registration_string(reg, root, "scope", &value) != HARS_OK
        || hars_registration_copy(reg, root, "scope", reg->client.scope,
                                  sizeof(reg->client.scope)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    reg->has_scope = (value != NULL);

    return value == NULL || *value == '\0' || hars_words_scope(value)
           ? HARS_OK
           : hars_registration_refuse(reg, "scope has to be values parted by "
                                      "single blanks.");
}


/* not of the RFC: what the client will name in "resource" (RFC 8707) */
static int
hars_registration_resources(hars_registration_t *reg, json_t *root)
{
    size_t       i;
    json_t      *array, *value;
    const char  *uri;

    array = hars_registration_get(root, "resources");

    if (array == NULL) {
        return HARS_OK;
    }

    reg->has_resources = 1;

    if (json_array_size(array) == 0) {
        return hars_registration_refuse(reg, "resources has to be an array "
                                        "of URIs.");
    }

    json_array_foreach(array, i, value) {
        uri = json_string_value(value);

        if (uri == NULL
            || !hars_words_resource(uri)
            || hars_words_add(reg->client.resources,
                              sizeof(reg->client.resources),
                              HARS_WORDS_RESOURCE, uri, strlen(uri))
               != HARS_OK)
        {
            return hars_registration_refuse(reg, "resources may hold https "
                                            "URIs without fragment, and not "
                                            "too many.");
        }
    }

    return HARS_OK;
}


/* the method that is named, or the one that what else is there goes with */
static int
hars_registration_method(hars_registration_t *reg, json_t *root)
{
    json_t             *jwks;
    const char         *method;
    const hars_auth_t  *name;

    jwks = hars_registration_get(root, "jwks");

    if (hars_registration_string(reg, root, "token_endpoint_auth_method",
                                 &method) != HARS_OK
        || hars_registration_name(reg, root, &name) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (method == NULL) {
        method = name ? "tls_client_auth"
                      : jwks ? "self_signed_tls_client_auth"
                             : "client_secret_basic";
    }

    if ((name != NULL) != (strcmp(method, "tls_client_auth") == 0)) {
        return hars_registration_refuse(reg, "Exactly one of the "
                                        "tls_client_auth names goes with the "
                                        "method tls_client_auth, and with no "
                                        "other.");
    }

    if (name) {
        reg->client.auth = name;
        return HARS_OK;
    }

    if (strcmp(method, "client_secret_basic") == 0) {
        reg->client.auth = hars_auth_find("secret");
        return HARS_OK;
    }

    if (strcmp(method, "self_signed_tls_client_auth") == 0) {
        reg->client.auth = hars_auth_find("self_signed");
        return hars_registration_jwks(reg, jwks);
    }

    return hars_registration_refuse(reg, "token_endpoint_auth_method is none "
                                    "of those in the server's metadata.");
}


/* RFC 8705, 2.1.2: one name and no more */
static int
hars_registration_name(hars_registration_t *reg, json_t *root,
    const hars_auth_t **found)
{
    const char         *value, *error;
    const hars_auth_t  *auth;

    *found = NULL;

    for (auth = hars_auths; auth->name; auth++) {

        if (auth->metadata == NULL
            || hars_registration_get(root, auth->metadata) == NULL)
        {
            continue;
        }

        if (*found) {
            return hars_registration_refuse(reg, "%s comes beside %s: a "
                                            "client has one name.",
                                            auth->metadata,
                                            (*found)->metadata);
        }

        if (hars_registration_string(reg, root, auth->metadata, &value)
            != HARS_OK
            || hars_registration_copy(reg, root, auth->metadata,
                                      reg->client.auth_value,
                                      sizeof(reg->client.auth_value))
               != HARS_OK)
        {
            return HARS_ERROR;
        }

        if (auth->check(value, &error) != HARS_OK) {
            return hars_registration_refuse(reg, "%s %s.", auth->metadata,
                                            error);
        }

        *found = auth;
    }

    return HARS_OK;
}


static int
hars_registration_issuer(hars_registration_t *reg, json_t *root)
{
    const char  *name, *error;

    name = "tls_client_auth_issuer_dn";

    if (hars_registration_copy(reg, root, name, reg->client.issuer_dn,
                               sizeof(reg->client.issuer_dn)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (reg->client.issuer_dn[0] == '\0') {
        return HARS_OK;
    }

    if (strcmp(reg->client.auth->name, "self_signed") == 0) {
        return hars_registration_refuse(reg, "%s says nothing of self-signed "
                                        "certificates.", name);
    }

    return hars_dn_check(reg->client.issuer_dn, &error) == HARS_OK
           ? HARS_OK
           : hars_registration_refuse(reg, "%s %s.", name, error);
}


char *
hars_registration_answer(const hars_client_t *client, const char *uri,
    const char *manage, const char *secret)
{
    int      rc;
    char    *text;
    json_t  *root, *grants;

    root = client->metadata[0] ? json_loads(client->metadata, 0, NULL)
                               : json_object();

    grants = client->kind->grant ? hars_answer_grants(client)
                                 : json_array();

    rc = json_object_update_new(root, json_pack(
             "{s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:[], s:o, s:b, s:s}",
             "client_id", client->id,
             "client_id_issued_at", (json_int_t) client->created_at,
             "registration_client_uri", uri,
             "registration_access_token", manage,
             "hars_kind", client->kind->name,
             "hars_sub", client->sub,
             "grant_types", grants,
             "response_types",
             "resources", hars_answer_list(client->resources,
                                           HARS_WORDS_RESOURCE),
             "tls_client_certificate_bound_access_tokens", 1,
             "token_endpoint_auth_method", client->auth->method));

    if (client->scope[0]) {
        rc |= json_object_set_new(root, "scope", json_string(client->scope));
    }

    if (client->auth->metadata) {
        rc |= json_object_set_new(root, client->auth->metadata,
                                  json_string(client->auth_value));
    }

    if (client->issuer_dn[0]) {
        rc |= json_object_set_new(root, "tls_client_auth_issuer_dn",
                                  json_string(client->issuer_dn));
    }

    /* RFC 7591, 3.2.1: 0, it does not end; only with a secret */

    if (client->has_secret) {
        rc |= json_object_set_new(root, "client_secret_expires_at",
                                  json_integer(0));
    }

    if (secret) {
        rc |= json_object_set_new(root, "client_secret",
                                  json_string(secret));
    }

    text = (rc == 0) ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);

    return text;
}

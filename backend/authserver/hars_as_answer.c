
/* See hars_as_answer.h for what this is. */

#include "hars_as_answer.h"
#include "hars_as_auth.h"
#include "hars_as_json.h"
#include "hars_as_words.h"

#include <string.h>

#include <jansson.h>


#define HARS_TOKEN_TYPE  "Bearer"


/* the string claims of an answer, by name */
typedef struct {
    const char      *name;
    const char      *(*value)(const hars_token_t *token, const char *issuer);
} hars_answer_claim_t;


static void hars_answer_active(hars_json_t *json, const char *name,
    const hars_token_t *token, const char *issuer);
static json_t *hars_answer_cnf(const hars_token_t *token);
static const char *hars_answer_kind(const hars_token_t *token,
    const char *issuer);
static const char *hars_answer_type(const hars_token_t *token,
    const char *issuer);
static const char *hars_answer_client(const hars_token_t *token,
    const char *issuer);
static const char *hars_answer_sub(const hars_token_t *token,
    const char *issuer);
static const char *hars_answer_scope(const hars_token_t *token,
    const char *issuer);
static const char *hars_answer_iss(const hars_token_t *token,
    const char *issuer);
static const hars_answer_claim_t *hars_answer_find(const char *name,
    size_t len);
static hars_str_t hars_answer_str(const char *s);
static char *hars_answer_text(json_t *root, int failed, size_t flags);


static const hars_answer_claim_t  hars_answer_claims[] = {
    { "client_id", hars_answer_client },
    { "sub", hars_answer_sub },
    { "scope", hars_answer_scope },
    { "iss", hars_answer_iss },
    { "token_type", hars_answer_type },
    { "hars_kind", hars_answer_kind },
    { NULL, NULL }
};


char *
hars_answer_introspection(const hars_token_t *token, const char *issuer)
{
    hars_json_t  json;

    hars_json_init(&json);
    hars_answer_active(&json, NULL, token, issuer);

    return hars_json_done(&json);
}


char *
hars_answer_signed(const hars_token_t *token, const char *issuer,
    const char *caller, int64_t now)
{
    hars_json_t  json;

    hars_json_init(&json);

    /* no sub and no exp: it is not to be taken for an access token */

    hars_json_open(&json, NULL, '{');
    hars_json_text(&json, "iss", issuer, strlen(issuer));
    hars_json_text(&json, "aud", caller, strlen(caller));
    hars_json_int(&json, "iat", now);

    if (token) {
        hars_answer_active(&json, "token_introspection", token, issuer);

    } else {
        hars_json_open(&json, "token_introspection", '{');
        hars_json_bool(&json, "active", 0);
        hars_json_close(&json, '}');
    }

    hars_json_close(&json, '}');

    return hars_json_done(&json);
}


static void
hars_answer_active(hars_json_t *json, const char *name,
    const hars_token_t *token, const char *issuer)
{
    char                        x5t[HARS_B64_SHA256_LEN];
    size_t                      len;
    const char                 *value, *list;
    const hars_answer_claim_t  *claim;

    hars_json_open(json, name, '{');
    hars_json_bool(json, "active", 1);

    for (claim = hars_answer_claims; claim->name; claim++) {
        value = claim->value(token, issuer);

        /* a member without value is left out: RFC 7662 has no empty scope */

        if (*value) {
            hars_json_text(json, claim->name, value, strlen(value));
        }
    }

    hars_json_open(json, "aud", '[');
    list = token->aud;

    while ((value = hars_words_next(&list, HARS_WORDS_RESOURCE, &len))) {
        hars_json_text(json, NULL, value, len);
    }

    hars_json_close(json, ']');

    hars_json_int(json, "exp", token->exp);
    hars_json_int(json, "iat", token->iat);
    hars_json_int(json, "nbf", token->iat);

    /* RFC 8705, 3.2 */

    hars_b64url_sha256_encode(x5t, token->cnf);
    hars_json_open(json, "cnf", '{');
    hars_json_text(json, "x5t#S256", x5t, sizeof(x5t));
    hars_json_close(json, '}');

    hars_json_close(json, '}');
}


int
hars_answer_record(const hars_token_t *token, const char *issuer,
    const char *claims, int64_t now_ms, hars_record_t *rec)
{
    size_t                      len;
    const char                 *name;
    const hars_answer_claim_t  *claim;

    memset(rec, 0, sizeof(hars_record_t));

    rec->active = 1;
    rec->checked_at = now_ms;

    rec->has_cnf = 1;
    memcpy(rec->cnf, token->cnf, HARS_SHA256_LEN);

    rec->has_exp = 1;
    rec->exp = token->exp;
    rec->has_nbf = 1;
    rec->nbf = token->iat;

    rec->sub = hars_answer_str(hars_answer_sub(token, issuer));
    rec->client_id = hars_answer_str(hars_answer_client(token, issuer));
    rec->scope = hars_answer_str(hars_answer_scope(token, issuer));
    rec->iss = hars_answer_str(hars_answer_iss(token, issuer));
    rec->aud = hars_answer_str(token->aud);

    while ((name = hars_words_next(&claims, ' ', &len)) != NULL) {
        claim = hars_answer_find(name, len);

        if (claim == NULL || rec->nclaims == HARS_RECORD_CLAIMS) {
            return HARS_ERROR;
        }

        rec->claim[rec->nclaims++] =
                               hars_answer_str(claim->value(token, issuer));
    }

    return HARS_OK;
}


int
hars_answer_claim(const char *name, size_t len)
{
    return hars_answer_find(name, len) != NULL;
}


static const hars_answer_claim_t *
hars_answer_find(const char *name, size_t len)
{
    const hars_answer_claim_t  *claim;

    for (claim = hars_answer_claims; claim->name; claim++) {
        if (strlen(claim->name) == len
            && memcmp(claim->name, name, len) == 0)
        {
            return claim;
        }
    }

    return NULL;
}


static const char *
hars_answer_client(const hars_token_t *token, const char *issuer)
{
    (void) issuer;

    return token->client_id;
}


static const char *
hars_answer_sub(const hars_token_t *token, const char *issuer)
{
    (void) issuer;

    return token->sub;
}


static const char *
hars_answer_scope(const hars_token_t *token, const char *issuer)
{
    (void) issuer;

    return token->scope;
}


static const char *
hars_answer_iss(const hars_token_t *token, const char *issuer)
{
    (void) token;

    return issuer;
}


static const char *
hars_answer_type(const hars_token_t *token, const char *issuer)
{
    (void) issuer;

    /* a refresh token is of no type that a resource server takes */

    return token->refresh ? "" : HARS_TOKEN_TYPE;
}


static const char *
hars_answer_kind(const hars_token_t *token, const char *issuer)
{
    (void) issuer;

    return token->kind->name;
}


char *
hars_answer_token(const hars_token_t *token, const char *value,
    const char *refresh, int64_t now)
{
    hars_json_t  json;

    hars_json_init(&json);

    hars_json_open(&json, NULL, '{');
    hars_json_text(&json, "access_token", value, strlen(value));
    hars_json_text(&json, "token_type", HARS_TOKEN_TYPE,
                   strlen(HARS_TOKEN_TYPE));
    hars_json_int(&json, "expires_in", token->exp - now);

    if (token->scope[0]) {
        hars_json_text(&json, "scope", token->scope, strlen(token->scope));
    }

    if (*refresh) {
        hars_json_text(&json, "refresh_token", refresh, strlen(refresh));
    }

    hars_json_close(&json, '}');

    return hars_json_done(&json);
}


char *
hars_answer_revoked(uint64_t tokens)
{
    return hars_answer_text(json_pack("{s:I}", "revoked",
                                      (json_int_t) tokens),
                            0, JSON_COMPACT);
}


char *
hars_answer_error(const char *error, const char *description)
{
    return hars_answer_text(json_pack("{s:s, s:s}", "error", error,
                                      "error_description", description),
                            0, JSON_COMPACT);
}


char *
hars_answer_token_row(const hars_token_t *token, const char *token_id,
    int64_t now)
{
    int          rc;
    json_t      *root;
    const char  *state;

    rc = 0;
    state = token->revoked_at ? "revoked"
                              : (token->exp > now) ? "active" : "expired";

    root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:o}",
                     "state", state,
                     "client_id", token->client_id,
                     "sub", token->sub,
                     "hars_kind", token->kind->name,
                     "scope", token->scope,
                     "aud", hars_answer_list(token->aud,
                                             HARS_WORDS_RESOURCE),
                     "iat", (json_int_t) token->iat,
                     "exp", (json_int_t) token->exp,
                     "cnf", hars_answer_cnf(token));

    if (token->revoked_at) {
        rc |= json_object_set_new(root, "revoked_at",
                                  json_integer(token->revoked_at));
    }

    if (token_id) {
        rc |= json_object_set_new(root, "token_id", json_string(token_id));
    }

    return hars_answer_text(root, rc, JSON_INDENT(2));
}


json_t *
hars_answer_grants(const hars_client_t *client)
{
    json_t  *array;

    array = json_pack("[s]", "client_credentials");

    if (client->refresh) {
        json_array_append_new(array, json_string("refresh_token"));
    }

    return array;
}


char *
hars_answer_client_row(const hars_client_t *client)
{
    int      rc;
    json_t  *root;

    rc = 0;
    root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:I}",
                     "client_id", client->id,
                     "kind", client->kind->name,
                     "sub", client->sub,
                     "token_endpoint_auth_method", client->auth->method,
                     "scope", client->scope,
                     "resources", hars_answer_list(client->resources,
                                                   HARS_WORDS_RESOURCE),
                     "created_at", (json_int_t) client->created_at);

    /* RFC 8705, 2.1.2 */

    if (client->auth->metadata) {
        rc |= json_object_set_new(root, client->auth->metadata,
                                  json_string(client->auth_value));

    } else if (strcmp(client->auth->name, "self_signed") == 0) {
        rc |= json_object_set_new(root, "x5t#S256",
                                  hars_answer_list(client->auth_value,
                                                   HARS_WORDS_RESOURCE));
    }

    /* not of the RFC, which trusts one set of authorities for all */

    if (client->issuer_dn[0]) {
        rc |= json_object_set_new(root, "tls_client_auth_issuer_dn",
                                  json_string(client->issuer_dn));
    }

    if (client->disabled_at) {
        rc |= json_object_set_new(root, "disabled_at",
                                  json_integer(client->disabled_at));
    }

    if (client->kind->grant) {
        rc |= json_object_set_new(root, "grant_types",
                                  hars_answer_grants(client));
    }

    if (client->token_ttl) {
        rc |= json_object_set_new(root, "token_ttl",
                                  json_integer(client->token_ttl));
    }

    /* of a registration over HTTP: what is only there for people */

    if (client->metadata[0]) {
        rc |= json_object_set_new(root, "metadata",
                                  json_loads(client->metadata, 0, NULL));
    }

    return hars_answer_text(root, rc, JSON_INDENT(2));
}


/* NULL: no memory, which makes the member and the answer fail */
json_t *
hars_answer_list(const char *list, char sep)
{
    size_t       len;
    json_t      *array;
    const char  *word;

    array = json_array();

    while ((word = hars_words_next(&list, sep, &len)) != NULL) {
        if (json_array_append_new(array, json_stringn(word, len)) == -1) {
            json_decref(array);
            return NULL;
        }
    }

    return array;
}


/* RFC 8705, 3.2 */
static json_t *
hars_answer_cnf(const hars_token_t *token)
{
    char  text[HARS_B64_SHA256_LEN];

    hars_b64url_sha256_encode(text, token->cnf);

    return json_pack("{s:s%}", "x5t#S256", text,
                     (size_t) HARS_B64_SHA256_LEN);
}


static hars_str_t
hars_answer_str(const char *s)
{
    hars_str_t  str;

    str.len = strlen(s);
    str.data = str.len ? (unsigned char *) s : NULL;

    return str;
}


/* takes the tree; one that lacks a member for want of memory is no answer */
static char *
hars_answer_text(json_t *root, int failed, size_t flags)
{
    char  *text;

    text = failed ? NULL : json_dumps(root, flags);
    json_decref(root);

    return text;
}

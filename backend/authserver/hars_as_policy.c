
/* See hars_as_policy.h for what this is. */

#include "hars_as_policy.h"
#include "hars_as_auth.h"
#include "hars_as_dn.h"
#include "hars_as_words.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>


/* a name among several: the method's name in the store, a blank, the value */
#define HARS_POLICY_NAME  (HARS_AS_ID_SIZE + HARS_AS_DN_SIZE)


static int hars_policy_copy(json_t *root, const char *name, char *dst,
    size_t size);
static int hars_policy_subject(const hars_policy_t *policy,
    hars_registration_t *reg, const hars_cert_t *cert);
static unsigned hars_policy_named(const hars_policy_t *policy,
    const hars_client_t *client, const hars_cert_t *cert);
static unsigned hars_policy_same(const hars_auth_t *auth, const char *a,
    const char *b, const hars_cert_t *cert);
static int hars_policy_issuer(const char *issuer, hars_registration_t *reg,
    const hars_cert_t *own);
static int hars_policy_within(hars_registration_t *reg, const char *scope,
    const char *resources, unsigned refresh);


int
hars_policy_name(hars_policy_t *policy, const hars_auth_t *auth,
    const char *value)
{
    int   len;
    char  name[HARS_POLICY_NAME];

    len = snprintf(name, sizeof(name), "%s %s", auth->name, value);

    if (len < 0 || len >= HARS_POLICY_NAME || strchr(value, '\n')) {
        return HARS_ERROR;
    }

    return hars_words_add(policy->names, sizeof(policy->names), '\n', name,
                          (size_t) len);
}


int
hars_policy_encode(const hars_policy_t *policy, char json[HARS_POLICY_JSON])
{
    size_t   len;
    json_t  *root;

    root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b}",
                     "kind", policy->kind->name,
                     "sub", policy->sub,
                     "scope", policy->scope,
                     "resources", policy->resources,
                     "names", policy->names,
                     "issuer_dn", policy->issuer_dn,
                     "any_subject", policy->any_subject,
                     "secret", policy->secret,
                     "refresh", policy->refresh);

    len = json_dumpb(root, json, HARS_POLICY_JSON - 1, JSON_COMPACT);
    json_decref(root);

    if (len == 0 || len >= HARS_POLICY_JSON) {
        return HARS_ERROR;
    }

    json[len] = '\0';

    return HARS_OK;
}


int
hars_policy_decode(hars_policy_t *policy, const char *json)
{
    int      rc;
    char     kind[HARS_AS_ID_SIZE];
    json_t  *root;

    memset(policy, 0, sizeof(hars_policy_t));

    root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);

    rc = hars_policy_copy(root, "kind", kind, sizeof(kind));
    rc |= hars_policy_copy(root, "sub", policy->sub, sizeof(policy->sub));
    rc |= hars_policy_copy(root, "scope", policy->scope,
                           sizeof(policy->scope));
    rc |= hars_policy_copy(root, "resources", policy->resources,
                           sizeof(policy->resources));
    rc |= hars_policy_copy(root, "names", policy->names,
                           sizeof(policy->names));
    rc |= hars_policy_copy(root, "issuer_dn", policy->issuer_dn,
                           sizeof(policy->issuer_dn));

    policy->kind = (rc == HARS_OK) ? hars_kind_find(kind) : NULL;
    policy->any_subject = json_is_true(json_object_get(root, "any_subject"));
    policy->secret = json_is_true(json_object_get(root, "secret"));
    policy->refresh = json_is_true(json_object_get(root, "refresh"));

    json_decref(root);

    return policy->kind ? HARS_OK : HARS_ERROR;
}


static int
hars_policy_copy(json_t *root, const char *name, char *dst, size_t size)
{
    const char  *value;

    value = json_string_value(json_object_get(root, name));

    if (value == NULL || strlen(value) >= size) {
        return HARS_ERROR;
    }

    strcpy(dst, value);

    return HARS_OK;
}


int
hars_policy_apply(const hars_policy_t *policy, hars_registration_t *reg,
    const hars_cert_t *cert)
{
    hars_client_t  *client;

    client = &reg->client;
    client->kind = policy->kind;
    strcpy(client->sub, policy->sub);

    if (!reg->has_scope) {
        strcpy(client->scope, policy->scope);
    }

    if (!reg->has_resources) {
        strcpy(client->resources, policy->resources);
    }

    if (strcmp(client->auth->name, "secret") == 0 && !policy->secret) {
        return hars_registration_refuse(reg, "The initial access token does "
                                        "not allow client_secret_basic.");
    }

    if (hars_policy_subject(policy, reg, cert) != HARS_OK
        || hars_policy_issuer(policy->issuer_dn, reg,
                              policy->any_subject ? NULL : cert) != HARS_OK)
    {
        return HARS_ERROR;
    }

    /* the kind's table may have been narrowed since the token was made */

    if (!hars_words_within(client->scope, client->kind->scope,
                           HARS_WORDS_SCOPE))
    {
        return hars_registration_refuse(reg, "scope is more than clients of "
                                        "this kind may have.");
    }

    return hars_policy_within(reg, policy->scope, policy->resources,
                              policy->refresh);
}


/* one's own name, and one of those that the operator had in mind */
static int
hars_policy_subject(const hars_policy_t *policy, hars_registration_t *reg,
    const hars_cert_t *cert)
{
    hars_client_t  *client;

    client = &reg->client;

    if (!policy->any_subject
        && client->auth->match(client->auth_value, cert) != HARS_OK)
    {
        return hars_registration_refuse(reg, "The name or certificate is not "
                                        "that of the certificate which came "
                                        "with the request.");
    }

    if (policy->names[0] && !hars_policy_named(policy, client, cert)) {
        return hars_registration_refuse(reg, "The name is none of those that "
                                        "the initial access token allows.");
    }

    return HARS_OK;
}


static unsigned
hars_policy_named(const hars_policy_t *policy, const hars_client_t *client,
    const hars_cert_t *cert)
{
    char         name[HARS_POLICY_NAME];
    size_t       len, method;
    const char  *list, *word;

    list = policy->names;
    method = strlen(client->auth->name);

    while ((word = hars_words_next(&list, '\n', &len)) != NULL) {

        if (len >= sizeof(name)) {
            continue;
        }

        memcpy(name, word, len);
        name[len] = '\0';

        if (strncmp(name, client->auth->name, method) == 0
            && name[method] == ' '
            && hars_policy_same(client->auth, name + method + 1,
                                client->auth_value, cert))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Are two registered values one name?  A certificate has one subject, so two
 * that are both its subject are the same, however they are written.
 */
static unsigned
hars_policy_same(const hars_auth_t *auth, const char *a, const char *b,
    const hars_cert_t *cert)
{
    unsigned char  ip[2][sizeof(struct in6_addr)];

    if (strcmp(a, b) == 0) {
        return 1;
    }

    if (strcmp(auth->name, "subject_dn") == 0) {
        return auth->match(a, cert) == HARS_OK
               && auth->match(b, cert) == HARS_OK;
    }

    if (strcmp(auth->name, "san_dns") == 0) {
        return strcasecmp(a, b) == 0;
    }

    /* IPv4 is written in one way */

    return strcmp(auth->name, "san_ip") == 0
           && inet_pton(AF_INET6, a, ip[0]) == 1
           && inet_pton(AF_INET6, b, ip[1]) == 1
           && memcmp(ip[0], ip[1], sizeof(ip[0])) == 0;
}


/* the one that is demanded, or asked for; of "own" it has to be true */
static int
hars_policy_issuer(const char *issuer, hars_registration_t *reg,
    const hars_cert_t *own)
{
    hars_client_t  *client;

    client = &reg->client;

    if (strcmp(client->auth->name, "self_signed") == 0) {
        return HARS_OK;
    }

    if (issuer[0] && client->issuer_dn[0]
        && strcmp(client->issuer_dn, issuer) != 0)
    {
        return hars_registration_refuse(reg, "tls_client_auth_issuer_dn is "
                                        "another one than is allowed.");
    }

    if (issuer[0]) {
        strcpy(client->issuer_dn, issuer);
    }

    if (own && client->issuer_dn[0]
        && hars_dn_match(client->issuer_dn, own->issuer, own->issuer_len)
           != HARS_OK)
    {
        return hars_registration_refuse(reg, "tls_client_auth_issuer_dn is "
                                        "not the issuer of the certificate "
                                        "which came with the request.");
    }

    return HARS_OK;
}


int
hars_policy_narrow(const hars_client_t *client, hars_registration_t *reg,
    const hars_cert_t *cert)
{
    hars_client_t  *next;

    next = &reg->client;

    next->kind = client->kind;
    strcpy(next->id, client->id);
    strcpy(next->sub, client->sub);
    memcpy(next->secret, client->secret, sizeof(next->secret));
    memcpy(next->registration, client->registration,
           sizeof(next->registration));
    next->has_secret = client->has_secret;
    next->has_registration = client->has_registration;
    next->token_ttl = client->token_ttl;
    next->created_at = client->created_at;

    if (!reg->has_scope) {
        strcpy(next->scope, client->scope);
    }

    if (!reg->has_resources) {
        strcpy(next->resources, client->resources);
    }

    if (strcmp(next->auth->name, "secret") == 0) {
        strcpy(next->auth_value, client->auth_value);
    }

    /* certificates of one's own may change, or they could not be renewed */

    if (next->auth != client->auth
        || (next->auth->metadata
            && !hars_policy_same(next->auth, next->auth_value,
                                 client->auth_value, cert)))
    {
        return hars_registration_refuse(reg, "The way to authenticate and "
                                        "the name stay what they are.");
    }

    if (hars_policy_issuer(client->issuer_dn, reg, cert) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_policy_within(reg, client->scope, client->resources,
                              client->refresh);
}


static int
hars_policy_within(hars_registration_t *reg, const char *scope,
    const char *resources, unsigned refresh)
{
    hars_client_t  *client;

    client = &reg->client;

    if (!hars_words_within(client->scope, scope, HARS_WORDS_SCOPE)) {
        return hars_registration_refuse(reg, "scope is more than allowed.");
    }

    if (!hars_words_within(client->resources, resources, HARS_WORDS_RESOURCE))
    {
        return hars_registration_refuse(reg, "resources is more than "
                                        "allowed.");
    }

    if (client->refresh && !refresh) {
        return hars_registration_refuse(reg, "grant_types: refresh_token is "
                                        "not allowed.");
    }

    return HARS_OK;
}

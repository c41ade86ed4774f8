
/*
 * hars-authserver register-token add, list, remove: what allows a
 * registration over HTTP (RFC 7591), and how far it goes.  The token is
 * printed once; what cannot work is refused here rather than at the first
 * registration.
 */

#include "hars_as.h"
#include "hars_as_audit.h"
#include "hars_as_auth.h"
#include "hars_as_client.h"
#include "hars_as_dn.h"
#include "hars_as_register.h"
#include "hars_as_store.h"
#include "hars_as_words.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>


#define HARS_REGISTER_LIFE      (72 * 3600)       /* s */
#define HARS_REGISTER_LIFE_MAX  (365 * 86400)


static int hars_register_add(hars_as_t *as, int argc, char **argv);
static int hars_register_option(hars_register_token_t *token, int option,
    const char *value);
static int hars_register_name(hars_policy_t *policy, const char *option,
    const char *value);
static int hars_register_text(char *dst, size_t size, const char *name,
    const char *value, int good, const char *mend);
static int hars_register_number(int64_t *n, const char *name,
    const char *value, long max);
static int hars_register_complete(const hars_as_t *as,
    const hars_policy_t *policy);
static int hars_register_store(hars_as_t *as, hars_register_token_t *token,
    const char *secret);
static int hars_register_list(hars_as_t *as);
static void hars_register_print(void *data,
    const hars_register_token_t *token);
static int hars_register_remove(hars_as_t *as, const char *id);
static int hars_register_wrong(const char *name, const char *value,
    const char *mend);


static const struct option  hars_register_options[] = {
    { "kind", required_argument, NULL, 'k' },
    { "sub", required_argument, NULL, 's' },
    { "scope", required_argument, NULL, 'c' },
    { "resource", required_argument, NULL, 'r' },
    { "subject-dn", required_argument, NULL, 'n' },
    { "san-dns", required_argument, NULL, 'n' },
    { "san-uri", required_argument, NULL, 'n' },
    { "san-ip", required_argument, NULL, 'n' },
    { "san-email", required_argument, NULL, 'n' },
    { "issuer-dn", required_argument, NULL, 'd' },
    { "any-subject", no_argument, NULL, 'a' },
    { "secret", no_argument, NULL, 'p' },
    { "refresh", no_argument, NULL, 'f' },
    { "uses", required_argument, NULL, 'u' },
    { "expires", required_argument, NULL, 'e' },
    { NULL, 0, NULL, 0 }
};


int
hars_as_register_token_command(hars_as_t *as, int argc, char **argv)
{
    if (argc >= 1 && strcmp(argv[0], "add") == 0) {
        return hars_register_add(as, argc, argv);
    }

    if (argc == 1 && strcmp(argv[0], "list") == 0) {
        return hars_register_list(as);
    }

    if (argc == 2 && strcmp(argv[0], "remove") == 0) {
        return hars_register_remove(as, argv[1]);
    }

    fprintf(stderr, "hars-authserver: \"register-token\" wants add, list, or "
            "remove and an ID; see --help\n");

    return HARS_EXIT_USAGE;
}


static int
hars_register_add(hars_as_t *as, int argc, char **argv)
{
    int                     rc, option, i;
    char                    secret[HARS_SECRET_SIZE];
    hars_register_token_t   token;

    memset(&token, 0, sizeof(token));
    token.uses = 1;
    token.created_at = time(NULL);
    token.expires_at = HARS_REGISTER_LIFE;

    optind = 0;                           /* GNU: begin anew */

    while ((option = getopt_long(argc, argv, "", hars_register_options, &i))
           != -1)
    {
        rc = (option == 'n')
             ? hars_register_name(&token.policy,
                                  hars_register_options[i].name, optarg)
             : hars_register_option(&token, option, optarg);

        if (rc != HARS_OK) {
            return HARS_EXIT_USAGE;
        }
    }

    if (optind < argc) {
        fprintf(stderr, "hars-authserver: \"%s\" is no option of "
                "\"register-token add\"\n", argv[optind]);
        return HARS_EXIT_USAGE;
    }

    if (hars_register_complete(as, &token.policy) != HARS_OK) {
        return HARS_EXIT_USAGE;
    }

    token.expires_at += token.created_at;

    if (hars_secret_make(secret, HARS_SECRET_INITIAL, token.hash) != HARS_OK)
    {
        fprintf(stderr, "hars-authserver: there is no randomness\n");
        return HARS_EXIT_FAILED;
    }

    rc = hars_register_store(as, &token, secret);

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


static int
hars_register_option(hars_register_token_t *token, int option,
    const char *value)
{
    const char     *error;
    hars_policy_t  *policy;

    policy = &token->policy;
    error = NULL;

    switch (option) {

    case 'k':
        policy->kind = hars_kind_find(value);

        return policy->kind ? HARS_OK
               : hars_register_wrong("kind", value, "has to be one of those "
                                     "of \"client add\"");

    case 's':
        return hars_register_text(policy->sub, sizeof(policy->sub), "sub",
                                  value, hars_words_id(value),
                                  "has to be 1 to 64 of A-Z a-z 0-9 . _ -");

    case 'c':
        return hars_register_text(policy->scope, sizeof(policy->scope),
                                  "scope", value, hars_words_scope(value),
                                  "has to be values parted by single blanks "
                                  "(RFC 6749, 3.3)");

    case 'r':
        return hars_words_resource(value)
               && hars_words_add(policy->resources,
                                 sizeof(policy->resources),
                                 HARS_WORDS_RESOURCE, value, strlen(value))
                  == HARS_OK
               ? HARS_OK
               : hars_register_wrong("resource", value, "has to be an https "
                                     "URI without fragment (RFC 8707), or is "
                                     "one too many");

    case 'd':
        return hars_register_text(policy->issuer_dn,
                                  sizeof(policy->issuer_dn), "issuer-dn",
                                  value,
                                  hars_dn_check(value, &error) == HARS_OK,
                                  error);

    case 'a':
        policy->any_subject = 1;
        return HARS_OK;

    case 'p':
        policy->secret = 1;
        return HARS_OK;

    case 'f':
        policy->refresh = 1;
        return HARS_OK;

    case 'u':
        return hars_register_number(&token->uses, "uses", value,
                                    HARS_REGISTER_USES);

    case 'e':
        return hars_register_number(&token->expires_at, "expires", value,
                                    HARS_REGISTER_LIFE_MAX);
    }

    return HARS_ERROR;
}


/* one of those that may be registered */
static int
hars_register_name(hars_policy_t *policy, const char *option,
    const char *value)
{
    const char         *error;
    const hars_auth_t  *auth;

    for (auth = hars_auths; auth->name; auth++) {
        if (auth->option && strcmp(auth->option, option) == 0) {
            break;
        }
    }

    if (auth->name == NULL || auth->check(value, &error) != HARS_OK) {
        return hars_register_wrong(option, value, error);
    }

    return hars_policy_name(policy, auth, value) == HARS_OK
           ? HARS_OK
           : hars_register_wrong(option, value, "is one too many, or too "
                                 "long");
}


static int
hars_register_text(char *dst, size_t size, const char *name,
    const char *value, int good, const char *mend)
{
    if (!good) {
        return hars_register_wrong(name, value, mend);
    }

    if (strlen(value) >= size) {
        return hars_register_wrong(name, value, "is too long");
    }

    strcpy(dst, value);

    return HARS_OK;
}


static int
hars_register_number(int64_t *n, const char *name, const char *value,
    long max)
{
    char  *end, mend[64];

    *n = strtol(value, &end, 10);

    if (*value < '0' || *value > '9' || *end != '\0' || *n < 1 || *n > max) {
        snprintf(mend, sizeof(mend), "has to be a number from 1 to %ld", max);
        return hars_register_wrong(name, value, mend);
    }

    return HARS_OK;
}


static int
hars_register_complete(const hars_as_t *as, const hars_policy_t *policy)
{
    if (policy->kind == NULL || policy->resources[0] == '\0') {
        fprintf(stderr, "hars-authserver: \"register-token add\" needs "
                "--kind and --resource\n");
        return HARS_ERROR;
    }

    if (!hars_words_within(policy->scope, policy->kind->scope,
                           HARS_WORDS_SCOPE))
    {
        fprintf(stderr, "hars-authserver: a %s may have: %s\n",
                policy->kind->name,
                policy->kind->scope[0] ? policy->kind->scope : "no scope");
        return HARS_ERROR;
    }

    if (policy->refresh && !policy->kind->grant) {
        fprintf(stderr, "hars-authserver: --refresh: a %s gets no tokens\n",
                policy->kind->name);
        return HARS_ERROR;
    }

    if (policy->refresh && as->refresh == NULL) {
        fprintf(stderr, "hars-authserver: --refresh needs the setting "
                "refresh_key, name a key file\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_register_store(hars_as_t *as, hars_register_token_t *token,
    const char *secret)
{
    int            rc;
    hars_store_t  *store;

    store = hars_store_open(as->conf.database, &hars_as_layout);

    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_store_register_token_add(store, token);

    hars_store_close(store);

    if (rc != HARS_OK) {
        fprintf(stderr, "hars-authserver: the token cannot be stored\n");
        return HARS_EXIT_FAILED;
    }

    (void) hars_audit_register_token(as, "add", token->id);

    hars_register_print(NULL, token);
    printf("initial_access_token\t%s\n", secret);

    return HARS_EXIT_OK;
}


static int
hars_register_list(hars_as_t *as)
{
    int            rc;
    hars_store_t  *store;

    store = hars_store_open(as->conf.database, &hars_as_layout);

    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_store_register_token_each(store, hars_register_print, NULL);

    hars_store_close(store);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static void
hars_register_print(void *data, const hars_register_token_t *token)
{
    char       until[32];
    time_t     at;
    struct tm  tm;

    (void) data;

    at = token->expires_at;
    gmtime_r(&at, &tm);
    strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm);

    printf("%s\t%s\t%s\tuses left %lld\t%s%s\n", token->id,
           token->policy.kind->name, token->policy.scope,
           (long long) token->uses, at <= time(NULL) ? "ended " : "until ",
           until);
}


static int
hars_register_remove(hars_as_t *as, const char *id)
{
    int            rc;
    hars_store_t  *store;

    store = hars_store_open(as->conf.database, &hars_as_layout);

    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_store_register_token_remove(store, id);

    hars_store_close(store);

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: there is no initial access token "
                "%s, see \"register-token list\"\n", id);
    }

    if (rc != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    (void) hars_audit_register_token(as, "remove", id);

    return HARS_EXIT_OK;
}


static int
hars_register_wrong(const char *name, const char *value, const char *mend)
{
    fprintf(stderr, "hars-authserver: --%s \"%s\" %s\n", name, value, mend);

    return HARS_ERROR;
}


/*
 * hars-authserver client add, list, show, disable, enable, remove:
 * registration by hand.  A client is only ever as wide as its kind, and what
 * cannot work is refused here rather than at the first token.
 */

#include "hars_as.h"
#include "hars_as_answer.h"
#include "hars_as_audit.h"
#include "hars_as_auth.h"
#include "hars_as_client.h"
#include "hars_as_crl.h"
#include "hars_as_dn.h"
#include "hars_as_est.h"
#include "hars_as_publish.h"
#include "hars_as_revocation.h"
#include "hars_as_store.h"
#include "hars_as_words.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>


#define HARS_CLIENT_AUTH    1000          /* options of hars_auths[] */


/* what happens to a client that is there */
typedef struct {
    const char  *name;
    int        (*run)(hars_as_t *as, hars_store_t *store, const char *id);
} hars_client_change_t;


static int hars_client_add(hars_as_t *as, int argc, char **argv);
static const hars_auth_t *hars_client_by_option(const char *name);
static int hars_client_option(hars_client_t *client, int option,
    const char *value);
static int hars_client_auth(hars_client_t *client, const hars_auth_t *auth,
    const char *value);
static int hars_client_self_signed(hars_client_t *client, const char *file);
static int hars_client_text(char *dst, size_t size, const char *name,
    const char *value);
static int hars_client_scope(hars_client_t *client, const char *value);
static int hars_client_resource(hars_client_t *client, const char *value);
static int hars_client_ttl(hars_client_t *client, const char *value);
static int hars_client_complete(hars_client_t *client);
static int hars_client_refresh(const hars_as_t *as, hars_client_t *client);
static int hars_client_store(hars_as_t *as, const hars_client_t *client);
static int hars_client_change(hars_as_t *as,
    const hars_client_change_t *change, const char *id);
static int hars_client_disable(hars_as_t *as, hars_store_t *store,
    const char *id);
static int hars_client_enable(hars_as_t *as, hars_store_t *store,
    const char *id);
static int hars_client_remove(hars_as_t *as, hars_store_t *store,
    const char *id);
static int hars_client_list(hars_as_t *as);
static void hars_client_print(void *data, const hars_client_t *client);
static int hars_client_show(hars_as_t *as, const char *id);
static int hars_client_wrong(const char *name, const char *value,
    const char *mend);


static const struct option  hars_client_options[] = {
    { "id", required_argument, NULL, 'i' },
    { "kind", required_argument, NULL, 'k' },
    { "sub", required_argument, NULL, 's' },
    { "subject-dn", required_argument, NULL, HARS_CLIENT_AUTH },
    { "san-dns", required_argument, NULL, HARS_CLIENT_AUTH },
    { "san-uri", required_argument, NULL, HARS_CLIENT_AUTH },
    { "san-ip", required_argument, NULL, HARS_CLIENT_AUTH },
    { "san-email", required_argument, NULL, HARS_CLIENT_AUTH },
    { "self-signed", required_argument, NULL, HARS_CLIENT_AUTH },
    { "secret", no_argument, NULL, HARS_CLIENT_AUTH },
    { "issuer-dn", required_argument, NULL, 'd' },
    { "scope", required_argument, NULL, 'c' },
    { "resource", required_argument, NULL, 'r' },
    { "token-ttl", required_argument, NULL, 't' },
    { "refresh", no_argument, NULL, 'f' },
    { "no-refresh", no_argument, NULL, 'n' },
    { NULL, 0, NULL, 0 }
};


static const hars_client_change_t  hars_client_changes[] = {
    { "disable", hars_client_disable },
    { "enable", hars_client_enable },
    { "enrol", hars_client_enrol },
    { "password", hars_client_password },
    { "remove", hars_client_remove },
    { NULL, NULL }
};


int
hars_as_client_command(hars_as_t *as, int argc, char **argv)
{
    const hars_client_change_t  *change;

    if (argc >= 1 && strcmp(argv[0], "add") == 0) {
        return hars_client_add(as, argc, argv);
    }

    if (argc == 1 && strcmp(argv[0], "list") == 0) {
        return hars_client_list(as);
    }

    if (argc == 2 && strcmp(argv[0], "show") == 0) {
        return hars_client_show(as, argv[1]);
    }

    for (change = hars_client_changes; argc == 2 && change->name; change++) {
        if (strcmp(argv[0], change->name) == 0) {
            return hars_client_change(as, change, argv[1]);
        }
    }

    fprintf(stderr, "hars-authserver: \"client\" wants add, list, or show, "
            "disable, enable, remove, enrol, password and an ID; see "
            "--help\n");

    return HARS_EXIT_USAGE;
}


static int
hars_client_add(hars_as_t *as, int argc, char **argv)
{
    int            rc, option, i;
    char           secret[HARS_SECRET_SIZE];
    hars_client_t  client;

    memset(&client, 0, sizeof(client));
    client.auth = &hars_auths[0];
    client.refresh = (strcmp(as->conf.profile, "paper") == 0);

    optind = 0;                           /* GNU: begin anew */

    while ((option = getopt_long(argc, argv, "", hars_client_options, &i))
           != -1)
    {
        rc = (option == HARS_CLIENT_AUTH)
             ? hars_client_auth(&client, hars_client_by_option(
                                             hars_client_options[i].name),
                                optarg ? optarg : "")
             : hars_client_option(&client, option, optarg);

        if (rc != HARS_OK) {
            return HARS_EXIT_USAGE;
        }
    }

    if (optind < argc) {
        fprintf(stderr, "hars-authserver: \"%s\" is no option of \"client "
                "add\"\n", argv[optind]);
        return HARS_EXIT_USAGE;
    }

    if (hars_client_complete(&client) != HARS_OK
        || hars_client_refresh(as, &client) != HARS_OK)
    {
        return HARS_EXIT_USAGE;
    }

    client.created_at = time(NULL);
    secret[0] = '\0';

    client.has_secret = strcmp(client.auth->name, "secret") == 0;

    if (client.has_secret
        && hars_secret_make(secret, HARS_SECRET_CLIENT, client.secret)
           != HARS_OK)
    {
        fprintf(stderr, "hars-authserver: there is no randomness\n");
        return HARS_EXIT_FAILED;
    }

    rc = hars_client_store(as, &client);

    if (rc == HARS_EXIT_OK && secret[0]) {
        printf("client_secret\t%s\n", secret);
    }

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


static const hars_auth_t *
hars_client_by_option(const char *name)
{
    const hars_auth_t  *auth;

    for (auth = hars_auths; auth->name; auth++) {
        if (auth->option && strcmp(auth->option, name) == 0) {
            break;
        }
    }

    return auth;
}


/* RFC 8705, 2.1.2: one name and no more; certificates may be several */
static int
hars_client_auth(hars_client_t *client, const hars_auth_t *auth,
    const char *value)
{
    const char  *error;

    if (client->auth != &hars_auths[0]
        && !(client->auth == auth && strcmp(auth->name, "self_signed") == 0))
    {
        fprintf(stderr, "hars-authserver: --%s comes after --%s: a client "
                "authenticates in one way\n", auth->option,
                client->auth->option);
        return HARS_ERROR;
    }

    client->auth = auth;

    if (strcmp(auth->name, "self_signed") == 0) {
        return hars_client_self_signed(client, value);
    }

    if (auth->check(value, &error) != HARS_OK) {
        return hars_client_wrong(auth->option, value, error);
    }

    return hars_client_text(client->auth_value, sizeof(client->auth_value),
                            auth->option, value);
}


static int
hars_client_self_signed(hars_client_t *client, const char *file)
{
    char         text[HARS_B64_SHA256_LEN];
    hars_cert_t  cert;

    if (hars_cert_file(&cert, file, time(NULL)) != HARS_OK) {
        return hars_client_wrong("self-signed", file, "has to be a file with "
                                 "a certificate in PEM");
    }

    hars_b64url_sha256_encode(text, cert.thumbprint);

    if (hars_words_add(client->auth_value, sizeof(client->auth_value),
                       HARS_WORDS_RESOURCE, text, sizeof(text)) != HARS_OK)
    {
        return hars_client_wrong("self-signed", file, "is one too many");
    }

    return HARS_OK;
}


static int
hars_client_option(hars_client_t *client, int option, const char *value)
{
    const char  *error;

    switch (option) {

    case 'i':
        if (!hars_words_id(value)) {
            return hars_client_wrong("id", value, "has to be 1 to 64 of A-Z "
                                     "a-z 0-9 . _ -");
        }

        return hars_client_text(client->id, sizeof(client->id), "id", value);

    case 'k':
        client->kind = hars_kind_find(value);

        if (client->kind == NULL) {
            return hars_client_wrong("kind", value, "has to be patient, "
                                     "caregiver, doctor, service, fog_node, "
                                     "resource_server or operator");
        }

        return HARS_OK;

    case 's':
        if (!hars_words_id(value)) {
            return hars_client_wrong("sub", value, "has to be 1 to 64 of A-Z "
                                     "a-z 0-9 . _ -");
        }

        return hars_client_text(client->sub, sizeof(client->sub), "sub",
                                value);

    case 'd':
        if (hars_dn_check(value, &error) != HARS_OK) {
            return hars_client_wrong("issuer-dn", value, error);
        }

        return hars_client_text(client->issuer_dn, sizeof(client->issuer_dn),
                                "issuer-dn", value);

    case 'c':
        return hars_client_scope(client, value);

    case 'r':
        return hars_client_resource(client, value);

    case 't':
        return hars_client_ttl(client, value);

    case 'f':
    case 'n':
        client->refresh = (option == 'f');
        return HARS_OK;
    }

    return HARS_ERROR;
}


static int
hars_client_text(char *dst, size_t size, const char *name, const char *value)
{
    if (strlen(value) >= size) {
        return hars_client_wrong(name, value, "is too long");
    }

    strcpy(dst, value);

    return HARS_OK;
}


static int
hars_client_scope(hars_client_t *client, const char *value)
{
    if (!hars_words_scope(value)) {
        return hars_client_wrong("scope", value, "has to be values parted by "
                                 "single blanks (RFC 6749, 3.3)");
    }

    return hars_client_text(client->scope, sizeof(client->scope), "scope",
                            value);
}


static int
hars_client_resource(hars_client_t *client, const char *value)
{
    if (!hars_words_resource(value)) {
        return hars_client_wrong("resource", value, "has to be an https URI "
                                 "without fragment (RFC 8707)");
    }

    if (hars_words_add(client->resources, sizeof(client->resources),
                       HARS_WORDS_RESOURCE, value, strlen(value))
        != HARS_OK)
    {
        return hars_client_wrong("resource", value, "is one too many");
    }

    return HARS_OK;
}


static int
hars_client_ttl(hars_client_t *client, const char *value)
{
    long   ttl;
    char  *end;

    ttl = strtol(value, &end, 10);

    if (*value < '0' || *value > '9' || *end != '\0' || ttl < 1
        || ttl > HARS_AS_TTL_MAX)
    {
        return hars_client_wrong("token-ttl", value, "has to be a number of "
                                 "seconds from 1 to 86400");
    }

    client->token_ttl = ttl;

    return HARS_OK;
}


/* what the options together have to be */
static int
hars_client_complete(hars_client_t *client)
{
    if (client->id[0] == '\0' || client->kind == NULL) {
        fprintf(stderr, "hars-authserver: \"client add\" needs --id and "
                "--kind\n");
        return HARS_ERROR;
    }

    if (!hars_words_within(client->scope, client->kind->scope,
                           HARS_WORDS_SCOPE))
    {
        fprintf(stderr, "hars-authserver: a %s may have: %s\n",
                client->kind->name,
                client->kind->scope[0] ? client->kind->scope : "no scope");
        return HARS_ERROR;
    }

    if (client->resources[0] == '\0') {
        fprintf(stderr, "hars-authserver: --resource is missing: %s\n",
                client->kind->grant ? "a token has to be for somebody"
                                    : "name the resources that it serves");
        return HARS_ERROR;
    }

    if (client->kind->grant && client->auth == &hars_auths[0]) {
        fprintf(stderr, "hars-authserver: --subject-dn is missing: clients "
                "authenticate by their certificate (or --san-dns, --san-uri, "
                "--san-ip, --san-email, --self-signed, --secret)\n");
        return HARS_ERROR;
    }

    if (client->issuer_dn[0] && strcmp(client->auth->name, "self_signed") == 0)
    {
        fprintf(stderr, "hars-authserver: --issuer-dn says nothing of "
                "--self-signed certificates\n");
        return HARS_ERROR;
    }

    if (client->sub[0] == '\0' && hars_client_new_sub(client) != HARS_OK) {
        fprintf(stderr, "hars-authserver: there is no randomness\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* the paper's profile gives them to all that get tokens */
static int
hars_client_refresh(const hars_as_t *as, hars_client_t *client)
{
    if (!client->kind->grant && strcmp(as->conf.profile, "paper") == 0) {
        client->refresh = 0;
    }

    if (client->refresh && !client->kind->grant) {
        fprintf(stderr, "hars-authserver: --refresh: a %s gets no tokens\n",
                client->kind->name);
        return HARS_ERROR;
    }

    if (client->refresh && as->refresh == NULL) {
        fprintf(stderr, "hars-authserver: --refresh needs the setting "
                "refresh_key, name a key file\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_client_store(hars_as_t *as, const hars_client_t *client)
{
    int            rc;
    hars_store_t  *store;

    store = hars_store_open(as->conf.database, &hars_as_layout);
    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_store_client_add(store, client);

    hars_store_close(store);

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: client %s is registered already, "
                "see \"client show %s\"\n", client->id, client->id);
    }

    if (rc != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    (void) hars_audit_client(as, "add", client->id);
    hars_client_print(NULL, client);

    return HARS_EXIT_OK;
}


static int
hars_client_list(hars_as_t *as)
{
    int            rc;
    hars_store_t  *store;

    store = hars_store_open(as->conf.database, &hars_as_layout);
    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_store_client_each(store, hars_client_print, NULL);

    hars_store_close(store);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static void
hars_client_print(void *data, const hars_client_t *client)
{
    (void) data;

    printf("%s\t%s\t%s%s\n", client->id, client->kind->name, client->sub,
           client->disabled_at ? "\tdisabled" : "");
}


static int
hars_client_show(hars_as_t *as, const char *id)
{
    int             rc;
    char           *text;
    hars_store_t   *store;
    hars_client_t   client;

    store = hars_store_open(as->conf.database, &hars_as_layout);
    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_store_client_get(store, id, &client);

    hars_store_close(store);

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: client %s is not registered\n", id);
    }

    text = (rc == HARS_OK) ? hars_answer_client_row(&client) : NULL;

    if (text == NULL) {
        return HARS_EXIT_FAILED;
    }

    puts(text);
    free(text);

    return HARS_EXIT_OK;
}


static int
hars_client_change(hars_as_t *as, const hars_client_change_t *change,
    const char *id)
{
    int            rc;
    hars_store_t  *store;

    store = hars_store_open(as->conf.database, &hars_as_layout);
    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = change->run(as, store, id);

    hars_store_close(store);

    if (rc == HARS_OK) {
        (void) hars_audit_client(as, change->name, id);
    }

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: client %s is not registered\n", id);
    }

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


/* first no new tokens, then none at all */
static int
hars_client_disable(hars_as_t *as, hars_store_t *store, const char *id)
{
    int             rc;
    hars_revoke_t   revoke;
    hars_revoked_t  revoked;

    rc = hars_store_client_disable(store, id, time(NULL));

    if (rc != HARS_OK) {
        return rc;
    }

    memset(&revoke, 0, sizeof(revoke));
    revoke.what = HARS_REVOKE_CLIENT;
    revoke.id = id;

    if (as->publish) {
        hars_publish_connect(as->publish);
    }

    rc = hars_revocation(as, store, &revoke, &revoked);

    if (rc == HARS_OK) {
        printf("%llu live tokens revoked\n",
               (unsigned long long) revoked.tokens);
    }

    if (rc == HARS_OK && revoked.untold) {
        fprintf(stderr, "hars-authserver: Redis could not be told: the "
                "running server does it as soon as Redis is back\n");
    }

    return rc;
}


static int
hars_client_enable(hars_as_t *as, hars_store_t *store, const char *id)
{
    (void) as;

    return hars_store_client_disable(store, id, 0);
}


/* whoever has its name later is not to be spoken for by its certificates */
static int
hars_client_remove(hars_as_t *as, hars_store_t *store, const char *id)
{
    int             rc;
    unsigned        n;
    hars_revoked_t  revoked;

    rc = hars_client_disable(as, store, id);

    if (rc == HARS_OK) {
        rc = hars_revocation_certificates(as, store, id, HARS_CRL_CESSATION,
                                          "command", &n, &revoked);
    }

    if (rc == HARS_OK && n) {
        printf("%u certificates revoked\n", n);
    }

    return rc == HARS_OK ? hars_store_client_remove(store, id) : rc;
}


static int
hars_client_wrong(const char *name, const char *value, const char *mend)
{
    fprintf(stderr, "hars-authserver: --%s \"%s\" %s\n", name, value, mend);

    return HARS_ERROR;
}

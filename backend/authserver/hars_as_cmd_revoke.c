
/*
 * hars-authserver revoke.  A revocation is first committed, with its rows in
 * the outbox, and then told to Redis: where that fails the running server
 * tells it as soon as Redis is back.
 */

#include "hars_as.h"
#include "hars_as_audit.h"
#include "hars_as_publish.h"
#include "hars_as_revocation.h"
#include "hars_as_store.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>


static int hars_cmd_revoke_options(hars_as_t *as, int argc, char **argv,
    hars_revoke_t *revoke);
static int hars_cmd_revoke_what(hars_as_t *as, hars_revoke_t *revoke,
    hars_revoke_e what,
    const char *arg);
static int hars_cmd_revoke_run(hars_as_t *as, hars_store_t *store,
    const hars_revoke_t *revoke);
static int hars_cmd_revoke_unknown(hars_store_t *store,
    const hars_revoke_t *revoke);


static const struct option  hars_cmd_revoke_names[] = {
    { "token", required_argument, NULL, HARS_REVOKE_TOKEN },
    { "client", required_argument, NULL, HARS_REVOKE_CLIENT },
    { "sub", required_argument, NULL, HARS_REVOKE_SUB },
    { "thumbprint", required_argument, NULL, HARS_REVOKE_CERT },
    { "until", required_argument, NULL, 'u' },
    { NULL, 0, NULL, 0 }
};


int
hars_as_revoke_command(hars_as_t *as, int argc, char **argv)
{
    int             rc;
    hars_store_t   *store;
    hars_revoke_t   revoke;

    if (hars_cmd_revoke_options(as, argc, argv, &revoke) != HARS_OK) {
        return HARS_EXIT_USAGE;
    }

    store = hars_store_open(as->conf.database, &hars_as_layout);
    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_cmd_revoke_run(as, store, &revoke);

    hars_store_close(store);

    return rc;
}


static int
hars_cmd_revoke_options(hars_as_t *as, int argc, char **argv,
    hars_revoke_t *revoke)
{
    int          option, rc;
    unsigned     n;
    const char  *until;

    n = 0;
    rc = HARS_OK;
    until = NULL;

    /* argv[-1] is the command's name, where getopt expects the program's */

    optind = 1;

    while (rc == HARS_OK
           && (option = getopt_long(argc + 1, argv - 1, "",
                                    hars_cmd_revoke_names, NULL)) != -1)
    {
        if (option == '?') {
            return HARS_ERROR;
        }

        if (option == 'u') {
            until = optarg;

        } else if (n++ == 0) {
            rc = hars_cmd_revoke_what(as, revoke,
                                      (hars_revoke_e) option, optarg);
        }
    }

    if (rc == HARS_OK && (n != 1 || optind != argc + 1)) {
        fprintf(stderr, "hars-authserver: \"revoke\" wants one of --token, "
                "--client, --sub, --thumbprint; see --help\n");
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK && until
        && (revoke->what != HARS_REVOKE_CERT
            || hars_revocation_until(revoke, until, time(NULL)) != HARS_OK))
    {
        fprintf(stderr, "hars-authserver: --until goes with --thumbprint and "
                "is a time to come in unix seconds\n");
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_cmd_revoke_what(hars_as_t *as, hars_revoke_t *revoke,
    hars_revoke_e what, const char *arg)
{
    int          rc;
    char         line[HARS_AS_LINE];
    const char  *error;

    line[0] = '\0';

    if (what == HARS_REVOKE_TOKEN) {
        if (strcmp(arg, "-") == 0) {
            if (hars_as_token_line(line) != HARS_OK) {
                return HARS_ERROR;
            }

            arg = line;
        }
    }

    rc = hars_revocation_what(as, revoke, what, arg, time(NULL), &error);

    if (rc != HARS_OK) {
        fprintf(stderr, "hars-authserver: %s\n", error);
    }

    OPENSSL_cleanse(line, sizeof(line));

    return rc;
}


static int
hars_cmd_revoke_run(hars_as_t *as, hars_store_t *store,
    const hars_revoke_t *revoke)
{
    int             rc;
    hars_revoked_t  revoked;

    if (as->publish) {
        hars_publish_connect(as->publish);
    }

    rc = hars_revocation(as, store, revoke, &revoked);

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: there is no such token\n");
    }

    if (rc != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    if (revoked.tokens == 0 && hars_cmd_revoke_unknown(store, revoke)) {
        return HARS_EXIT_FAILED;
    }

    (void) hars_audit_revoke(as, "command", revoke, revoked.tokens);

    printf("%llu live tokens revoked%s\n",
           (unsigned long long) revoked.tokens,
           as->publish && !revoked.untold
           ? ", gateways are told by Redis" : "");

    if (revoked.untold) {
        fprintf(stderr, "hars-authserver: it is revoked, but Redis could not "
                "be told: the running server does it as soon as Redis is "
                "back; until then gateways may believe what they have in "
                "their caches\n");
    }

    return HARS_EXIT_OK;
}


/* a name that was mistyped revokes nothing, which is not success */
static int
hars_cmd_revoke_unknown(hars_store_t *store, const hars_revoke_t *revoke)
{
    int  rc;

    if (revoke->what == HARS_REVOKE_CLIENT) {
        return hars_as_client_unknown(store, revoke->id);
    }

    if (revoke->what != HARS_REVOKE_SUB) {
        return 0;
    }

    rc = hars_store_sub_known(store, revoke->id);

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: nobody has the subject %s, nothing "
                "was revoked\n", revoke->id);
    }

    return rc != HARS_OK;
}


int
hars_as_client_unknown(hars_store_t *store, const char *id)
{
    int            rc;
    hars_client_t  client;

    rc = hars_store_client_get(store, id, &client);

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: client %s is not registered, "
                "nothing was revoked\n", id);
    }

    return rc != HARS_OK;
}

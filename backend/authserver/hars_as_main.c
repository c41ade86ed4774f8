
/*
 * hars-authserver: the OAuth 2.0 authorization server.  Here is its command
 * line; what the commands do is in the files of their names.
 */

#include "hars_as.h"
#include "hars_as_audit.h"
#include "hars_as_ca.h"
#include "hars_as_crl.h"
#include "hars_as_est.h"
#include "hars_as_ocsp.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_version.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>


#define HARS_AS_CONFIG  "/etc/hars/authserver.conf"


typedef struct {
    const char  *name;
    int        (*run)(hars_as_t *as, int argc, char **argv);
    unsigned     reads:1;                 /* makes no line in the audit log */
} hars_as_command_t;


static int hars_as_run(const char *config, int check, int argc, char **argv);
static int hars_as_check(hars_as_t *as, const char *config);
static int hars_as_serve_command(hars_as_t *as, int argc, char **argv);
static void hars_as_help(void);


static const hars_as_command_t  hars_as_commands[] = {
    { "serve", hars_as_serve_command, 0 },
    { "client", hars_as_client_command, 0 },
    { "token", hars_as_token_command, 0 },
    { "revoke", hars_as_revoke_command, 0 },
    { "audit", hars_as_audit_command, 1 },
    { "register-token", hars_as_register_token_command, 0 },
    { "ca", hars_as_ca_command, 0 },
    { NULL, NULL, 0 }
};


static const struct option  hars_as_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "check", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int          option, check;
    const char  *config;

    check = 0;
    config = HARS_AS_CONFIG;

    hars_log_init("hars-authserver");
    hars_process_close();

    /* what is made here is nobody else's: the database, above all */

    umask(077);

    /* a Redis that goes away is an error, not the end */

    signal(SIGPIPE, SIG_IGN);

    while ((option = getopt_long(argc, argv, "+", hars_as_options, NULL))
           != -1)
    {
        switch (option) {

        case 'c':
            config = optarg;
            break;

        case 't':
            check = 1;
            break;

        case 'h':
            hars_as_help();
            return hars_process_end(HARS_EXIT_OK, HARS_EXIT_FAILED);

        case 'v':
            puts("hars-authserver " HARS_VERSION);
            return hars_process_end(HARS_EXIT_OK, HARS_EXIT_FAILED);

        default:
            return HARS_EXIT_USAGE;
        }
    }

    return hars_process_end(hars_as_run(config, check, argc - optind,
                                        argv + optind), HARS_EXIT_FAILED);
}


static int
hars_as_run(const char *config, int check, int argc, char **argv)
{
    int                       rc;
    hars_as_t                 as;
    const hars_as_command_t  *command;

    for (command = hars_as_commands; command->name; command++) {
        if (argc > 0 && strcmp(command->name, argv[0]) == 0) {
            break;
        }
    }

    if (command->name == NULL && !(check && argc == 0)) {
        fprintf(stderr, "hars-authserver: a command is missing or unknown: "
                "serve, client, token, revoke, audit, "
                "register-token, ca; see --help\n");
        return HARS_EXIT_USAGE;
    }

    memset(&as, 0, sizeof(as));

    rc = HARS_EXIT_FAILED;

    if (hars_as_configure(&as, config) == HARS_OK) {

        if (check) {
            rc = hars_as_check(&as, config);

        } else if (command->reads || as.conf.audit_log == NULL
                   || (as.audit = hars_audit_open(as.conf.audit_log)) != NULL)
        {
            rc = command->run(&as, argc - 1, argv + 1);
        }
    }

    hars_as_release(&as);

    return rc;
}


static int
hars_as_check(hars_as_t *as, const char *config)
{
    if (hars_ca_load(as) != HARS_OK || hars_crl_create(as) != HARS_OK
        || hars_ocsp_create(as) != HARS_OK)
    {
        return HARS_EXIT_FAILED;
    }

    printf("%s: the settings are good\n", config);

    return HARS_EXIT_OK;
}


static int
hars_as_serve_command(hars_as_t *as, int argc, char **argv)
{
    if (argc > 0) {
        fprintf(stderr, "hars-authserver: \"serve\" knows no \"%s\"\n",
                argv[0]);
        return HARS_EXIT_USAGE;
    }

    return hars_audit_begin(as->audit) == HARS_OK
           && hars_ca_load(as) == HARS_OK
           && hars_est_create(as) == HARS_OK
           && hars_crl_create(as) == HARS_OK
           && hars_ocsp_create(as) == HARS_OK
           ? hars_as_serve(as) : HARS_EXIT_FAILED;
}


static void
hars_as_help(void)
{
    puts("hars-authserver " HARS_VERSION ", the authorization server\n\n"
         "  hars-authserver [--config FILE] serve\n"
         "  hars-authserver [--config FILE] client add --id ID --kind KIND\n"
         "      --resource URI... [--sub SUB] [--scope \"a b\"]\n"
         "      [--token-ttl SECONDS] [--issuer-dn DN]\n"
         "      [--refresh | --no-refresh]\n"
         "      --subject-dn DN | --san-dns NAME | --san-uri URI |\n"
         "      --san-ip ADDRESS | --san-email ADDRESS |\n"
         "      --self-signed FILE... | --secret\n"
         "  hars-authserver [--config FILE] client list | client show ID\n"
         "  hars-authserver [--config FILE] client disable ID | enable ID |\n"
         "      remove ID      the first and the last revoke its tokens, the "
         "last\n"
         "      its certificates, too\n"
         "  hars-authserver [--config FILE] client enrol ID\n"
         "      a secret for its first certificate by EST, once, in 72 h\n"
         "  hars-authserver [--config FILE] client password ID\n"
         "      with profile = paper: one from standard input that enrols\n"
         "      again and again\n"
         "  hars-authserver [--config FILE] register-token add --kind KIND\n"
         "      --resource URI... [--sub SUB] [--scope \"a b\"]\n"
         "      [--subject-dn DN | --san-dns NAME | ...]... [--issuer-dn DN]\n"
         "      [--any-subject] [--secret] [--refresh] [--uses N]\n"
         "      [--expires SECONDS]\n"
         "  hars-authserver [--config FILE] register-token list | remove ID\n"
         "  hars-authserver [--config FILE] token show TOKEN|-\n"
         "  hars-authserver [--config FILE] revoke --token TOKEN|- |\n"
         "      --client ID | --sub SUB | --thumbprint X5T#S256 [--until "
         "SECONDS]\n"
         "  hars-authserver [--config FILE] audit verify [--key FILE]...\n"
         "      [FILE]\n"
         "  hars-authserver [--config FILE] ca init [--curve P-256|P-384]\n"
         "      [--name DN] [--root-days N] [--issuing-days N]\n"
         "  hars-authserver [--config FILE] ca show [SERIAL]\n"
         "  hars-authserver [--config FILE] ca list [--client ID]\n"
         "  hars-authserver [--config FILE] ca revoke --serial HEX | "
         "--thumbprint\n"
         "      X5T#S256 | --client ID [--reason keyCompromise | superseded |\n"
         "      affiliationChanged | cessationOfOperation |\n"
         "      privilegeWithdrawn]\n"
         "      with its tokens, within a second\n"
         "  hars-authserver [--config FILE] ca crl     the revocation lists\n"
         "  hars-authserver [--config FILE] --check\n\n"
         "\"-\" reads the token from standard input, where no list of "
         "processes shows it.\n"
         "FILE is " HARS_AS_CONFIG " unless given.");

    hars_as_settings_help();
}


/* hars-fognode: serves wearables, or registers itself. */

#include "hars_fn.h"
#include "aka_crypto.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_version.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>


#define HARS_FN_CONFIG  "/etc/hars/fognode.conf"


typedef struct {
    const char  *config;
    const char  *answer;
    unsigned     check:1;
    unsigned     enrol:1;                 /* "register" */
} hars_fn_given_t;


static int hars_fn_options(hars_fn_given_t *given, int argc, char **argv);
static int hars_fn_do(hars_fn_t *fn, const hars_fn_given_t *given);
static void hars_fn_help(void);


static const struct option  hars_fn_option[] = {
    { "config", required_argument, NULL, 'c' },
    { "check", no_argument, NULL, 't' },
    { "answer", required_argument, NULL, 'a' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int                rc;
    hars_fn_given_t    given = { .config = HARS_FN_CONFIG };
    static hars_fn_t   fn;

    hars_process_close();
    hars_log_init("hars-fognode");
    rc = hars_fn_options(&given, argc, argv);

    if (rc == -1) {
        (void) signal(SIGPIPE, SIG_IGN);
        rc = hars_fn_configure(&fn, given.config) == HARS_OK
             && hars_aka_crypto_init() == HARS_AKA_OK
             ? hars_fn_do(&fn, &given) : HARS_EXIT_FAILED;

        hars_seal_free(fn.seal);
        hars_settings_free(fn.settings);
    }

    return hars_process_end(rc, HARS_EXIT_FAILED);
}


/* -1: go on */
static int
hars_fn_options(hars_fn_given_t *given, int argc, char **argv)
{
    int  option;

    while ((option = getopt_long(argc, argv, "", hars_fn_option, NULL)) != -1)
    {
        switch (option) {

        case 'c':
            given->config = optarg;
            break;

        case 't':
            given->check = 1;
            break;

        case 'a':
            given->answer = optarg;
            break;

        case 'h':
            hars_fn_help();
            return HARS_EXIT_OK;

        case 'v':
            puts("hars-fognode " HARS_VERSION);
            return HARS_EXIT_OK;

        default:
            return HARS_EXIT_USAGE;
        }
    }

    if (optind < argc && strcmp(argv[optind], "register") == 0) {
        given->enrol = 1;
        optind++;
    }

    if (optind < argc || (given->answer && !given->enrol)) {
        fprintf(stderr, "hars-fognode: see --help\n");
        return HARS_EXIT_USAGE;
    }

    return -1;
}


static int
hars_fn_do(hars_fn_t *fn, const hars_fn_given_t *given)
{
    if (given->enrol) {
        return hars_fn_register(fn, given->answer) == HARS_OK
               ? HARS_EXIT_OK : HARS_EXIT_FAILED;
    }

    if (given->check) {
        if (hars_fn_state_read(fn) != HARS_OK) {
            return HARS_EXIT_FAILED;
        }

        hars_aka_fog_wipe(&fn->fog);
        printf("%s: the settings are good, and so is the state\n",
               given->config);
        return HARS_EXIT_OK;
    }

    return hars_fn_serve(fn);
}


static void
hars_fn_help(void)
{
    puts("hars-fognode " HARS_VERSION ", the fog node\n\n"
         "  hars-fognode [--config FILE]             serves wearables\n"
         "  hars-fognode [--config FILE] --check     settings and state\n"
         "  hars-fognode [--config FILE] register    asks fogcloud for key "
         "and seed\n"
         "  hars-fognode [--config FILE] register --answer REKEY\n"
         "                                           takes those of a re-key: "
         "fogcloud's\n"
         "                                           answer, in the file "
         "REKEY\n"
         "  hars-fognode --help | --version\n\n"
         "FILE is " HARS_FN_CONFIG " unless given.");

    hars_fn_settings_help();
}


/*
 * hars-fogcloud: its command line.  It has one thing to do, to serve; --check
 * does what a start does up to the first connection, but for the database.
 */

#include "hars_fc.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_version.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>


#define HARS_FC_CONFIG  "/etc/hars/fogcloud.conf"


static int hars_fc_options(int argc, char **argv, const char **config,
    int *check);
static void hars_fc_help(void);


static const struct option  hars_fc_option[] = {
    { "config", required_argument, NULL, 'c' },
    { "check", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int          rc, check;
    hars_fc_t    fc;
    const char  *config;

    /* what is made here is nobody else's: the database, above all */

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    hars_log_init("hars-fogcloud");
    hars_process_close();

    rc = hars_fc_options(argc, argv, &config, &check);

    if (rc >= 0) {
        return rc;
    }

    memset(&fc, 0, sizeof(hars_fc_t));
    rc = HARS_EXIT_FAILED;

    if (hars_fc_configure(&fc, config) == HARS_OK) {

        if (check) {
            printf("%s: the settings are good\n", config);
            rc = HARS_EXIT_OK;

        } else {
            rc = hars_fc_serve(&fc);
        }
    }

    hars_fc_release(&fc);

    return rc;
}


/* -1: go on; otherwise the exit status */
static int
hars_fc_options(int argc, char **argv, const char **config, int *check)
{
    int  option;

    *config = HARS_FC_CONFIG;
    *check = 0;

    while ((option = getopt_long(argc, argv, "", hars_fc_option, NULL))
           != -1)
    {
        switch (option) {

        case 'c':
            *config = optarg;
            break;

        case 't':
            *check = 1;
            break;

        case 'h':
            hars_fc_help();
            return HARS_EXIT_OK;

        case 'v':
            puts("hars-fogcloud " HARS_VERSION);
            return HARS_EXIT_OK;

        default:
            return HARS_EXIT_USAGE;
        }
    }

    if (optind < argc) {
        fprintf(stderr, "hars-fogcloud: it takes no \"%s\"; see --help\n",
                argv[optind]);
        return HARS_EXIT_USAGE;
    }

    return -1;
}


static void
hars_fc_help(void)
{
    puts("hars-fogcloud " HARS_VERSION ", the cloud server of the fog\n\n"
         "  hars-fogcloud [--config FILE]\n"
         "  hars-fogcloud [--config FILE] --check\n"
         "  hars-fogcloud --help | --version\n\n"
         "FILE is " HARS_FC_CONFIG " unless given.");

    hars_fc_settings_help();
}


int64_t
hars_fc_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/*
 * hars-dcm: its command line.  It has one thing to do, to serve; --check does
 * what a start does up to the first connection, but for the database.
 */

#include "hars_dcm.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_version.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>


#define HARS_DCM_CONFIG  "/etc/hars/dcm.conf"
#define HARS_DCM_MMAP    (128 * 1024)
#define HARS_DCM_ARENAS  2


static int hars_dcm_options(int argc, char **argv, const char **config,
    int *check);
static void hars_dcm_help(void);


static const struct option  hars_dcm_option[] = {
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
    hars_dcm_t   dcm;
    const char  *config;

    /*
     * A large piece of memory goes back when it is freed, whatever there was
     * before, and threads share what is small: many bodies come and go.
     */

    (void) mallopt(M_MMAP_THRESHOLD, HARS_DCM_MMAP);
    (void) mallopt(M_TRIM_THRESHOLD, HARS_DCM_MMAP);
    (void) mallopt(M_ARENA_MAX, HARS_DCM_ARENAS);

    /* what is made here is nobody else's: the database, above all */

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    hars_log_init("hars-dcm");
    hars_process_close();

    rc = hars_dcm_options(argc, argv, &config, &check);

    if (rc >= 0) {
        return rc;
    }

    memset(&dcm, 0, sizeof(hars_dcm_t));
    rc = HARS_EXIT_FAILED;

    if (hars_dcm_configure(&dcm, config) == HARS_OK) {

        if (check) {
            printf("%s: the settings are good\n", config);
            rc = HARS_EXIT_OK;

        } else {
            rc = hars_dcm_serve(&dcm);
        }
    }

    hars_dcm_release(&dcm);

    return rc;
}


/* -1: go on; otherwise the exit status */
static int
hars_dcm_options(int argc, char **argv, const char **config, int *check)
{
    int  option;

    *config = HARS_DCM_CONFIG;
    *check = 0;

    while ((option = getopt_long(argc, argv, "", hars_dcm_option, NULL))
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
            hars_dcm_help();
            return HARS_EXIT_OK;

        case 'v':
            puts("hars-dcm " HARS_VERSION);
            return HARS_EXIT_OK;

        default:
            return HARS_EXIT_USAGE;
        }
    }

    if (optind < argc) {
        fprintf(stderr, "hars-dcm: it takes no \"%s\"; see --help\n",
                argv[optind]);
        return HARS_EXIT_USAGE;
    }

    return -1;
}


static void
hars_dcm_help(void)
{
    puts("hars-dcm " HARS_VERSION ", the data collecting mechanism\n\n"
         "  hars-dcm [--config FILE]\n"
         "  hars-dcm [--config FILE] --check\n"
         "  hars-dcm --help | --version\n\n"
         "FILE is " HARS_DCM_CONFIG " unless given.");

    hars_dcm_settings_help();
}


int64_t
hars_dcm_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

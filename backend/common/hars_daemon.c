
/* See hars_daemon.h for what this is. */

#include "hars_daemon.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_version.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>


static int hars_daemon_options(const hars_daemon_t *d, int argc, char **argv,
    const char **config, unsigned *check);
static void hars_daemon_help(const hars_daemon_t *d);


static const struct option  hars_daemon_option[] = {
    { "config", required_argument, NULL, 'c' },
    { "check", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
hars_daemon(const hars_daemon_t *d, int argc, char **argv)
{
    int          rc;
    unsigned     check;
    const char  *config;

    /* what is made here is nobody else's: the database, above all */

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    hars_log_init(d->name);
    hars_process_close();

    rc = hars_daemon_options(d, argc, argv, &config, &check);

    return hars_process_end(rc >= 0 ? rc : d->run(config, check),
                            HARS_EXIT_FAILED);
}


/* -1: go on; otherwise the exit status */
static int
hars_daemon_options(const hars_daemon_t *d, int argc, char **argv,
    const char **config, unsigned *check)
{
    int  option;

    *config = d->config;
    *check = 0;

    while ((option = getopt_long(argc, argv, "", hars_daemon_option, NULL))
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
            hars_daemon_help(d);
            return HARS_EXIT_OK;

        case 'v':
            printf("%s " HARS_VERSION "\n", d->name);
            return HARS_EXIT_OK;

        default:
            return HARS_EXIT_USAGE;
        }
    }

    if (optind < argc) {
        fprintf(stderr, "%s: it takes no \"%s\"; see --help\n", d->name,
                argv[optind]);
        return HARS_EXIT_USAGE;
    }

    return -1;
}


static void
hars_daemon_help(const hars_daemon_t *d)
{
    printf("%s " HARS_VERSION ", %s\n\n"
           "  %s [--config FILE]\n"
           "  %s [--config FILE] --check\n"
           "  %s --help | --version\n\n"
           "FILE is %s unless given.\n", d->name, d->is, d->name, d->name,
           d->name, d->config);

    d->settings();
}


int
hars_daemon_good(const char *config)
{
    printf("%s: the settings are good\n", config);

    return HARS_EXIT_OK;
}

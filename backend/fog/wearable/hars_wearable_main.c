
/*
 * hars-wearable: provision and run.  Activities go to standard output,
 * everything else to standard error.
 */

#include "hars_wearable.h"
#include "aka_crypto.h"
#include "hars_process.h"
#include "hars_version.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int hars_options(hars_wearable_options_t *options, int argc,
    char **argv);
static int hars_option(hars_wearable_options_t *options, int option,
    const char *value);
static int hars_number(const char *value, unsigned long max,
    unsigned long *number);
static int hars_needed(const hars_wearable_options_t *options, int run);
static void hars_help(void);


static const struct option  hars_long_options[] = {
    { "flash", required_argument, NULL, 'f' },
    { "owner-file", required_argument, NULL, 'o' },
    { "registration", required_argument, NULL, 'r' },
    { "node", required_argument, NULL, 'n' },
    { "recording", required_argument, NULL, 'c' },
    { "where", required_argument, NULL, 'w' },
    { "placement", required_argument, NULL, 'p' },
    { "speed", required_argument, NULL, 's' },
    { "start", required_argument, NULL, 'S' },
    { "rows", required_argument, NULL, 'R' },
    { "linger", required_argument, NULL, 'l' },
    { "tries", required_argument, NULL, 't' },
    { "backoff", required_argument, NULL, 'b' },
    { "wait", required_argument, NULL, 'W' },
    { "kept-wait", required_argument, NULL, 'k' },
    { "small", no_argument, NULL, 'm' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int                      rc, run;
    hars_wearable_options_t  options = {
        .speed = 1, .placement = 1, .backoff = 1000, .wait = 5000,
        .kept_wait = 30000
    };

    hars_process_close();
    (void) signal(SIGPIPE, SIG_IGN);
    rc = hars_options(&options, argc, argv);

    if (rc != HARS_OK) {
        return rc == HARS_DECLINED
               ? hars_process_end(HARS_EXIT_OK, HARS_EXIT_FAILED)
               : HARS_EXIT_USAGE;
    }

    run = strcmp(argv[1], "run") == 0;

    if (hars_needed(&options, run) != HARS_OK) {
        return HARS_EXIT_USAGE;
    }

    if (hars_aka_crypto_init() != HARS_AKA_OK) {
        fprintf(stderr, "hars-wearable: libsodium does not start\n");
        return HARS_EXIT_FAILED;
    }

    rc = run ? hars_wearable_run(&options)
             : hars_wearable_provision(&options);

    return hars_process_end(rc, HARS_EXIT_FAILED);
}


/* HARS_DECLINED: all was said */
static int
hars_options(hars_wearable_options_t *options, int argc, char **argv)
{
    int  option;

    while ((option = getopt_long(argc, argv, "hv", hars_long_options, NULL))
           != -1)
    {
        if (option == 'h') {
            hars_help();
            return HARS_DECLINED;
        }

        if (option == 'v') {
            printf("hars-wearable %s\n", HARS_VERSION);
            return HARS_DECLINED;
        }

        if (option == '?') {
            return HARS_ERROR;
        }

        if (hars_option(options, option, optarg) != HARS_OK) {
            fprintf(stderr, "hars-wearable: \"%s\" is no value of its "
                    "option: see --help\n", optarg);
            return HARS_ERROR;
        }
    }

    if (optind != argc - 1 || (strcmp(argv[optind], "run") != 0
                               && strcmp(argv[optind], "provision") != 0))
    {
        fprintf(stderr, "hars-wearable: provision or run: see --help\n");
        return HARS_ERROR;
    }

    argv[1] = argv[optind];

    return HARS_OK;
}


static int
hars_option(hars_wearable_options_t *options, int option, const char *value)
{
    char  *end;

    switch (option) {

    case 'f': options->flash = value; return HARS_OK;
    case 'o': options->owner = value; return HARS_OK;
    case 'r': options->registration = value; return HARS_OK;
    case 'n': options->node = value; return HARS_OK;
    case 'c': options->recording = value; return HARS_OK;
    case 'm': options->small = 1; return HARS_OK;

    case 'w':
        if (options->conditions == HARS_WEARABLE_WHERE) {
            return HARS_ERROR;
        }

        options->where[options->conditions++] = value;
        return strchr(value, '=') ? HARS_OK : HARS_ERROR;

    case 'p':
        options->placement = hars_fog_placement(value);
        return options->placement ? HARS_OK : HARS_ERROR;

    case 's':
        options->speed = strtod(value, &end);
        return *end == '\0' && options->speed >= 0.01
               && options->speed <= 1e6 ? HARS_OK : HARS_ERROR;

    case 'S': return hars_number(value, 9999999999999, &options->start);
    case 'R': return hars_number(value, 1000000000, &options->rows);
    case 'l': return hars_number(value, 3600000, &options->linger);
    case 't': return hars_number(value, 1000000, &options->tries);
    case 'b': return hars_number(value, HARS_WEARABLE_BACKOFF,
                                 &options->backoff);
    case 'W': return hars_number(value, 60000, &options->wait);
    case 'k': return hars_number(value, 600000, &options->kept_wait);
    }

    return HARS_ERROR;
}


static int
hars_number(const char *value, unsigned long max, unsigned long *number)
{
    char  *end;

    errno = 0;
    *number = strtoul(value, &end, 10);

    return *value >= '0' && *value <= '9' && *end == '\0' && errno == 0
           && *number <= max ? HARS_OK : HARS_ERROR;
}


static int
hars_needed(const hars_wearable_options_t *options, int run)
{
    if (options->flash && options->owner
        && (run ? options->node && options->recording
                : options->registration != NULL))
    {
        return HARS_OK;
    }

    fprintf(stderr, run ? "hars-wearable: run needs --flash, --owner-file, "
            "--node and --recording: see --help\n"
            : "hars-wearable: provision needs --flash, --owner-file and "
            "--registration: see --help\n");

    return HARS_ERROR;
}


static void
hars_help(void)
{
    printf(
    "A simulated wearable: it authenticates by fog-aka v1 to a fog node and\n"
    "sends it a recording; activities that come back are printed.\n\n"
    "usage: hars-wearable provision --flash FILE --owner-file FILE\n"
    "                     --registration FILE\n"
    "       hars-wearable run --flash FILE --owner-file FILE --node NODE\n"
    "                     --recording FILE\n\n"
    "  --flash FILE          the device's memory, 128 bytes, mode 0600\n"
    "  --owner-file FILE     two lines, identity and password; - for stdin\n"
    "  --registration FILE   answer of POST /v1/fog/devices\n"
    "  --small               Argon2id with 7 MiB (5 passes), not 19 (2);\n"
    "                        the same for provision and run\n"
    "  --node NODE           HOST:PORT or unix:PATH\n"
    "  --recording FILE      CSV or CSV.gz: timestamp_s or epoch_ms, ax ay az\n"
    "                        (m/s2) gx gy gz (rad/s)\n"
    "  --where COLUMN=VALUE  only these rows, up to 4 times\n"
    "  --placement WHERE     pocket (default), wrist-left, wrist-right\n"
    "  --speed N             1: real time (default); 10: ten times faster\n"
    "  --start MS            time of the first row, ms UTC (default: now)\n"
    "  --rows N              at most so many rows\n"
    "  --linger MS           wait for activities after the end (default 0)\n"
    "  --tries N             give up after N failures in a row (default: no)\n"
    "  --backoff MS          the first wait after a failure (default 1000)\n"
    "  --wait MS             for an answer to M1 (default 5000)\n"
    "  --kept-wait MS        for what was sent to be kept (default 30000)\n");
}

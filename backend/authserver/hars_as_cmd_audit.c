
/*
 * hars-authserver audit verify [--key PUBLIC]... [FILE]: whether a log was
 * tampered with.  The keys of the settings count where none is named, so
 * that the machine that writes the log needs no more than the word.
 */

#include "hars_as.h"
#include "hars_as_audit.h"
#include "hars_as_sign.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>


static int hars_audit_keys(int argc, char **argv,
    char *file[HARS_SIGN_KEYS], unsigned *n);


static const struct option  hars_audit_options[] = {
    { "key", required_argument, NULL, 'k' },
    { NULL, 0, NULL, 0 }
};


int
hars_as_audit_command(hars_as_t *as, int argc, char **argv)
{
    int           rc;
    char         *file[HARS_SIGN_KEYS];
    unsigned      n;
    const char   *path;
    hars_sign_t  *sign;

    if (argc < 1
        || strcmp(argv[0], "verify") != 0
        || hars_audit_keys(argc, argv, file, &n) != HARS_OK
        || argc - optind > 1
        || (argc == optind && as->conf.audit_log == NULL))
    {
        fprintf(stderr, "hars-authserver: \"audit\" wants verify, up to 8 "
                "--key FILE, and a FILE where audit_log names none; see "
                "--help\n");
        return HARS_EXIT_USAGE;
    }

    path = (argc > optind) ? argv[optind] : as->conf.audit_log;
    sign = NULL;

    if (n && (sign = hars_sign_public(file, n)) == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_audit_verify(path, n ? sign : as->sign);

    hars_sign_free(sign);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static int
hars_audit_keys(int argc, char **argv, char *file[HARS_SIGN_KEYS],
    unsigned *n)
{
    int  option;

    *n = 0;
    optind = 0;                           /* GNU: begin anew */

    while ((option = getopt_long(argc, argv, "", hars_audit_options, NULL))
           != -1)
    {
        if (option != 'k' || *n == HARS_SIGN_KEYS) {
            return HARS_ERROR;
        }

        file[(*n)++] = optarg;
    }

    return HARS_OK;
}

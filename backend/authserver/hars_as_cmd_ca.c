
/*
 * hars-authserver ca init, ca show: makes the authority of ca_dir, and says
 * what it is.  Neither needs a running server.  What it has issued:
 * hars_as_cmd_certificate.c.
 */

#include "hars_as.h"
#include "hars_as_ca.h"
#include "hars_as_ca_make.h"
#include "hars_as_cmd_ca.h"
#include "hars_as_dn.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>


#define HARS_CA_DAYS_MAX  36500


static int hars_ca_init(hars_as_t *as, int argc, char **argv);
static int hars_ca_option(hars_ca_make_t *make, int option,
    const char *value);
static int hars_ca_number_of(const char *value, long *days);
static int hars_ca_next(hars_as_t *as);
static int hars_ca_show(hars_as_t *as);
static int hars_ca_print(const char *what, X509 *cert);


static const struct option  hars_ca_options[] = {
    { "curve", required_argument, NULL, 'c' },
    { "name", required_argument, NULL, 'n' },
    { "root-days", required_argument, NULL, 'r' },
    { "issuing-days", required_argument, NULL, 'i' },
    { NULL, 0, NULL, 0 }
};


int
hars_as_ca_command(hars_as_t *as, int argc, char **argv)
{
    if (as->conf.ca_dir == NULL) {
        fprintf(stderr, "hars-authserver: there is no authority: write "
                "\"ca_dir = DIRECTORY\" into the settings\n");
        return HARS_EXIT_FAILED;
    }

    if (argc >= 1 && strcmp(argv[0], "init") == 0) {
        return hars_ca_init(as, argc, argv);
    }

    if (argc == 1 && strcmp(argv[0], "show") == 0) {
        return hars_ca_show(as);
    }

    return hars_ca_certificates(as, argc, argv);
}


static int
hars_ca_init(hars_as_t *as, int argc, char **argv)
{
    int             option;
    hars_ca_make_t  make = { .curve = "P-256", .name = "O=HARS Gateway",
                             .root_days = 7300, .issuing_days = 1825 };

    optind = 0;                           /* GNU: begin anew */

    while ((option = getopt_long(argc, argv, "", hars_ca_options, NULL))
           != -1)
    {
        if (hars_ca_option(&make, option, optarg) != HARS_OK) {
            return HARS_EXIT_USAGE;
        }
    }

    if (optind < argc) {
        fprintf(stderr, "hars-authserver: \"%s\" is no option of \"ca "
                "init\"\n", argv[optind]);
        return HARS_EXIT_USAGE;
    }

    make.dir = as->conf.ca_dir;
    make.now = time(NULL);

    if (as->conf.ca_key && hars_ca_key_is_uri(as->conf.ca_key)) {
        make.key = as->conf.ca_key;

    } else if (as->conf.ca_key) {
        fprintf(stderr, "hars-authserver: ca_key names a file: \"ca init\" "
                "makes issuing.key in ca_dir, move it there afterwards\n");
        return HARS_EXIT_FAILED;
    }

    return hars_ca_make(&make) == HARS_OK ? hars_ca_next(as)
                                          : HARS_EXIT_FAILED;
}


static int
hars_ca_option(hars_ca_make_t *make, int option, const char *value)
{
    const char  *error;

    error = NULL;

    switch (option) {

    case 'c':
        make->curve = value;

        if (strcmp(value, "P-256") != 0 && strcmp(value, "P-384") != 0) {
            error = "has to be P-256 or P-384";
        }

        break;

    case 'n':
        make->name = value;

        if (strlen(value) > HARS_AS_DN_SIZE - 32) {
            error = "is too long";

        } else if (hars_dn_check(value, &error) == HARS_OK) {
            error = NULL;
        }

        break;

    case 'r':
    case 'i':
        if (hars_ca_number_of(value, option == 'r' ? &make->root_days
                                                   : &make->issuing_days)
            != HARS_OK)
        {
            error = "has to be a number of days from 1 to 36500";
        }

        break;

    default:
        return HARS_ERROR;
    }

    if (error) {
        fprintf(stderr, "hars-authserver: --%s \"%s\" %s\n",
                option == 'c' ? "curve" : option == 'n' ? "name"
                : option == 'r' ? "root-days" : "issuing-days", value, error);
    }

    return error ? HARS_ERROR : HARS_OK;
}


static int
hars_ca_number_of(const char *value, long *days)
{
    char  *end;

    *days = strtol(value, &end, 10);

    return *value >= '0' && *value <= '9' && *end == '\0' && *days >= 1
           && *days <= HARS_CA_DAYS_MAX
           ? HARS_OK : HARS_ERROR;
}


static int
hars_ca_next(hars_as_t *as)
{
    const char  *dir;

    dir = as->conf.ca_dir;

    if (hars_ca_show(as) != HARS_EXIT_OK) {
        return HARS_EXIT_FAILED;
    }

    printf("\nNext:\n"
           "  1. Take \"%s/root.key\" away, to where no network is: it is "
           "needed for\n"
           "     another issuing authority, and to revoke this one (another "
           "root.crl).\n"
           "  2. Let the gateway believe these authorities: \"%s/ca.pem\" into "
           "its\n"
           "     ssl_client_certificate.  hars-authserver does so by itself.\n"
           "  3. Tell clients the root's SHA-256 above, for \"hars enrol "
           "--ca-fingerprint\".\n"
           "  4. hars-authserver client enrol ID makes the secret of a "
           "client's enrolment.\n", dir, dir);

    return HARS_EXIT_OK;
}


static int
hars_ca_show(hars_as_t *as)
{
    int         rc;
    hars_ca_t  *ca;

    ca = hars_ca_open(as->conf.ca_dir, as->conf.ca_key);

    if (ca == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_ca_print("root", hars_ca_root(ca));
    rc |= hars_ca_print("issuing", hars_ca_issuing(ca));

    hars_ca_close(ca);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static int
hars_ca_print(const char *what, X509 *cert)
{
    BIO            *bio;
    char           *text;
    long            len;
    unsigned        i;
    unsigned char   digest[HARS_SHA256_LEN];

    bio = BIO_new(BIO_s_mem());

    if (bio == NULL || !X509_digest(cert, EVP_sha256(), digest, NULL)) {
        BIO_free(bio);
        return HARS_ERROR;
    }

    BIO_puts(bio, "subject ");
    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    BIO_puts(bio, "\n\tuntil   ");
    ASN1_TIME_print(bio, X509_get0_notAfter(cert));
    BIO_puts(bio, "\n\tSHA-256 ");

    for (i = 0; i < sizeof(digest); i++) {
        BIO_printf(bio, "%02x", digest[i]);
    }

    len = BIO_get_mem_data(bio, &text);
    printf("%s\t%.*s\n", what, (int) len, text);
    BIO_free(bio);

    return HARS_OK;
}

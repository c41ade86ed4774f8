
/*
 * hars-authserver ca list, show SERIAL, revoke, crl: the certificates that
 * were issued here, and their end.  All work while the server runs; it makes
 * the next revocation list within a second.
 */

#include "hars_as_cmd_ca.h"
#include "hars_as_audit.h"
#include "hars_as_ca.h"
#include "hars_as_crl.h"
#include "hars_as_publish.h"
#include "hars_as_revocation.h"
#include "hars_as_store_cert.h"
#include "hars_as_words.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_CERTIFICATE_DATE  32
#define HARS_CERTIFICATE_HEX   (2 * HARS_CA_SERIAL + 1)


typedef struct {
    const char         *serial;
    const char         *thumbprint;
    const char         *client;
    int                 reason;
} hars_certificate_what_t;


typedef struct {
    const char         *name;
    int               (*run)(hars_as_t *as, hars_store_t *store, int argc,
                             char **argv);
    unsigned            signs:1;          /* needs the authority */
} hars_certificate_command_t;


static int hars_certificate_list(hars_as_t *as, hars_store_t *store,
    int argc, char **argv);
static void hars_certificate_line(void *data, const hars_certificate_t *cert);
static int hars_certificate_show(hars_as_t *as, hars_store_t *store,
    int argc, char **argv);
static int hars_certificate_revoke(hars_as_t *as, hars_store_t *store,
    int argc, char **argv);
static int hars_certificate_find(hars_store_t *store,
    const hars_certificate_what_t *what, hars_certificate_t *cert);
static int hars_certificate_end(hars_as_t *as, hars_store_t *store,
    const hars_certificate_what_t *what);
static int hars_certificate_crl(hars_as_t *as, hars_store_t *store,
    int argc, char **argv);
static int hars_certificate_options(int argc, char **argv,
    hars_certificate_what_t *what);
static int hars_certificate_serial(const char *text,
    unsigned char serial[HARS_CA_SERIAL]);
static void hars_certificate_state(const hars_certificate_t *cert,
    int64_t now, char *text, size_t size);
static const char *hars_certificate_date(int64_t at,
    char text[HARS_CERTIFICATE_DATE]);
static int hars_certificate_usage(void);


static const hars_certificate_command_t  hars_certificate_commands[] = {
    { "list", hars_certificate_list, 0 },
    { "show", hars_certificate_show, 0 },
    { "revoke", hars_certificate_revoke, 0 },
    { "crl", hars_certificate_crl, 1 },
    { NULL, NULL, 0 }
};


static const struct option  hars_certificate_names[] = {
    { "serial", required_argument, NULL, 's' },
    { "thumbprint", required_argument, NULL, 't' },
    { "client", required_argument, NULL, 'c' },
    { "reason", required_argument, NULL, 'r' },
    { NULL, 0, NULL, 0 }
};


int
hars_ca_certificates(hars_as_t *as, int argc, char **argv)
{
    int                                rc;
    hars_store_t                      *store;
    const hars_certificate_command_t  *command;

    for (command = hars_certificate_commands; command->name; command++) {
        if (argc > 0 && strcmp(command->name, argv[0]) == 0) {
            break;
        }
    }

    if (command->name == NULL) {
        return hars_certificate_usage();
    }

    /* first, so that a failure leaves no new database behind */

    if (command->signs
        && (hars_ca_load(as) != HARS_OK || hars_crl_create(as) != HARS_OK))
    {
        return HARS_EXIT_FAILED;
    }

    store = hars_store_open(as->conf.database, &hars_as_layout);

    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = command->run(as, store, argc, argv);

    hars_store_close(store);

    return rc;
}


static int
hars_certificate_list(hars_as_t *as, hars_store_t *store, int argc,
    char **argv)
{
    int64_t                  now;
    hars_certificate_what_t  what;

    (void) as;

    if (hars_certificate_options(argc, argv, &what) != HARS_OK
        || what.serial || what.thumbprint || what.reason != -1)
    {
        return hars_certificate_usage();
    }

    now = time(NULL);

    return hars_store_certificate_each(store, what.client,
                                       hars_certificate_line, &now)
           == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static void
hars_certificate_line(void *data, const hars_certificate_t *cert)
{
    char  serial[HARS_CERTIFICATE_HEX], date[HARS_CERTIFICATE_DATE];
    char  state[96];

    hars_hex(serial, cert->serial, HARS_CA_SERIAL);
    serial[sizeof(serial) - 1] = '\0';
    hars_certificate_state(cert, *(int64_t *) data, state, sizeof(state));

    printf("%s\t%s\t%s\t%s\n", serial, cert->client_id,
           hars_certificate_date(cert->not_after, date), state);
}


static int
hars_certificate_show(hars_as_t *as, hars_store_t *store, int argc,
    char **argv)
{
    int                      rc;
    char                     serial[HARS_CERTIFICATE_HEX], state[96];
    char                     date[HARS_CERTIFICATE_DATE];
    char                     thumbprint[HARS_B64_SHA256_LEN];
    hars_certificate_t       cert;
    hars_certificate_what_t  what = { .serial = argv[1] };

    (void) as;

    if (argc != 2) {
        return hars_certificate_usage();
    }

    rc = hars_certificate_find(store, &what, &cert);

    if (rc != HARS_EXIT_OK) {
        return rc;
    }

    hars_hex(serial, cert.serial, HARS_CA_SERIAL);
    serial[sizeof(serial) - 1] = '\0';
    hars_b64url_sha256_encode(thumbprint, cert.thumbprint);
    hars_certificate_state(&cert, time(NULL), state, sizeof(state));

    printf("serial\t%s\nthumbprint\t%.*s\nclient_id\t%s\n", serial,
           (int) sizeof(thumbprint), thumbprint, cert.client_id);
    printf("issued\t%s\n", hars_certificate_date(cert.issued_at, date));
    printf("until\t%s\nstate\t%s\n",
           hars_certificate_date(cert.not_after, date), state);

    return HARS_EXIT_OK;
}


static int
hars_certificate_revoke(hars_as_t *as, hars_store_t *store, int argc,
    char **argv)
{
    hars_certificate_what_t  what;

    if (hars_certificate_options(argc, argv, &what) != HARS_OK
        || (what.serial != NULL) + (what.thumbprint != NULL)
           + (what.client != NULL) != 1)
    {
        return hars_certificate_usage();
    }

    if (what.reason == -1) {
        what.reason = 0;
    }

    if (as->publish) {
        hars_publish_connect(as->publish);
    }

    return hars_certificate_end(as, store, &what);
}


/* an exit status, said */
static int
hars_certificate_find(hars_store_t *store,
    const hars_certificate_what_t *what, hars_certificate_t *cert)
{
    int            rc;
    unsigned char  key[HARS_SHA256_LEN];

    if (what->serial) {
        rc = hars_certificate_serial(what->serial, key);

        if (rc == HARS_OK) {
            rc = hars_store_certificate_serial(store, key, cert);

        } else {
            fprintf(stderr, "hars-authserver: a serial number has %d "
                    "hexadecimal digits\n", 2 * HARS_CA_SERIAL);
            return HARS_EXIT_USAGE;
        }

    } else {
        rc = hars_b64url_sha256_decode(key, what->thumbprint,
                                       strlen(what->thumbprint));

        if (rc != HARS_OK) {
            fprintf(stderr, "hars-authserver: a thumbprint has 43 characters "
                    "of base64url\n");
            return HARS_EXIT_USAGE;
        }

        rc = hars_store_certificate_get(store, key, cert);
    }

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: no such certificate was issued "
                "here; one of another authority: hars-authserver revoke "
                "--thumbprint\n");
    }

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static int
hars_certificate_end(hars_as_t *as, hars_store_t *store,
    const hars_certificate_what_t *what)
{
    int                  rc;
    unsigned             n;
    hars_revoke_t        revoke = { .what = HARS_REVOKE_CERT,
                                    .reason = what->reason };
    hars_revoked_t       revoked;
    hars_certificate_t   cert;

    if (what->client) {
        if (!hars_words_id(what->client)) {
            fprintf(stderr, "hars-authserver: an id has 1 to 64 of A-Z a-z "
                    "0-9 . _ -\n");
            return HARS_EXIT_USAGE;
        }

        rc = hars_revocation_certificates(as, store, what->client,
                                          what->reason, "command", &n,
                                          &revoked);
    } else {
        rc = hars_certificate_find(store, what, &cert);

        if (rc != HARS_EXIT_OK) {
            return rc;
        }

        n = 1;
        memcpy(revoke.cert, cert.thumbprint, HARS_SHA256_LEN);
        rc = hars_revocation(as, store, &revoke, &revoked);

        if (rc == HARS_OK) {
            (void) hars_audit_revoke(as, "command", &revoke, revoked.tokens);
        }
    }

    if (rc != HARS_OK) {
        fprintf(stderr, "hars-authserver: not all of it is revoked: do it "
                "again\n");
        return HARS_EXIT_FAILED;
    }

    if (n == 0 && hars_as_client_unknown(store, what->client)) {
        return HARS_EXIT_FAILED;
    }

    printf("%u certificates and %llu live tokens revoked%s\n", n,
           (unsigned long long) revoked.tokens,
           as->publish && !revoked.untold
           ? ", gateways are told by Redis" : "");

    if (revoked.untold) {
        fprintf(stderr, "hars-authserver: it is revoked, but Redis could not "
                "be told: the running server does it as soon as Redis is "
                "back\n");
    }

    return HARS_EXIT_OK;
}


static int
hars_certificate_crl(hars_as_t *as, hars_store_t *store, int argc,
    char **argv)
{
    char    *text, tag[HARS_CRL_TAG + 1];
    size_t   len;

    (void) argv;

    if (argc != 1) {
        return hars_certificate_usage();
    }

    if (hars_crl_refresh(as, store, time(NULL)) != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    text = hars_crl_copy(as->crl, 0, &len, tag);

    if (text == NULL) {
        return HARS_EXIT_FAILED;
    }

    fputs(text, stdout);
    free(text);

    return HARS_EXIT_OK;
}


static int
hars_certificate_options(int argc, char **argv,
    hars_certificate_what_t *what)
{
    int           option;
    const char  **to;

    memset(what, 0, sizeof(hars_certificate_what_t));
    what->reason = -1;
    optind = 0;                           /* GNU: begin anew */

    while ((option = getopt_long(argc, argv, "", hars_certificate_names,
                                 NULL)) != -1)
    {
        to = (option == 's') ? &what->serial
             : (option == 't') ? &what->thumbprint : &what->client;

        if (option == 'r') {
            what->reason = hars_crl_reason(optarg);

            if (what->reason == -1) {
                fprintf(stderr, "hars-authserver: --reason \"%s\" is none\n",
                        optarg);
                return HARS_ERROR;
            }

        } else if (option == '?' || *to) {
            return HARS_ERROR;

        } else {
            *to = optarg;
        }
    }

    return optind == argc ? HARS_OK : HARS_ERROR;
}


/* as openssl and browsers print it: in either case, with colons or without */
static int
hars_certificate_serial(const char *text,
    unsigned char serial[HARS_CA_SERIAL])
{
    size_t    n;
    unsigned  digit;

    for (n = 0; *text; text++) {

        if (*text == ':' && n && n % 2 == 0) {
            continue;
        }

        if (n == 2 * HARS_CA_SERIAL
            || strchr("0123456789abcdefABCDEF", *text) == NULL)
        {
            return HARS_ERROR;
        }

        digit = *text <= '9' ? (unsigned) *text - '0'
                             : ((unsigned) *text | 0x20) - 'a' + 10;

        serial[n / 2] = (unsigned char) (n % 2 ? serial[n / 2] << 4 | digit
                                               : digit);
        n++;
    }

    return n == 2 * HARS_CA_SERIAL ? HARS_OK : HARS_ERROR;
}


static void
hars_certificate_state(const hars_certificate_t *cert, int64_t now,
    char *text, size_t size)
{
    char         date[HARS_CERTIFICATE_DATE];
    const char  *reason;

    if (cert->revoked_at) {
        reason = hars_crl_reason_name(cert->reason);
        snprintf(text, size, "revoked %s %s",
                 hars_certificate_date(cert->revoked_at, date),
                 reason ? reason : "?");
        return;
    }

    snprintf(text, size, "%s", cert->not_after <= now ? "ended" : "good");
}


static const char *
hars_certificate_date(int64_t at, char text[HARS_CERTIFICATE_DATE])
{
    time_t     seconds;
    struct tm  tm;

    seconds = (time_t) at;

    if (gmtime_r(&seconds, &tm) == NULL
        || strftime(text, HARS_CERTIFICATE_DATE, "%Y-%m-%dT%H:%M:%SZ", &tm)
           == 0)
    {
        strcpy(text, "?");
    }

    return text;
}


static int
hars_certificate_usage(void)
{
    fprintf(stderr, "hars-authserver: \"ca\" wants init, show [SERIAL], list "
            "[--client ID], crl, or revoke with one of --serial, "
            "--thumbprint, --client; see --help\n");

    return HARS_EXIT_USAGE;
}

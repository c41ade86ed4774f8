
/*
 * hars enrol: a first certificate by a secret, or with --renew the next one
 * by the present one (RFC 7030).
 *
 *     whom to believe? (--ca, --ca-fingerprint) -> key -> cacerts -> request
 *         -> simpleenroll or simplereenroll -> check -> replace the file
 *
 * There is no trust on first use: without a CA or its fingerprint nothing is
 * sent.  With the fingerprint alone cacerts are fetched from whoever is
 * there, and only the root of that fingerprint is believed, for the server's
 * own certificate as well; the secret goes there and nowhere else.
 */

#include "hars_client.h"
#include "hars_est.h"
#include "hars_tls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>


#define HARS_ENROL_SECRET  512


static int hars_enrol_options(const hars_options_t *options);
static int hars_enrol_run(const hars_options_t *options, hars_identity_t *id,
    hars_text_t *secret);
static int hars_enrol_secret(const hars_options_t *options,
    hars_text_t *secret);


int
hars_enrol(const hars_options_t *options)
{
    int               rc;
    hars_text_t       secret;
    hars_identity_t  *id;

    rc = hars_enrol_options(options);

    if (rc != HARS_EXIT_OK) {
        return rc;
    }

    memset(&secret, 0, sizeof(secret));
    id = hars_identity_create();

    if (id) {
        rc = hars_enrol_run(options, id, &secret);

    } else {
        fprintf(stderr, "hars: there is no memory\n");
        rc = HARS_EXIT_REFUSED;
    }

    hars_text_free(&secret);
    hars_identity_free(id);

    return rc;
}


static int
hars_enrol_options(const hars_options_t *options)
{
    if (options->cacert == NULL && options->fingerprint == NULL) {
        fprintf(stderr, "hars: enrol needs --ca FILE or --ca-fingerprint "
                "SHA256: nobody is believed because he was the first to "
                "answer; \"hars-authserver ca show\" says the "
                "fingerprint\n");
        return HARS_EXIT_USAGE;
    }

    if (options->fingerprint
        && hars_identity_fingerprint(options->fingerprint) != HARS_OK)
    {
        fprintf(stderr, "hars: --ca-fingerprint has to be SHA-256 in "
                "hexadecimal, 64 digits\n");
        return HARS_EXIT_USAGE;
    }

    /* several endpoints are below it */

    if (strncmp(options->url, "https://", 8) != 0
        || options->url[8 + strcspn(options->url + 8, "/?#")] != '\0')
    {
        fprintf(stderr, "hars: --url has to be https://HOST[:PORT] for "
                "enrol\n");
        return HARS_EXIT_USAGE;
    }

    if (!options->renew && options->client_id == NULL) {
        fprintf(stderr, "hars: enrol needs --client-id; see --help\n");
        return HARS_EXIT_USAGE;
    }

    if (options->renew && options->secret_file) {
        fprintf(stderr, "hars: --renew goes by the present certificate, not "
                "by a secret\n");
        return HARS_EXIT_USAGE;
    }

    if (!options->renew && access(options->cert, F_OK) == 0) {
        fprintf(stderr, "hars: %s: is there already, take --renew\n",
                options->cert);
        return HARS_EXIT_USAGE;
    }

    return HARS_EXIT_OK;
}


static int
hars_enrol_run(const hars_options_t *options, hars_identity_t *id,
    hars_text_t *secret)
{
    char        error[HARS_EST_ERROR];
    hars_est_t  est;

    /* what can fail here does so before anybody is asked */

    if (hars_identity_key(id, options->key, !options->renew) != HARS_OK
        || (options->renew
            && hars_identity_old(id, options->cert) != HARS_OK))
    {
        fprintf(stderr, "hars: %s\n", hars_identity_error(id));
        return HARS_EXIT_USAGE;
    }

    if (!options->renew && hars_enrol_secret(options, secret) != HARS_OK) {
        return HARS_EXIT_USAGE;
    }

    memset(&est, 0, sizeof(est));
    est.peer.url = options->url;
    est.peer.cert = options->cert;
    est.peer.key = options->key;
    est.peer.cacert = options->cacert;
    est.peer.connect_to = options->connect_to;
    est.peer.shown = options->show_tls ? hars_tls_show : NULL;
    est.fingerprint = options->fingerprint;
    est.client_id = options->renew ? NULL : options->client_id;
    est.secret = secret->data;

    switch (hars_est(&est, id, error)) {

    case HARS_EST_OK:
        hars_identity_print(id);
        return HARS_EXIT_OK;

    case HARS_EST_OWN:
        fprintf(stderr, "hars: %s\n", error);
        return HARS_EXIT_USAGE;

    case HARS_EST_CONNECT:
        fprintf(stderr, "hars: %s\n", error);
        return HARS_EXIT_CONNECT;

    default:
        fprintf(stderr, "hars: %s\n", error);
        return HARS_EXIT_REFUSED;
    }
}


/* the first line */
static int
hars_enrol_secret(const hars_options_t *options, hars_text_t *secret)
{
    if (hars_text_read(secret, options->secret_file ? options->secret_file
                                                    : "-",
                       HARS_ENROL_SECRET) != HARS_OK)
    {
        return HARS_ERROR;
    }

    secret->data[strcspn(secret->data, "\r\n")] = '\0';

    if (secret->data[0] == '\0') {
        fprintf(stderr, "hars: there is no secret in %s\n",
                options->secret_file ? options->secret_file
                                     : "standard input");
        return HARS_ERROR;
    }

    return HARS_OK;
}


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
#include "hars_identity.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>


#define HARS_ENROL_SECRET  512
#define HARS_ENROL_PATH    "/.well-known/est/"
#define HARS_ENROL_ACCEPT  "Accept: application/pkcs7-mime, text/plain"


static int hars_enrol_options(const hars_options_t *options);
static int hars_enrol_run(const hars_options_t *options, hars_identity_t *id,
    hars_text_t *secret);
static int hars_enrol_authorities(const hars_options_t *options,
    hars_identity_t *id, hars_text_t *roots);
static int hars_enrol_request(const hars_options_t *options,
    hars_identity_t *id, const hars_text_t *secret,
    const hars_text_t *roots);
static int hars_enrol_call(const hars_options_t *options,
    const hars_call_t *call, hars_answer_t *answer);
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

    rc = id ? hars_enrol_run(options, id, &secret) : HARS_EXIT_REFUSED;

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
    int          rc;
    hars_text_t  roots;

    /* what can fail here does so before anybody is asked */

    if (hars_identity_key(id, options->key, !options->renew) != HARS_OK
        || (options->renew
            ? hars_identity_old(id, options->cert)
            : hars_enrol_secret(options, secret)) != HARS_OK)
    {
        return HARS_EXIT_USAGE;
    }

    memset(&roots, 0, sizeof(roots));

    rc = hars_enrol_authorities(options, id, &roots);

    if (rc == HARS_EXIT_OK) {
        rc = hars_enrol_request(options, id, secret, &roots);
    }

    hars_text_free(&roots);

    return rc;
}


/* RFC 7030, 4.1.1: authenticated by TLS, or by the fingerprint */
static int
hars_enrol_authorities(const hars_options_t *options, hars_identity_t *id,
    hars_text_t *roots)
{
    int            rc;
    hars_call_t    call;
    hars_answer_t  answer;

    memset(&call, 0, sizeof(call));
    memset(&answer, 0, sizeof(answer));

    call.path = HARS_ENROL_PATH "cacerts";
    call.accept = HARS_ENROL_ACCEPT;
    call.get = 1;
    call.anonymous = 1;
    call.unverified = (options->cacert == NULL);

    rc = hars_enrol_call(options, &call, &answer);

    if (rc == HARS_EXIT_OK
        && (hars_identity_authorities(id, answer.body.data, answer.body.len,
                                      options->fingerprint) != HARS_OK
            || hars_identity_roots(id, roots) != HARS_OK))
    {
        rc = HARS_EXIT_REFUSED;
    }

    hars_text_free(&answer.body);

    return rc;
}


static int
hars_enrol_request(const hars_options_t *options, hars_identity_t *id,
    const hars_text_t *secret, const hars_text_t *roots)
{
    int            rc;
    hars_call_t    call;
    hars_text_t    body;
    hars_answer_t  answer;

    memset(&call, 0, sizeof(call));
    memset(&body, 0, sizeof(body));
    memset(&answer, 0, sizeof(answer));

    if (hars_identity_request(id, &body) != HARS_OK) {
        hars_text_free(&body);
        return HARS_EXIT_USAGE;
    }

    call.path = options->renew ? HARS_ENROL_PATH "simplereenroll"
                               : HARS_ENROL_PATH "simpleenroll";
    call.type = "application/pkcs10";
    call.accept = HARS_ENROL_ACCEPT;
    call.body = body.data;
    call.len = body.len;
    call.anonymous = !options->renew;
    call.roots = (options->cacert == NULL) ? roots : NULL;

    if (!options->renew) {
        call.user = options->client_id;
        call.password = secret->data;
    }

    rc = hars_enrol_call(options, &call, &answer);

    if (rc == HARS_EXIT_OK
        && (hars_identity_take(id, answer.body.data, answer.body.len,
                               options->client_id) != HARS_OK
            || hars_identity_write(id, options->cert) != HARS_OK))
    {
        rc = HARS_EXIT_REFUSED;
    }

    if (rc == HARS_EXIT_OK) {
        hars_identity_print(id);
    }

    hars_text_free(&answer.body);
    hars_text_free(&body);

    return rc;
}


static int
hars_enrol_call(const hars_options_t *options, const hars_call_t *call,
    hars_answer_t *answer)
{
    int  rc;

    rc = hars_call(options, call, answer);

    if (rc != HARS_OK) {
        return rc == HARS_DECLINED ? HARS_EXIT_USAGE : HARS_EXIT_CONNECT;
    }

    if (answer->status == 200) {
        return HARS_EXIT_OK;
    }

    fprintf(stderr, "hars: %s: status %ld\n%.*s", call->path, answer->status,
            (int) answer->body.len,
            answer->body.data ? answer->body.data : "");

    return HARS_EXIT_REFUSED;
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

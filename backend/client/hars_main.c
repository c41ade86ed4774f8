
/*
 * hars: token, recognize, upload, watch, revoke and enrol.  Answers go to
 * standard output, everything else to standard error, so that the output can
 * be piped.
 */

#include "hars_bearer.h"
#include "hars_client.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_MAIN_RECORD  (64 * 1024 * 1024)


static int hars_options(hars_options_t *options, int argc, char **argv);
static void hars_option(hars_options_t *options, int option, char *value);
static void hars_option_data(hars_options_t *options, int option,
    char *value);
static int hars_needed(const char *command, const char *name,
    const char *value);
static int hars_token(const hars_options_t *options);
static int hars_recognize(const hars_options_t *options);
static int hars_recognize_file(const hars_options_t *options,
    const char *token);
static int hars_revoke(const hars_options_t *options);
static int hars_finish(const hars_options_t *options,
    const hars_call_t *call);


typedef struct {
    const char  *name;
    int        (*run)(const hars_options_t *options);
} hars_command_t;


static const hars_command_t  hars_commands[] = {
    { "token", hars_token },
    { "recognize", hars_recognize },
    { "revoke", hars_revoke },
    { "enrol", hars_enrol },
    { "upload", hars_upload },
    { "watch", hars_watch },
    { NULL, NULL }
};


static const struct option  hars_long_options[] = {
    { "url", required_argument, NULL, 'u' },
    { "cert", required_argument, NULL, 'c' },
    { "key", required_argument, NULL, 'k' },
    { "cacert", required_argument, NULL, 'a' },
    { "ca", required_argument, NULL, 'a' },
    { "ca-fingerprint", required_argument, NULL, 'F' },
    { "secret-file", required_argument, NULL, 'e' },
    { "renew", no_argument, NULL, 'n' },
    { "connect-to", required_argument, NULL, 'o' },
    { "show-tls", no_argument, NULL, 'l' },
    { "client-id", required_argument, NULL, 'i' },
    { "scope", required_argument, NULL, 's' },
    { "resource", required_argument, NULL, 'r' },
    { "token", required_argument, NULL, 't' },
    { "token-file", required_argument, NULL, 'f' },
    { "client", required_argument, NULL, 'C' },
    { "sub", required_argument, NULL, 'S' },
    { "thumbprint", required_argument, NULL, 'T' },
    { "until", required_argument, NULL, 'U' },
    { "auth-url", required_argument, NULL, 'A' },
    { "placement", required_argument, NULL, 'P' },
    { "acceleration", required_argument, NULL, 'g' },
    { "rotation", required_argument, NULL, 'd' },
    { "times", required_argument, NULL, 'm' },
    { "start", required_argument, NULL, 'b' },
    { "speed", required_argument, NULL, 'x' },
    { "seconds", required_argument, NULL, 'z' },
    { "patient", required_argument, NULL, 'p' },
    { "count", required_argument, NULL, 'N' },
    { "json", no_argument, NULL, 'j' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int                    rc;
    const char            *name;
    hars_options_t         options;
    const hars_command_t  *command;

    hars_log_init("hars");
    hars_process_close();

    memset(&options, 0, sizeof(options));

    rc = hars_options(&options, argc, argv);
    if (rc != HARS_OK) {
        return rc < 0 ? HARS_EXIT_USAGE
                      : hars_process_end(HARS_EXIT_OK, HARS_EXIT_REFUSED);
    }

    name = (optind < argc) ? argv[optind++] : "";

    if (strcmp(name, "recognize") == 0 && optind < argc) {
        options.file = argv[optind++];

    } else if (strcmp(name, "upload") == 0) {
        options.file_list = argv + optind;
        options.files = argc - optind;
        optind = argc;
    }

    if (optind < argc) {
        fprintf(stderr, "hars: \"%s\" is one argument too many\n",
                argv[optind]);
        return HARS_EXIT_USAGE;
    }

    for (command = hars_commands; command->name; command++) {
        if (strcmp(command->name, name) == 0) {
            break;
        }
    }

    if (command->name == NULL) {
        fprintf(stderr, "hars: say token, recognize, upload, watch, revoke or "
                "enrol; see --help\n");
        return HARS_EXIT_USAGE;
    }

    if (hars_needed(name, "--url", options.url)
        || hars_needed(name, "--cert", options.cert)
        || hars_needed(name, "--key", options.key)
        || (command->run != hars_enrol
            && hars_needed(name, "--cacert", options.cacert))
        || hars_given(&options, command->run != hars_enrol) != HARS_OK)
    {
        return HARS_EXIT_USAGE;
    }

    return hars_process_end(command->run(&options), HARS_EXIT_REFUSED);
}


/* HARS_OK, HARS_ERROR, or 1: help was asked for and given */
static int
hars_options(hars_options_t *options, int argc, char **argv)
{
    int  option;

    while ((option = getopt_long(argc, argv, "", hars_long_options, NULL))
           != -1)
    {
        switch (option) {

        case 'h':
            hars_help();
            return 1;

        case 'v':
            puts("hars " HARS_VERSION);
            return 1;

        case '?':
            return HARS_ERROR;

        default:
            hars_option(options, option, optarg);
        }
    }

    return HARS_OK;
}


static void
hars_option(hars_options_t *options, int option, char *value)
{
    switch (option) {

    case 'u':
        options->url = value;
        break;

    case 'c':
        options->cert = value;
        break;

    case 'k':
        options->key = value;
        break;

    case 'a':
        options->cacert = value;
        break;

    case 'o':
        options->connect_to = value;
        break;

    case 'l':
        options->show_tls = 1;
        break;

    case 'i':
        options->client_id = value;
        break;

    case 's':
        options->scope = value;
        break;

    case 'r':
        options->resource = value;
        break;

    case 't':
        options->token = value;
        break;

    case 'f':
        options->token_file = value;
        break;

    case 'C':
        options->client = value;
        break;

    case 'S':
        options->sub = value;
        break;

    case 'T':
        options->thumbprint = value;
        break;

    case 'U':
        options->until = value;
        break;

    case 'F':
        options->fingerprint = value;
        break;

    case 'e':
        options->secret_file = value;
        break;

    case 'n':
        options->renew = 1;
        break;

    default:
        hars_option_data(options, option, value);
    }
}


/* of upload and watch */
static void
hars_option_data(hars_options_t *options, int option, char *value)
{
    switch (option) {

    case 'A':
        options->auth_url = value;
        break;

    case 'P':
        options->placement = value;
        break;

    case 'g':
        options->acceleration = value;
        break;

    case 'd':
        options->rotation = value;
        break;

    case 'm':
        options->times = value;
        break;

    case 'b':
        options->start = value;
        break;

    case 'x':
        options->speed = value;
        break;

    case 'z':
        options->seconds = value;
        break;

    case 'p':
        options->patient = value;
        break;

    case 'N':
        options->count = value;
        break;

    case 'j':
        options->json = 1;
        break;
    }
}


static int
hars_needed(const char *command, const char *name, const char *value)
{
    if (value) {
        return HARS_OK;
    }

    fprintf(stderr, "hars: %s needs %s; see --help\n", command, name);

    return HARS_ERROR;
}


/* RFC 6749, 4.4.2; RFC 8705, 2: client_id beside the certificate */
static int
hars_token(const hars_options_t *options)
{
    int          rc;
    hars_call_t  call;
    hars_text_t  form;

    if (hars_needed("token", "--client-id", options->client_id)) {
        return HARS_EXIT_USAGE;
    }

    memset(&form, 0, sizeof(form));
    memset(&call, 0, sizeof(call));

    hars_text_form(&form, "grant_type", "client_credentials");
    hars_text_form(&form, "client_id", options->client_id);
    hars_text_form(&form, "scope", options->scope);
    hars_text_form(&form, "resource", options->resource);

    call.path = "/oauth2/token";
    call.type = "application/x-www-form-urlencoded";
    call.body = form.data;
    call.len = form.len;

    rc = form.failed ? HARS_EXIT_REFUSED : hars_finish(options, &call);

    hars_text_free(&form);

    return rc;
}


static int
hars_recognize(const hars_options_t *options)
{
    int            rc;
    hars_bearer_t  bearer = { .options = options, .scope = "ml:recognize" };

    if (hars_needed("recognize", "FILE", options->file)
        || hars_bearer_check("recognize", options) != HARS_OK)
    {
        return HARS_EXIT_USAGE;
    }

    if (options->token_file && strcmp(options->token_file, "-") == 0
        && strcmp(options->file, "-") == 0)
    {
        fprintf(stderr, "hars: token and recording cannot both be standard "
                "input\n");
        return HARS_EXIT_USAGE;
    }

    rc = hars_bearer_get(&bearer);

    if (rc == HARS_EXIT_OK) {
        rc = hars_recognize_file(options, bearer.token);
    }

    hars_bearer_wipe(&bearer);

    return rc;
}


static int
hars_recognize_file(const hars_options_t *options, const char *token)
{
    int          rc;
    char         error[160];
    hars_call_t  call;
    hars_text_t  body;

    memset(&body, 0, sizeof(body));
    memset(&call, 0, sizeof(call));

    rc = HARS_EXIT_USAGE;

    if (hars_text_read(&body, options->file, HARS_MAIN_RECORD) != HARS_OK) {
        goto done;
    }

    if (hars_recording_body(&body, error, sizeof(error)) != HARS_OK) {
        fprintf(stderr, "hars: %s: %s\n", options->file, error);
        goto done;
    }

    call.path = "/v1/recognitions";
    call.type = "application/json";
    call.body = body.data;
    call.len = body.len;
    call.token = token;

    rc = hars_finish(options, &call);

done:

    hars_text_free(&body);

    return rc;
}


/* RFC 7009, 2.1 */
static int
hars_revoke(const hars_options_t *options)
{
    int          rc;
    hars_call_t  call;
    hars_text_t  form;

    if (hars_needed("revoke", "--client-id", options->client_id)) {
        return HARS_EXIT_USAGE;
    }

    memset(&form, 0, sizeof(form));
    memset(&call, 0, sizeof(call));

    rc = hars_revoke_form(options, &form);

    if (rc == HARS_EXIT_OK) {
        call.path = "/oauth2/revoke";
        call.type = "application/x-www-form-urlencoded";
        call.body = form.data;
        call.len = form.len;

        rc = hars_finish(options, &call);
    }

    hars_text_free(&form);

    return rc;
}


/* the call, its answer printed, and the exit status */
static int
hars_finish(const hars_options_t *options, const hars_call_t *call)
{
    int            rc;
    hars_answer_t  answer;

    memset(&answer, 0, sizeof(answer));

    rc = hars_call(options, call, &answer);

    if (rc != HARS_OK) {
        rc = (rc == HARS_DECLINED) ? HARS_EXIT_USAGE : HARS_EXIT_CONNECT;
        goto done;
    }

    if (answer.status == 200) {
        rc = HARS_EXIT_OK;
        fwrite(answer.body.data, 1, answer.body.len, stdout);
        putchar('\n');
        goto done;
    }

    rc = HARS_EXIT_REFUSED;

    fprintf(stderr, "hars: status %ld\n", answer.status);

    if (answer.challenge[0]) {
        fprintf(stderr, "WWW-Authenticate:%s\n", answer.challenge);
    }

    if (answer.body.len) {
        fprintf(stderr, "%.*s\n", (int) answer.body.len, answer.body.data);
    }

done:

    hars_text_free(&answer.body);

    return rc;
}

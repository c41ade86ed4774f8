
/*
 * hars: token, recognize, revoke and enrol.  Answers go to standard output,
 * everything else to standard error, so that the output can be piped.
 */

#include "hars_client.h"
#include "hars_log.h"
#include "hars_process.h"
#include "hars_version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_MAIN_TOKEN   65536           /* longest token file */
#define HARS_MAIN_RECORD  (64 * 1024 * 1024)


static int hars_options(hars_options_t *options, int argc, char **argv);
static void hars_option(hars_options_t *options, int option, char *value);
static int hars_needed(const char *command, const char *name,
    const char *value);
static int hars_token(const hars_options_t *options);
static int hars_recognize(const hars_options_t *options);
static int hars_recognize_token(const hars_options_t *options,
    char token[HARS_TOKEN_SIZE]);
static int hars_recognize_file(const hars_options_t *options,
    const char *token);
static int hars_revoke(const hars_options_t *options);
static int hars_finish(const hars_options_t *options,
    const hars_call_t *call);
static void hars_help(void);


typedef struct {
    const char  *name;
    int        (*run)(const hars_options_t *options);
} hars_command_t;


static const hars_command_t  hars_commands[] = {
    { "token", hars_token },
    { "recognize", hars_recognize },
    { "revoke", hars_revoke },
    { "enrol", hars_enrol },
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
        fprintf(stderr, "hars: say token, recognize, revoke or enrol; see "
                "--help\n");
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
    int   rc;
    char  token[HARS_TOKEN_SIZE];

    if (hars_needed("recognize", "FILE", options->file)) {
        return HARS_EXIT_USAGE;
    }

    if ((options->token == NULL) == (options->token_file == NULL)) {
        fprintf(stderr, "hars: recognize needs either --token or "
                "--token-file\n");
        return HARS_EXIT_USAGE;
    }

    if (options->token_file && strcmp(options->token_file, "-") == 0
        && strcmp(options->file, "-") == 0)
    {
        fprintf(stderr, "hars: token and recording cannot both be standard "
                "input\n");
        return HARS_EXIT_USAGE;
    }

    rc = hars_recognize_token(options, token);

    if (rc == HARS_EXIT_OK) {
        rc = hars_recognize_file(options, token);
    }

    explicit_bzero(token, sizeof(token));

    return rc;
}


static int
hars_recognize_token(const hars_options_t *options,
    char token[HARS_TOKEN_SIZE])
{
    int          rc;
    hars_text_t  text;

    memset(&text, 0, sizeof(text));

    rc = HARS_OK;

    if (options->token) {
        hars_text_puts(&text, options->token);

    } else {
        rc = hars_text_read(&text, options->token_file, HARS_MAIN_TOKEN);
    }

    if (rc == HARS_OK) {
        rc = text.failed ? HARS_ERROR : hars_token_value(&text, token);

        if (rc != HARS_OK) {
            fprintf(stderr, "hars: there is no token in %s\n",
                    options->token ? "--token" : options->token_file);
        }
    }

    hars_text_free(&text);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_USAGE;
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


static void
hars_help(void)
{
    puts("hars " HARS_VERSION ", a client of the gateway\n\n"
         "  hars token --url URL --cert F --key F --cacert F --client-id ID\n"
         "      [--scope S] [--resource R]\n"
         "  hars recognize FILE --url URL --cert F --key F --cacert F\n"
         "      (--token T | --token-file F)\n"
         "  hars revoke --url URL --cert F --key F --cacert F --client-id ID\n"
         "      (--token T|- | --client ID | --sub SUB |\n"
         "       --thumbprint X5T#S256 [--until SECONDS])\n\n"
         "  hars enrol --url URL --client-id ID [--secret-file F]\n"
         "      (--ca F | --ca-fingerprint SHA256) --key F --cert F\n"
         "  hars enrol --url URL --renew (--ca F | --ca-fingerprint SHA256)\n"
         "      --key F --cert F\n\n"
         "all take\n"
         "  --connect-to HOST:PORT  connect there, whatever the URL's host\n"
         "  --show-tls              print what the handshake agreed\n\n"
         "A URL without a path means /oauth2/token, /v1/recognitions and\n"
         "/oauth2/revoke.  revoke ends an own token; as an operator any, or\n"
         "all live ones of a client, a subject or a certificate, which then\n"
         "gets no others (until SECONDS, its notAfter in unix time).\n"
         "enrol makes the key where there is none (P-256, 0600), gets a\n"
         "certificate for it by the secret of \"hars-authserver client\n"
         "enrol\" (a file, or standard input), or with --renew by the present\n"
         "certificate, and replaces --cert by what it has checked.  --ca is\n"
         "the server's CA; --ca-fingerprint the SHA-256 of the root of the\n"
         "client certificates, which without --ca has to be the server's,\n"
         "too.  Without either nobody is asked.\n"
         "The token file holds the token or what \"hars token\" printed.\n"
         "FILE is CSV (columns t_s or timestamp_s, ax, ay, az in m/s^2 with\n"
         "gravity, gx, gy, gz in rad/s) or the service's JSON; \"-\" reads\n"
         "standard input.\n\n"
         "Exit status: 0 answered, 1 refused by the server, 2 usage, or what\n"
         "the options name cannot be used, 3 could not connect.");
}


/* See hars_bearer.h for what this is. */

#include "hars_bearer.h"

#include <stdio.h>
#include <string.h>


#define HARS_BEARER_FILE  65536           /* longest token file */
#define HARS_BEARER_LIFE  60              /* s, where nobody says it */


static int hars_bearer_given(hars_bearer_t *bearer);
static int hars_bearer_ask(hars_bearer_t *bearer);
static int hars_bearer_take(hars_bearer_t *bearer,
    const hars_answer_t *answer);
static time_t hars_bearer_now(void);


int
hars_bearer_check(const char *command, const hars_options_t *options)
{
    unsigned  n;

    n = (options->token != NULL) + (options->token_file != NULL)
        + (options->auth_url != NULL);

    if (n != 1) {
        fprintf(stderr, "hars: %s needs one of --token, --token-file and "
                "--auth-url\n", command);
        return HARS_ERROR;
    }

    if (options->auth_url
        && (options->client_id == NULL || options->resource == NULL))
    {
        fprintf(stderr, "hars: --auth-url goes with --client-id and "
                "--resource\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_bearer_get(hars_bearer_t *bearer)
{
    if (bearer->token[0]
        && (bearer->options->auth_url == NULL
            || hars_bearer_now() < bearer->due))
    {
        return HARS_EXIT_OK;
    }

    return bearer->options->auth_url ? hars_bearer_ask(bearer)
                                     : hars_bearer_given(bearer);
}


static int
hars_bearer_given(hars_bearer_t *bearer)
{
    int                    rc;
    hars_text_t            text;
    const hars_options_t  *options;

    options = bearer->options;
    memset(&text, 0, sizeof(text));
    rc = HARS_OK;

    if (options->token) {
        hars_text_puts(&text, options->token);

    } else {
        rc = hars_text_read(&text, options->token_file, HARS_BEARER_FILE);
    }

    if (rc == HARS_OK) {
        rc = text.failed ? HARS_ERROR : hars_token_value(&text, bearer->token);

        if (rc != HARS_OK) {
            fprintf(stderr, "hars: there is no token in %s\n",
                    options->token ? "--token" : options->token_file);
        }
    }

    hars_text_free(&text);

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_USAGE;
}


/* RFC 6749, 4.4.2; RFC 8705, 2 */
static int
hars_bearer_ask(hars_bearer_t *bearer)
{
    int             rc;
    hars_call_t     call;
    hars_text_t     form;
    hars_answer_t   answer;
    hars_options_t  options;

    options = *bearer->options;
    options.url = options.auth_url;

    memset(&form, 0, sizeof(form));
    memset(&call, 0, sizeof(call));
    memset(&answer, 0, sizeof(answer));

    hars_text_form(&form, "grant_type", "client_credentials");
    hars_text_form(&form, "client_id", options.client_id);
    hars_text_form(&form, "scope", options.scope ? options.scope
                                                 : bearer->scope);
    hars_text_form(&form, "resource", options.resource);

    call.path = "/oauth2/token";
    call.type = "application/x-www-form-urlencoded";
    call.body = form.data;
    call.len = form.len;

    rc = form.failed ? HARS_ERROR : hars_call(&options, &call, &answer);

    rc = rc == HARS_OK ? hars_bearer_take(bearer, &answer)
         : rc == HARS_DECLINED ? HARS_EXIT_USAGE : HARS_EXIT_CONNECT;

    hars_text_free(&answer.body);
    hars_text_free(&form);

    return rc;
}


static int
hars_bearer_take(hars_bearer_t *bearer, const hars_answer_t *answer)
{
    long  life;

    if (answer->status == 200
        && hars_token_response(&answer->body, bearer->token, &life)
           == HARS_OK)
    {
        life = life > 0 ? life : HARS_BEARER_LIFE;
        bearer->due = hars_bearer_now() + life * 2 / 3;
        return HARS_EXIT_OK;
    }

    fprintf(stderr, "hars: no token: status %ld\n", answer->status);

    if (answer->status != 200 && answer->body.len) {
        fprintf(stderr, "%.*s\n", (int) answer->body.len, answer->body.data);
    }

    return answer->status == 429 || answer->status >= 500 ? HARS_EXIT_CONNECT
                                                          : HARS_EXIT_REFUSED;
}


static time_t
hars_bearer_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec;
}


int
hars_bearer_refused(hars_bearer_t *bearer)
{
    if (bearer->options->auth_url == NULL) {
        return HARS_DECLINED;
    }

    explicit_bzero(bearer->token, sizeof(bearer->token));

    return HARS_OK;
}


void
hars_bearer_wipe(hars_bearer_t *bearer)
{
    explicit_bzero(bearer->token, sizeof(bearer->token));
}

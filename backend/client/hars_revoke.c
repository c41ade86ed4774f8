
/*
 * What is to be revoked, as POST /oauth2/revoke takes it: exactly one of a
 * token (RFC 7009), all live tokens of a client or a subject, a certificate.
 */

#include "hars_client.h"

#include <stdio.h>
#include <string.h>


#define HARS_REVOKE_TOKEN  65536          /* longest token file */


static int hars_revoke_token(const hars_options_t *options,
    hars_text_t *form);


int
hars_revoke_form(const hars_options_t *options, hars_text_t *form)
{
    if ((options->token != NULL) + (options->client != NULL)
        + (options->sub != NULL) + (options->thumbprint != NULL) != 1)
    {
        fprintf(stderr, "hars: revoke needs one of --token, --client, --sub, "
                "--thumbprint\n");
        return HARS_EXIT_USAGE;
    }

    if (options->until && options->thumbprint == NULL) {
        fprintf(stderr, "hars: --until goes with --thumbprint\n");
        return HARS_EXIT_USAGE;
    }

    hars_text_form(form, "client_id", options->client_id);
    hars_text_form(form, "hars_client", options->client);
    hars_text_form(form, "hars_sub", options->sub);
    hars_text_form(form, "hars_thumbprint", options->thumbprint);
    hars_text_form(form, "hars_until", options->until);

    if (options->token && hars_revoke_token(options, form) != HARS_OK) {
        fprintf(stderr, "hars: there is no token in --token\n");
        return HARS_EXIT_USAGE;
    }

    return form->failed ? HARS_EXIT_REFUSED : HARS_EXIT_OK;
}


/* "-": standard input, where no list of processes shows it */
static int
hars_revoke_token(const hars_options_t *options, hars_text_t *form)
{
    int          rc;
    char         token[HARS_TOKEN_SIZE];
    hars_text_t  text;

    memset(&text, 0, sizeof(text));

    rc = HARS_OK;

    if (strcmp(options->token, "-") == 0) {
        rc = hars_text_read(&text, "-", HARS_REVOKE_TOKEN);

    } else {
        hars_text_puts(&text, options->token);
    }

    if (rc == HARS_OK && !text.failed) {
        rc = hars_token_value(&text, token);

    } else {
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK) {
        hars_text_form(form, "token", token);
        explicit_bzero(token, sizeof(token));
    }

    hars_text_free(&text);

    return rc;
}

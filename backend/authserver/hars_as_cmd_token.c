
/*
 * hars-authserver token show; "token revoke TOKEN" is "revoke --token TOKEN".
 */

#include "hars_as.h"
#include "hars_as_answer.h"
#include "hars_as_publish.h"
#include "hars_as_store.h"
#include "hars_as_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>


static int hars_token_id(const char *arg, hars_token_id_t *id);
static int hars_token_show(hars_as_t *as, hars_store_t *store,
    const hars_token_id_t *id);
static int hars_token_revoke(hars_as_t *as, char *token);


int
hars_as_token_command(hars_as_t *as, int argc, char **argv)
{
    int              rc;
    hars_store_t    *store;
    hars_token_id_t  id;

    if (argc == 2 && strcmp(argv[0], "revoke") == 0) {
        return hars_token_revoke(as, argv[1]);
    }

    if (argc != 2 || strcmp(argv[0], "show") != 0) {
        fprintf(stderr, "hars-authserver: \"token\" wants show TOKEN, or "
                "revoke TOKEN, \"-\" reads it from standard input; see "
                "--help\n");
        return HARS_EXIT_USAGE;
    }

    if (hars_token_id(argv[1], &id) != HARS_OK) {
        return HARS_EXIT_USAGE;
    }

    store = hars_store_open(as->conf.database, &hars_as_layout);
    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = hars_token_show(as, store, &id);

    hars_store_close(store);

    return rc;
}


/* of no token, where this is none of ours */
static int
hars_token_id(const char *arg, hars_token_id_t *id)
{
    char  line[HARS_AS_LINE];

    memset(id, 0, sizeof(hars_token_id_t));
    line[0] = '\0';

    if (strcmp(arg, "-") == 0) {
        if (hars_as_token_line(line) != HARS_OK) {
            return HARS_ERROR;
        }

        arg = line;
    }

    (void) hars_value_token_id(id, arg);

    OPENSSL_cleanse(line, sizeof(line));

    return HARS_OK;
}


int
hars_as_token_line(char line[HARS_AS_LINE])
{
    if (fgets(line, HARS_AS_LINE, stdin) == NULL) {
        fprintf(stderr, "hars-authserver: there is no token on standard "
                "input\n");
        return HARS_ERROR;
    }

    line[strcspn(line, "\r\n")] = '\0';

    return HARS_OK;
}


static int
hars_token_show(hars_as_t *as, hars_store_t *store,
    const hars_token_id_t *id)
{
    int           rc;
    char         *text, shown[HARS_TOKEN_ID_LEN + 1];
    hars_token_t  token;

    rc = hars_store_token_get(store, id, &token, NULL);

    if (rc == HARS_DECLINED) {
        fprintf(stderr, "hars-authserver: there is no such token\n");
        return HARS_EXIT_FAILED;
    }

    if (rc != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    text = hars_answer_token_row(&token,
                                 as->publish
                                 && hars_publish_token_id(as->publish,
                                                          id->hash, shown)
                                    == HARS_OK
                                 ? shown : NULL,
                                 time(NULL));
    if (text == NULL) {
        return HARS_EXIT_FAILED;
    }

    puts(text);
    free(text);

    return HARS_EXIT_OK;
}


static int
hars_token_revoke(hars_as_t *as, char *token)
{
    char  *argv[] = { "revoke", "--token", token, NULL };

    return hars_as_revoke_command(as, 2, argv + 1);
}

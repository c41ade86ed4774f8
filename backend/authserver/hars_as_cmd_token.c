
/*
 * hars-authserver token show, revoke.  A revocation is first committed, with
 * its row in the outbox, and then told to Redis: where that fails the running
 * server tells it as soon as Redis is back.
 */

#include "hars_as.h"
#include "hars_as_answer.h"
#include "hars_as_publish.h"
#include "hars_as_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>


#define HARS_TOKEN_LINE  256


static int hars_token_hash(const char *arg,
    unsigned char hash[HARS_SHA256_LEN]);
static int hars_token_show(hars_as_t *as, hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN]);
static int hars_token_revoke(hars_as_t *as, hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN]);
static int hars_token_unknown(void);


int
hars_as_token_command(hars_as_t *as, int argc, char **argv)
{
    int            rc, show;
    hars_store_t  *store;
    unsigned char  hash[HARS_SHA256_LEN];

    show = (argc == 2 && strcmp(argv[0], "show") == 0);

    if (!show && !(argc == 2 && strcmp(argv[0], "revoke") == 0)) {
        fprintf(stderr, "hars-authserver: \"token\" wants show TOKEN, or "
                "revoke TOKEN, \"-\" reads it from standard input; see "
                "--help\n");
        return HARS_EXIT_USAGE;
    }

    if (hars_token_hash(argv[1], hash) != HARS_OK) {
        return HARS_EXIT_USAGE;
    }

    store = hars_store_open(as->conf.database, HARS_STORE_DURABLE);
    if (store == NULL) {
        return HARS_EXIT_FAILED;
    }

    rc = show ? hars_token_show(as, store, hash)
              : hars_token_revoke(as, store, hash);

    hars_store_close(store);

    return rc;
}


static int
hars_token_hash(const char *arg, unsigned char hash[HARS_SHA256_LEN])
{
    int   rc;
    char  line[HARS_TOKEN_LINE];

    rc = HARS_ERROR;

    if (strcmp(arg, "-") != 0) {
        rc = EVP_Digest(arg, strlen(arg), hash, NULL, EVP_sha256(), NULL)
             ? HARS_OK : HARS_ERROR;

    } else if (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        rc = EVP_Digest(line, strlen(line), hash, NULL, EVP_sha256(), NULL)
             ? HARS_OK : HARS_ERROR;
        OPENSSL_cleanse(line, sizeof(line));

    } else {
        fprintf(stderr, "hars-authserver: there is no token on standard "
                "input\n");
    }

    return rc;
}


static int
hars_token_show(hars_as_t *as, hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN])
{
    int           rc;
    char         *text, id[HARS_TOKEN_ID_LEN + 1];
    hars_token_t  token;

    rc = hars_store_token_get(store, hash, &token);

    if (rc == HARS_DECLINED) {
        return hars_token_unknown();
    }

    if (rc != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    text = hars_answer_token_row(&token,
                                 as->publish
                                 && hars_publish_token_id(as->publish, hash,
                                                          id) == HARS_OK
                                 ? id : NULL,
                                 time(NULL));
    if (text == NULL) {
        return HARS_EXIT_FAILED;
    }

    puts(text);
    free(text);

    return HARS_EXIT_OK;
}


static int
hars_token_revoke(hars_as_t *as, hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN])
{
    int     rc;
    time_t  now;

    now = time(NULL);
    rc = hars_store_token_revoke(store, hash, now);

    if (rc == HARS_DECLINED) {
        return hars_token_unknown();
    }

    if (rc != HARS_OK) {
        return HARS_EXIT_FAILED;
    }

    if (as->publish == NULL) {
        puts("revoked");
        return HARS_EXIT_OK;
    }

    if (hars_publish_connect(as->publish) == HARS_OK
        && hars_publish_outbox(as->publish, store, (int64_t) now * 1000)
           == HARS_OK)
    {
        puts("revoked, gateways are told by Redis");
        return HARS_EXIT_OK;
    }

    puts("revoked");
    fprintf(stderr, "hars-authserver: the token is revoked, but Redis at %s "
            "could not be told: the running server does it as soon as Redis "
            "is back; until then gateways may believe what they have in "
            "their caches\n", as->conf.redis);

    return HARS_EXIT_OK;
}


static int
hars_token_unknown(void)
{
    fprintf(stderr, "hars-authserver: there is no such token\n");

    return HARS_EXIT_FAILED;
}

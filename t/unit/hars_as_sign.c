
/*
 * Signatures: of one length whatever their numbers are, of one form in
 * base64url, good for the bytes that were signed and for one of the keys.
 */

/*
 * link: common/hars_record.c backend/common/hars_log.c
 * link: backend/authserver/hars_as_private_key.c -lcrypto
 */

#include "../../backend/authserver/hars_as_sign.c"
#include "../../backend/common/hars_sha256.c"

#include "tap.h"

#include <openssl/ec.h>
#include <sys/stat.h>


#define MANY  2000                        /* some begin with a zero byte */


static char  file[3][64];


static void
make_key(unsigned i, const char *curve)
{
    FILE      *fp;
    EVP_PKEY  *key;

    snprintf(file[i], sizeof(file[i]), "/tmp/hars-sign-%d-%u.pem",
             (int) getpid(), i);

    umask(077);
    key = EVP_EC_gen(curve);
    fp = fopen(file[i], "w");

    if (key == NULL || fp == NULL
        || !PEM_write_PrivateKey(fp, key, NULL, NULL, 0, NULL, NULL))
    {
        exit(EXIT_FAILURE);
    }

    fclose(fp);
    EVP_PKEY_free(key);
}


static void
many(hars_sign_t *sign)
{
    char            text[HARS_SIGN_B64(HARS_SIGN_LEN)];
    unsigned        i, good, zero;
    unsigned char   signature[HARS_SIGN_LEN], again[HARS_SIGN_LEN];

    good = 0;
    zero = 0;

    for (i = 0; i < MANY; i++) {
        memset(signature, 0xff, sizeof(signature));

        if (hars_sign(sign, &i, sizeof(i), signature) != HARS_OK) {
            break;
        }

        hars_sign_b64(text, signature, sizeof(signature));
        zero += signature[0] == 0 || signature[HARS_SIGN_HALF] == 0;
        good += strlen(text) == HARS_SIGN_TEXT
                && hars_sign_unb64(again, text) == HARS_OK
                && memcmp(signature, again, sizeof(again)) == 0
                && hars_sign_verify(sign, &i, sizeof(i), again) == HARS_OK;
    }

    ok(good == MANY, "%d signatures", MANY);
    ok(zero > 0, "%u of them with a number that is shorter", zero);
}


static void
others(hars_sign_t *sign, hars_sign_t *other)
{
    unsigned        i, good;
    hars_sign_t    *both;
    unsigned char   signature[HARS_SIGN_LEN];

    hars_sign(sign, "text", 4, signature);

    ok(hars_sign_verify(other, "text", 4, signature) == HARS_DECLINED,
       "not by another key");
    ok(hars_sign_verify(sign, "tex", 3, signature) == HARS_DECLINED
       && hars_sign_verify(sign, "texT", 4, signature) == HARS_DECLINED,
       "not of another text");

    both = hars_sign_create((char *[]) { file[1], file[0] }, 2);
    ok(hars_sign_verify(both, "text", 4, signature) == HARS_OK,
       "by the second of two keys");
    ok(strcmp(hars_sign_jwk(both, 0)->kid, hars_sign_jwk(other, 0)->kid) == 0
       && strcmp(hars_sign_jwk(both, 1)->kid, hars_sign_jwk(sign, 0)->kid)
          == 0
       && hars_sign_jwk(both, 2) == NULL, "which have their names");
    hars_sign_free(both);

    good = 0;

    for (i = 0; i < 8 * HARS_SIGN_LEN; i++) {
        signature[i / 8] ^= (unsigned char) (1 << i % 8);
        good += hars_sign_verify(sign, "text", 4, signature)
                == HARS_DECLINED;
        signature[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    ok(good == 8 * HARS_SIGN_LEN, "not with any bit changed");

    memset(signature, 0, sizeof(signature));
    ok(hars_sign_verify(sign, "text", 4, signature) != HARS_OK, "not zero");
    memset(signature, 0xff, sizeof(signature));
    ok(hars_sign_verify(sign, "text", 4, signature) != HARS_OK,
       "nor beyond the group's order");
}


static void
forms(void)
{
    char            text[HARS_SIGN_TEXT + 2];
    unsigned char   signature[HARS_SIGN_LEN];

    memset(text, 'A', HARS_SIGN_TEXT);
    text[HARS_SIGN_TEXT] = '\0';
    ok(hars_sign_unb64(signature, text) == HARS_OK, "base64url");

    text[HARS_SIGN_TEXT - 1] = 'B';
    ok(hars_sign_unb64(signature, text) == HARS_ERROR, "not with loose bits");
    text[HARS_SIGN_TEXT - 1] = '=';
    ok(hars_sign_unb64(signature, text) == HARS_ERROR, "not with padding");
    text[HARS_SIGN_TEXT - 1] = '+';
    ok(hars_sign_unb64(signature, text) == HARS_ERROR, "not base64");
    text[HARS_SIGN_TEXT - 1] = '\0';
    ok(hars_sign_unb64(signature, text) == HARS_ERROR, "not shorter");
    strcpy(text + HARS_SIGN_TEXT - 1, "AA");
    ok(hars_sign_unb64(signature, text) == HARS_ERROR, "not longer");
    ok(hars_sign_unb64(signature, "") == HARS_ERROR, "not empty");
}


int
main(void)
{
    hars_sign_t  *sign, *other;

    hars_log_init("sign");

    make_key(0, "P-256");
    make_key(1, "P-256");
    make_key(2, "P-521");

    sign = hars_sign_create((char *[]) { file[0] }, 1);
    other = hars_sign_create((char *[]) { file[1] }, 1);
    ok(sign && other, "keys");
    ok(hars_sign_create((char *[]) { file[2] }, 1) == NULL, "another curve");

    many(sign);
    others(sign, other);
    forms();

    hars_sign_free(sign);
    hars_sign_free(other);
    unlink(file[0]);
    unlink(file[1]);
    unlink(file[2]);

    return tap_done();
}


/*
 * hars-authserver client enrol: the secret by which a client gets its first
 * certificate (RFC 7030, 3.2.3), 256 random bits, of use once.  It is printed
 * here and nowhere else; what is stored is its SHA-256.
 */

#include "hars_as_client.h"
#include "hars_as_est.h"
#include "hars_as_names.h"
#include "hars_as_password.h"
#include "hars_as_store_cert.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>


static int hars_client_enrollable(hars_as_t *as, hars_store_t *store,
    const char *id);


int
hars_client_enrol(hars_as_t *as, hars_store_t *store, const char *id)
{
    int            rc;
    char           secret[HARS_SECRET_SIZE];
    unsigned char  hash[HARS_SHA256_LEN];

    rc = hars_client_enrollable(as, store, id);

    if (rc != HARS_OK) {
        return rc;
    }

    rc = hars_secret_make(secret, HARS_SECRET_ENROL, hash);

    if (rc == HARS_OK) {
        rc = hars_store_secret_set(store, id, hash,
                                   time(NULL) + HARS_EST_SECRET_TTL);
    }

    if (rc == HARS_OK) {
        printf("enrol_secret\t%s\n", secret);
    }

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


/* the paper's profile: one that a person chooses, of use again and again */
int
hars_client_password(hars_as_t *as, hars_store_t *store, const char *id)
{
    int          rc;
    char         line[HARS_PASSWORD_MAX + 3], hash[HARS_PASSWORD_HASH];
    const char  *wrong;

    if (strcmp(as->conf.profile, "paper") != 0) {
        fprintf(stderr, "hars-authserver: passwords are of \"profile = "
                "paper\" alone, take \"client enrol %s\"\n", id);
        return HARS_ERROR;
    }

    rc = hars_client_enrollable(as, store, id);

    if (rc != HARS_OK) {
        return rc;
    }

    if (fgets(line, sizeof(line), stdin) == NULL) {
        line[0] = '\0';
    }

    line[strcspn(line, "\r\n")] = '\0';
    wrong = hars_password_wrong(line);

    rc = (wrong == NULL) ? hars_password_hash(hash, line) : HARS_ERROR;

    OPENSSL_cleanse(line, sizeof(line));

    if (rc != HARS_OK) {
        fprintf(stderr, "hars-authserver: the password %s\n",
                wrong ? wrong : "cannot be hashed: no memory");
        return HARS_ERROR;
    }

    return hars_store_password_set(store, id, hash);
}


/* what cannot work is said here, not to the client */
static int
hars_client_enrollable(hars_as_t *as, hars_store_t *store, const char *id)
{
    int             rc;
    const char     *why;
    hars_names_t    names;
    hars_client_t   client;

    if (as->conf.ca_dir == NULL) {
        fprintf(stderr, "hars-authserver: there is no authority: write "
                "\"ca_dir = DIRECTORY\" into the settings\n");
        return HARS_ERROR;
    }

    rc = hars_store_client_get(store, id, &client);

    if (rc != HARS_OK) {
        return rc;
    }

    why = client.disabled_at ? "is disabled" : NULL;

    if (why || hars_names_of(&client, NULL, 0, &names, &why) != HARS_OK) {
        fprintf(stderr, "hars-authserver: client %s %s\n", id, why);
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* See hars_as_password.h for what this is. */

#include "hars_as_password.h"
#include "hars_clock.h"
#include "hars_record.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>


#define HARS_PASSWORD_PASSES  2
#define HARS_PASSWORD_MEMORY  (19 * 1024 * 1024)
#define HARS_PASSWORD_AT_ONCE 2
#define HARS_PASSWORD_QUEUE   16


struct hars_passwords_s {
    char              nobody[HARS_PASSWORD_HASH];
    pthread_mutex_t   mutex;              /* of what follows */
    pthread_cond_t    cond;
    unsigned          running;
    unsigned          waiting;
};


static int hars_password_enter(hars_passwords_t *passwords);
static void hars_password_leave(hars_passwords_t *passwords);


hars_passwords_t *
hars_passwords_create(void)
{
    char               unknown[HARS_PASSWORD_MIN + 1];
    unsigned           i;
    hars_passwords_t  *passwords;

    passwords = calloc(1, sizeof(hars_passwords_t));

    if (passwords == NULL || sodium_init() < 0) {
        free(passwords);
        return NULL;
    }

    for (i = 0; i < HARS_PASSWORD_MIN; i++) {
        unknown[i] = (char) ('a' + randombytes_uniform(26));
    }

    unknown[i] = '\0';

    if (hars_password_hash(passwords->nobody, unknown) != HARS_OK) {
        free(passwords);
        return NULL;
    }

    pthread_mutex_init(&passwords->mutex, NULL);
    hars_cond_init(&passwords->cond);

    return passwords;
}


void
hars_passwords_free(hars_passwords_t *passwords)
{
    if (passwords) {
        pthread_cond_destroy(&passwords->cond);
        pthread_mutex_destroy(&passwords->mutex);
        free(passwords);
    }
}


const char *
hars_password_wrong(const char *password)
{
    size_t  i, len;

    len = strlen(password);

    if (len < HARS_PASSWORD_MIN || len > HARS_PASSWORD_MAX) {
        return "has to have 12 to 128 bytes";
    }

    for (i = 0; i < len; i++) {
        if ((unsigned char) password[i] < ' ' || password[i] == 0x7f) {
            return "has a control character";
        }
    }

    return NULL;
}


int
hars_password_hash(char hash[HARS_PASSWORD_HASH], const char *password)
{
    if (sodium_init() < 0) {
        return HARS_ERROR;
    }

    _Static_assert(HARS_PASSWORD_HASH >= crypto_pwhash_STRBYTES, "size");

    return crypto_pwhash_str_alg(hash, password, strlen(password),
                                 HARS_PASSWORD_PASSES, HARS_PASSWORD_MEMORY,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0
           ? HARS_OK : HARS_ERROR;
}


int
hars_password_verify(hars_passwords_t *passwords, const char *hash,
    const char *password)
{
    int  rc;

    if (hars_password_enter(passwords) != HARS_OK) {
        return HARS_ERROR;
    }

    errno = 0;
    rc = crypto_pwhash_str_verify(hash ? hash : passwords->nobody, password,
                                  strlen(password));

    /* libsodium: EINVAL is a wrong one; no memory says nothing of it */

    rc = (rc == 0 && hash) ? HARS_OK
         : (rc == 0 || errno == EINVAL) ? HARS_DECLINED : HARS_ERROR;

    hars_password_leave(passwords);

    return rc;
}


static int
hars_password_enter(hars_passwords_t *passwords)
{
    int      rc;
    int64_t  until;

    until = hars_clock() + HARS_PASSWORD_WAIT * 1000;
    rc = HARS_OK;

    pthread_mutex_lock(&passwords->mutex);

    if (passwords->waiting == HARS_PASSWORD_QUEUE) {
        rc = HARS_ERROR;

    } else {
        passwords->waiting++;

        while (rc == HARS_OK && passwords->running == HARS_PASSWORD_AT_ONCE) {
            if (hars_cond_wait(&passwords->cond, &passwords->mutex, until)
                != 0)
            {
                rc = HARS_ERROR;
            }
        }

        passwords->waiting--;
    }

    if (rc == HARS_OK) {
        passwords->running++;
    }

    pthread_mutex_unlock(&passwords->mutex);

    return rc;
}


static void
hars_password_leave(hars_passwords_t *passwords)
{
    pthread_mutex_lock(&passwords->mutex);

    passwords->running--;
    pthread_cond_signal(&passwords->cond);

    pthread_mutex_unlock(&passwords->mutex);
}


/* passwords: which may be, and which is one */

/* link: -lsodium -lpthread */

#include "../../backend/authserver/hars_as_password.c"
#include "../../backend/common/hars_clock.c"

#include "tap.h"

#include <stdatomic.h>


#define AT_ONCE  40


static hars_passwords_t  *passwords;
static char               hash[HARS_PASSWORD_HASH];
static atomic_uint        right, busy, other;


static void *
ask(void *data)
{
    int  rc;

    rc = hars_password_verify(passwords, hash, data);

    atomic_fetch_add(rc == HARS_OK ? &right : rc == HARS_ERROR ? &busy
                                                               : &other, 1);

    return NULL;
}


int
main(void)
{
    char       text[HARS_PASSWORD_MAX + 2];
    unsigned   i;
    pthread_t  thread[AT_ONCE];

    passwords = hars_passwords_create();

    ok(passwords != NULL, "they can be hashed");
    ok(hars_password_wrong("correct horse") == NULL, "a password");
    ok(hars_password_wrong("p\303\266ssw\303\266rter") == NULL, "UTF-8");
    ok(hars_password_wrong("elevenbytes") != NULL, "too short");
    ok(hars_password_wrong("twelve bytes\n") != NULL, "a line feed");
    memset(text, 'x', sizeof(text));
    text[HARS_PASSWORD_MAX + 1] = '\0';
    ok(hars_password_wrong(text) != NULL, "too long");
    ok(hars_password_wrong(text + 1) == NULL, "... the longest");

    ok(hars_password_hash(hash, "correct horse") == HARS_OK
       && strncmp(hash, "$argon2id$", 10) == 0, "Argon2id");
    ok(hars_password_verify(passwords, hash, "correct horse") == HARS_OK,
       "the one");
    ok(hars_password_verify(passwords, hash, "correct horsf")
       == HARS_DECLINED, "another one");
    ok(hars_password_verify(passwords, hash, "") == HARS_DECLINED, "none");
    ok(hars_password_verify(passwords, NULL, "correct horse")
       == HARS_DECLINED, "of nobody");
    ok(hars_password_verify(passwords, "x", "correct horse") != HARS_OK,
       "a hash that is none");

    for (i = 0; i < AT_ONCE; i++) {
        pthread_create(&thread[i], NULL, ask, "correct horse");
    }

    for (i = 0; i < AT_ONCE; i++) {
        pthread_join(thread[i], NULL);
    }

    ok(right >= 2 && right + busy == AT_ONCE && other == 0,
       "forty at once: %u are answered, %u turned away", right, busy);
    ok(passwords->running == 0 && passwords->waiting == 0, "all have left");
    ok(hars_password_verify(passwords, hash, "correct horse") == HARS_OK,
       "and the next is answered");

    hars_passwords_free(passwords);
    hars_passwords_free(NULL);

    return tap_done();
}

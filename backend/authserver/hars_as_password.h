
/*
 * Passwords that people choose (the paper's profile): Argon2id, 19 MiB and
 * two passes, about 30 ms.  Two at a time, sixteen more wait for at most two
 * seconds: guessing cannot take the machine away from tokens.  A password of
 * nobody takes as long as any other.
 *
 * The only user of libsodium.  Thread-safe; blocks the thread that calls.
 */

#ifndef HARS_AS_PASSWORD_H
#define HARS_AS_PASSWORD_H


#define HARS_PASSWORD_HASH  128           /* bytes, with the zero */
#define HARS_PASSWORD_MIN   12            /* bytes of a password */
#define HARS_PASSWORD_MAX   128

#define HARS_PASSWORD_WAIT  2             /* s */


typedef struct hars_passwords_s  hars_passwords_t;


/* NULL: no memory, or libsodium does not work */
hars_passwords_t *hars_passwords_create(void);
void hars_passwords_free(hars_passwords_t *passwords);

/* NULL: it may be one; otherwise the mend */
const char *hars_password_wrong(const char *password);

/* what is stored of it */
int hars_password_hash(char hash[HARS_PASSWORD_HASH], const char *password);

/*
 * HARS_OK: it is the one; HARS_DECLINED: it is not, or "hash" is NULL;
 * HARS_ERROR: too many are asked about, nothing was found out.
 */
int hars_password_verify(hars_passwords_t *passwords, const char *hash,
    const char *password);


#endif /* HARS_AS_PASSWORD_H */

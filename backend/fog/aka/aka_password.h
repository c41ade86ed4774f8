
/*
 * Between a wearable's flash and its key stands the password of its owner
 * (5.3).  The cloud server never learns of it.  There is no tag: a thief of
 * the flash who guesses is told by 8 bits (fv) that 255 of 256 guesses are
 * wrong; which of the others is right only the cloud server says, three times
 * per pseudonym.
 *
 * Argon2id: hosts only (aka_crypto_host.c).  A device below 1 MiB of RAM has
 * its key unlocked by the phone that it is paired with.
 */

#ifndef HARS_AKA_PASSWORD_H
#define HARS_AKA_PASSWORD_H


#include "aka_crypto.h"


#define HARS_AKA_PASSWORD_MAX  256

/* 5.3: t = 2, m = 19456 KiB; of small devices t = 5, m = 7168 KiB */
extern const hars_aka_cost_t  hars_aka_cost;
extern const hars_aka_cost_t  hars_aka_cost_small;


/*
 * Puts the key of an unlocked device (id and key set) under a password: fills
 * salt (random, new), wrapped and fv.  A change of password is unlock, then
 * lock.  HARS_AKA_PASSWORD where the password has not 1 to 256 bytes.
 */
int hars_aka_lock(hars_aka_device_t *device, const unsigned char *password,
    size_t len, const unsigned char salt[HARS_AKA_SALT],
    const hars_aka_cost_t *cost);

/*
 * Sets id and key of a recalled device.  HARS_AKA_PASSWORD where fv says that
 * id or password is wrong; HARS_AKA_OK says it with 255/256 only.
 * HARS_AKA_ERROR: no memory for Argon2id.
 */
int hars_aka_unlock(hars_aka_device_t *device, const unsigned char *id,
    size_t id_len, const unsigned char *password, size_t len,
    const hars_aka_cost_t *cost);


#endif /* HARS_AKA_PASSWORD_H */


/*
 * The wearable's part (5.5): it is what a small processor runs, so nothing
 * here needs more than aka_crypto.h without Argon2id.  The order of an
 * attempt:
 *
 *   hars_aka_device_advance()   a new counter and pseudonym
 *   ... the caller writes the image to flash; only then:
 *   hars_aka_device_m1()        the message, and what to remember of it
 *   hars_aka_device_m4()        for each answer, until one is good
 *   ... the caller writes the image to flash; only then it uses the session
 *
 * After 5 s without a good M4, hars_aka_device_forget() and a new attempt.
 */

#ifndef HARS_AKA_DEVICE_H
#define HARS_AKA_DEVICE_H


#include "aka.h"


/*
 * After a registration or re-key: what the cloud server gave (5.3), with an
 * id of 1 to 64 bytes.  Unlocked, not under a password yet (aka_password.h).
 */
int hars_aka_device_make(hars_aka_device_t *device, const unsigned char *id,
    size_t id_len, unsigned suite, uint32_t gen,
    const unsigned char key[HARS_AKA_KEY],
    const unsigned char seed[HARS_AKA_SEED], const unsigned char pk_cs[32]);

/*
 * What the flash holds, 128 bytes (5.3), from "device" and back.  Recall
 * leaves id and key empty, they come with the password; HARS_AKA_FLASH where
 * the bytes are no such image.
 */
void hars_aka_device_memory(const hars_aka_device_t *device,
    unsigned char image[HARS_AKA_MEMORY]);
int hars_aka_device_recall(hars_aka_device_t *device,
    const unsigned char image[HARS_AKA_MEMORY]);

/* the next counter and pseudonym; HARS_AKA_SPENT after 2^64 - 1 attempts */
int hars_aka_device_advance(hars_aka_device_t *device);

/*
 * M1 of an unlocked device under its present counter and pseudonym.  "rnd" is
 * random and new, "ts" ms UTC or 0 without a clock.  An attempt before is
 * forgotten.  HARS_AKA_DROP where pk_cs is no usable point.
 */
int hars_aka_device_m1(const hars_aka_device_t *device,
    const unsigned char rnd[HARS_AKA_RND], uint64_t ts, hars_aka_try_t *t,
    unsigned char m1[HARS_AKA_M1]);

/*
 * M4 of "len" bytes.  HARS_AKA_OK: the device has its new seed, the session
 * is made and "t" forgotten.  HARS_AKA_DROP: not the answer to this attempt,
 * or there is none; wait on.
 */
int hars_aka_device_m4(hars_aka_device_t *device, hars_aka_try_t *t,
    const unsigned char *m4, size_t len, hars_aka_session_t *session);

/*
 * HARS_AKA_REJECTED where an error says that this attempt was refused: a hint
 * of anybody near (5.7), to back off sooner; a good M4 may come all the same.
 * HARS_AKA_DROP: not about it.
 */
int hars_aka_device_refused(const hars_aka_try_t *t,
    const unsigned char *err, size_t len);

void hars_aka_device_forget(hars_aka_try_t *t);

/* for the end of a run: key and seed too */
void hars_aka_device_wipe(hars_aka_device_t *device);


#endif /* HARS_AKA_DEVICE_H */

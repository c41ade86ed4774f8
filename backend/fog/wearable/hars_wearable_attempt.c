
/*
 * One attempt of the key exchange (SPEC 5.5): counter and pseudonym to flash,
 * M1, wait for a good M4, new seed to flash, session.  What does not verify is
 * dropped and the wait goes on; the hint of an error ends it sooner.
 */

#include "hars_wearable.h"
#include "aka_crypto.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>


static int hars_attempt_send(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_link_t *link, hars_aka_try_t *t);
static int hars_attempt_wait(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_link_t *link, hars_aka_try_t *t,
    hars_aka_session_t *session);


/* HARS_OK, HARS_DECLINED: try again, HARS_ERROR: no use, said */
int
hars_wearable_attempt(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_link_t *link,
    hars_aka_session_t *session)
{
    int             rc;
    hars_aka_try_t  t;

    memset(&t, 0, sizeof(t));
    rc = hars_attempt_send(options, device, link, &t);

    if (rc == HARS_OK) {
        rc = hars_attempt_wait(options, device, link, &t, session);
    }

    hars_aka_device_forget(&t);

    /* a session is used once the seed that came with it is kept */

    if (rc == HARS_OK && hars_flash_write(options->flash, device) != HARS_OK) {
        hars_aka_session_wipe(session);
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_attempt_send(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_link_t *link, hars_aka_try_t *t)
{
    int            rc;
    unsigned char  rnd[HARS_AKA_RND], m1[HARS_AKA_M1];

    if (hars_aka_device_advance(device) != HARS_AKA_OK) {
        fprintf(stderr, "hars-wearable: the counter has come to its end\n");
        return HARS_ERROR;
    }

    if (hars_flash_write(options->flash, device) != HARS_OK) {
        return HARS_ERROR;
    }

    if (getrandom(rnd, sizeof(rnd), 0) != (ssize_t) sizeof(rnd)) {
        fprintf(stderr, "hars-wearable: no randomness\n");
        return HARS_ERROR;
    }

    rc = hars_aka_device_m1(device, rnd, (uint64_t) hars_now(), t,
                            m1);
    hars_aka_wipe(rnd, sizeof(rnd));

    if (rc != HARS_AKA_OK) {
        fprintf(stderr, "hars-wearable: no M1: is pk_cs of this image a "
                "point?\n");
        return HARS_ERROR;
    }

    return hars_link_send(link, m1, sizeof(m1)) == HARS_OK ? HARS_OK
                                                            : HARS_DECLINED;
}


static int
hars_attempt_wait(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_link_t *link, hars_aka_try_t *t,
    hars_aka_session_t *session)
{
    int                   rc;
    size_t                len;
    int64_t               until;
    const unsigned char  *message;

    until = hars_clock() + (int64_t) options->wait;

    for ( ;; ) {
        rc = hars_link_receive(link, until, &message, &len);

        if (rc != HARS_OK) {
            fprintf(stderr, "hars-wearable: %s\n", rc == HARS_DECLINED
                    ? "no answer in time" : "the fog node ended the link");
            return HARS_DECLINED;
        }

        if (hars_aka_device_m4(device, t, message, len, session)
            == HARS_AKA_OK)
        {
            return HARS_OK;
        }

        if (hars_aka_device_refused(t, message, len) == HARS_AKA_REJECTED) {
            fprintf(stderr, "hars-wearable: refused; is password, clock and "
                    "registration right?\n");
            return HARS_DECLINED;
        }
    }
}


unsigned long
hars_wearable_backoff(unsigned long first, unsigned n, unsigned random)
{
    unsigned long  ms;

    for (ms = first; n > 1 && ms < HARS_WEARABLE_BACKOFF; n--) {
        ms *= 2;
    }

    if (ms > HARS_WEARABLE_BACKOFF) {
        ms = HARS_WEARABLE_BACKOFF;
    }

    /* from a half of it on: many that lost one node do not come as one */

    return ms / 2 + random % (ms / 2 + 1);
}


/*
 * The run: the password opens the flash, the recording is opened, then links
 * and sessions one after the other till all of it is kept.  A link that cannot
 * be made, an attempt without an answer and a session that breaks are the same
 * here: wait (1, 2, 4 ... 60 s, less up to a half) and begin anew.
 */

#include "hars_wearable.h"
#include "aka_crypto.h"
#include "aka_password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>


static int hars_run_unlock(const hars_wearable_options_t *options,
    hars_aka_device_t *device);
static int hars_run_open(const hars_wearable_options_t *options,
    hars_carry_t *carry);
static int hars_run_sessions(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_carry_t *carry);
static int hars_run_session(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_carry_t *carry, hars_link_t *link,
    unsigned *failed);
static void hars_run_wait(const hars_wearable_options_t *options,
    unsigned failed);


int
hars_wearable_run(const hars_wearable_options_t *options)
{
    int                rc;
    hars_carry_t      *carry;
    hars_aka_device_t  device;

    rc = HARS_ERROR;
    memset(&device, 0, sizeof(device));
    carry = calloc(1, sizeof(hars_carry_t));

    if (carry && hars_run_unlock(options, &device) == HARS_OK
        && hars_run_open(options, carry) == HARS_OK)
    {
        rc = hars_run_sessions(options, &device, carry);
        hars_replay_close(carry->replay);
    }

    hars_aka_device_wipe(&device);

    if (carry) {
        hars_aka_wipe(carry, sizeof(hars_carry_t));
        free(carry);
    }

    return rc == HARS_OK ? HARS_EXIT_OK : HARS_EXIT_FAILED;
}


static int
hars_run_unlock(const hars_wearable_options_t *options,
    hars_aka_device_t *device)
{
    int           rc;
    hars_owner_t  owner;

    if (hars_flash_read(options->flash, device) != HARS_OK
        || hars_owner_read(options->owner, &owner) != HARS_OK)
    {
        return HARS_ERROR;
    }

    rc = hars_aka_unlock(device, owner.id, owner.id_len, owner.password,
                         owner.len, options->small ? &hars_aka_cost_small
                                                   : &hars_aka_cost);
    hars_aka_wipe(&owner, sizeof(owner));

    if (rc == HARS_AKA_OK) {
        return HARS_OK;
    }

    fprintf(stderr, rc == HARS_AKA_PASSWORD
            ? "hars-wearable: identity or password is wrong\n"
            : "hars-wearable: no memory for Argon2id\n");

    return HARS_ERROR;
}


static int
hars_run_open(const hars_wearable_options_t *options, hars_carry_t *carry)
{
    carry->replay = hars_replay_open(options);

    if (carry->replay == NULL) {
        return HARS_ERROR;
    }

    carry->placement = options->placement;
    carry->speed = options->speed;
    carry->left = options->rows ? options->rows : (unsigned long) -1;
    carry->begin = hars_clock();
    carry->start = options->start ? (uint64_t) options->start * 1000
                                  : (uint64_t) hars_now() * 1000;

    return HARS_OK;
}


static int
hars_run_sessions(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_carry_t *carry)
{
    int           rc;
    unsigned      failed;
    hars_link_t  *link;

    link = malloc(sizeof(hars_link_t));

    if (link == NULL) {
        return HARS_ERROR;
    }

    failed = 0;

    for ( ;; ) {
        rc = hars_run_session(options, device, carry, link, &failed);

        if (rc != HARS_DECLINED) {
            break;
        }

        failed++;

        if (options->tries && failed >= options->tries) {
            fprintf(stderr, "hars-wearable: %u attempts failed\n", failed);
            rc = HARS_ERROR;
            break;
        }

        hars_run_wait(options, failed);
    }

    free(link);

    return rc;
}


static int
hars_run_session(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_carry_t *carry, hars_link_t *link,
    unsigned *failed)
{
    int                 rc;
    const char         *why;
    hars_aka_session_t  session;

    if (hars_link_open(link, options->node, options->wait, &why) != HARS_OK) {
        fprintf(stderr, "hars-wearable: --node %s: %s\n", options->node, why);
        return HARS_DECLINED;
    }

    memset(&session, 0, sizeof(session));
    rc = hars_wearable_attempt(options, device, link, &session);

    if (rc == HARS_OK) {
        *failed = 0;
        fprintf(stderr, "hars-wearable: session\n");
        rc = hars_wearable_carry(options, carry, link, &session);
    }

    hars_aka_session_wipe(&session);
    hars_link_close(link);

    return rc;
}


static void
hars_run_wait(const hars_wearable_options_t *options, unsigned failed)
{
    unsigned         random;
    unsigned long    ms;
    struct timespec  time;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        random = 0;
    }

    ms = hars_wearable_backoff(options->backoff, failed, random);
    time.tv_sec = (time_t) (ms / 1000);
    time.tv_nsec = (long) (ms % 1000) * 1000000;
    (void) nanosleep(&time, NULL);
}


/*
 * The fog node's own state in a file, sealed under the platform's key (a key
 * file here): K_j, seed, pseudonym number, counter.  A write is a new file,
 * synced, renamed, the directory synced.
 *
 * Counters are stored HARS_STATE_AHEAD at a time: who is killed goes on behind
 * them, which the window of the cloud server (1,024) takes.  A seed is stored
 * before the first M2 goes out under it: the cloud server knows two, the
 * present one and the one of before.
 */

#include "hars_fn.h"
#include "aka_crypto.h"
#include "aka_messages.h"
#include "hars_log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>


#define HARS_STATE_AHEAD  64
#define HARS_STATE_TEXT   (1 + HARS_AKA_KEY + HARS_AKA_SEED + 1 + 8)
#define HARS_STATE_FILE   (HARS_STATE_TEXT + HARS_SEAL_OVERHEAD)


static void hars_fn_state_place(const hars_fn_t *fn,
    unsigned char key[HARS_KEY_LEN], unsigned char where[HARS_SHA256_LEN]);
static int hars_fn_state_put(const char *file, const unsigned char *bytes,
    size_t len);
static int hars_fn_state_sync(const char *file);


int
hars_fn_state_read(hars_fn_t *fn)
{
    int             fd;
    size_t          len;
    ssize_t         n;
    unsigned char   key[HARS_KEY_LEN], where[HARS_SHA256_LEN];
    unsigned char   file[HARS_STATE_FILE + 1], text[HARS_STATE_FILE];

    fd = open(fn->conf.state, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        hars_log_error("state \"%s\": %s; it is made by: hars-fognode "
                       "register", fn->conf.state, strerror(errno));
        return HARS_ERROR;
    }

    n = read(fd, file, sizeof(file));
    close(fd);
    hars_fn_state_place(fn, key, where);

    if (n != HARS_STATE_FILE
        || hars_open(fn->seal, key, where, file, (size_t) n, text, &len)
           != HARS_OK
        || len != HARS_STATE_TEXT || text[0] != 1)
    {
        hars_log_error("state \"%s\": was not sealed by this seal_key for "
                       "this client_id, or has changed; have the fog node's "
                       "key made anew (docs/fog-edge.md)", fn->conf.state);
        return HARS_ERROR;
    }

    hars_aka_fog_make(&fn->fog, text + 1, text + 33);
    fn->fog.n = text[65] % HARS_AKA_FAN;
    fn->fog.ctr = hars_aka_get(text + 66, 8);
    fn->reserved = fn->fog.ctr;
    hars_aka_wipe(text, sizeof(text));

    return HARS_OK;
}


/* the place that it is bound to: this file is of this client */
static void
hars_fn_state_place(const hars_fn_t *fn, unsigned char key[HARS_KEY_LEN],
    unsigned char where[HARS_SHA256_LEN])
{
    hars_aka_part_t  part = { fn->conf.self.client_id,
                              strlen(fn->conf.self.client_id) };

    memset(key, 0, HARS_KEY_LEN);
    memcpy(key, "fog node state", 14);
    (void) hars_aka_sha256(where, &part, 1);
}


int
hars_fn_state_write(hars_fn_t *fn)
{
    int             rc;
    size_t          len;
    unsigned char   key[HARS_KEY_LEN], where[HARS_SHA256_LEN];
    unsigned char   nonce[HARS_SEAL_NONCE_LEN];
    unsigned char   text[HARS_STATE_TEXT], file[HARS_STATE_FILE];

    if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t) sizeof(nonce)) {
        hars_log_error("no randomness");
        return HARS_ERROR;
    }

    text[0] = 1;
    memcpy(text + 1, fn->fog.key, HARS_AKA_KEY);
    memcpy(text + 33, fn->fog.seed, HARS_AKA_SEED);
    text[65] = fn->fog.n;
    hars_aka_put(text + 66, 8, fn->fog.ctr + HARS_STATE_AHEAD);

    hars_fn_state_place(fn, key, where);
    len = hars_seal(fn->seal, key, where, nonce, text, sizeof(text), file);
    hars_aka_wipe(text, sizeof(text));

    rc = len ? hars_fn_state_put(fn->conf.state, file, len) : HARS_ERROR;

    if (rc != HARS_OK) {
        hars_log_error("state \"%s\" cannot be written: %s",
                       fn->conf.state, strerror(errno));
        return HARS_ERROR;
    }

    fn->reserved = fn->fog.ctr + HARS_STATE_AHEAD;
    fn->dirty = 0;

    return HARS_OK;
}


static int
hars_fn_state_put(const char *file, const unsigned char *bytes, size_t len)
{
    int   fd, rc;
    char  name[PATH_MAX];

    snprintf(name, sizeof(name), "%s.new", file);
    fd = open(name, O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        return HARS_ERROR;
    }

    rc = write(fd, bytes, len) == (ssize_t) len && fsync(fd) == 0
         ? HARS_OK : HARS_ERROR;
    close(fd);

    if (rc == HARS_OK && rename(name, file) == -1) {
        rc = HARS_ERROR;
    }

    return rc == HARS_OK ? hars_fn_state_sync(file) : HARS_ERROR;
}


static int
hars_fn_state_sync(const char *file)
{
    int   fd, rc;
    char  name[PATH_MAX];

    snprintf(name, sizeof(name), "%s", file);
    fd = open(dirname(name), O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    rc = fd != -1 && fsync(fd) == 0 ? HARS_OK : HARS_ERROR;

    if (fd != -1) {
        close(fd);
    }

    return rc;
}


int
hars_fn_state_advance(hars_fn_t *fn)
{
    if ((fn->dirty || fn->fog.ctr >= fn->reserved)
        && hars_fn_state_write(fn) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (hars_aka_fog_advance(&fn->fog) != HARS_AKA_OK) {
        hars_log_error("the counter has come to its end");
        return HARS_ERROR;
    }

    return HARS_OK;
}

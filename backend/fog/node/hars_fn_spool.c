
/* See hars_fn_spool.h for what this is. */

#include "hars_fn_spool.h"
#include "aka_crypto.h"
#include "aka_messages.h"
#include "hars_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>


#define HARS_SPOOL_HEAD  4                /* of a chunk: its sealed length */
#define HARS_SPOOL_LONG  (HARS_SPOOL_CHUNK + HARS_SEAL_OVERHEAD)
#define HARS_SPOOL_BLOCK 4096             /* of the file system */


struct hars_spool_s {
    int                 dir;
    unsigned long       most;
    atomic_ulong        bytes;            /* of all files, in whole blocks */
    hars_seal_t        *seal;
    atomic_uint         told;             /* that it is full */
};

struct hars_spooled_s {
    hars_spool_t       *spool;
    int                 fd;
    char                name[HARS_SPOOL_NAME];    /* without its end */
    size_t              size;
    unsigned            dirty:1;
    unsigned            made:1;           /* the directory is not synced */
};


static int hars_spool_scan(hars_spool_t *spool);
static void hars_spool_count(hars_spool_t *spool, DIR *dir);
static int hars_spool_finish(hars_spool_t *spool, DIR *dir);
static unsigned long hars_spool_blocks(size_t size);
static int hars_spool_is(const char *name, const char *end);
static int hars_spool_rename(hars_spool_t *spool, const char *name,
    const char *from, const char *to);
static int hars_spool_name(char *dst, const char *name, const char *end);
static void hars_spool_place(const char *name, size_t at,
    unsigned char key[HARS_KEY_LEN], unsigned char where[HARS_SHA256_LEN]);
static int hars_spool_write(int fd, const unsigned char *bytes, size_t len);
static int hars_spool_chunks(hars_spool_t *spool, const char *name, int fd,
    hars_text_t *body);
static int hars_spool_read(int fd, unsigned char chunk[HARS_SPOOL_LONG],
    size_t *len);
static void hars_spool_free(hars_spooled_t *spooled);


hars_spool_t *
hars_spool_open(const char *dir, unsigned long most, hars_seal_t *seal)
{
    hars_spool_t  *spool;

    spool = calloc(1, sizeof(hars_spool_t));

    if (spool == NULL) {
        return NULL;
    }

    spool->most = most;
    spool->seal = seal;

    if (mkdir(dir, 0700) == -1 && errno != EEXIST) {
        spool->dir = -1;

    } else {
        spool->dir = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    }

    if (spool->dir == -1 || hars_spool_scan(spool) != HARS_OK) {
        hars_log_error("spool \"%s\": %s", dir, strerror(errno));
        hars_spool_close(spool);
        return NULL;
    }

    return spool;
}


void
hars_spool_close(hars_spool_t *spool)
{
    if (spool) {
        if (spool->dir != -1) {
            close(spool->dir);
        }

        free(spool);
    }
}


/*
 * Two ways through it: a file that gets another name may be met again under
 * that, and would be counted twice.
 */
static int
hars_spool_scan(hars_spool_t *spool)
{
    int   fd, rc;
    DIR  *dir;

    fd = openat(spool->dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        return HARS_ERROR;
    }

    hars_spool_count(spool, dir);
    rewinddir(dir);
    rc = hars_spool_finish(spool, dir);
    closedir(dir);

    return rc;
}


static void
hars_spool_count(hars_spool_t *spool, DIR *dir)
{
    struct stat     sb;
    struct dirent  *entry;

    while ((entry = readdir(dir)) != NULL) {

        if (fstatat(spool->dir, entry->d_name, &sb, 0) == 0
            && S_ISREG(sb.st_mode))
        {
            atomic_fetch_add(&spool->bytes,
                             hars_spool_blocks((size_t) sb.st_size));
        }
    }
}


/* what was open when the one before ended is to be sent */
static int
hars_spool_finish(hars_spool_t *spool, DIR *dir)
{
    int             rc;
    char            name[HARS_SPOOL_NAME];
    struct dirent  *entry;

    rc = HARS_OK;

    while (rc == HARS_OK && (entry = readdir(dir)) != NULL) {

        if (hars_spool_is(entry->d_name, ".open")) {
            snprintf(name, sizeof(name), "%.*s",
                     (int) (strlen(entry->d_name) - 5), entry->d_name);
            rc = hars_spool_rename(spool, name, ".open", ".full");
        }
    }

    return rc;
}


unsigned long
hars_spool_bytes(hars_spool_t *spool)
{
    return atomic_load(&spool->bytes);
}


/* many short recordings take more of a disk than their bytes */
static unsigned long
hars_spool_blocks(size_t size)
{
    return (size + HARS_SPOOL_BLOCK - 1) / HARS_SPOOL_BLOCK
           * HARS_SPOOL_BLOCK;
}


static int
hars_spool_is(const char *name, const char *end)
{
    size_t  len;

    len = strlen(name);

    return len > strlen(end) + 2 * HARS_AKA_SID && len < HARS_SPOOL_NAME
           && strcmp(name + len - strlen(end), end) == 0;
}


static int
hars_spool_rename(hars_spool_t *spool, const char *name, const char *from,
    const char *to)
{
    char  old[HARS_SPOOL_NAME + 8], new[HARS_SPOOL_NAME + 8];

    hars_spool_name(old, name, from);
    hars_spool_name(new, name, to);

    return renameat(spool->dir, old, spool->dir, new) == 0
           && fsync(spool->dir) == 0 ? HARS_OK : HARS_ERROR;
}


static int
hars_spool_name(char *dst, const char *name, const char *end)
{
    return snprintf(dst, HARS_SPOOL_NAME + 8, "%s%s", name, end);
}


hars_spooled_t *
hars_spool_begin(hars_spool_t *spool, const char *sid, unsigned n,
    const char *placement)
{
    char             name[HARS_SPOOL_NAME + 8];
    hars_spooled_t  *spooled;

    spooled = calloc(1, sizeof(hars_spooled_t));

    if (spooled == NULL) {
        return NULL;
    }

    spooled->spool = spool;
    spooled->made = 1;
    snprintf(spooled->name, sizeof(spooled->name), "%s-%06u-%s", sid, n,
             placement);
    hars_spool_name(name, spooled->name, ".open");
    spooled->fd = openat(spool->dir, name,
                         O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (spooled->fd == -1) {
        hars_log_error("spool: %s: %s", name, strerror(errno));
        free(spooled);
        return NULL;
    }

    return spooled;
}


int
hars_spool_append(hars_spooled_t *spooled, const unsigned char *bytes,
    size_t len)
{
    size_t          size;
    hars_spool_t   *spool;
    unsigned long   more;
    unsigned char   key[HARS_KEY_LEN], where[HARS_SHA256_LEN];
    unsigned char   nonce[HARS_SEAL_NONCE_LEN];
    unsigned char   chunk[HARS_SPOOL_HEAD + HARS_SPOOL_LONG];

    spool = spooled->spool;
    size = HARS_SPOOL_HEAD + len + HARS_SEAL_OVERHEAD;
    more = hars_spool_blocks(spooled->size + size)
           - hars_spool_blocks(spooled->size);

    if (atomic_load(&spool->bytes) + more > spool->most) {

        if (!atomic_exchange(&spool->told, 1)) {
            hars_log_error("the spool is full: wearables have to wait");
        }

        return HARS_DECLINED;
    }

    atomic_store(&spool->told, 0);
    hars_spool_place(spooled->name, spooled->size, key, where);

    if (len > HARS_SPOOL_CHUNK
        || getrandom(nonce, sizeof(nonce), 0) != (ssize_t) sizeof(nonce)
        || hars_seal(spool->seal, key, where, nonce, bytes, len,
                     chunk + HARS_SPOOL_HEAD) == 0)
    {
        hars_log_error("spool: a chunk cannot be sealed");
        return HARS_ERROR;
    }

    hars_aka_put(chunk, HARS_SPOOL_HEAD, len + HARS_SEAL_OVERHEAD);

    if (hars_spool_write(spooled->fd, chunk, size) != HARS_OK) {
        hars_log_error("spool: %s: %s", spooled->name, strerror(errno));

        /* a part of it would hide what comes behind */

        (void) !ftruncate(spooled->fd, (off_t) spooled->size);
        (void) lseek(spooled->fd, (off_t) spooled->size, SEEK_SET);
        return HARS_ERROR;
    }

    spooled->size += size;
    spooled->dirty = 1;
    atomic_fetch_add(&spool->bytes, more);

    return HARS_OK;
}


/* a chunk opens at its own place only: none is moved, doubled, left out */
static void
hars_spool_place(const char *name, size_t at,
    unsigned char key[HARS_KEY_LEN], unsigned char where[HARS_SHA256_LEN])
{
    unsigned char          place[8];
    const hars_aka_part_t  part[] = {
        { "spool", 5 }, { name, strlen(name) }, { place, sizeof(place) }
    };

    hars_aka_put(place, sizeof(place), at);
    memcpy(key, name, HARS_KEY_LEN);
    (void) hars_aka_sha256(where, part, 3);
}


static int
hars_spool_write(int fd, const unsigned char *bytes, size_t len)
{
    ssize_t  n;

    while (len) {
        n = write(fd, bytes, len);

        if (n <= 0) {
            return HARS_ERROR;
        }

        bytes += n;
        len -= (size_t) n;
    }

    return HARS_OK;
}


int
hars_spool_sync(hars_spooled_t *spooled)
{
    if (!spooled->dirty) {
        return HARS_OK;
    }

    if (fdatasync(spooled->fd) == -1
        || (spooled->made && fsync(spooled->spool->dir) == -1))
    {
        hars_log_error("spool: %s: %s", spooled->name, strerror(errno));
        return HARS_ERROR;
    }

    spooled->dirty = 0;
    spooled->made = 0;

    return HARS_OK;
}


int
hars_spool_end(hars_spooled_t *spooled)
{
    int   rc;
    char  name[HARS_SPOOL_NAME + 8];

    rc = hars_spool_sync(spooled);

    if (spooled->size == 0) {
        hars_spool_name(name, spooled->name, ".open");
        (void) unlinkat(spooled->spool->dir, name, 0);

    } else if (rc == HARS_OK) {
        rc = hars_spool_rename(spooled->spool, spooled->name, ".open",
                               ".full");
    }

    hars_spool_free(spooled);

    return rc;
}


static void
hars_spool_free(hars_spooled_t *spooled)
{
    close(spooled->fd);
    free(spooled);
}


int
hars_spool_next(hars_spool_t *spool, char name[HARS_SPOOL_NAME])
{
    int              fd;
    DIR             *dir;
    struct stat      sb;
    struct dirent   *entry;
    struct timespec  oldest;

    fd = openat(spool->dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = fd == -1 ? NULL : fdopendir(fd);
    name[0] = '\0';

    if (dir == NULL) {
        return HARS_DECLINED;
    }

    memset(&oldest, 0, sizeof(oldest));

    while ((entry = readdir(dir)) != NULL) {

        if (!hars_spool_is(entry->d_name, ".full")
            || fstatat(spool->dir, entry->d_name, &sb, 0) == -1)
        {
            continue;
        }

        if (name[0] == '\0' || sb.st_mtim.tv_sec < oldest.tv_sec
            || (sb.st_mtim.tv_sec == oldest.tv_sec
                && sb.st_mtim.tv_nsec < oldest.tv_nsec))
        {
            oldest = sb.st_mtim;
            snprintf(name, HARS_SPOOL_NAME, "%.*s",
                     (int) (strlen(entry->d_name) - 5), entry->d_name);
        }
    }

    closedir(dir);

    return name[0] ? HARS_OK : HARS_DECLINED;
}


int
hars_spool_load(hars_spool_t *spool, const char *name, hars_text_t *body)
{
    int   fd, rc;
    char  file[HARS_SPOOL_NAME + 8];

    hars_spool_name(file, name, ".full");
    fd = openat(spool->dir, file, O_RDONLY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        hars_log_error("spool: %s: %s", file, strerror(errno));
        return HARS_ERROR;
    }

    rc = hars_spool_chunks(spool, name, fd, body);
    close(fd);

    return body->failed ? HARS_ERROR : rc;
}


/* HARS_DECLINED: it was changed, or the disk does not give it back */
static int
hars_spool_chunks(hars_spool_t *spool, const char *name, int fd,
    hars_text_t *body)
{
    int            rc;
    size_t         at, len, out;
    unsigned char  key[HARS_KEY_LEN], where[HARS_SHA256_LEN];
    unsigned char  chunk[HARS_SPOOL_LONG], text[HARS_SPOOL_LONG];

    for (at = 0; (rc = hars_spool_read(fd, chunk, &len)) == HARS_OK; ) {
        hars_spool_place(name, at, key, where);

        if (len > sizeof(chunk)
            || hars_open(spool->seal, key, where, chunk, len, text, &out)
               != HARS_OK)
        {
            hars_log_error("spool: %s: the chunk at %zu was not sealed by "
                           "this seal_key or has changed", name, at);
            return HARS_DECLINED;
        }

        hars_text_add(body, (char *) text, out);
        hars_aka_wipe(text, sizeof(text));
        at += HARS_SPOOL_HEAD + len;
    }

    if (rc == HARS_ERROR) {
        hars_log_error("spool: %s: the chunk at %zu cannot be read: %s",
                       name, at, strerror(errno));
        return HARS_DECLINED;
    }

    return HARS_OK;
}


/*
 * One that is too long is not read.  HARS_DECLINED: the end; what is cut off,
 * or not more than room yet, was not acknowledged.
 */
static int
hars_spool_read(int fd, unsigned char chunk[HARS_SPOOL_LONG], size_t *len)
{
    ssize_t        n;
    unsigned char  head[HARS_SPOOL_HEAD];

    n = read(fd, head, sizeof(head));

    if (n == sizeof(head)) {
        *len = (size_t) hars_aka_get(head, sizeof(head));

        if (*len == 0) {
            return HARS_DECLINED;
        }

        if (*len > HARS_SPOOL_LONG) {
            return HARS_OK;
        }

        n = read(fd, chunk, *len);

        if (n == (ssize_t) *len) {
            return HARS_OK;
        }
    }

    return n == -1 ? HARS_ERROR : HARS_DECLINED;
}


int
hars_spool_done(hars_spool_t *spool, const char *name, unsigned refused)
{
    int          rc;
    char         file[HARS_SPOOL_NAME + 8];
    struct stat  sb;

    if (refused) {
        rc = hars_spool_rename(spool, name, ".full", ".refused");

    } else {
        hars_spool_name(file, name, ".full");
        rc = fstatat(spool->dir, file, &sb, 0) == 0
             && unlinkat(spool->dir, file, 0) == 0 ? HARS_OK : HARS_ERROR;
    }

    if (rc != HARS_OK) {
        hars_log_error("spool: %s.full cannot be put away: %s", name,
                       strerror(errno));

    } else if (!refused) {
        atomic_fetch_sub(&spool->bytes,
                         hars_spool_blocks((size_t) sb.st_size));
    }

    return rc;
}


/*
 * The spool and the rates of the fog node: what is there after a crash at any
 * byte, that a changed or moved chunk opens nowhere, the bound; buckets with
 * the clock as an argument.
 */

/* link: backend/fog/node/hars_fn_rate.c backend/fog/aka/aka_crypto_host.c */
/* link: backend/fog/aka/aka_messages.c backend/common/hars_text.c */
/* link: backend/common/hars_log.c common/hars_record.c -lsodium -lcrypto */

#include <dirent.h>


static struct dirent *readdir_again(DIR *dir);


#define readdir  readdir_again

#include "../../backend/fog/node/hars_fn_spool.c"

#undef readdir

#include "tap.h"


#define SID  "00112233445566778899aabbccddeeff"


static void rates(void);
static void recording(hars_seal_t *seal);
static void crash(hars_seal_t *seal);
static void counted(hars_seal_t *seal);
static void bound(hars_seal_t *seal);
static void room(hars_seal_t *seal);
static void disk(hars_seal_t *seal);
static size_t loaded(hars_spool_t *spool, const char *name);
static int changed(hars_spool_t *spool, const char *name);
static void fresh(void);


static char  place[64];


int
main(void)
{
    hars_seal_t          *seal;
    const unsigned char   secret[1][HARS_SECRET_LEN] = { { 1, 2, 3 } };

    (void) hars_aka_crypto_init();
    seal = hars_seal_create(secret, 1);
    strcpy(place, "/tmp/hars-spool-XXXXXX");

    if (seal == NULL || mkdtemp(place) == NULL) {
        return 1;
    }

    rates();
    recording(seal);
    crash(seal);
    counted(seal);
    bound(seal);
    room(seal);
    disk(seal);

    fresh();
    rmdir(place);
    hars_seal_free(seal);

    return tap_done();
}


static void
rates(void)
{
    unsigned                 i, n;
    hars_fn_source_t         one = { { 4, 1 } }, two = { { 4, 2 } };
    static hars_fn_rates_t   rates = { .rate = 5, .burst = 10 };

    for (i = n = 0; i < 20; i++) {
        n += (unsigned) hars_fn_rate(&rates, &one, 1000);
    }

    ok(n == 10, "a burst of ten");
    ok(hars_fn_rate(&rates, &two, 1000), "another source has its own");
    ok(!hars_fn_rate(&rates, &one, 1199), "199 ms later: none");
    ok(hars_fn_rate(&rates, &one, 1200) && !hars_fn_rate(&rates, &one, 1200),
       "200 ms later: one");

    for (i = n = 0; i < 20; i++) {
        n += (unsigned) hars_fn_rate(&rates, &one, 1000000);
    }

    ok(n == 10, "a long rest brings ten, no more");
    ok(!hars_fn_rate(&rates, &one, 900000), "a clock that goes back: none");
}


static void
recording(hars_seal_t *seal)
{
    char             name[HARS_SPOOL_NAME];
    hars_spool_t    *spool;
    hars_spooled_t  *spooled;

    spool = hars_spool_open(place, 1000000, seal);
    ok(spool && hars_spool_next(spool, name) == HARS_DECLINED, "empty");

    spooled = hars_spool_begin(spool, SID, 0, "pocket");
    ok(spooled && hars_spool_append(spooled, (unsigned char *) "abc", 3)
       == HARS_OK && hars_spool_sync(spooled) == HARS_OK, "three bytes");
    ok(hars_spool_next(spool, name) == HARS_DECLINED, "not to be sent yet");
    ok(hars_spool_append(spooled, (unsigned char *) "defg", 4) == HARS_OK
       && hars_spool_end(spooled) == HARS_OK
       && hars_spool_next(spool, name) == HARS_OK
       && strcmp(name, SID "-000000-pocket") == 0, "to be sent");
    ok(loaded(spool, name) == 7, "all seven");

    hars_spool_done(spool, name, 0);
    ok(hars_spool_next(spool, name) == HARS_DECLINED
       && atomic_load(&spool->bytes) == 0, "sent: nothing is left");
    hars_spool_close(spool);
}


static void
crash(hars_seal_t *seal)
{
    int              fd, right;
    char             file[256], name[HARS_SPOOL_NAME];
    size_t           at, whole, chunk;
    unsigned char    byte;
    hars_spool_t    *spool;
    hars_spooled_t  *spooled;

    spool = hars_spool_open(place, 1000000, seal);
    spooled = hars_spool_begin(spool, SID, 1, "pocket");
    (void) hars_spool_append(spooled, (unsigned char *) "abc", 3);
    chunk = spooled->size;
    (void) hars_spool_append(spooled, (unsigned char *) "defg", 4);
    whole = spooled->size;
    hars_spool_free(spooled);
    hars_spool_close(spool);

    spool = hars_spool_open(place, 1000000, seal);
    ok(hars_spool_next(spool, name) == HARS_OK && loaded(spool, name) == 7,
       "what was open when it died is sent");

    snprintf(file, sizeof(file), "%s/%s.full", place, name);
    fd = open(file, O_RDWR);
    right = 1;

    for (at = 0; at < whole; at++) {
        (void) !pread(fd, &byte, 1, (off_t) at);
        byte ^= 1;
        (void) !pwrite(fd, &byte, 1, (off_t) at);
        right = right && loaded(spool, name) <= (at < chunk ? 0 : 3)
                && (at % chunk < HARS_SPOOL_HEAD || changed(spool, name));
        byte ^= 1;
        (void) !pwrite(fd, &byte, 1, (off_t) at);
    }

    ok(right, "a changed bit anywhere is found, nothing behind it is read");
    right = 1;

    for (at = whole; at-- > 0; ) {
        right = right && ftruncate(fd, (off_t) at) == 0
                && loaded(spool, name) == (at < chunk ? 0 : 3);
    }

    ok(right, "cut off anywhere: the whole chunks");
    close(fd);
    hars_spool_done(spool, name, 0);
    hars_spool_close(spool);
}


/* what was open gets its other name at the start, and is counted once */
static void
counted(hars_seal_t *seal)
{
    char             name[HARS_SPOOL_NAME];
    unsigned         n;
    hars_spool_t    *spool;
    hars_spooled_t  *spooled;

    spool = hars_spool_open(place, 1000000, seal);

    for (n = 0; n < 20; n++) {
        spooled = hars_spool_begin(spool, SID, n, "pocket");
        (void) hars_spool_append(spooled, (unsigned char *) "abc", 3);
        hars_spool_free(spooled);
    }

    hars_spool_close(spool);
    spool = hars_spool_open(place, 1000000, seal);
    n = (unsigned) hars_spool_bytes(spool) / 4096;
    ok(n == 20, "20 files that were open are counted once: %u", n);

    for (n = 0; hars_spool_next(spool, name) == HARS_OK; n++) {
        hars_spool_done(spool, name, 0);
    }

    ok(n == 20 && hars_spool_bytes(spool) == 0, "... sent, nothing is left");
    hars_spool_close(spool);
}


static void
bound(hars_seal_t *seal)
{
    char             file[256], name[HARS_SPOOL_NAME];
    unsigned         n;
    hars_spool_t    *spool;
    unsigned char    bytes[1000] = { 0 };
    hars_spooled_t  *spooled;

    spool = hars_spool_open(place, 8192, seal);
    spooled = hars_spool_begin(spool, SID, 2, "pocket");

    for (n = 0; hars_spool_append(spooled, bytes, 1000) == HARS_OK; n++) {
        /* void */
    }

    ok(n == 7, "the bound: seven of a thousand in 8192");
    (void) hars_spool_end(spooled);
    hars_spool_close(spool);

    spool = hars_spool_open(place, 8192, seal);
    spooled = hars_spool_begin(spool, SID, 3, "pocket");
    ok(hars_spool_append(spooled, bytes, 1000) == HARS_DECLINED,
       "... which counts what was there at the start");
    (void) hars_spool_end(spooled);
    hars_spool_close(spool);

    snprintf(file, sizeof(file), "%s/%s-000003-pocket.full", place, SID);
    ok(access(file, F_OK) == -1, "... and what got nothing leaves no file");
    fresh();

    spool = hars_spool_open(place, 40960, seal);

    for (n = 0; n < 100; n++) {
        spooled = hars_spool_begin(spool, SID, n, "pocket");
        (void) hars_spool_append(spooled, bytes, 1);
        (void) hars_spool_end(spooled);
    }

    for (n = 0; hars_spool_next(spool, name) == HARS_OK; n++) {
        hars_spool_done(spool, name, 0);
    }

    ok(n == 10, "a short recording takes a block of the disk: ten in 40 KB");
    ok(atomic_load(&spool->bytes) == 0, "... and gives it back");
    hars_spool_close(spool);
}


/* a crash may leave room that was never written: zeroes */
static void
room(hars_seal_t *seal)
{
    int              fd;
    char             file[256], name[HARS_SPOOL_NAME];
    hars_spool_t    *spool;
    hars_spooled_t  *spooled;

    spool = hars_spool_open(place, 1000000, seal);
    spooled = hars_spool_begin(spool, SID, 9, "pocket");
    (void) hars_spool_append(spooled, (unsigned char *) "abc", 3);
    (void) hars_spool_end(spooled);
    (void) hars_spool_next(spool, name);
    snprintf(file, sizeof(file), "%s/%s.full", place, name);
    fd = open(file, O_WRONLY);
    ok(ftruncate(fd, 5000) == 0 && loaded(spool, name) == 3
       && !changed(spool, name), "zeroes behind the last chunk are no change");
    close(fd);
    hars_spool_close(spool);
}


/* one that gives nothing back, and one that nothing can be done to */
static void
disk(hars_seal_t *seal)
{
    char           file[256], aside[256], name[HARS_SPOOL_NAME];
    hars_spool_t  *spool;

    fresh();
    snprintf(file, sizeof(file), "%s/%s-000000-pocket.full", place, SID);
    snprintf(aside, sizeof(aside), "%s/%s-000000-pocket.refused", place, SID);
    spool = hars_spool_open(place, 1000000, seal);

    if (mkdir(file, 0700) == -1) {
        exit(1);
    }

    ok(hars_spool_next(spool, name) == HARS_OK && changed(spool, name),
       "what cannot be read is not the end of a recording");
    ok(hars_spool_done(spool, name, 0) == HARS_ERROR
       && access(file, F_OK) == 0, "one that cannot be deleted is told of");
    ok(hars_spool_done(spool, name, 1) == HARS_OK
       && access(aside, F_OK) == 0, "it can be put aside");
    ok(hars_spool_done(spool, name, 1) == HARS_ERROR,
       "... and where not, that is told as well");

    rmdir(aside);
    hars_spool_close(spool);
}


static size_t
loaded(hars_spool_t *spool, const char *name)
{
    size_t       len;
    hars_text_t  body;

    memset(&body, 0, sizeof(body));
    (void) hars_spool_load(spool, name, &body);
    len = body.len;
    hars_text_free(&body);

    return len;
}


static int
changed(hars_spool_t *spool, const char *name)
{
    int          rc;
    hars_text_t  body;

    memset(&body, 0, sizeof(body));
    rc = hars_spool_load(spool, name, &body);
    hars_text_free(&body);

    return rc == HARS_DECLINED;
}


static void
fresh(void)
{
    DIR            *dir;
    char            file[512];
    struct dirent  *entry;

    dir = opendir(place);

    while (dir && (entry = readdir(dir)) != NULL) {
        snprintf(file, sizeof(file), "%s/%s", place, entry->d_name);
        (void) unlink(file);
    }

    if (dir) {
        closedir(dir);
    }
}


/*
 * As of a file system where whoever reads meets a file again that got another
 * name meanwhile, which POSIX leaves open; ext4 does so with many.
 */
static struct dirent *
readdir_again(DIR *dir)
{
    size_t                len;
    struct dirent        *entry;
    static unsigned       was_open;
    static struct dirent  last;

    if (was_open) {
        was_open = 0;
        strcpy(last.d_name + strlen(last.d_name) - 5, ".full");

        if (faccessat(dirfd(dir), last.d_name, F_OK, 0) == 0) {
            return &last;
        }
    }

    entry = readdir(dir);
    len = entry ? strlen(entry->d_name) : 0;

    if (len > 5 && strcmp(entry->d_name + len - 5, ".open") == 0) {
        was_open = 1;
        last = *entry;
    }

    return entry;
}

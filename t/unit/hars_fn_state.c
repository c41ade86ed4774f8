
/*
 * The fog node's own state on disk: what is there after a crash, that counters
 * never repeat, that a seed is stored before an M2 goes out under it, and that
 * a state of another key, another client or with a bit changed is none.
 */

/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_fognode.c */
/* link: backend/fog/aka/aka_keys.c backend/fog/aka/aka_messages.c */
/* link: backend/common/hars_log.c common/hars_record.c -lsodium -lcrypto */

#include "../../backend/fog/node/hars_fn_state.c"

#include "tap.h"

#include <sys/stat.h>


static void counters(void);
static void seeds(void);
static void others(void);
static void flipped(void);
static void disk(void);
static void again(hars_fn_t *to, unsigned secret, const char *client);
static void give(hars_fn_t *fn);


static char       file[64], dir[] = "/tmp/hars-state-XXXXXX";
static hars_fn_t  fn, next;


int
main(void)
{
    if (mkdtemp(dir) == NULL || hars_aka_crypto_init() != HARS_AKA_OK) {
        return 1;
    }

    snprintf(file, sizeof(file), "%s/state", dir);
    again(&fn, 1, "fog-a");
    give(&fn);

    ok(hars_fn_state_read(&fn) == HARS_ERROR, "there is none yet");
    ok(hars_fn_state_write(&fn) == HARS_OK, "written");

    counters();
    seeds();
    others();
    flipped();
    disk();

    again(&fn, 0, NULL);
    again(&next, 0, NULL);
    unlink(file);
    rmdir(dir);

    return tap_done();
}


/* a crash after any number of them: none comes twice */
static void
counters(void)
{
    unsigned     i, right, round;
    uint64_t     last, jumped;
    struct stat  sb;

    ok(stat(file, &sb) == 0 && (sb.st_mode & 07777) == 0600,
       "for its owner alone");
    last = jumped = 0;

    for (round = right = 0; round < 100; round++) {
        again(&next, 1, "fog-a");

        if (hars_fn_state_read(&next) != HARS_OK) {
            break;
        }

        for (i = 0; i < round * 3; i++) {
            if (hars_fn_state_advance(&next) != HARS_OK
                || next.fog.ctr <= last)
            {
                break;
            }

            if (i == 0 && next.fog.ctr - last > jumped) {
                jumped = next.fog.ctr - last;
            }

            last = next.fog.ctr;
        }

        right += i == round * 3;
    }

    ok(right == 100, "killed 100 times: no counter comes twice");
    ok(jumped > 1 && jumped <= HARS_STATE_AHEAD + 1,
       "... and none is more than %d ahead, which the window takes",
       HARS_STATE_AHEAD);
    ok(memcmp(next.fog.key, fn.fog.key, HARS_AKA_KEY) == 0
       && memcmp(next.fog.seed, fn.fog.seed, HARS_AKA_SEED) == 0,
       "key and seed are what they were");
}


static void
seeds(void)
{
    memset(next.fog.seed, 7, HARS_AKA_SEED);
    next.dirty = 1;
    ok(hars_fn_state_advance(&next) == HARS_OK && !next.dirty,
       "a new seed, before the next M2");
    again(&fn, 1, "fog-a");
    ok(hars_fn_state_read(&fn) == HARS_OK
       && memcmp(fn.fog.seed, next.fog.seed, HARS_AKA_SEED) == 0
       && fn.fog.ctr >= next.fog.ctr, "... is on the disk");

    fn.fog.ctr = UINT64_MAX;
    fn.reserved = UINT64_MAX;
    ok(hars_fn_state_advance(&fn) == HARS_ERROR,
       "the counter's end is an error");
}


static void
others(void)
{
    again(&fn, 2, "fog-a");
    ok(hars_fn_state_read(&fn) == HARS_ERROR, "another seal_key");
    again(&fn, 1, "fog-b");
    ok(hars_fn_state_read(&fn) == HARS_ERROR, "another client_id");
    again(&fn, 1, "fog-a");
    ok(hars_fn_state_read(&fn) == HARS_OK, "its own");
}


static void
flipped(void)
{
    int            fd;
    unsigned       i, right;
    struct stat    sb;
    unsigned char  byte;

    fd = open(file, O_RDWR|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &sb) == -1) {
        ok(0, "the file");
        return;
    }

    for (i = right = 0; i < (unsigned) sb.st_size * 8; i++) {
        (void) !pread(fd, &byte, 1, i / 8);
        byte ^= (unsigned char) (1 << i % 8);
        (void) !pwrite(fd, &byte, 1, i / 8);
        again(&fn, 1, "fog-a");
        right += hars_fn_state_read(&fn) == HARS_ERROR;
        byte ^= (unsigned char) (1 << i % 8);
        (void) !pwrite(fd, &byte, 1, i / 8);
    }

    ok(right == i, "each of %u bits, flipped, is found", i);
    (void) !pwrite(fd, &byte, 1, sb.st_size);
    ok(hars_fn_state_read(&fn) == HARS_ERROR, "a byte more");
    (void) !ftruncate(fd, sb.st_size - 1);
    ok(hars_fn_state_read(&fn) == HARS_ERROR, "a byte less");
    close(fd);
}


/* what cannot be stored is not used */
static void
disk(void)
{
    uint64_t  ctr;
    char      gone[80];

    again(&fn, 1, "fog-a");
    give(&fn);
    ok(hars_fn_state_write(&fn) == HARS_OK, "written anew");
    snprintf(gone, sizeof(gone), "%s/nothing/state", dir);
    fn.conf.state = gone;
    fn.reserved = fn.fog.ctr;
    ctr = fn.fog.ctr;
    ok(hars_fn_state_advance(&fn) == HARS_ERROR && fn.fog.ctr == ctr,
       "counters that cannot be stored are not used");
    fn.reserved = fn.fog.ctr + 10;
    fn.dirty = 1;
    ok(hars_fn_state_advance(&fn) == HARS_ERROR && fn.dirty,
       "nor is a seed that cannot");
}


/* a new process; 0: none */
static void
again(hars_fn_t *to, unsigned secret, const char *client)
{
    unsigned char  bytes[1][HARS_SECRET_LEN];

    hars_seal_free(to->seal);
    memset(to, 0, sizeof(*to));

    if (secret) {
        memset(bytes, (int) secret, sizeof(bytes));
        to->seal = hars_seal_create(bytes, 1);
        to->conf.state = file;
        to->conf.self.client_id = (char *) (uintptr_t) client;
    }
}


static void
give(hars_fn_t *to)
{
    unsigned char  key[32], seed[32];

    memset(key, 3, sizeof(key));
    memset(seed, 4, sizeof(seed));
    hars_aka_fog_make(&to->fog, key, seed);
}

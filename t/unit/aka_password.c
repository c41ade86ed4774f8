
/*
 * The flash image of a wearable, and the password before its key: a typo is
 * told with 255/256, a thief learns no more than that.
 */

/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_device.c */
/* link: -lsodium -lcrypto */

#include "../../backend/fog/aka/aka_password.c"
#include "../../backend/fog/aka/aka_device.h"

#include "tap.h"


static void make(hars_aka_device_t *device);
static void image(void);
static void password(void);
static void verifier(void);
static int unlocked(hars_aka_device_t *device, const char *id,
    const char *password);


/* quick: what is tested is not Argon2id */
static const hars_aka_cost_t  cheap = { 1, 8 };


int
main(void)
{
    (void) hars_aka_crypto_init();

    image();
    password();
    verifier();

    return tap_done();
}


static void
make(hars_aka_device_t *device)
{
    unsigned       i;
    unsigned char  key[32], seed[32], pk[32];

    for (i = 0; i < 32; i++) {
        key[i] = (unsigned char) i;
        seed[i] = (unsigned char) (100 + i);
        pk[i] = (unsigned char) (200 + i);
    }

    (void) hars_aka_device_make(device, (unsigned char *) "alice", 5,
                                HARS_AKA_X25519_AES, 3, key, seed, pk);
}


static void
image(void)
{
    unsigned           i, bad;
    unsigned char      bytes[HARS_AKA_MEMORY], again[HARS_AKA_MEMORY];
    hars_aka_device_t  device, back;

    make(&device);
    device.ctr = 0x0102030405060708;
    device.fv = 0xab;
    memset(device.wrapped, 0x77, 32);
    memset(device.salt, 0x66, 16);
    hars_aka_device_memory(&device, bytes);

    /* ver 1 | suite 1 | gen 4 | a_i 16 | wrapped 32 | fv 1 | s 32 | n 1 |
       ctr 8 | pk_cs 32 */

    ok(bytes[0] == 1 && bytes[1] == 2 && memcmp(bytes + 2, "\0\0\0\3", 4) == 0
       && bytes[6] == 0x66 && bytes[21] == 0x66 && bytes[22] == 0x77
       && bytes[53] == 0x77 && bytes[54] == 0xab && bytes[55] == 100
       && bytes[86] == 131 && bytes[87] == 7
       && memcmp(bytes + 88, "\1\2\3\4\5\6\7\10", 8) == 0
       && bytes[96] == 200 && bytes[127] == 231, "128 bytes");
    ok(memmem(bytes, sizeof(bytes), device.id, 5) == NULL
       && memmem(bytes, sizeof(bytes), device.key, 32) == NULL,
       "without identity and key");

    ok(hars_aka_device_recall(&back, bytes) == HARS_AKA_OK
       && back.id_len == 0 && back.key[1] == 0
       && back.ctr == device.ctr && back.n == 7, "recalled");
    hars_aka_device_memory(&back, again);
    ok(memcmp(bytes, again, sizeof(bytes)) == 0, "... to the same bytes");

    for (bad = i = 0; i < 256; i++) {
        bytes[0] = (unsigned char) i;
        bad += i != 1
               && hars_aka_device_recall(&back, bytes) != HARS_AKA_FLASH;
    }

    bytes[0] = 1;
    bytes[1] = 3;
    bad += hars_aka_device_recall(&back, bytes) != HARS_AKA_FLASH;
    bytes[1] = 2;
    bytes[87] = 8;
    bad += hars_aka_device_recall(&back, bytes) != HARS_AKA_FLASH;
    ok(bad == 0, "no image of ours");
}


static int
unlocked(hars_aka_device_t *device, const char *id, const char *text)
{
    return hars_aka_unlock(device, (const unsigned char *) id, strlen(id),
                           (const unsigned char *) text, strlen(text),
                           &cheap);
}


static void
password(void)
{
    unsigned char      bytes[HARS_AKA_MEMORY], salt[16] = { 5 };
    unsigned char      longest[HARS_AKA_PASSWORD_MAX + 1], k[64];
    hars_aka_device_t  device, back;

    make(&device);
    ok(hars_aka_lock(&device, (unsigned char *) "open sesame", 11, salt,
                     &cheap) == HARS_AKA_OK, "locked");
    hars_aka_device_memory(&device, bytes);
    (void) hars_aka_device_recall(&back, bytes);

    ok(unlocked(&back, "alice", "open sesam") == HARS_AKA_PASSWORD
       && back.id_len == 0, "another password");
    ok(unlocked(&back, "alicf", "open sesame") == HARS_AKA_PASSWORD,
       "another identity");
    ok(unlocked(&back, "alic", "eopen sesame") == HARS_AKA_PASSWORD,
       "the same text, parted elsewhere");
    ok(unlocked(&back, "", "x") == HARS_AKA_PASSWORD
       && unlocked(&back, "alice", "") == HARS_AKA_PASSWORD,
       "nothing at all");
    ok(unlocked(&back, "alice", "open sesame") == HARS_AKA_OK
       && back.id_len == 5 && memcmp(back.key, device.key, 32) == 0,
       "unlocked");

    salt[0]++;
    ok(hars_aka_lock(&back, (unsigned char *) "something else", 14, salt,
                     &cheap) == HARS_AKA_OK
       && unlocked(&back, "alice", "something else") == HARS_AKA_OK
       && memcmp(back.key, device.key, 32) == 0, "a change of password");

    memset(longest, 'x', sizeof(longest));
    ok(hars_aka_lock(&back, longest, sizeof(longest) - 1, salt, &cheap)
       == HARS_AKA_OK
       && hars_aka_lock(&back, longest, sizeof(longest), salt, &cheap)
          == HARS_AKA_PASSWORD, "256 bytes at most");

    ok(hars_aka_lock(&device, (unsigned char *) "pw", 2, salt,
                     &hars_aka_cost) == HARS_AKA_OK
       && hars_aka_unlock(&device, (unsigned char *) "alice", 5,
                          (unsigned char *) "pw", 2, &hars_aka_cost)
          == HARS_AKA_OK
       && hars_aka_unlock(&device, (unsigned char *) "alice", 5,
                          (unsigned char *) "pw", 2, &hars_aka_cost_small)
          == HARS_AKA_PASSWORD,
       "at the cost of the text; another cost is another key");

    ok(hars_aka_argon2id(k, (const unsigned char *) "x", 1, salt,
                         &(hars_aka_cost_t) { 0, 8 }) == HARS_AKA_ERROR,
       "no pass at all");
}


/* of all guesses 1 in 256 passes, and opens to something else */
static void
verifier(void)
{
    char               guess[16];
    unsigned           i, passed, right;
    unsigned char      salt[16] = { 6 };
    hars_aka_device_t  device, back;

    make(&device);
    (void) hars_aka_lock(&device, (unsigned char *) "secret", 6, salt,
                         &cheap);

    for (passed = right = i = 0; i < 4096; i++) {
        back = device;
        snprintf(guess, sizeof(guess), "guess %u", i);

        if (unlocked(&back, "alice", guess) == HARS_AKA_OK) {
            passed++;
            right += memcmp(back.key, device.key, 32) == 0;
        }
    }

    ok(passed > 4 && passed < 40 && right == 0,
       "%u of 4096 wrong guesses pass the verifier, none is the key", passed);
}


/*
 * What the cloud server keeps of a party: the window of a fog node's counters,
 * burns and their end, seeds that roll, re-key, and the sealed bytes.
 */

/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c -lsodium -lcrypto */

#include "../../backend/fog/aka/aka_row.c"

#include "tap.h"


#define NOW  1800000000000


static void make(hars_aka_row_t *row, unsigned kind);
static void window(void);
static void counters(void);
static void burns(void);
static void seeds(void);
static void sealing(void);


static const unsigned char  one[32] = { 1 }, two[32] = { 2 },
                            three[32] = { 3 };


int
main(void)
{
    (void) hars_aka_crypto_init();

    window();
    counters();
    burns();
    seeds();
    sealing();

    return tap_done();
}


static void
make(hars_aka_row_t *row, unsigned kind)
{
    (void) hars_aka_row_make(row, kind, (unsigned char *) "somebody", 8,
                             HARS_AKA_X25519_AES, one);
}


/* against a list of what was taken */
static void
window(void)
{
    uint64_t        ctr, base, last;
    unsigned        i, bad, taken;
    hars_aka_row_t  row;
    static char     seen[8192];

    make(&row, HARS_AKA_FOG);
    base = last = 0;
    srand(1);

    for (bad = taken = i = 0; i < 200000; i++) {
        ctr = (uint64_t) rand() % 1400;
        ctr = base + ctr > 700 ? base + ctr - 700 : ctr;

        if (ctr >= sizeof(seen)) {
            break;
        }

        if (hars_aka_row_is_fresh(&row, ctr)) {
            bad += seen[ctr] || ctr == 0
                   || (ctr < last && last - ctr >= HARS_AKA_WINDOW);
            hars_aka_row_take(&row, ctr);
            seen[ctr] = 1;
            taken++;
            last = ctr > last ? ctr : last;

        } else {
            bad += !seen[ctr] && ctr > 0
                   && (ctr > last || last - ctr < HARS_AKA_WINDOW);
        }

        base = i / 30;
    }

    ok(bad == 0 && taken > 4000, "a window of 1024: %u taken, each once",
       taken);
}


static void
counters(void)
{
    hars_aka_row_t  row;

    make(&row, HARS_AKA_FOG);
    ok(!hars_aka_row_is_fresh(&row, 0), "no counter 0");

    hars_aka_row_take(&row, UINT64_MAX);
    ok(!hars_aka_row_is_fresh(&row, UINT64_MAX)
       && hars_aka_row_is_fresh(&row, UINT64_MAX - 1)
       && hars_aka_row_is_fresh(&row, UINT64_MAX - 1023)
       && !hars_aka_row_is_fresh(&row, UINT64_MAX - 1024),
       "a jump to the end");
    hars_aka_row_take(&row, UINT64_MAX - 1);
    ok(!hars_aka_row_is_fresh(&row, UINT64_MAX - 1), "... and one back");

    make(&row, HARS_AKA_FOG);
    row.ctr = UINT64_MAX - 3;
    memset(row.window, 0xff, sizeof(row.window));
    hars_aka_row_take(&row, UINT64_MAX);
    ok(hars_aka_row_is_fresh(&row, UINT64_MAX - 1)
       && hars_aka_row_is_fresh(&row, UINT64_MAX - 2)
       && !hars_aka_row_is_fresh(&row, UINT64_MAX - 3), "a step to the end");

    make(&row, HARS_AKA_DEVICE);
    hars_aka_row_take(&row, 10);
    ok(!hars_aka_row_is_fresh(&row, 10) && !hars_aka_row_is_fresh(&row, 9)
       && hars_aka_row_is_fresh(&row, 11), "a device's counter only grows");
}


static void
burns(void)
{
    hars_aka_row_t  row;

    make(&row, HARS_AKA_DEVICE);

    hars_aka_row_burn(&row, HARS_AKA_CUR, 4, NOW);
    hars_aka_row_burn(&row, HARS_AKA_CUR, 4, NOW + 1);
    ok(!hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 4, NOW + 2),
       "two failures");
    hars_aka_row_burn(&row, HARS_AKA_CUR, 4, NOW + 2);
    ok(hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 4, NOW + 3)
       && !hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 5, NOW + 3)
       && !hars_aka_row_is_burnt(&row, HARS_AKA_PREV, 4, NOW + 3),
       "the third burns that pseudonym alone");
    ok(hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 4, NOW + 86400001)
       && !hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 4, NOW + 86400002),
       "... for 24 hours");
    ok(hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 4, NOW - 1000),
       "... a clock that is set back frees nothing");

    hars_aka_row_burn(&row, HARS_AKA_CUR, 4, NOW + 86400002);
    ok(!hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 4, NOW + 86400003),
       "... then it counts anew");
    hars_aka_row_burn(&row, HARS_AKA_CUR, 4, NOW + 86400003);
    hars_aka_row_burn(&row, HARS_AKA_CUR, 4, NOW + 86400004);

    hars_aka_row_roll(&row, HARS_AKA_CUR, two);
    ok(hars_aka_row_is_burnt(&row, HARS_AKA_PREV, 4, NOW + 86400005)
       && !hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 4, NOW + 86400005),
       "burns go with their seed");
    hars_aka_row_roll(&row, HARS_AKA_CUR, three);
    ok(!hars_aka_row_is_burnt(&row, HARS_AKA_PREV, 4, NOW + 86400005),
       "... until it is none any more");

    hars_aka_row_burn(&row, HARS_AKA_CUR, 0, NOW + 86400006);
    hars_aka_row_burn(&row, HARS_AKA_CUR, 0, NOW + 86400006);
    hars_aka_row_burn(&row, HARS_AKA_CUR, 0, NOW + 86400006);
    ok(hars_aka_row_rekey(&row, one) == HARS_AKA_OK
       && !hars_aka_row_is_burnt(&row, HARS_AKA_CUR, 0, NOW + 86400007)
       && row.gen == 2 && !row.has_prev && row.ctr == 0
       && hars_aka_row_is_fresh(&row, 1), "a re-key clears them");

    row.gen = UINT32_MAX;
    ok(hars_aka_row_rekey(&row, one) == HARS_AKA_SPENT, "no re-key is left");
}


static void
seeds(void)
{
    unsigned        i, n, bad;
    hars_aka_row_t  row;
    unsigned char   pid[2 * HARS_AKA_FAN][HARS_AKA_PID];

    make(&row, HARS_AKA_DEVICE);
    ok(hars_aka_row_pids(&row, pid) == 8
       && hars_aka_row_of(&row, 0, pid[0]) == HARS_AKA_CUR
       && hars_aka_row_of(&row, 1, pid[0]) == -1
       && hars_aka_row_of(&row, 8, pid[0]) == -1, "8 pseudonyms");

    hars_aka_row_roll(&row, HARS_AKA_CUR, two);
    ok(memcmp(row.seed[0], two, 32) == 0 && memcmp(row.seed[1], one, 32) == 0,
       "a session under cur makes a new seed");
    hars_aka_row_roll(&row, HARS_AKA_PREV, three);
    ok(memcmp(row.seed[0], two, 32) == 0 && memcmp(row.seed[1], one, 32) == 0,
       "... under prev none");

    n = hars_aka_row_pids(&row, pid);

    for (bad = i = 0; i < n; i++) {
        bad += hars_aka_row_of(&row, i % 8, pid[i]) != (int) (i / 8);
    }

    ok(n == 16 && bad == 0, "16 pseudonyms, each of its seed");

    ok(hars_aka_row_make(&row, 0, one, 0, 2, one) == HARS_AKA_ERROR
       && hars_aka_row_make(&row, 0, one, 65, 2, one) == HARS_AKA_ERROR
       && hars_aka_row_make(&row, 0, one, 1, 3, one) == HARS_AKA_ERROR,
       "no such party");
}


static void
sealing(void)
{
    unsigned        bit, len, bad;
    hars_aka_row_t  row, back;
    unsigned char   sealed[HARS_AKA_ROW_SEALED + 1], nonce[12] = { 9 };

    make(&row, HARS_AKA_FOG);
    hars_aka_row_roll(&row, HARS_AKA_CUR, two);
    hars_aka_row_take(&row, 77);
    hars_aka_row_burn(&row, HARS_AKA_PREV, 3, NOW);
    row.gen = 0x01020304;
    row.status = HARS_AKA_REVOKED;

    ok(hars_aka_row_seal(&row, one, 5, nonce, sealed) == HARS_AKA_OK
       && hars_aka_row_open(&back, one, 5, sealed, HARS_AKA_ROW_SEALED)
          == HARS_AKA_OK
       && memcmp(&row, &back, sizeof(row)) == 0, "sealed and opened");
    ok(hars_aka_row_open(&back, one, 6, sealed, HARS_AKA_ROW_SEALED)
       == HARS_AKA_DROP, "moved to another number");
    ok(hars_aka_row_open(&back, two, 5, sealed, HARS_AKA_ROW_SEALED)
       == HARS_AKA_DROP, "another x");

    for (bad = bit = 0; bit < 8 * HARS_AKA_ROW_SEALED; bit++) {
        sealed[bit / 8] ^= (unsigned char) (1 << bit % 8);
        bad += hars_aka_row_open(&back, one, 5, sealed, HARS_AKA_ROW_SEALED)
               != HARS_AKA_DROP;
        sealed[bit / 8] ^= (unsigned char) (1 << bit % 8);
    }

    ok(bad == 0, "none of %u flipped bits opens", bit);

    for (bad = len = 0; len <= sizeof(sealed); len++) {
        bad += len != HARS_AKA_ROW_SEALED
               && hars_aka_row_open(&back, one, 5, sealed, len)
                  != HARS_AKA_DROP;
    }

    ok(bad == 0, "nor another length");

    row.status = 9;
    (void) hars_aka_row_seal(&row, one, 5, nonce, sealed);
    ok(hars_aka_row_open(&back, one, 5, sealed, HARS_AKA_ROW_SEALED)
       == HARS_AKA_DROP, "nor a status that there is none of");
}


/*
 * What the fog's cloud server has in memory: parties and the index of their
 * pseudonyms while they move and the tables grow, sessions that wait for their
 * first record, and how many M2 a fog node may send.  Times are arguments.
 */

/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/common/hars_log.c */
/* link: -lsodium -lcrypto -lpthread */

#include "../../backend/fog/cloud/hars_fc_parties.c"
#include "../../backend/fog/cloud/hars_fc_provisional.c"
#include "../../backend/fog/cloud/hars_fc_rate.c"

#include "tap.h"

#include <stdio.h>


#define MANY  300


static void rates(void);
static void index_of(void);
static void numbers(void);
static void waiting(void);
static void full(void);
static hars_fc_party_t *party(hars_fc_parties_t *parties, unsigned n);
static int found(hars_fc_parties_t *parties, const hars_fc_party_t *p,
    unsigned of);
static void entry(hars_fc_open_t *open, unsigned n, int64_t since);


int
main(void)
{
    (void) hars_aka_crypto_init();

    rates();
    index_of();
    numbers();
    waiting();
    full();

    return tap_done();
}


static void
rates(void)
{
    int64_t         now = 1800000000000;
    unsigned        i, n;
    hars_fc_rate_t  bucket;

    memset(&bucket, 0, sizeof(bucket));

    for (i = n = 0; i < 1000; i++) {
        n += hars_fc_rate(&bucket, 50, 200, now) == HARS_OK;
    }

    ok(n == 200, "a burst of 200");
    ok(hars_fc_rate(&bucket, 50, 200, now + 19) == HARS_DECLINED,
       "19 ms later: none");
    ok(hars_fc_rate(&bucket, 50, 200, now + 20) == HARS_OK
       && hars_fc_rate(&bucket, 50, 200, now + 20) == HARS_DECLINED,
       "20 ms later: one");
    ok(hars_fc_rate(&bucket, 50, 200, now - 3600000) == HARS_DECLINED,
       "an hour back: nothing is filled");
    ok(hars_fc_rate(&bucket, 50, 200, now - 3600000 + 20) == HARS_OK,
       "... and nothing lost: it goes on from there");

    for (i = n = 0; i < 1000; i++) {
        n += hars_fc_rate(&bucket, 50, 200, now + 1000) == HARS_OK;
    }

    ok(n == 200, "an hour later: full, no more than that");
    n = 0;

    for (i = 0; i < 1000; i++) {
        n += hars_fc_rate(&bucket, 1000000, 1000000, INT64_MAX / 4)
             == HARS_OK;
    }

    ok(n == 1000, "the largest of all settings, long afterwards");
}


/* a party is found under the pseudonyms of two seeds, and under no other */
static void
index_of(void)
{
    unsigned             i, right;
    unsigned char        seed[32] = { 9 };
    hars_aka_row_t       old;
    hars_fc_party_t     *p[MANY], before;
    hars_fc_parties_t   *parties;

    parties = hars_fc_parties_create();

    for (i = 0; i < MANY; i++) {
        p[i] = party(parties, i);
    }

    for (i = right = 0; i < MANY; i++) {
        right += (unsigned) found(parties, p[i], HARS_AKA_CUR)
                 && hars_fc_parties_name(parties, p[i]->name) == p[i]
                 && hars_fc_parties_at(parties, p[i]->number) == p[i];
    }

    ok(right == MANY, "%u parties, of which tables grew three times", MANY);

    old = p[7]->row;
    hars_aka_row_roll(&p[7]->row, HARS_AKA_CUR, seed);
    ok(hars_fc_parties_index(parties, p[7]) == HARS_OK
       && found(parties, p[7], HARS_AKA_CUR)
       && found(parties, p[7], HARS_AKA_PREV), "a new seed: both are known");
    ok(memcmp(p[7]->row.seed[HARS_AKA_PREV], old.seed[HARS_AKA_CUR], 32) == 0,
       "... the one of before is the previous one");

    before = *p[7];
    seed[0]++;
    hars_aka_row_roll(&p[7]->row, HARS_AKA_CUR, seed);
    ok(hars_fc_parties_index(parties, p[7]) == HARS_OK
       && found(parties, p[7], HARS_AKA_CUR)
       && found(parties, p[7], HARS_AKA_PREV)
       && !found(parties, &before, HARS_AKA_PREV),
       "the next one: the seed before the previous one is nobody's");

    before = *p[7];
    seed[0]++;
    ok(hars_aka_row_rekey(&p[7]->row, seed) == HARS_AKA_OK
       && hars_fc_parties_index(parties, p[7]) == HARS_OK
       && found(parties, p[7], HARS_AKA_CUR)
       && !found(parties, &before, HARS_AKA_CUR)
       && !found(parties, &before, HARS_AKA_PREV),
       "a re-key: neither of before");

    for (i = right = 0; i < MANY; i++) {
        right += (unsigned) found(parties, p[i], HARS_AKA_CUR);
    }

    ok(right == MANY, "all others are where they were");
    hars_fc_parties_free(parties);
    hars_fc_parties_free(NULL);
}


static void
numbers(void)
{
    hars_fc_party_t     *one, *two;
    hars_fc_parties_t   *parties;

    parties = hars_fc_parties_create();
    one = party(parties, 0);
    ok(hars_fc_parties_number(parties) == 2
       && hars_fc_parties_number(parties) == 3, "a number once");
    ok(hars_fc_parties_at(parties, 2) == NULL
       && hars_fc_parties_at(parties, 0) == NULL
       && hars_fc_parties_at(parties, UINT64_MAX) == NULL,
       "a gap, none, and one that is too large");

    two = calloc(1, sizeof(hars_fc_party_t));
    *two = *one;
    ok(hars_fc_parties_add(parties, two) == HARS_ERROR,
       "a number that is taken");
    two->number = 0;
    ok(hars_fc_parties_add(parties, two) == HARS_ERROR, "number 0");
    two->number = HARS_FC_PARTIES_MAX + 1;
    ok(hars_fc_parties_add(parties, two) == HARS_ERROR, "too many");
    free(two);

    parties->numbers = HARS_FC_PARTIES_MAX;
    ok(hars_fc_parties_number(parties) == 0
       && hars_fc_parties_number(parties) == 0, "none is left: no number");
    parties->numbers = 64;
    ok(hars_fc_parties_number(parties) == 65 && parties->size == 128,
       "a number has its place");
    hars_fc_parties_free(parties);
}


static void
waiting(void)
{
    int64_t                  now = 1800000000000;
    unsigned                 i;
    hars_fc_open_t           open, out;
    hars_fc_provisional_t   *table;

    table = hars_fc_provisional_create();

    for (i = 0; i < 10; i++) {
        entry(&open, i, now + i * 1000);
        ok(hars_fc_provisional_put(table, &open) == HARS_OK, "session %u", i);
    }

    entry(&open, 3, now + 3000);
    ok(hars_fc_provisional_get(table, open.session.sid, now + 32999, &out)
       == HARS_OK && memcmp(&out, &open, sizeof(out)) == 0,
       "one of ten, 29.999 s later");
    ok(hars_fc_provisional_get(table, open.session.sid, now + 33000, &out)
       == HARS_DECLINED, "30 s later it is none");

    hars_fc_provisional_sweep(table, 0, now + 33000);
    ok(hars_fc_provisional_count(table) == 6, "swept: four are over");
    hars_fc_provisional_sweep(table, 105, now + 33000);
    ok(hars_fc_provisional_count(table) == 5, "those of a device");
    hars_fc_provisional_sweep(table, 7, now + 33000);
    ok(hars_fc_provisional_count(table) == 0, "those of a fog node");

    entry(&open, 1, now);
    (void) hars_fc_provisional_put(table, &open);
    hars_fc_provisional_end(table, open.session.sid);
    hars_fc_provisional_end(table, open.session.sid);
    ok(hars_fc_provisional_count(table) == 0, "one that ends, twice");

    (void) hars_fc_provisional_put(table, &open);
    hars_fc_provisional_free(table);
    hars_fc_provisional_free(NULL);
}


static void
full(void)
{
    int64_t                  now = 1800000000000;
    unsigned                 i;
    hars_fc_open_t           open;
    hars_fc_provisional_t   *table;

    table = hars_fc_provisional_create();

    for (i = 0; i < HARS_FC_PROVISIONAL; i++) {
        entry(&open, i, i < 10 ? now : now + 10);
        (void) hars_fc_provisional_put(table, &open);
    }

    ok(hars_fc_provisional_room(table, now + 29999) == HARS_DECLINED,
       "it is full");
    ok(hars_fc_provisional_room(table, now + 30000) == HARS_OK
       && hars_fc_provisional_count(table) == HARS_FC_PROVISIONAL - 10,
       "... till the first ones are over");
    hars_fc_provisional_free(table);
}


static hars_fc_party_t *
party(hars_fc_parties_t *parties, unsigned n)
{
    char              id[16];
    unsigned char     seed[32] = { 0 };
    hars_fc_party_t  *p;

    p = calloc(1, sizeof(hars_fc_party_t));
    memcpy(seed + 4, &n, sizeof(n));
    snprintf(id, sizeof(id), "dev-%u", n);

    /* three of four share a slot of names */

    p->number = hars_fc_parties_number(parties);
    p->name[0] = (unsigned char) (n % 4 ? 0 : n);
    memcpy(p->name + 8, &n, sizeof(n));

    if (hars_aka_row_make(&p->row, HARS_AKA_DEVICE, (unsigned char *) id,
                          strlen(id), HARS_AKA_X25519_AES, seed)
        != HARS_AKA_OK
        || hars_fc_parties_add(parties, p) != HARS_OK)
    {
        abort();
    }

    return p;
}


/* all eight pseudonyms of this seed of the row, and their n */
static int
found(hars_fc_parties_t *parties, const hars_fc_party_t *p, unsigned of)
{
    unsigned               n, i;
    unsigned char          pid[HARS_AKA_PID];
    const hars_fc_party_t *who;

    for (i = 0; i < HARS_AKA_FAN; i++) {
        if (hars_aka_pid(pid, p->row.seed[of], i) != HARS_AKA_OK) {
            abort();
        }

        n = HARS_AKA_FAN;
        who = hars_fc_parties_pid(parties, pid, &n);

        if (who == NULL || who->number != p->number || n != i) {
            return 0;
        }
    }

    return 1;
}


/* all of fog node 7; many share a slot */
static void
entry(hars_fc_open_t *open, unsigned n, int64_t since)
{
    memset(open, 0, sizeof(*open));
    memcpy(open->session.sid + 4, &n, sizeof(n));
    open->session.sid[1] = (unsigned char) (n / 16);
    open->session.since = since;
    open->device = 100 + n;
    open->fog = 7;
}


/*
 * See aka_row.h for what this is.  The rule of the pseudonyms: an attempt
 * under the present seed makes a new one, an attempt under the previous seed
 * is told the present one AGAIN.  So whatever is lost, doubled or replayed,
 * the party's seed is one of the two, for ever (SPIN: desync, fogconc).
 *
 * The burns of a seed go with it when it becomes the previous one: a thief
 * has 3 x 8 guesses per seed, not twice that.  After 24 h without a failure
 * all are forgotten.
 *
 * SPEC 5.3, 5.5 (steps 4, 7, 8), 5.6.
 */

#include "aka_row.h"
#include "aka_keys.h"
#include "aka_messages.h"

#include <string.h>


#define HARS_AKA_ROW_VERSION  1
#define HARS_AKA_ROW_BYTES                                                   \
    (HARS_AKA_ROW_SEALED - HARS_AKA_NONCE - HARS_AKA_TAG)


static int hars_aka_row_expired(const hars_aka_row_t *row, int64_t now);
static int hars_aka_row_key(unsigned char key[32], const unsigned char *x);
static void hars_aka_row_encode(const hars_aka_row_t *row, unsigned char *p);
static int hars_aka_row_decode(hars_aka_row_t *row, const unsigned char *p);


int
hars_aka_row_make(hars_aka_row_t *row, unsigned kind,
    const unsigned char *id, size_t id_len, unsigned suite,
    const unsigned char seed[HARS_AKA_SEED])
{
    if (id_len == 0 || id_len > HARS_AKA_ID_MAX
        || !hars_aka_suite_known(suite))
    {
        return HARS_AKA_ERROR;
    }

    memset(row, 0, sizeof(hars_aka_row_t));

    row->kind = (unsigned char) kind;
    memcpy(row->id, id, id_len);
    row->id_len = (unsigned char) id_len;
    row->suite = (unsigned char) suite;
    row->status = HARS_AKA_ACTIVE;
    row->gen = 1;
    memcpy(row->seed[HARS_AKA_CUR], seed, HARS_AKA_SEED);

    return HARS_AKA_OK;
}


int
hars_aka_row_rekey(hars_aka_row_t *row,
    const unsigned char seed[HARS_AKA_SEED])
{
    if (row->gen == UINT32_MAX) {
        return HARS_AKA_SPENT;
    }

    row->gen++;
    row->status = HARS_AKA_ACTIVE;
    row->has_prev = 0;
    row->ctr = 0;
    row->t_last = 0;
    memcpy(row->seed[HARS_AKA_CUR], seed, HARS_AKA_SEED);
    hars_aka_wipe(row->seed[HARS_AKA_PREV], HARS_AKA_SEED);
    memset(row->burnt, 0, sizeof(row->burnt));
    memset(row->window, 0, sizeof(row->window));

    return HARS_AKA_OK;
}


unsigned
hars_aka_row_pids(const hars_aka_row_t *row,
    unsigned char pid[2 * HARS_AKA_FAN][HARS_AKA_PID])
{
    unsigned  i, total;

    total = row->has_prev ? 2 * HARS_AKA_FAN : HARS_AKA_FAN;

    for (i = 0; i < total; i++) {
        if (hars_aka_pid(pid[i], row->seed[i / HARS_AKA_FAN],
                         i % HARS_AKA_FAN) != HARS_AKA_OK)
        {
            return 0;
        }
    }

    return total;
}


int
hars_aka_row_of(const hars_aka_row_t *row, unsigned n,
    const unsigned char pid[HARS_AKA_PID])
{
    unsigned       of;
    unsigned char  have[HARS_AKA_PID];

    for (of = HARS_AKA_CUR; of <= row->has_prev; of++) {
        if (n < HARS_AKA_FAN
            && hars_aka_pid(have, row->seed[of], n) == HARS_AKA_OK
            && hars_aka_equal(have, pid, HARS_AKA_PID))
        {
            return (int) of;
        }
    }

    return -1;
}


void
hars_aka_row_roll(hars_aka_row_t *row, unsigned of,
    const unsigned char fresh[HARS_AKA_SEED])
{
    if (of != HARS_AKA_CUR) {
        return;
    }

    memcpy(row->seed[HARS_AKA_PREV], row->seed[HARS_AKA_CUR], HARS_AKA_SEED);
    memcpy(row->seed[HARS_AKA_CUR], fresh, HARS_AKA_SEED);
    memcpy(row->burnt[HARS_AKA_PREV], row->burnt[HARS_AKA_CUR],
           HARS_AKA_FAN);
    memset(row->burnt[HARS_AKA_CUR], 0, HARS_AKA_FAN);
    row->has_prev = 1;
}


int
hars_aka_row_is_burnt(const hars_aka_row_t *row, unsigned of, unsigned n,
    int64_t now)
{
    return row->burnt[of][n] >= HARS_AKA_BURNT
           && !hars_aka_row_expired(row, now);
}


void
hars_aka_row_burn(hars_aka_row_t *row, unsigned of, unsigned n, int64_t now)
{
    if (hars_aka_row_expired(row, now)) {
        memset(row->burnt, 0, sizeof(row->burnt));
    }

    if (row->burnt[of][n] < HARS_AKA_BURNT) {
        row->burnt[of][n]++;
    }

    row->t_last = now;
}


static int
hars_aka_row_expired(const hars_aka_row_t *row, int64_t now)
{
    return now - row->t_last >= HARS_AKA_BURNT_MS;
}


int
hars_aka_row_is_fresh(const hars_aka_row_t *row, uint64_t ctr)
{
    if (ctr > row->ctr) {
        return 1;
    }

    if (row->kind == HARS_AKA_DEVICE || ctr == 0
        || row->ctr - ctr >= HARS_AKA_WINDOW)
    {
        return 0;
    }

    return !(row->window[ctr % HARS_AKA_WINDOW / 8] & 1 << ctr % 8);
}


/* the window is a ring: what the counter passes over is not seen yet */
void
hars_aka_row_take(hars_aka_row_t *row, uint64_t ctr)
{
    uint64_t  c;

    if (ctr > row->ctr) {
        if (ctr - row->ctr >= HARS_AKA_WINDOW) {
            memset(row->window, 0, sizeof(row->window));

        } else {
            for (c = row->ctr + 1; c <= ctr; c++) {
                row->window[c % HARS_AKA_WINDOW / 8] &=
                                               (unsigned char) ~(1 << c % 8);
                if (c == UINT64_MAX) {
                    break;
                }
            }
        }

        row->ctr = ctr;
    }

    row->window[ctr % HARS_AKA_WINDOW / 8] |= (unsigned char) (1 << ctr % 8);
}


int
hars_aka_row_seal(const hars_aka_row_t *row, const unsigned char x[32],
    uint64_t number, const unsigned char nonce[12],
    unsigned char sealed[HARS_AKA_ROW_SEALED])
{
    int            rc;
    unsigned char  key[32], aad[8], bytes[HARS_AKA_ROW_BYTES];

    hars_aka_put(aad, 8, number);
    hars_aka_row_encode(row, bytes);
    memcpy(sealed, nonce, HARS_AKA_NONCE);

    rc = hars_aka_row_key(key, x);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_seal(HARS_AKA_SYM_AES, key, nonce, aad, 8, bytes,
                           sizeof(bytes), sealed + HARS_AKA_NONCE);
    }

    hars_aka_wipe(key, sizeof(key));
    hars_aka_wipe(bytes, sizeof(bytes));

    return rc;
}


int
hars_aka_row_open(hars_aka_row_t *row, const unsigned char x[32],
    uint64_t number, const unsigned char *sealed, size_t len)
{
    int            rc;
    unsigned char  key[32], aad[8], bytes[HARS_AKA_ROW_BYTES];

    if (len != HARS_AKA_ROW_SEALED) {
        return HARS_AKA_DROP;
    }

    hars_aka_put(aad, 8, number);

    rc = hars_aka_row_key(key, x);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_open(HARS_AKA_SYM_AES, key, sealed, aad, 8,
                           sealed + HARS_AKA_NONCE, sizeof(bytes), bytes);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_row_decode(row, bytes);
    }

    hars_aka_wipe(key, sizeof(key));
    hars_aka_wipe(bytes, sizeof(bytes));

    return rc;
}


static int
hars_aka_row_key(unsigned char key[32], const unsigned char *x)
{
    int                    rc;
    unsigned char          prk[32];
    const hars_aka_part_t  ikm = { x, 32 };

    rc = hars_aka_hmac(prk, "fogaka1 root", 12, &ikm, 1);

    if (rc == HARS_AKA_OK) {
        rc = hars_aka_expand(key, prk, "fogaka1 db", NULL, 0);
    }

    hars_aka_wipe(prk, sizeof(prk));

    return rc;
}


static void
hars_aka_row_encode(const hars_aka_row_t *row, unsigned char *p)
{
    p[0] = HARS_AKA_ROW_VERSION;
    p[1] = row->kind;
    p[2] = row->suite;
    p[3] = row->status;
    p[4] = row->has_prev;
    p[5] = row->id_len;
    memcpy(p + 6, row->id, 64);
    hars_aka_put(p + 70, 4, row->gen);
    memcpy(p + 74, row->seed, 64);
    memcpy(p + 138, row->burnt, 16);
    hars_aka_put(p + 154, 8, (uint64_t) row->t_last);
    hars_aka_put(p + 162, 8, row->ctr);
    memcpy(p + 170, row->window, 128);

    _Static_assert(HARS_AKA_ROW_BYTES == 298, "the row's layout");
}


static int
hars_aka_row_decode(hars_aka_row_t *row, const unsigned char *p)
{
    if (p[0] != HARS_AKA_ROW_VERSION || p[1] > HARS_AKA_FOG
        || !hars_aka_suite_known(p[2]) || p[3] < HARS_AKA_ACTIVE
        || p[3] > HARS_AKA_REVOKED || p[4] > 1 || p[5] == 0
        || p[5] > HARS_AKA_ID_MAX)
    {
        return HARS_AKA_DROP;
    }

    memset(row, 0, sizeof(hars_aka_row_t));

    row->kind = p[1];
    row->suite = p[2];
    row->status = p[3];
    row->has_prev = p[4];
    row->id_len = p[5];
    memcpy(row->id, p + 6, 64);
    row->gen = (uint32_t) hars_aka_get(p + 70, 4);
    memcpy(row->seed, p + 74, 64);
    memcpy(row->burnt, p + 138, 16);
    row->t_last = (int64_t) hars_aka_get(p + 154, 8);
    row->ctr = hars_aka_get(p + 162, 8);
    memcpy(row->window, p + 170, 128);

    return HARS_AKA_OK;
}

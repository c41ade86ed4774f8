
/* See hars_fc_rows.h for what this is. */

#include "hars_fc_rows.h"
#include "hars_log.h"

#include <stdlib.h>
#include <string.h>


#define HARS_FC_BURNS  64                 /* in one op */


typedef struct {
    hars_fc_t         *fc;
    unsigned           n;
    hars_fc_party_t   *party[HARS_FC_BURNS];
} hars_fc_burns_t;


static int hars_fc_rows_hold(hars_db_t *db, void *data);
static int hars_fc_rows_read(hars_fc_t *fc, hars_db_t *db);
static int hars_fc_rows_open(hars_fc_t *fc, hars_db_t *db,
    hars_fc_party_t *party);
static int hars_fc_rows_burnt(hars_db_t *db, void *data);
static int hars_fc_rows_compare(hars_fc_t *fc, hars_db_t *db,
    const char *sql);
static int hars_fc_rows_seal(hars_fc_t *fc, const hars_aka_row_t *row,
    uint64_t number, unsigned char sealed[HARS_AKA_ROW_SEALED]);


int
hars_fc_rows_take(hars_fc_t *fc)
{
    int         rc;
    hars_db_t  *db;

    if (hars_fc_random(fc->token, HARS_FC_TOKEN) != HARS_OK
        || hars_store_write(fc->store, hars_fc_rows_hold, fc) != HARS_OK)
    {
        return HARS_ERROR;
    }

    db = hars_store_reader(fc->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = hars_fc_rows_read(fc, db);
    hars_store_reader_done(fc->store, db);

    return rc;
}


static int
hars_fc_rows_hold(hars_db_t *db, void *data)
{
    hars_fc_t  *fc = data;

    hars_db_blob(db, fc->token, HARS_FC_TOKEN);

    return hars_db_do(db, "INSERT INTO holder (one, token) VALUES (1, ?1) "
                      "ON CONFLICT (one) DO UPDATE SET "
                      "token = excluded.token", NULL);
}


static int
hars_fc_rows_read(hars_fc_t *fc, hars_db_t *db)
{
    int               rc;
    hars_fc_party_t  *party;

    rc = hars_db_run(db, "SELECT number, name, data, who FROM party "
                     "ORDER BY number");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        party = calloc(1, sizeof(hars_fc_party_t));

        if (party == NULL) {
            hars_log_error("no memory");
            return HARS_ERROR;
        }

        rc = hars_fc_rows_open(fc, db, party);

        if (rc == HARS_OK) {
            hars_fc_parties_lock(fc->parties);
            rc = hars_fc_parties_add(fc->parties, party);
            hars_fc_parties_unlock(fc->parties);
        }

        if (rc != HARS_OK) {
            hars_aka_wipe(party, sizeof(hars_fc_party_t));
            free(party);
        }
    }

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


static int
hars_fc_rows_open(hars_fc_t *fc, hars_db_t *db, hars_fc_party_t *party)
{
    unsigned char  data[HARS_AKA_ROW_SEALED], who[HARS_FC_SEALED];

    party->number = (uint64_t) hars_db_get_int(db, 0);

    if (hars_db_get_blob(db, 1, party->name, HARS_FC_NAME) != HARS_OK
        || hars_db_get_blob(db, 2, data, sizeof(data)) != HARS_OK
        || hars_db_get_blob(db, 3, who, sizeof(who)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (hars_aka_row_open(&party->row, fc->cloud.x, party->number, data,
                          sizeof(data)) != HARS_AKA_OK
        || hars_fc_who_open(fc, party->number, who, party->who) != HARS_OK)
    {
        hars_log_error("row %llu of the database does not open under this "
                       "master_key: use the one that it was made with, or "
                       "the database's backup where it was changed",
                       (unsigned long long) party->number);
        return HARS_ERROR;
    }

    return HARS_OK;
}


void
hars_fc_rows_look(hars_fc_t *fc)
{
    hars_db_t  *db;

    db = hars_store_reader(fc->store);

    if (db) {
        (void) hars_fc_rows_compare(fc, db, "SELECT token FROM holder "
                                    "WHERE one = 1");
        hars_store_reader_done(fc->store, db);
    }
}


/* 5.5: who takes the rows waits for this commit, or is seen */
int
hars_fc_rows_held(hars_fc_t *fc, hars_db_t *db)
{
    return hars_fc_rows_compare(fc, db, "SELECT token FROM holder "
                                "WHERE one = 1 {SHARE}");
}


static int
hars_fc_rows_compare(hars_fc_t *fc, hars_db_t *db, const char *sql)
{
    unsigned char  token[HARS_FC_TOKEN];

    if (hars_db_first(db, sql) != HARS_OK
        || hars_db_get_blob(db, 0, token, sizeof(token)) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_done(db);

    if (memcmp(token, fc->token, HARS_FC_TOKEN) != 0) {

        if (!atomic_exchange(&fc->lost, 1)) {
            hars_log_error("another hars-fogcloud was started on this "
                           "database: this one ends");
        }

        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_fc_rows_insert(hars_fc_t *fc, hars_db_t *db,
    const hars_fc_party_t *party, int64_t now)
{
    uint64_t       changed;
    unsigned char  data[HARS_AKA_ROW_SEALED], who[HARS_FC_SEALED];

    if (hars_fc_rows_seal(fc, &party->row, party->number, data) != HARS_OK
        || hars_fc_who_seal(fc, party->number, party->who, who) != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_int(db, (int64_t) party->number);
    hars_db_blob(db, party->name, HARS_FC_NAME);
    hars_db_blob(db, data, sizeof(data));
    hars_db_blob(db, who, sizeof(who));
    hars_db_int(db, now);

    if (hars_db_do(db, "INSERT INTO party (number, name, data, who, "
                   "created_ms) VALUES (?1, ?2, ?3, ?4, ?5) "
                   "ON CONFLICT (name) DO NOTHING", &changed) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return changed ? HARS_OK : HARS_DECLINED;
}


int
hars_fc_rows_update(hars_fc_t *fc, hars_db_t *db,
    const hars_fc_party_t *party)
{
    int             rc;
    uint64_t        changed;
    hars_aka_row_t  row;
    unsigned char   data[HARS_AKA_ROW_SEALED];

    hars_fc_parties_lock(fc->parties);
    row = party->row;
    hars_fc_parties_unlock(fc->parties);

    rc = hars_fc_rows_seal(fc, &row, party->number, data);
    hars_aka_wipe(&row, sizeof(row));

    if (rc != HARS_OK) {
        return HARS_ERROR;
    }

    hars_db_blob(db, data, sizeof(data));
    hars_db_int(db, (int64_t) party->number);

    rc = hars_db_do(db, "UPDATE party SET data = ?1 WHERE number = ?2",
                    &changed);

    if (rc == HARS_OK && changed != 1) {
        hars_log_error("row %llu is not in the database any more",
                       (unsigned long long) party->number);
        return HARS_ERROR;
    }

    return rc;
}


void
hars_fc_rows_burns(hars_fc_t *fc)
{
    int               rc;
    hars_fc_burns_t   burns;
    hars_fc_party_t  *party;

    do {
        burns.fc = fc;
        burns.n = 0;

        hars_fc_parties_lock(fc->parties);

        while (burns.n < HARS_FC_BURNS
               && (party = hars_fc_parties_burns(fc->parties)) != NULL)
        {
            burns.party[burns.n++] = party;
        }

        hars_fc_parties_unlock(fc->parties);

        if (burns.n == 0) {
            return;
        }

        rc = hars_store_write(fc->store, hars_fc_rows_burnt, &burns);

        if (rc == HARS_OK) {
            atomic_fetch_sub(&fc->metrics.unwritten, burns.n);

        } else {

            /* another time */

            hars_fc_parties_lock(fc->parties);

            while (burns.n) {
                burns.n--;
                atomic_fetch_sub(&fc->metrics.unwritten,
                                 !hars_fc_parties_burnt(fc->parties,
                                                burns.party[burns.n]));
            }

            hars_fc_parties_unlock(fc->parties);
        }

    } while (rc == HARS_OK && burns.n == HARS_FC_BURNS);
}


static int
hars_fc_rows_burnt(hars_db_t *db, void *data)
{
    unsigned          i;
    hars_fc_burns_t  *burns = data;

    if (hars_fc_rows_held(burns->fc, db) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0; i < burns->n; i++) {
        if (hars_fc_rows_update(burns->fc, db, burns->party[i]) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_fc_rows_seal(hars_fc_t *fc, const hars_aka_row_t *row, uint64_t number,
    unsigned char sealed[HARS_AKA_ROW_SEALED])
{
    unsigned char  nonce[HARS_AKA_NONCE];

    return hars_fc_random(nonce, sizeof(nonce)) == HARS_OK
           && hars_aka_row_seal(row, fc->cloud.x, number, nonce, sealed)
              == HARS_AKA_OK
           ? HARS_OK : HARS_ERROR;
}

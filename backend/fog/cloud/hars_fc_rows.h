
/*
 * The parties' rows in the database.  What is written is a party as it is in
 * memory at that moment, so rows only go forward, in whatever order sessions
 * come to their commits; one that is ahead of what was sent is as one whose
 * answer was lost (5.6).
 *
 * One process has the rows: memory of another one would be old.  Each start
 * takes them, and each write looks, under a lock till its commit, whether
 * they are still this process's; the one that lost them writes nothing more
 * and ends.
 */

#ifndef HARS_FC_ROWS_H
#define HARS_FC_ROWS_H


#include "hars_fc_parties.h"


/* takes the rows, and reads all of them; HARS_ERROR: logged */
int hars_fc_rows_take(hars_fc_t *fc);

/* now and then: fc->lost is set where they are another one's */
void hars_fc_rows_look(hars_fc_t *fc);

/* inside a transaction, the first thing: HARS_ERROR where they are lost */
int hars_fc_rows_held(hars_fc_t *fc, hars_db_t *db);

/* HARS_DECLINED: there is one of this name */
int hars_fc_rows_insert(hars_fc_t *fc, hars_db_t *db,
    const hars_fc_party_t *party, int64_t now);

/*
 * The failures that were counted since it was last called: a restart would
 * forget them, and give a thief new guesses.
 */
void hars_fc_rows_burns(hars_fc_t *fc);

/* the party as it is now; takes its lock */
int hars_fc_rows_update(hars_fc_t *fc, hars_db_t *db,
    const hars_fc_party_t *party);


#endif /* HARS_FC_ROWS_H */


/*
 * The commits of accepted M2, on their way to M3: while one is waited for,
 * further ones gather, and the next is of all of them.  A party that several
 * of them have moved (the fog node, above all) is written once.
 */

#ifndef HARS_FC_COMMIT_H
#define HARS_FC_COMMIT_H


#include "hars_fc_parties.h"


typedef struct hars_fc_commits_s  hars_fc_commits_t;

/* of one M2; its memory is the caller's till "done", on the writer's thread */
typedef struct hars_fc_commit_s  hars_fc_commit_t;

struct hars_fc_commit_s {
    hars_fc_party_t     *device;
    hars_fc_party_t     *fog;
    void               (*done)(void *data);
    void                *data;
    int                  rc;              /* HARS_OK: it is on the disk */
    hars_fc_commit_t    *next;            /* private */
};


/* NULL: no memory, logged */
hars_fc_commits_t *hars_fc_commits_create(hars_fc_t *fc);

/* nothing is under way any more */
void hars_fc_commits_free(hars_fc_commits_t *commits);

void hars_fc_commit(hars_fc_commits_t *commits, hars_fc_commit_t *commit);


#endif /* HARS_FC_COMMIT_H */

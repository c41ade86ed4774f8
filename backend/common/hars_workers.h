
/*
 * Threads for work that waits: for a disk, a database, another server.  What
 * is given is done in its order, by whoever is free; more than there are
 * threads waits in a queue.
 */

#ifndef HARS_WORKERS_H
#define HARS_WORKERS_H


typedef struct hars_workers_s  hars_workers_t;

/* one piece of work; its memory is the caller's until it is done */
typedef struct hars_work_s  hars_work_t;

struct hars_work_s {
    void         (*run)(void *data);
    void          *data;
    hars_work_t   *next;                  /* private */
};


/* NULL after the log has the cause */
hars_workers_t *hars_workers_create(unsigned threads);

/* ends when all that was given is done; NULL is allowed */
void hars_workers_free(hars_workers_t *workers);

void hars_workers_give(hars_workers_t *workers, hars_work_t *work);


#endif /* HARS_WORKERS_H */

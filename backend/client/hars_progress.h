
/*
 * A bar on a terminal: how far a file is, and for how long it will go on.
 * Where standard error is none there is nothing.
 */

#ifndef HARS_PROGRESS_H
#define HARS_PROGRESS_H


typedef struct {
    unsigned      shown:1;                /* it is a terminal */
    const char   *name;
    double        from;                   /* how far it was, 0 to 1, */
    double        begun;                  /* at that time, s, monotonic */
} hars_progress_t;


void hars_progress_begin(hars_progress_t *progress, const char *file);

/* it is so far; "there": that took no time */
void hars_progress_step(hars_progress_t *progress, double done,
    unsigned there);

void hars_progress_end(hars_progress_t *progress);


#endif /* HARS_PROGRESS_H */

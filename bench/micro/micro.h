
/*
 * What micro.c measures: a list of single calls in each of micro_record.c,
 * micro_gate.c and micro_zone.c, and what these share.
 */

#ifndef HARS_MICRO_H
#define HARS_MICRO_H


#define HARS_MICRO_TIMED  100000      /* calls of one round against the clock */

/* of this project's authorization server: prefix, 6 bytes of time, 30 random */
#define HARS_MICRO_TOKEN                                                     \
    "hats_at_AZqyTn0mUeF1cWJ0ZXN0dG9rZW5vZmZpeGVkYnl0ZXMzMA9x"


typedef struct {
    const char       *name;          /* NULL ends a list */
    void            (*call)(unsigned i);
    void            (*setup)(unsigned n);      /* once, or NULL */
    unsigned          n;             /* its argument */
    void            (*prepare)(unsigned i);    /* before each call, not part
                                                  of it; or NULL */
} hars_micro_t;


extern const hars_micro_t  hars_micro_record[];
extern const hars_micro_t  hars_micro_gate[];
extern const hars_micro_t  hars_micro_zone[];

/* what was called did not do what it is for: the figure would be a lie */
extern unsigned  hars_micro_failed;

/* bytes of a zone for each token of the reference record that it holds */
double hars_micro_memory(void);

/* "n" bytes that look random, and are the same in each run */
void hars_micro_bytes(unsigned char *dst, unsigned n, unsigned seed);
/* micro_nginx.c: gives back what ngx_pnalloc() gave */
void hars_micro_pool_reset(unsigned i);


#endif /* HARS_MICRO_H */

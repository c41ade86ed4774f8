
/*
 * How often a source may begin a key exchange (SPEC 5.5): a bucket of tokens
 * for each, pure functions of the time.  Sources beyond the table take the
 * place of the one that was quiet the longest, so many of them only bring
 * their own buckets back to full.
 */

#ifndef HARS_FN_RATE_H
#define HARS_FN_RATE_H


#include <stdint.h>


#define HARS_FN_RATES  512


/* an address, or zeroes for the Unix socket */
typedef struct {
    unsigned char       bytes[16];
} hars_fn_source_t;

typedef struct {
    hars_fn_source_t    source;
    int64_t             seen;             /* ms; 0: a free place */
    int64_t             milli;            /* thousandths of tokens */
} hars_fn_bucket_t;

typedef struct {
    unsigned long       rate;             /* in a second */
    unsigned long       burst;
    hars_fn_bucket_t    bucket[HARS_FN_RATES];
} hars_fn_rates_t;


/* 1: it may, and a token is gone; "now" in ms is 1 at least */
int hars_fn_rate(hars_fn_rates_t *rates, const hars_fn_source_t *source,
    int64_t now);


#endif /* HARS_FN_RATE_H */

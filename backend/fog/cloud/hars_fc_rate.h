
/*
 * How many messages of a fog node are taken (5.5, 5): a bucket of "burst"
 * that fills by "rate" in a second.  Pure.
 */

#ifndef HARS_FC_RATE_H
#define HARS_FC_RATE_H


#include <stdint.h>


/* zeroed: full */
typedef struct {
    int64_t   at;                         /* ms, when it was last looked at */
    uint64_t  used;                       /* thousandths of a message */
} hars_fc_rate_t;


/* HARS_DECLINED: too many */
int hars_fc_rate(hars_fc_rate_t *bucket, unsigned long rate,
    unsigned long burst, int64_t now);


#endif /* HARS_FC_RATE_H */

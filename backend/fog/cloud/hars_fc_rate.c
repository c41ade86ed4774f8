
/*
 * See hars_fc_rate.h for what this is.  A clock that goes back fills nothing
 * and empties nothing.
 */

#include "hars_fc_rate.h"
#include "hars_record.h"


#define HARS_FC_RATE_IDLE  86400000       /* ms; nothing is in use then */


int
hars_fc_rate(hars_fc_rate_t *bucket, unsigned long rate, unsigned long burst,
    int64_t now)
{
    int64_t   passed;
    uint64_t  back;

    passed = now - bucket->at;
    bucket->at = now;

    if (passed > HARS_FC_RATE_IDLE) {
        bucket->used = 0;

    } else if (passed > 0) {
        back = (uint64_t) passed * rate;
        bucket->used -= back < bucket->used ? back : bucket->used;
    }

    if (bucket->used + 1000 > (uint64_t) burst * 1000) {
        return HARS_DECLINED;
    }

    bucket->used += 1000;

    return HARS_OK;
}


/* See hars_fn_rate.h for what this is. */

#include "hars_fn_rate.h"

#include <string.h>


static hars_fn_bucket_t *hars_fn_rate_find(hars_fn_rates_t *rates,
    const hars_fn_source_t *source);


int
hars_fn_rate(hars_fn_rates_t *rates, const hars_fn_source_t *source,
    int64_t now)
{
    int64_t            most;
    hars_fn_bucket_t  *bucket;

    bucket = hars_fn_rate_find(rates, source);
    most = (int64_t) rates->burst * 1000;

    if (bucket->seen == 0 || memcmp(&bucket->source, source,
                                    sizeof(hars_fn_source_t)) != 0)
    {
        bucket->source = *source;
        bucket->milli = most;

    } else if (now > bucket->seen) {
        bucket->milli += (now - bucket->seen) * (int64_t) rates->rate;

        if (bucket->milli > most) {
            bucket->milli = most;
        }
    }

    bucket->seen = now;

    if (bucket->milli < 1000) {
        return 0;
    }

    bucket->milli -= 1000;

    return 1;
}


/* its bucket, a free one, or the one that was quiet the longest */
static hars_fn_bucket_t *
hars_fn_rate_find(hars_fn_rates_t *rates, const hars_fn_source_t *source)
{
    unsigned           i;
    hars_fn_bucket_t  *bucket, *oldest;

    oldest = &rates->bucket[0];

    for (i = 0; i < HARS_FN_RATES; i++) {
        bucket = &rates->bucket[i];

        if (bucket->seen && memcmp(&bucket->source, source,
                                   sizeof(hars_fn_source_t)) == 0)
        {
            return bucket;
        }

        if (bucket->seen < oldest->seen) {
            oldest = bucket;
        }
    }

    return oldest;
}


/* See hars_pace.h for what this is. */

#include "hars_pace.h"


#define HARS_PACE_LONGEST  60000          /* ms */
#define HARS_PACE_DELAYS   7              /* the first of that length */


int64_t
hars_pace_token(long expires_in, unsigned char random)
{
    int64_t  life;

    life = (int64_t) expires_in * 1000;

    return life * 2 / 3 - life / 10 * random / 256;
}


int64_t
hars_pace_again(int64_t n, long retry_after, unsigned char random)
{
    int64_t  delay;

    delay = n < HARS_PACE_DELAYS ? 1000LL << (n < 1 ? 0 : n - 1)
                                 : HARS_PACE_LONGEST;
    delay -= delay / 2 * random / 256;

    if (retry_after > HARS_PACE_AFTER) {
        retry_after = HARS_PACE_AFTER;
    }

    return delay < retry_after * 1000 ? retry_after * 1000 : delay;
}


unsigned
hars_pace_certificate(int64_t from, int64_t to, int64_t now)
{
    return (to - now) * 3 <= to - from;
}

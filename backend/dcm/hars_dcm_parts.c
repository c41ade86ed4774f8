
/* See hars_dcm_parts.h for what this is. */

#include "hars_dcm_parts.h"


#define HARS_PARTS_SHORTEST  60000        /* ms */
#define HARS_PARTS_ALL       86400000     /* ms: more than any is longer */


static int64_t hars_parts_span(double rate);


unsigned
hars_parts(double rate, int64_t start_ms, int64_t end_ms)
{
    int64_t  span;

    span = hars_parts_span(rate);

    /* the last one is up to half as long again */

    return (unsigned) ((end_ms - start_ms + span / 2) / span
                       + (end_ms - start_ms < span / 2));
}


static int64_t
hars_parts_span(double rate)
{
    int64_t  span;

    span = rate > 0 ? (int64_t) (HARS_PARTS_ROWS / 2 / rate * 1000) : 0;

    if (span < HARS_PARTS_SHORTEST) {
        span = HARS_PARTS_SHORTEST;
    }

    return span - span % HARS_PARTS_HOP;
}


/* the first one and the last one leave nothing out, whatever the times say */
void
hars_part(double rate, int64_t start_ms, int64_t end_ms, unsigned i,
    hars_part_t *part)
{
    int64_t  span;

    span = hars_parts_span(rate);

    part->from_ms = start_ms + i * span - HARS_PARTS_LEAD;
    part->first_ms = start_ms + i * span - HARS_PARTS_HOP / 2;
    part->next_ms = part->first_ms + span;
    part->to_ms = part->next_ms + HARS_PARTS_TAIL;

    if (i == 0) {
        part->first_ms = part->from_ms = start_ms - HARS_PARTS_ALL;
    }

    if (i + 1 == hars_parts(rate, start_ms, end_ms)) {
        part->next_ms = part->to_ms = end_ms + HARS_PARTS_ALL;
    }
}

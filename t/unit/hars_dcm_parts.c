
/* parts of a recording: every moment is in one of them, none is too long */

/* link: */

#include "../../backend/dcm/hars_dcm_parts.c"

#include "tap.h"

#include <string.h>


static void
parts(double rate, int64_t ms, unsigned wanted)
{
    int64_t      longest;
    unsigned     i, n, good;
    hars_part_t  part, before;

    memset(&part, 0, sizeof(part));
    n = hars_parts(rate, 1000000, 1000000 + ms);
    ok(n == wanted, "%.0f Hz, %lld ms: %u parts", rate, (long long) ms, n);

    good = 1;
    longest = 0;

    for (i = 0; i < n; i++) {
        hars_part(rate, 1000000, 1000000 + ms, i, &part);

        good &= i == 0 ? part.first_ms <= 1000000
                       : part.first_ms == before.next_ms
                         && (part.from_ms - 1000000) % HARS_PARTS_HOP == 0
                         && part.from_ms < part.first_ms - 14000
                         && before.to_ms == part.first_ms + HARS_PARTS_TAIL;

        if (i && i + 1 < n && part.to_ms - part.from_ms > longest) {
            longest = part.to_ms - part.from_ms;
        }

        before = part;
    }

    good &= part.next_ms > 1000000 + ms && part.to_ms > 1000000 + ms;
    ok(good, "... which have all of it");
    ok((double) longest * rate * 2 / 1000 < 1.4 * HARS_PARTS_ROWS,
       "... and are short");
}


int
main(void)
{
    parts(50, 0, 1);
    parts(50, 10240, 1);
    parts(50, 1498000, 1);
    parts(50, 1500000, 2);
    parts(50, 86400000, 86);
    parts(400, 3600000, 29);
    parts(10, 86400000, 17);
    parts(0, 600000, 10);

    return tap_done();
}

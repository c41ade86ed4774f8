
/* Moments of a query: what is one, and which. */

#include "../../backend/dcm/hars_dcm_query.c"

#include "tap.h"


/* no request is asked here */

void
hars_request_query(hars_request_t *r,
    void (*take)(void *data, const char *name, const char *value),
    void *data)
{
    (void) r;
    (void) take;
    (void) data;
}


void
hars_reply_problem(hars_request_t *r, unsigned status, const char *detail)
{
    (void) r;
    (void) status;
    (void) detail;
}


static int64_t
moment(const char *text)
{
    int64_t  ms;

    return hars_query_moment(text, &ms) == HARS_OK ? ms : -1;
}


int
main(void)
{
    unsigned  i;

    static const struct {
        const char  *text;
        int64_t      ms;
    } moments[] = {
        { "0", 0 },
        { "1777897800", 1777897800000 },
        { "1777897800.5", 1777897800500 },
        { "1777897800.05", 1777897800050 },
        { "1777897800.123456", 1777897800123 },
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-05-04T12:30:00Z", 1777897800000 },
        { "2024-02-29T23:59:59Z", 1709251199000 },

        { "", -1 },
        { ".", -1 },
        { ".5", -1 },
        { "1.", -1 },
        { "1.1234567", -1 },
        { "-1", -1 },
        { "+1", -1 },
        { " 1", -1 },
        { "1e9", -1 },
        { "0x10", -1 },
        { "253402300800", -1 },
        { "9999999999999", -1 },
        { "2026-05-04", -1 },
        { "2026-05-04T12:30:00", -1 },
        { "2026-05-04T12:30:00+", -1 },
        { "2026-02-29T00:00:00Z", -1 },
        { "2026-04-31T00:00:00Z", -1 },
        { "2026-13-01T00:00:00Z", -1 },
        { "2026-00-01T00:00:00Z", -1 },
        { "2026-01-00T00:00:00Z", -1 },
        { "2026-01-01T24:00:00Z", -1 },
        { "2026-01-01T00:60:00Z", -1 },
        { "2026-01-01T00:00:60Z", -1 },
        { "1969-12-31T23:59:59Z", -1 },
        { "2026-1-01T00:00:000Z", -1 },
        { "20x6-01-01T00:00:00Z", -1 }
    };

    for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        ok(moment(moments[i].text) == moments[i].ms, "\"%s\"",
           moments[i].text);
    }

    return tap_done();
}

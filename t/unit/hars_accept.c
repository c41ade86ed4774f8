
/* Accept (RFC 9110, 12.5.1): which media type is wanted how much */

/* link: */

#include "../../backend/common/hars_accept.c"

#include "tap.h"


static const struct {
    const char  *accept;
    int          json;
    int          jwt;
} cases[] = {
    { "*/*", 1000, 1000 },
    { "", 0, 0 },
    { " , ,", 0, 0 },
    { "application/json", 1000, 0 },
    { "Application/JSON", 1000, 0 },
    { "application/x+jwt", 0, 1000 },
    { "application/*", 1000, 1000 },
    { "text/*, text/html", 0, 0 },
    { "application/x", 0, 0 },
    { "application/x+jwt, application/json;q=0.5", 500, 1000 },
    { "application/x+jwt ; q=0.25 , */* ; Q=0.125", 125, 250 },
    { "application/*;q=0.3, application/json;q=0", 0, 300 },
    { "*/*;q=0.9, application/*;q=0.2, application/x+jwt", 200, 1000 },
    { "application/json;q=0.1, application/json;q=0.7", 700, 0 },
    { "application/json;q=1.000", 1000, 0 },
    { "application/json;q=0.", 0, 0 },
    { "application/json;q=0.001", 1, 0 },
    { "application/json;charset=utf-8", 0, 0 },
    { "application/json;a=\"b,\\\"c;q=0\", */*;q=0.4", 400, 400 },
    { "application/json;;q=0.4;", 400, 0 },
    { "application/json;q=1.001", HARS_ERROR, HARS_ERROR },
    { "application/json;q=0.0001", HARS_ERROR, HARS_ERROR },
    { "application/json;q=.5", HARS_ERROR, HARS_ERROR },
    { "application/json;q=-1", HARS_ERROR, HARS_ERROR },
    { "application/json;q=2", HARS_ERROR, HARS_ERROR },
    { "application/json;q=", HARS_ERROR, HARS_ERROR },
    { "application/json;q", HARS_ERROR, HARS_ERROR },
    { "application/json;q=0x1", HARS_ERROR, HARS_ERROR },
    { "application/json;q=\"1\"", HARS_ERROR, HARS_ERROR },
    { "application/json;a=\"b", HARS_ERROR, HARS_ERROR },
    { "application/json;a=\"b\\", HARS_ERROR, HARS_ERROR },
    { "application", HARS_ERROR, HARS_ERROR },
    { "application/", HARS_ERROR, HARS_ERROR },
    { "/json", HARS_ERROR, HARS_ERROR },
    { "*/json", HARS_ERROR, HARS_ERROR },
    { "application/json text/html", HARS_ERROR, HARS_ERROR },
    { "application / json", HARS_ERROR, HARS_ERROR },
    { "*/*, @", HARS_ERROR, HARS_ERROR },
    { NULL, 0, 0 }
};


int
main(void)
{
    unsigned  i;

    for (i = 0; cases[i].accept; i++) {
        ok(hars_accept(cases[i].accept, "application/json") == cases[i].json
           && hars_accept(cases[i].accept, "application/x+jwt")
              == cases[i].jwt,
           "Accept: %s", cases[i].accept);
    }

    return tap_done();
}

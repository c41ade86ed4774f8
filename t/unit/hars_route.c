
/* Routes with segments that stand for anything, and what stands there. */

#include "../../backend/common/hars_route.c"

#include "tap.h"


static const char *
segment(const char *route, const char *path, unsigned i, size_t size)
{
    static char     dst[64];
    hars_route_t    table = { .path = route };
    hars_request_t  r = { .path = path, .route = &table };

    return hars_route_segment(&r, i, dst, size) == HARS_OK ? dst : "declined";
}


static unsigned
at(const char *route, const char *path)
{
    hars_route_t  table = { .path = route };

    return hars_route_at(&table, path);
}


static void
is(const char *got, const char *wanted, const char *name)
{
    ok(strcmp(got, wanted) == 0, "%s", name);
}


int
main(void)
{
    const char    *two = "/v1/patients/*/caregivers/*";
    hars_route_t   prefix = { .path = "/v1/x/", .prefix = 1 };

    ok(at("/healthz", "/healthz"), "a path");
    ok(!at("/healthz", "/healthz/") && !at("/healthz", "/health"),
       "as it is, no more and no less");

    ok(at("/v1/patients/*", "/v1/patients/a"), "one segment");
    ok(!at("/v1/patients/*", "/v1/patients/"), "no empty one");
    ok(!at("/v1/patients/*", "/v1/patients/a/"), "nothing behind it");
    ok(!at("/v1/patients/*", "/v1/patients/a/days"), "not two");
    ok(at("/v1/patients/*/days", "/v1/patients/a/days"), "one between");
    ok(!at("/v1/patients/*/days", "/v1/patients/" "/days"), "never empty");
    ok(at(two, "/v1/patients/a/caregivers/b"), "two of them");
    ok(!at("/v1/a*", "/v1/abc") && at("/v1/a*", "/v1/a*"),
       "a star among others is itself");

    ok(hars_route_at(&prefix, "/v1/x/a/b")
       && !hars_route_at(&prefix, "/v1/x/"),
       "a prefix wants something behind it");

    is(segment(two, "/v1/patients/a/caregivers/b", 0, 64), "a", "the first");
    is(segment(two, "/v1/patients/a/caregivers/b%2fc", 1, 64), "b/c",
       "the second, decoded");
    is(segment(two, "/v1/patients/a/caregivers/b", 2, 64), "declined",
       "there is no third");
    is(segment("/p/*", "/p/%C3%a4", 0, 64), "\xc3\xa4", "UTF-8");
    is(segment("/p/*", "/p/a%00b", 0, 64), "declined", "no zero byte");
    is(segment("/p/*", "/p/a%0d%0ab", 0, 64), "declined", "no line");
    is(segment("/p/*", "/p/a%7f", 0, 64), "declined", "no delete");
    is(segment("/p/*", "/p/a%4", 0, 64), "declined", "half an octet");
    is(segment("/p/*", "/p/a%zz", 0, 64), "declined", "no octet");
    is(segment("/p/*", "/p/abc", 0, 4), "abc", "it fits");
    is(segment("/p/*", "/p/abcd", 0, 4), "declined", "it does not");

    return tap_done();
}

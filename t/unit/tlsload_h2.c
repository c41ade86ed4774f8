
/*
 * HTTP/2 of the load generator: a request's bytes, and answers that come in
 * pieces of any length.
 */

#include "../../bench/tlsload_h2.c"

#include "tap.h"

#include <stdlib.h>


static size_t answer(char *dst, char status, size_t body, unsigned ends);
static unsigned fed(hars_h2_t *h2, const char *src, size_t len, size_t piece,
    const char **wrong);


static char  bytes[70000];


int
main(void)
{
    char         request[1024], token[400];
    size_t       len, piece;
    unsigned     good;
    hars_h2_t    h2 = { 0 };
    const char  *wrong;

    len = hars_h2_preface(request, sizeof(request));
    ok(len == 24 + 9 + 6 + 9 + 4, "preface, SETTINGS, WINDOW_UPDATE");
    ok(hars_h2_preface(request, 24) == 0, "which need their place");

    len = hars_h2_request(&h2, request, sizeof(request), "h", "/p", "tok");
    ok(len == 9 + 2 + 3 + 4 + 13
       && memcmp(request, "\0\0\x16\x01\x05\0\0\0\x01\x82\x87\x01\x01h\x04\x02"
                          "/p\x0f\x08\x0a" "Bearer tok", len) == 0,
       "a request");

    memset(token, 't', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    len = hars_h2_request(&h2, request, sizeof(request), "h", "/p", token);
    /* 406 is 127 + 279: 0x97 0x02 */
    ok(len == 9 + 2 + 3 + 4 + 2 + 3 + 406
       && memcmp(request + 20, "\x7f\x97\x02" "Bearer ttt", 13) == 0,
       "a token of 399 bytes");
    ok(h2.stream == 3, "on a stream of its own");
    ok(hars_h2_request(&h2, request, 300, "h", "/p", token) == 0,
       "what does not fit is none");

    len = answer(bytes, (char) 0x88, 40000, 1);
    wrong = NULL;

    for (piece = 1, good = 0; piece < 100; piece++) {
        memset(&h2, 0, sizeof(h2));
        good += fed(&h2, bytes, len, piece, &wrong) == 200 && h2.got == 40000
                && h2.acknowledge == 1 && wrong == NULL;
    }

    ok(good == 99, "an answer in pieces of 1 to 99 bytes");

    memset(&h2, 0, sizeof(h2));
    len = answer(bytes, (char) 0x88, 100, 0);
    ok(fed(&h2, bytes, len, 7, &wrong) == 0, "a stream that has not ended");

    memset(&h2, 0, sizeof(h2));
    len = answer(bytes, (char) 0x8c, 0, 1);
    ok(fed(&h2, bytes, len, 7, &wrong) == 1, "another status, no body");

    memset(&h2, 0, sizeof(h2));
    len = 17;
    memcpy(bytes, "\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0", len);
    ok(fed(&h2, bytes, len, 5, &wrong) == 0 && wrong, "GOAWAY");

    return tap_done();
}


/* SETTINGS and their acknowledgment, HEADERS, DATA in two frames */
static size_t
answer(char *dst, char status, size_t body, unsigned ends)
{
    char  *p;

    p = hars_h2_frame(dst, 6, HARS_H2_SETTINGS, 0, 0);
    memset(p, 0, 6);
    p = hars_h2_frame(p + 6, 0, HARS_H2_SETTINGS, HARS_H2_ACK, 0);
    p = hars_h2_frame(p, 2, HARS_H2_HEADERS, HARS_H2_END_HEADERS
                      | (ends && body == 0 ? HARS_H2_END_STREAM : 0), 1);
    *p++ = 0x20;
    *p++ = status;

    if (body == 0) {
        return p - dst;
    }

    p = hars_h2_frame(p, body / 2, HARS_H2_DATA, 0, 1);
    memset(p, 'x', body / 2);
    p = hars_h2_frame(p + body / 2, body - body / 2, HARS_H2_DATA,
                      ends ? HARS_H2_END_STREAM : 0, 1);
    memset(p, 'y', body - body / 2);

    return p + body - body / 2 - dst;
}


/* as it comes from a connection: what was not taken stays in front */
static unsigned
fed(hars_h2_t *h2, const char *src, size_t len, size_t piece,
    const char **wrong)
{
    size_t       have, n;
    unsigned     status;
    static char  in[70000];

    for (have = 0, status = 0; len && status == 0 && *wrong == NULL; len -= n)
    {
        n = len < piece ? len : piece;
        memcpy(in + have, src, n);
        src += n;
        have += n;

        n = hars_h2_take(h2, in, have, &status, wrong);
        have -= n;
        memmove(in, in + n, have);
        n = len < piece ? len : piece;
    }

    return status;
}


/*
 * RFC 9440: the bytes of a certificate out of a header's value.  A value is
 * one byte sequence of RFC 8941, 3.3.5, base64 between two colons, and in
 * Client-Cert-Chain a list of them.  Only canonical base64 is taken: padded,
 * without blanks, with no bits left over, so that a certificate has exactly
 * one spelling.  Parameters are refused: RFC 9440 defines none.  What the
 * bytes mean, and whether they are believed, is not decided here.
 */

#include "ngx_http_hars.h"


static ngx_int_t ngx_http_hars_base64_value(u_char ch);


static ngx_int_t
ngx_http_hars_base64_value(u_char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    return (ch == '+') ? 62 : (ch == '/') ? 63 : NGX_ERROR;
}


ngx_int_t
ngx_http_hars_byte_sequence(u_char **pos, u_char *last, u_char *dst,
    size_t *len)
{
    u_char      *p, *d;
    uint32_t     word;
    ngx_int_t    value;
    ngx_uint_t   i, pad;

    p = *pos;
    d = dst;
    pad = 0;

    if (p == last || *p++ != ':') {
        return NGX_DECLINED;
    }

    while (p < last && *p != ':') {

        /* nothing stands behind the padding */

        if (last - p < 4 || pad) {
            return NGX_DECLINED;
        }

        word = 0;

        for (i = 0; i < 4; i++) {
            word <<= 6;

            if (p[i] == '=' && i >= 2) {
                pad++;
                continue;
            }

            value = ngx_http_hars_base64_value(p[i]);

            if (value == NGX_ERROR || pad) {
                return NGX_DECLINED;
            }

            word |= value;
        }

        if (word & ((1 << (8 * pad)) - 1)) {
            return NGX_DECLINED;
        }

        p += 4;

        *d++ = word >> 16;

        if (pad < 2) {
            *d++ = word >> 8;
        }

        if (pad < 1) {
            *d++ = word;
        }
    }

    if (p == last || d == dst) {
        return NGX_DECLINED;
    }

    *pos = p + 1;
    *len = d - dst;

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_next_member(u_char **pos, u_char *last)
{
    u_char  *p;

    /* RFC 8941, 4.2.1: blanks, a comma, blanks, and no comma at the end */

    p = *pos;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == last) {
        *pos = p;
        return NGX_DONE;
    }

    if (*p++ != ',') {
        return NGX_DECLINED;
    }

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    *pos = p;

    return (p == last) ? NGX_DECLINED : NGX_OK;
}

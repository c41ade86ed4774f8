
/* See tlsload_h2.h for what this is. */

#include "tlsload_h2.h"

#include <stdio.h>
#include <string.h>


#define HARS_H2_HEAD           9          /* of a frame */
#define HARS_H2_WINDOW_MAX     0x7fffffffu
#define HARS_H2_WINDOW_FIRST   65535u
#define HARS_H2_WINDOW_GIVE    (1u << 28)

#define HARS_H2_DATA           0
#define HARS_H2_HEADERS        1
#define HARS_H2_RST_STREAM     3
#define HARS_H2_SETTINGS       4
#define HARS_H2_GOAWAY         7
#define HARS_H2_WINDOW_UPDATE  8

#define HARS_H2_ACK            0x1
#define HARS_H2_END_STREAM     0x1
#define HARS_H2_END_HEADERS    0x4


static char *hars_h2_frame(char *p, size_t len, unsigned type, unsigned flags,
    uint32_t stream);
static char *hars_h2_uint32(char *p, uint32_t value);
static char *hars_h2_field(char *p, const char *name, size_t name_len,
    const char *scheme, const char *value);
static uint32_t hars_h2_read(const char *p, unsigned bytes);
static void hars_h2_frame_in(hars_h2_t *h2, unsigned type, unsigned flags,
    const char *payload, size_t len, const char **wrong);
static size_t hars_h2_data(hars_h2_t *h2, size_t len, unsigned *status);


size_t
hars_h2_preface(char *dst, size_t size)
{
    char              *p;
    static const char  magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    if (size < sizeof(magic) + 3 * HARS_H2_HEAD + 16) {
        return 0;
    }

    memcpy(dst, magic, sizeof(magic) - 1);
    p = dst + sizeof(magic) - 1;

    /* SETTINGS_INITIAL_WINDOW_SIZE */
    p = hars_h2_frame(p, 6, HARS_H2_SETTINGS, 0, 0);
    *p++ = 0;
    *p++ = 4;
    p = hars_h2_uint32(p, HARS_H2_WINDOW_MAX);

    p = hars_h2_frame(p, 4, HARS_H2_WINDOW_UPDATE, 0, 0);
    p = hars_h2_uint32(p, HARS_H2_WINDOW_MAX - HARS_H2_WINDOW_FIRST);

    return p - dst;
}


size_t
hars_h2_request(hars_h2_t *h2, char *dst, size_t size, const char *host,
    const char *path, const char *token)
{
    char    *p, *head;
    size_t   need;

    need = 128 + strlen(host) + strlen(path) + (token ? strlen(token) : 0);

    if (need > size) {
        return 0;
    }

    p = dst;

    if (h2->acknowledge) {
        h2->acknowledge = 0;
        p = hars_h2_frame(p, 0, HARS_H2_SETTINGS, HARS_H2_ACK, 0);
    }

    if (h2->got >= HARS_H2_WINDOW_GIVE) {
        p = hars_h2_frame(p, 4, HARS_H2_WINDOW_UPDATE, 0, 0);
        p = hars_h2_uint32(p, h2->got);
        h2->got = 0;
    }

    h2->stream = h2->stream ? h2->stream + 2 : 1;
    h2->head = 0;

    head = p;
    p += HARS_H2_HEAD;

    *p++ = (char) 0x82;                   /* :method: GET */
    *p++ = (char) 0x87;                   /* :scheme: https */
    p = hars_h2_field(p, "\x01", 1, "", host);
    p = hars_h2_field(p, "\x04", 1, "", path);

    if (token) {
        /* 23, authorization */
        p = hars_h2_field(p, "\x0f\x08", 2, "Bearer ", token);
    }

    hars_h2_frame(head, p - head - HARS_H2_HEAD, HARS_H2_HEADERS,
                  HARS_H2_END_STREAM | HARS_H2_END_HEADERS, h2->stream);

    return p - dst;
}


static char *
hars_h2_frame(char *p, size_t len, unsigned type, unsigned flags,
    uint32_t stream)
{
    *p++ = (char) (len >> 16);
    *p++ = (char) (len >> 8);
    *p++ = (char) len;
    *p++ = (char) type;
    *p++ = (char) flags;

    return hars_h2_uint32(p, stream);
}


static char *
hars_h2_uint32(char *p, uint32_t value)
{
    *p++ = (char) (value >> 24);
    *p++ = (char) (value >> 16);
    *p++ = (char) (value >> 8);
    *p++ = (char) value;

    return p;
}


/* a literal without indexing; its value is scheme and value, not Huffman */
static char *
hars_h2_field(char *p, const char *name, size_t name_len, const char *scheme,
    const char *value)
{
    size_t  len, rest;

    memcpy(p, name, name_len);
    p += name_len;

    /* RFC 7541, 5.1: a prefix of 7 bits */
    len = strlen(scheme) + strlen(value);

    if (len < 127) {
        *p++ = (char) len;

    } else {
        *p++ = 127;

        for (rest = len - 127; rest >= 128; rest >>= 7) {
            *p++ = (char) (0x80 | (rest & 0x7f));
        }

        *p++ = (char) rest;
    }

    p = stpcpy(p, scheme);

    return stpcpy(p, value);
}


size_t
hars_h2_take(hars_h2_t *h2, const char *src, size_t len, unsigned *status,
    const char **wrong)
{
    size_t      size;
    const char  *p, *end;

    end = src + len;

    for (p = src; p < end && *status == 0 && *wrong == NULL; ) {

        if (h2->data_left) {
            p += hars_h2_data(h2, end - p, status);
            continue;
        }

        if (end - p < HARS_H2_HEAD) {
            break;
        }

        size = hars_h2_read(p, 3);

        if (p[3] == HARS_H2_DATA) {
            h2->data_left = size;
            h2->data_ends = p[4] & HARS_H2_END_STREAM;
            p += HARS_H2_HEAD;

            if (size == 0) {
                hars_h2_data(h2, 0, status);
            }

            continue;
        }

        if ((size_t) (end - p) < HARS_H2_HEAD + size) {
            break;
        }

        hars_h2_frame_in(h2, (unsigned char) p[3], (unsigned char) p[4],
                         p + HARS_H2_HEAD, size, wrong);
        p += HARS_H2_HEAD + size;

        if (h2->head && h2->data_ends) {
            h2->data_ends = 0;
            *status = h2->status;
        }
    }

    return p - src;
}


static uint32_t
hars_h2_read(const char *p, unsigned bytes)
{
    uint32_t  value;

    for (value = 0; bytes; bytes--) {
        value = value << 8 | (unsigned char) *p++;
    }

    return value;
}


static void
hars_h2_frame_in(hars_h2_t *h2, unsigned type, unsigned flags,
    const char *payload, size_t len, const char **wrong)
{
    switch (type) {

    case HARS_H2_HEADERS:
        /* RFC 7541, 6.3: the table's size may come first */
        if (len && (*payload & 0xe0) == 0x20) {
            payload++;
            len--;
        }

        h2->head = 1;
        h2->status = len && *payload == (char) 0x88 ? 200 : 1;
        h2->data_ends = flags & HARS_H2_END_STREAM;
        break;

    case HARS_H2_SETTINGS:
        if (!(flags & HARS_H2_ACK)) {
            h2->acknowledge = 1;
        }

        break;

    case HARS_H2_RST_STREAM:
        *wrong = "the server resets streams";
        break;

    case HARS_H2_GOAWAY:
        *wrong = "the server ends the connection";
        break;

    default:
        break;
    }
}


/* bytes of the frame in hand; with its last one the stream may end */
static size_t
hars_h2_data(hars_h2_t *h2, size_t len, unsigned *status)
{
    size_t  n;

    n = len < h2->data_left ? len : h2->data_left;
    h2->data_left -= n;
    h2->got += n;

    if (h2->data_left == 0 && h2->data_ends) {
        h2->data_ends = 0;
        *status = h2->status;
    }

    return n;
}

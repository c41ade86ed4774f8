
/*
 * Content-Encoding: gzip (RFC 1952), of known bounds: a body that would be
 * larger than it may be is refused while it is still small.  One member, to
 * the last byte.
 */


#include "hars_ml_rows.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>


#define HARS_GZIP  (15 + 16)              /* largest window, gzip alone */


static int hars_inflate_grow(char **dst, size_t *size, size_t max);


unsigned
hars_inflate(const char *src, size_t len, size_t max, char **dst,
    size_t *dst_len, hars_fault_t *fault)
{
    int        rc;
    size_t     size;
    z_stream   z;

    memset(&z, 0, sizeof(z));
    *dst = NULL;
    *dst_len = 0;
    size = 0;

    if (inflateInit2(&z, HARS_GZIP) != Z_OK) {
        hars_fault(fault, NULL, -1, -1, "no memory");
        return 503;
    }

    z.next_in = (unsigned char *) src;
    z.avail_in = (unsigned) len;

    do {
        if (*dst_len == size
            && hars_inflate_grow(dst, &size, max + 1) != HARS_OK)
        {
            inflateEnd(&z);
            hars_fault(fault, NULL, -1, -1, "no memory");
            return 503;
        }

        z.next_out = (unsigned char *) *dst + *dst_len;
        z.avail_out = (unsigned) (size - *dst_len);
        rc = inflate(&z, Z_NO_FLUSH);
        *dst_len = size - z.avail_out;

    } while (rc == Z_OK && *dst_len <= max);

    inflateEnd(&z);

    if (*dst_len > max) {
        hars_fault(fault, "", -1, -1, "inflated, the body is larger than "
                   "%zu bytes", max);
        return 413;
    }

    if (rc != Z_STREAM_END || z.avail_in) {
        hars_fault(fault, "", -1, -1, "the body is no gzip of one member");
        return 400;
    }

    return 0;
}


/* one byte more for the zero that ends a text */
static int
hars_inflate_grow(char **dst, size_t *size, size_t max)
{
    char    *p;
    size_t   more;

    more = *size ? 4 * *size : 65536;
    more = more < max ? more : max;

    p = realloc(*dst, more + 1);
    if (p == NULL) {
        return HARS_ERROR;
    }

    memset(p + *size, 0, more + 1 - *size);
    *dst = p;
    *size = more;

    return HARS_OK;
}

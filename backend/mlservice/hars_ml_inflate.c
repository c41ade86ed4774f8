
/*
 * Content-Encoding: gzip (RFC 1952), of known bounds: a body that would be
 * larger than it may be is refused while it is still small.  One member, to
 * the last byte.  What comes out is given on in pieces of bounded size.
 */


#include "hars_ml_rows.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>


#define HARS_GZIP        (15 + 16)        /* largest window, gzip alone */
#define HARS_GZIP_PIECE  32768


struct hars_inflate_s {
    z_stream           z;
    size_t             max;
    size_t             made;
    unsigned           whole:1;           /* the member's end was there */
    char               piece[HARS_GZIP_PIECE];
};


typedef struct {
    char              *text;
    size_t             len;
    size_t             size;
} hars_inflate_text_t;


static unsigned hars_inflate_add(void *data, const char *piece, size_t len,
    hars_fault_t *fault);


hars_inflate_t *
hars_inflate_create(size_t max)
{
    hars_inflate_t  *inflate;

    inflate = malloc(sizeof(hars_inflate_t));
    if (inflate == NULL) {
        return NULL;
    }

    memset(&inflate->z, 0, sizeof(inflate->z));
    inflate->max = max;
    inflate->made = 0;
    inflate->whole = 0;

    if (inflateInit2(&inflate->z, HARS_GZIP) != Z_OK) {
        free(inflate);
        return NULL;
    }

    return inflate;
}


void
hars_inflate_free(hars_inflate_t *inflate)
{
    if (inflate) {
        inflateEnd(&inflate->z);
        free(inflate);
    }
}


unsigned
hars_inflate_piece(hars_inflate_t *inf, const char *src, size_t len,
    hars_piece_taken_pt take, void *data, hars_fault_t *fault)
{
    int       rc;
    size_t    n;
    unsigned  status;

    inf->z.next_in = (unsigned char *) src;
    inf->z.avail_in = (unsigned) len;

    do {
        inf->z.next_out = (unsigned char *) inf->piece;
        inf->z.avail_out = HARS_GZIP_PIECE;

        rc = inf->whole ? Z_DATA_ERROR : inflate(&inf->z, Z_NO_FLUSH);
        n = HARS_GZIP_PIECE - inf->z.avail_out;
        inf->whole |= rc == Z_STREAM_END;

        if ((rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            || (inf->whole && inf->z.avail_in))
        {
            hars_fault(fault, "", -1, -1, "the body is no gzip of one "
                       "member");
            return 400;
        }

        if (n > inf->max - inf->made) {
            hars_fault(fault, "", -1, -1, "inflated, the body is larger than "
                       "%zu bytes", inf->max);
            return 413;
        }

        inf->made += n;
        status = n ? take(data, inf->piece, n, fault) : 0;

        if (status) {
            return status;
        }

    } while (inf->z.avail_in || inf->z.avail_out == 0);

    return 0;
}


unsigned
hars_inflate_end(const hars_inflate_t *inflate, hars_fault_t *fault)
{
    if (inflate->whole) {
        return 0;
    }

    hars_fault(fault, "", -1, -1, "the body is no gzip of one member");

    return 400;
}


unsigned
hars_inflate(const char *src, size_t len, size_t max, char **dst,
    size_t *dst_len, hars_fault_t *fault)
{
    unsigned             status;
    hars_inflate_t      *inf;
    hars_inflate_text_t  text;

    memset(&text, 0, sizeof(text));
    inf = hars_inflate_create(max);

    if (inf == NULL) {
        hars_fault(fault, NULL, -1, -1, "no memory");
        status = 503;

    } else {
        status = hars_inflate_piece(inf, src, len, hars_inflate_add, &text,
                                    fault);
    }

    if (status == 0) {
        status = hars_inflate_end(inf, fault);
    }

    hars_inflate_free(inf);
    *dst = text.text;
    *dst_len = text.len;

    return status;
}


static unsigned
hars_inflate_add(void *data, const char *piece, size_t len,
    hars_fault_t *fault)
{
    char                 *p;
    size_t                size;
    hars_inflate_text_t  *text = data;

    if (text->len + len + 1 > text->size) {
        size = 2 * (text->len + len + 1);

        p = realloc(text->text, size);
        if (p == NULL) {
            hars_fault(fault, NULL, -1, -1, "no memory");
            return 503;
        }

        text->text = p;
        text->size = size;
    }

    memcpy(text->text + text->len, piece, len);
    text->len += len;
    text->text[text->len] = '\0';

    return 0;
}

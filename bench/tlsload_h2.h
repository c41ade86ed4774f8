
/*
 * HTTP/2 (RFC 9113) as tlsload needs it: one stream after another on a
 * connection, no library.  Header fields are literals that are not indexed
 * (RFC 7541, 6.2.2); of an answer's fields only ":status: 200" is known, which
 * each server writes as one byte.
 */

#ifndef TLSLOAD_H2_H
#define TLSLOAD_H2_H


#include <stddef.h>
#include <stdint.h>


typedef struct {
    uint32_t  stream;                     /* the one in hand */
    uint32_t  got;                        /* bytes to give back to the window */
    unsigned  acknowledge;                /* SETTINGS of the server */
    unsigned  head;                       /* there was one for this stream */
    unsigned  status;
    size_t    data_left;                  /* of a DATA frame */
    unsigned  data_ends;                  /* and with it the stream */
} hars_h2_t;


/* what a client says first; its length.  Windows are as large as can be. */
size_t hars_h2_preface(char *dst, size_t size);

/* the frames of the next request; its length, 0: does not fit */
size_t hars_h2_request(hars_h2_t *h2, char *dst, size_t size, const char *host,
    const char *path, const char *token);

/*
 * Takes whole frames (DATA as far as it is there) from src: how many bytes.
 * *status is set when the stream has ended; 200, or 1 for any other.  *wrong
 * is set where the connection is of no use any more.
 */
size_t hars_h2_take(hars_h2_t *h2, const char *src, size_t len,
    unsigned *status, const char **wrong);


#endif /* TLSLOAD_H2_H */

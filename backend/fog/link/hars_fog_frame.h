
/*
 * How messages stand on a link between a wearable and a fog node, TCP or a
 * Unix socket: u16 length, big-endian, and as many bytes.  A message is one
 * of the key exchange (its first byte is the version, 1) or a record of the
 * session that the link has (its first byte is the highest of its number, 0:
 * no session has 2^56 records).
 *
 * Here is only the cutting; what a message says is the reader's.
 */

#ifndef HARS_FOG_FRAME_H
#define HARS_FOG_FRAME_H


#include <stddef.h>


#define HARS_FRAME_HEAD  2
#define HARS_FRAME_MAX   4096             /* of a message, without the head */


/* "len" of 1 to HARS_FRAME_MAX: bytes written, len + 2 */
size_t hars_frame_put(unsigned char *dst, const unsigned char *message,
    size_t len);

/*
 * The first message of "size" bytes that came: HARS_OK, it begins at bytes +
 * HARS_FRAME_HEAD and has *len; HARS_DECLINED, there is more to come;
 * HARS_ERROR, no frame begins like this: the link is to be closed.
 */
int hars_frame_take(const unsigned char *bytes, size_t size, size_t *len);

/* is it of the key exchange, or a record? */
int hars_frame_is_record(const unsigned char *message);


#endif /* HARS_FOG_FRAME_H */

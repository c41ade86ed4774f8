
/* See hars_fog_frame.h for what this is. */

#include "hars_fog_frame.h"
#include "hars_record.h"

#include <string.h>


size_t
hars_frame_put(unsigned char *dst, const unsigned char *message, size_t len)
{
    dst[0] = (unsigned char) (len >> 8);
    dst[1] = (unsigned char) len;
    memcpy(dst + HARS_FRAME_HEAD, message, len);

    return HARS_FRAME_HEAD + len;
}


int
hars_frame_take(const unsigned char *bytes, size_t size, size_t *len)
{
    if (size < HARS_FRAME_HEAD) {
        return HARS_DECLINED;
    }

    *len = (size_t) bytes[0] << 8 | bytes[1];

    if (*len == 0 || *len > HARS_FRAME_MAX) {
        return HARS_ERROR;
    }

    return size < HARS_FRAME_HEAD + *len ? HARS_DECLINED : HARS_OK;
}


int
hars_frame_is_record(const unsigned char *message)
{
    return message[0] == 0;
}

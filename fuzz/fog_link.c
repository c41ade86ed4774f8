
/*
 * What a wearable's link brings, from anybody: frames are cut without reading
 * beyond, and a text that is taken is put as the same bytes again.
 */

#include "../backend/fog/link/hars_fog_frame.c"
#include "../backend/fog/link/hars_fog_text.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  len, at, n;
    unsigned char           bytes[HARS_FOG_TEXT];
    static hars_fog_text_t  text;

    for (at = 0; hars_frame_take(data + at, size - at, &len) == HARS_OK; ) {
        at += HARS_FRAME_HEAD;

        if (len == 0 || len > HARS_FRAME_MAX || at + len > size) {
            __builtin_trap();
        }

        if (hars_fog_text_take(&text, data + at, len) == HARS_OK) {
            n = hars_fog_text_put(&text, bytes);

            if (n != len || memcmp(bytes, data + at, len) != 0) {
                __builtin_trap();
            }
        }

        at += len;
    }

    return 0;
}

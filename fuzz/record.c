
/*
 * The record and its seal, as they come from Redis: what decodes is what
 * encode makes, byte for byte, and nothing opens but what was sealed.
 */

#include "../common/hars_record.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                len;
    hars_record_t         rec;
    static hars_seal_t   *seal;
    unsigned char         buf[HARS_RECORD_MAX];
    static unsigned char  place[HARS_KEY_LEN], secret[1][HARS_SECRET_LEN];

    if (hars_record_decode(&rec, data, size) == HARS_OK) {
        len = hars_record_encode(&rec, buf, sizeof(buf));

        if (len != size || memcmp(buf, data, size) != 0) {
            __builtin_trap();
        }
    }

    if (seal == NULL) {
        seal = hars_seal_create((const unsigned char (*)[HARS_SECRET_LEN])
                                secret, 1);
    }

    if (hars_open(seal, place, place, data, size, buf, &len) == HARS_OK) {
        __builtin_trap();
    }

    return 0;
}

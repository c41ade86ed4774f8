
/*
 * Records at a fog node (v1), from whoever reaches the link: the genuine one
 * opens and no other, whatever its length; and the flash image of a wearable,
 * whose bytes a broken flash may have changed: what is recalled is stored again
 * to the same bytes.
 */

#include "fog_stage.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  genuine, rc;
    size_t               len;
    uint64_t             number;
    unsigned char        m[FOG_LONGEST], text[FOG_LONGEST];
    unsigned char        first[5 + HARS_AKA_RECORD], image[HARS_AKA_MEMORY];
    hars_aka_device_t    device;
    hars_aka_channel_t   channel, from;
    const fog_stage_t   *s;

    FOG_NEED(data, size)

    s = fog_stage(data, 4);

    if (hars_aka_channel(&s->run.at_fog, data[1] >> 1 & 3, &channel) != 0) {
        __builtin_trap();
    }

    from = channel;
    channel.next = 7;
    (void) hars_aka_record_seal(&channel, (unsigned char *) "pulse", 5,
                                first);
    len = fog_stage_message(data, size, first, sizeof(first), m, &genuine);
    rc = hars_aka_record_open(&from, m, len, text, &number);

    if ((rc == HARS_AKA_OK) != genuine
        || (genuine && memcmp(text, "pulse", 5) != 0)
        || from.next != (genuine ? number + 1 : 0))
    {
        __builtin_trap();
    }

    if (size >= 2 + sizeof(image)
        && hars_aka_device_recall(&device, data + 2) == HARS_AKA_OK)
    {
        hars_aka_device_memory(&device, image);

        if (memcmp(image, data + 2, sizeof(image)) != 0) {
            __builtin_trap();
        }
    }

    return 0;
}

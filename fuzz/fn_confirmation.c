
/* What hars-fogcloud says of a confirmed session: a span, or none at all. */

#include "../backend/fog/node/hars_fn_confirmation.c"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t         lasts;
    unsigned char  *body;

    /* as large as it is, so that one byte more shows */

    body = malloc(size);
    memcpy(body, data, size);

    if (hars_fn_confirmation(body, size, "00112233445566778899aabbccddeeff",
                             &lasts)
        == HARS_OK
        && (lasts < 0 || lasts > 253402300800000
            || memmem(body, size, "sid", 3) == NULL))
    {
        abort();
    }

    free(body);

    return 0;
}

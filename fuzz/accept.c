
/*
 * Accept, as anybody may send it: a quality in its bounds or an error, the
 * same error for each type, and never more for a type than the header has.
 */

#include "../backend/common/hars_accept.c"

#include <stdint.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int    json, jwt;
    char  *text;

    text = malloc(size + 1);
    if (size) {
        memcpy(text, data, size);
    }
    text[size] = '\0';

    json = hars_accept(text, "application/json");
    jwt = hars_accept(text, "application/token-introspection+jwt");

    if ((json == HARS_ERROR) != (jwt == HARS_ERROR)
        || json < HARS_ERROR || json > HARS_ACCEPT_FULL
        || jwt < HARS_ERROR || jwt > HARS_ACCEPT_FULL)
    {
        abort();
    }

    free(text);

    return 0;
}

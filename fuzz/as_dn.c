
/*
 * A subject name in a certificate against a registered one, both up to a
 * zero byte of the input: what matches is well-formed, and matches once more.
 */

#include "../backend/authserver/hars_as_dn.c"
#include "../backend/authserver/hars_as_dn_parse.c"
#include "../backend/authserver/hars_as_dn_encode.c"

#include <stdint.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *dn;
    size_t          len;
    const char     *error;
    unsigned char   der[2048];

    dn = malloc(size + 1);
    if (size) {
        memcpy(dn, data, size);
    }
    dn[size] = '\0';

    len = strlen(dn);
    len = (len < size) ? len + 1 : size;
    error = NULL;

    if (hars_dn_check(dn, &error) != HARS_OK && error == NULL) {
        abort();
    }

    if (hars_dn_match(dn, data + len, size - len) == HARS_OK
        && (error || hars_dn_match(dn, data + len, size - len) != HARS_OK))
    {
        abort();
    }

    /* what the authority here would write is what was registered */

    if (hars_dn_encode(dn, der, sizeof(der), &len) == HARS_OK
        && (error || hars_dn_match(dn, der, len) != HARS_OK))
    {
        abort();
    }

    free(dn);

    return 0;
}

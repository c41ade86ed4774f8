
/*
 * A certification request as EST brings it: base64 or PEM where the first
 * byte is even, DER where it is odd.  What is taken has a key and a name, and
 * nothing behind its end.
 */

#include "../backend/authserver/hars_as_csr.c"
#include "../backend/common/hars_sha256.c"

#include <stdint.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
parse(const unsigned char *der, size_t len)
{
    hars_csr_t   csr;
    const char  *error;

    error = NULL;

    if (hars_csr_parse(&csr, der, len, &error) == HARS_OK) {
        if (csr.key == NULL || error || csr.names.subject_len < 2
            || csr.names.subject_len > len || csr.names.san_len > len
            || (csr.sans == 0) != (csr.names.san_len == 0))
        {
            abort();
        }

        hars_csr_free(&csr);

    } else if (csr.key || error == NULL) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *body;
    size_t          len;
    unsigned char  *der;

    if (size == 0 || size > HARS_CSR_TEXT) {
        return 0;
    }

    if (data[0] & 1) {
        parse(data + 1, size - 1);
        return 0;
    }

    /* as large as the server's, so that one byte more shows */

    body = malloc(size);
    der = malloc(size);
    memcpy(body, data + 1, size - 1);

    if (hars_csr_decode(body, size - 1, der, &len) == HARS_OK) {
        if (len >= size) {
            abort();
        }

        parse(der, len);
    }

    free(der);
    free(body);

    return 0;
}

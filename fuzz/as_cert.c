
/*
 * The Client-Cert header: what is taken is one byte sequence with one
 * certificate, whose subject name is inside it.
 */

#include "../backend/authserver/hars_as_cert.c"
#include "../backend/common/hars_log.c"
#include "../backend/common/hars_sha256.c"

#include <stdint.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         *header;
    hars_cert_t   cert;

    header = malloc(size + 1);
    if (size) {
        memcpy(header, data, size);
    }
    header[size] = '\0';

    if (hars_cert_parse(NULL, &cert, header, 1800000000) == HARS_OK
        && (header[0] != ':'
            || header[strlen(header) - 1] != ':'
            || strchr(header + 1, ':') != header + strlen(header) - 1
            || cert.subject_len == 0
            || cert.subject_len >= strlen(header)))
    {
        abort();
    }

    free(header);

    return 0;
}

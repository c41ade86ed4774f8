
/*
 * Client-Cert and Client-Cert-Chain at the gateway: what is taken is base64
 * that encodes back to exactly what was sent, inside the bounds of the value.
 */

#include "../ngx_hars_module/ngx_http_hars_rfc9440.c"

#include <openssl/evp.h>

#include "ngx_stub.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      len;
    u_char     *copy, *dst, *again, *p, *start, *last;
    ngx_int_t   rc;

    /* of their exact sizes, so that a byte too far is seen */

    copy = malloc(size ? size : 1);
    dst = malloc(size / 4 * 3 + 1);
    again = malloc(size + 5);

    if (copy == NULL || dst == NULL || again == NULL) {
        abort();
    }

    memcpy(copy, data, size);

    p = copy;
    last = copy + size;

    do {
        start = p;

        if (ngx_http_hars_byte_sequence(&p, last, dst, &len) != NGX_OK) {
            break;
        }

        if (p <= start + 2 || p > last || len > size / 4 * 3
            || EVP_EncodeBlock(again, dst, len) != p - start - 2
            || memcmp(again, start + 1, p - start - 2) != 0)
        {
            __builtin_trap();
        }

        rc = ngx_http_hars_next_member(&p, last);

        if (p > last || (rc == NGX_OK && p == last)) {
            __builtin_trap();
        }

    } while (rc == NGX_OK);

    free(copy);
    free(dst);
    free(again);

    return 0;
}

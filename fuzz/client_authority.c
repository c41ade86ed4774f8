
/*
 * What a server answers to enrolment: cacerts where the first byte is even, a
 * certificate for a key that nobody has where it is odd.  The first gives
 * roots or fails; the second is never taken.
 */

#include "../backend/common/hars_authority.c"

#include <stdarg.h>
#include <stdint.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
hars_identity_failed(hars_identity_t *id, const char *fmt, ...)
{
    (void) id;
    (void) fmt;

    return HARS_ERROR;
}


void
hars_text_add(hars_text_t *text, const char *data, size_t len)
{
    (void) data;

    text->len += len;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     rc;
    char                   *body;
    hars_text_t             pem;
    hars_identity_t         id;
    static const EVP_PKEY  *key;

    if (size == 0) {
        return 0;
    }

    if (key == NULL) {
        key = EVP_EC_gen("P-256");
    }

    memset(&id, 0, sizeof(id));
    memset(&pem, 0, sizeof(pem));
    id.roots = sk_X509_new_null();
    id.others = sk_X509_new_null();
    id.key = (EVP_PKEY *) key;

    /* as large as it is, so that one byte more shows */

    body = malloc(size);
    memcpy(body, data + 1, size - 1);

    if (data[0] & 1) {
        if (hars_identity_take(&id, body, size - 1, "dcm-1") == HARS_OK) {
            abort();
        }

    } else {
        rc = hars_identity_authorities(&id, body, size - 1, NULL);

        if ((rc == HARS_OK) != (sk_X509_num(id.roots) > 0)
            || (rc == HARS_OK
                && (hars_identity_roots(&id, &pem) != HARS_OK
                    || pem.len == 0)))
        {
            abort();
        }
    }

    free(body);
    sk_X509_pop_free(id.roots, X509_free);
    sk_X509_pop_free(id.others, X509_free);

    return 0;
}

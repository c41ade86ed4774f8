
/*
 * Questions about certificates, as DER and, where the first byte is "/", as
 * the end of a path: what is taken is within bounds, and is answered.
 */

#include "../backend/authserver/hars_as_ca_build.c"
#include "../backend/authserver/hars_as_ocsp_answer.c"
#include "../backend/authserver/hars_as_ocsp_request.c"

#include <stdint.h>
#include <stdlib.h>


struct hars_ca_s {
    X509      *issuing;
    EVP_PKEY  *key;
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void hars_fuzz_authority(void);
static void hars_fuzz_ask(const unsigned char *der, size_t len);


static hars_ca_t  ca;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *text;
    size_t          len;
    unsigned char  *der;

    if (ca.key == NULL) {
        hars_fuzz_authority();
    }

    if (size == 0 || data[0] != '/') {
        hars_fuzz_ask(data, size);
        return 0;
    }

    text = malloc(size);
    der = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';

    if (hars_ocsp_decode(text, der, &len) == HARS_OK) {
        if (len >= size) {
            abort();
        }

        hars_fuzz_ask(der, len);
    }

    free(der);
    free(text);

    return 0;
}


static void
hars_fuzz_authority(void)
{
    hars_ca_plan_t  plan;

    static const unsigned char  serial[HARS_CA_SERIAL] = { 1 };

    /* CN=Fuzz */

    static const unsigned char  subject[] =
        "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04" "Fuzz";

    ca.key = EVP_EC_gen("P-256");

    memset(&plan, 0, sizeof(plan));
    plan.profile = HARS_CA_ROOT;
    plan.subject = subject;
    plan.subject_len = sizeof(subject) - 1;
    plan.serial = serial;
    plan.not_before = 1700000000;
    plan.not_after = 1900000000;
    plan.key = ca.key;

    ca.issuing = hars_ca_build(&plan, NULL, NULL);

    if (ca.issuing == NULL) {
        abort();
    }
}


static void
hars_fuzz_ask(const unsigned char *der, size_t len)
{
    size_t                answer_len;
    unsigned              i, ours;
    unsigned char        *answer, serial[HARS_CA_SERIAL];
    hars_ocsp_status_t    status[HARS_OCSP_IDS];
    hars_ocsp_request_t   request;

    if (hars_ocsp_parse(&request, der, len) != HARS_OK) {
        return;
    }

    if (len > HARS_OCSP_BODY || request.n < 1 || request.n > HARS_OCSP_IDS) {
        abort();
    }

    ours = 1;

    for (i = 0; i < request.n; i++) {
        memset(&status[i], 0, sizeof(status[i]));
        status[i].outcome = (hars_ocsp_outcome_e) (i % 3);
        ours &= hars_ocsp_ours(request.id[i], ca.issuing) != 0;

        if (hars_ocsp_serial(request.id[i], serial) == HARS_OK
            && serial[0] == 0)
        {
            abort();
        }
    }

    /* only what is ours is answered; what OpenSSL cannot copy is not */

    answer = hars_ocsp_answer(&ca, &request, status, 1800000000,
                              &answer_len);

    if (answer == NULL && ours) {
        abort();
    }

    free(answer);
    hars_ocsp_request_free(&request);
}


X509 *
hars_ca_issuing(const hars_ca_t *authority)
{
    return authority->issuing;
}


EVP_PKEY *
hars_ca_key(const hars_ca_t *authority)
{
    return authority->key;
}


void
hars_ca_lock(hars_ca_t *authority)
{
    (void) authority;
}


void
hars_ca_unlock(hars_ca_t *authority)
{
    (void) authority;
}


/*
 * What a patient says of a caregiver: what is taken has scopes of its role,
 * times in their order and a name that is one line, which is taken once more;
 * what is refused says why.
 */


#include "../backend/dcm/hars_dcm_name.c"
#include "../backend/dcm/hars_dcm_consent.c"
#include "../backend/common/hars_who.c"


#define NOW  1790000000000


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* of hars_who.c, which is here for the names of scopes */

int
hars_request_header(hars_request_t *r, const char *name, const char **value)
{
    (void) r;
    (void) name;
    (void) value;

    abort();
}


void
hars_reply_header(hars_request_t *r, const char *name, const char *value)
{
    (void) r;
    (void) name;
    (void) value;

    abort();
}


void
hars_reply_problem(hars_request_t *r, unsigned status, const char *detail)
{
    (void) r;
    (void) status;
    (void) detail;

    abort();
}


static void
good_name(const char *name)
{
    const char  *p;

    if (name[0] == '\0') {
        return;
    }

    for (p = name; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f) {
            abort();
        }
    }

    if (strlen(name) >= HARS_NAME_SIZE || hars_name_check(name) != HARS_OK) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            name[HARS_NAME_SIZE], *text;
    hars_consent_t  consent;
    hars_refusal_t  refusal = { 0, NULL, NULL };

    if (hars_consent_read(&consent, (const char *) data, size, NOW, &refusal)
        == HARS_OK)
    {
        if (consent.scopes == 0
            || (consent.scopes & ~(unsigned) (HARS_SCOPE_ACTIVITIES_READ
                                              | HARS_SCOPE_SAMPLES_READ))
            || (!consent.doctor && (consent.scopes
                                    & HARS_SCOPE_SAMPLES_READ))
            || (consent.until_ms && consent.until_ms <= NOW)
            || (consent.until_ms && consent.has_since
                && consent.since_ms >= consent.until_ms))
        {
            abort();
        }

        good_name(consent.name);

    } else if (refusal.detail == NULL
               || (refusal.status != 400 && refusal.status != 422))
    {
        abort();
    }

    if (hars_consent_name(name, (const char *) data, size, &refusal)
        == HARS_OK)
    {
        good_name(name);
    }

    /* as bytes, which no JSON has looked at */

    text = malloc(size + 1);
    if (size) {
        memcpy(text, data, size);
    }
    text[size] = '\0';

    if (hars_name_check(text) == HARS_OK) {
        good_name(text);
    }

    (void) hars_id_check(text);
    free(text);

    return 0;
}

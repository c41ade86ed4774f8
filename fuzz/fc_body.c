
/*
 * Bodies of registrations in the fog: what is taken has an id that is one,
 * and a suite that there is; what is refused says why.
 */


#include "../backend/fog/cloud/hars_fc_body.c"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* as in hars_who.c, the rest of which is about requests */

int
hars_id_check(const char *id)
{
    size_t  len;

    len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789._-");

    return len && len < HARS_WHO_ID && id[len] == '\0' ? HARS_OK
                                                       : HARS_DECLINED;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char      *why;
    hars_fc_body_t   body;

    why = NULL;

    if (hars_fc_body_device(&body, (const char *) data, size, &why)
        == HARS_OK)
    {
        if (hars_id_check(body.id) != HARS_OK
            || (body.patient[0] && hars_id_check(body.patient) != HARS_OK)
            || (body.suite & ~0x13u) || (body.suite & 3) == 3
            || (body.suite & 3) == 0)
        {
            abort();
        }

    } else if (why == NULL) {
        abort();
    }

    why = NULL;

    if (hars_fc_body_node(&body, (const char *) data, size, &why) == HARS_OK
        ? hars_id_check(body.id) != HARS_OK : why == NULL)
    {
        abort();
    }

    return 0;
}

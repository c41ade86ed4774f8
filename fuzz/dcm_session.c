
/* What hars-fogcloud tells of a session: within bounds, or none at all. */

#include "../backend/dcm/hars_dcm_session.c"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                *body;
    hars_fog_session_t   session;

    /* as large as it is, so that one byte more shows */

    body = malloc(size);
    memcpy(body, data, size);

    if (hars_fog_session_read(body, size, &session) == HARS_OK
        && (session.patient[0] == '\0' || session.client[0] == '\0'
            || session.start_ms < 0 || session.start_ms > session.end_ms
            || !hars_fog_session_holds(&session, session.start_ms,
                                       session.end_ms)))
    {
        abort();
    }

    (void) hars_fog_session_none(body, size, "");

    free(body);

    return 0;
}

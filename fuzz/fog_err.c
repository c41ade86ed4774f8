
/*
 * ERR at a fog node (v1): with a mac the genuine one alone counts; without, two
 * codes are hints about this M2.  Nothing changes by any.
 */

#include "fog_stage.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                         genuine, code;
    run_t                       run;
    size_t                      len;
    unsigned char               m[FOG_LONGEST];
    static world_t              w;
    const fog_stage_t          *s;
    static const unsigned char  none[16];

    FOG_NEED(data, size)

    s = fog_stage(data, 2);
    w = s->w;
    run = s->run;

    if (w.profile->m2 != HARS_AKA_M2) {
        return 0;
    }

    w.row[0].status = HARS_AKA_REVOKED;

    if (world_m3(&w, run.m2, HARS_AKA_M2, &run) != HARS_AKA_PEER_REJECTED) {
        __builtin_trap();
    }

    len = fog_stage_message(data, size, run.err, HARS_AKA_ERR, m, &genuine);
    code = hars_aka_fog_error(&w.fog[0], &run.relay, m, len);

    if (genuine ? code != HARS_AKA_PEER_REJECTED
                : code != HARS_AKA_DROP
                  && (len != HARS_AKA_ERR || code != m[3]
                      || memcmp(m + 12, none, sizeof(none)) != 0
                      || (code != HARS_AKA_MALFORMED
                          && code != HARS_AKA_REJECTED)))
    {
        __builtin_trap();
    }

    /* and at the wearable: about its own M1, of one code */

    if (hars_aka_device_refused(&run.t, m, len) != HARS_AKA_DROP
        && (len != HARS_AKA_ERR || m[3] != HARS_AKA_REJECTED))
    {
        __builtin_trap();
    }

    return 0;
}

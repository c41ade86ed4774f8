
/*
 * M1 at a fog node, from anybody: what is taken is inside of M2 byte for byte,
 * and the cloud server admits of all of them the genuine one alone.
 */

#include "fog_stage.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 genuine, rc;
    run_t               run;
    size_t              len, at;
    unsigned char       m[FOG_LONGEST];
    static world_t      w;
    const fog_stage_t  *s;

    FOG_NEED(data, size)

    s = fog_stage(data, 1);
    w = s->w;
    run = s->run;
    at = w.profile->m1 == HARS_AKA_M1 ? 4 : 0;
    len = fog_stage_message(data, size, run.m1, w.profile->m1, m, &genuine);
    rc = world_m2(&w, 0, &run, m, len);

    if (rc == HARS_AKA_OK && (len != w.profile->m1
                              || memcmp(run.m2 + at, m, len) != 0))
    {
        __builtin_trap();
    }

    if (rc == HARS_AKA_OK) {
        rc = world_m3(&w, run.m2, w.profile->m2, &run);
    }

    if ((rc == HARS_AKA_OK) != genuine) {
        __builtin_trap();
    }

    return 0;
}

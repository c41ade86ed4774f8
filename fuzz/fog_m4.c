
/*
 * M4 at a wearable, from anybody near: the genuine one makes a session and no
 * other; what is dropped changes nothing.
 */

#include "fog_stage.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 genuine, rc;
    run_t               run;
    size_t              len;
    unsigned char       m[FOG_LONGEST];
    static world_t      w;
    const fog_stage_t  *s;

    FOG_NEED(data, size)

    s = fog_stage(data, 4);
    w = s->w;
    run = s->run;
    len = fog_stage_message(data, size, run.m4, w.profile->m4, m, &genuine);
    rc = w.profile->device_m4(&w.device[0], &run.t, m, len, &run.at_device);

    if ((rc == HARS_AKA_OK) != genuine) {
        __builtin_trap();
    }

    if (rc != HARS_AKA_OK
        && (memcmp(&w.device[0], &s->w.device[0], sizeof(w.device[0])) != 0
            || memcmp(&run, &s->run, sizeof(run)) != 0))
    {
        __builtin_trap();
    }

    return 0;
}

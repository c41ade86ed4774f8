
/*
 * M2 at the cloud server, from a client with a certificate: the genuine one is
 * admitted and no other; who is refused changes no row, and is told so by an
 * error of its code.
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

    s = fog_stage(data, 2);
    w = s->w;
    run = s->run;
    len = fog_stage_message(data, size, run.m2, w.profile->m2, m, &genuine);
    rc = world_m3(&w, m, len, &run);

    if ((rc == HARS_AKA_OK) != genuine) {
        __builtin_trap();
    }

    if (rc != HARS_AKA_OK
        && (rc < 0 || run.err[3] != rc
            || memcmp(w.row, s->w.row, sizeof(w.row)) != 0))
    {
        __builtin_trap();
    }

    return 0;
}

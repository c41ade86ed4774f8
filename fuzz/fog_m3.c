
/*
 * M3 at a fog node, from whoever answers for the cloud server: the genuine one
 * makes a session and no other; what is dropped changes nothing.  Of the
 * paper's M3 that is true of its first half only.
 */

#include "fog_stage.h"
#include "../backend/fog/aka/aka_paper.h"


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

    s = fog_stage(data, 3);
    w = s->w;
    run = s->run;
    len = fog_stage_message(data, size, run.m3, w.profile->m3, m, &genuine);
    rc = w.profile->fog_m3(&w.fog[0], &run.relay, m, len, w.now, run.m4,
                           &run.at_fog);

    /* the paper's fog node does not look at what it passes on: E_i */

    if (len == w.profile->m3 && len != HARS_AKA_M3) {
        genuine = memcmp(m, s->run.m3, HARS_PAPER_BOX) == 0;
    }

    if ((rc == HARS_AKA_OK) != genuine) {
        __builtin_trap();
    }

    if (rc != HARS_AKA_OK
        && (memcmp(&w.fog[0], &s->w.fog[0], sizeof(w.fog[0])) != 0
            || memcmp(&run, &s->run, sizeof(run)) != 0))
    {
        __builtin_trap();
    }

    return 0;
}


/*
 * What the fog_* targets share: a world (t/unit/aka_world.h) in each of the
 * four suites and in the paper's profile, stopped where a message is about to
 * arrive.  An input's first byte says which one, its second byte whether the
 * rest is the message or what is changed in the genuine one (xor), so that the
 * fuzzer gets behind headers and pseudonyms too.
 */

#ifndef FOG_STAGE_H
#define FOG_STAGE_H


#include "../t/unit/aka_world.h"


#define FOG_STAGES  5
#define FOG_LONGEST 8192


typedef struct {
    world_t        w;
    run_t          run;
} fog_stage_t;


/* steps of a session that were done: 1 M1, 2 M2, 3 M3, 4 M4 */
static inline void
fog_stage_make(fog_stage_t *s, unsigned i, unsigned steps)
{
    run_t                       other;
    static const unsigned char  suites[] = { 0x01, 0x02, 0x11, 0x12, 0x01 };

    world_make(&s->w, i == 4 ? "paper" : NULL, suites[i], i);
    memset(&s->run, 0, sizeof(s->run));

    if (world_session(&s->w, 0, 0, &other) != HARS_AKA_OK
        || world_m1(&s->w, 0, &s->run) != HARS_AKA_OK
        || (steps > 1 && world_m2(&s->w, 0, &s->run, s->run.m1,
                                  s->w.profile->m1) != HARS_AKA_OK)
        || (steps > 2 && world_m3(&s->w, s->run.m2, s->w.profile->m2,
                                  &s->run) != HARS_AKA_OK)
        || (steps > 3 && world_m4(&s->w, 0, &s->run) != HARS_AKA_OK))
    {
        abort();
    }
}


/* the message of an input; its length, and whether it is the genuine one */
static inline size_t
fog_stage_message(const uint8_t *data, size_t size,
    const unsigned char *genuine, size_t len, unsigned char *message,
    int *is_genuine)
{
    size_t  i;

    if (data[1] & 1) {
        for (i = 0; i < len; i++) {
            message[i] = genuine[i] ^ (i + 2 < size ? data[i + 2] : 0);
        }

    } else {
        memcpy(message, data + 2, size - 2);
    }

    *is_genuine = (data[1] & 1 || size - 2 == len)
                  && memcmp(message, genuine, len) == 0;

    return data[1] & 1 ? len : size - 2;
}


/* a stage of this many steps for an input, made once */
static inline const fog_stage_t *
fog_stage(const uint8_t *data, unsigned steps)
{
    unsigned            i;
    static unsigned     made;
    static fog_stage_t  stage[FOG_STAGES];

    for ( /* void */ ; made < FOG_STAGES; made++) {
        fog_stage_make(&stage[made], made, steps);
    }

    i = data[0] % FOG_STAGES;

    return &stage[i];
}


#define FOG_NEED(data, size)                                                 \
    if (size < 2 || size > FOG_LONGEST) {                                    \
        return 0;                                                            \
    }


#endif /* FOG_STAGE_H */


/*
 * What the tests of attacks share.  An attack is a function that plays the
 * adversary with what he is said to have, and gives 1 where he wins.  v1 is
 * attacked in its default suite and its sister; the same attack on a SYM suite
 * is the control that it is a real one, where SPEC 5.1 says that these suites
 * do not resist; and the paper's profile falls or not as SPEC 4 says.
 */

#ifndef AKA_ATTACK_H
#define AKA_ATTACK_H


#include "aka_world.h"
#include "tap.h"

#include "../../backend/fog/aka/aka_messages.h"
#include "../../backend/fog/aka/aka_paper.h"
#include "../../backend/fog/aka/aka_password.h"


#define FALLS   1
#define STANDS  0


typedef struct {
    const char  *name;
    int        (*v1)(unsigned suite);
    int        (*paper)(void);
    int          sym;                  /* what v1 in a SYM suite does */
    int          in_paper;             /* ... and the paper's profile */
    const char  *how;
} attack_t;


static inline void
attack_all(const attack_t *a, size_t n)
{
    (void) hars_aka_crypto_init();

    for ( /* void */ ; n--; a++) {
        ok(a->v1(HARS_AKA_X25519_AES) == 0, "%s: v1 resists", a->name);
        ok(a->v1(HARS_AKA_X25519_CHACHA) == 0, "%s: ... ChaCha20", a->name);
        ok(a->v1(HARS_AKA_SYM_AES) == a->sym, "%s: ... a SYM suite %s",
           a->name, a->sym ? "does not (5.1)" : "too");
        ok(a->paper() == a->in_paper, "%s: the paper's %s: %s", a->name,
           a->in_paper ? "falls" : "resists", a->how);
    }
}


static inline void
sha(unsigned char *out, const void *a, size_t a_len, const void *b,
    size_t b_len, const void *c, size_t c_len)
{
    const hars_aka_part_t  part[] = {
        { a, a_len }, { b, b_len }, { c, c_len }
    };

    (void) hars_aka_sha256(out, part, 3);
}


static inline int
paper_box(const unsigned char *id, size_t id_len, const unsigned char *s,
    const unsigned char *r, const unsigned char *box, unsigned char *in)
{
    unsigned char  k[32];

    sha(k, id, id_len, s, 32, r, 32);

    return hars_aka_open(HARS_AKA_SYM_AES, k, hars_aka_no_nonce, NULL, 0, box,
                         96, in) == HARS_AKA_OK;
}


/* does box_i open under this key and these z? */
static inline int
opens(const hars_aka_m4_t *m4, const unsigned char *m1, unsigned suite,
    const unsigned char *key, const unsigned char *z,
    hars_aka_inside_t *inside)
{
    unsigned char  th[32], k[32];

    (void) hars_aka_transcript(th, "fogaka1 th", m1, HARS_AKA_M1, m4->e);
    (void) hars_aka_message_key(suite, k, key, z, 2, th, "fogaka1 ki");

    return hars_aka_open(suite, k, hars_aka_no_nonce, th, 32, m4->box_i,
                         HARS_AKA_INSIDE, (unsigned char *) inside)
           == HARS_AKA_OK;
}


#endif /* AKA_ATTACK_H */

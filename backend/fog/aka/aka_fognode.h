
/*
 * The fog node's part (5.5): it turns M1 of anybody into M2, and M3 of the
 * cloud server into M4.  It learns no identity of a wearable.  One
 * hars_aka_relay_t per session that is pending, 64 at most.  The order:
 *
 *   hars_aka_fog_advance()   a new counter and pseudonym
 *   ... the caller stores the counter; only then:
 *   hars_aka_fog_m2()        for an M1
 *   hars_aka_fog_m3()        its answer: M4 and a provisional session
 *   or hars_aka_fog_error()  why there is none
 *
 * The rate of links and sources is the caller's, before all this.
 */

#ifndef HARS_AKA_FOGNODE_H
#define HARS_AKA_FOGNODE_H


#include "aka.h"


/* after a registration or re-key: what the cloud server gave (5.3) */
void hars_aka_fog_make(hars_aka_fog_t *fog,
    const unsigned char key[HARS_AKA_KEY],
    const unsigned char seed[HARS_AKA_SEED]);

/* as of the device; the stored state is sealed by the caller */
int hars_aka_fog_advance(hars_aka_fog_t *fog);

/*
 * M2 (also relay->m2) for an M1 of "len" bytes.  HARS_AKA_DROP where it has
 * not the form of one: silence (5.7).  "rnd" random and new, "ts" ms or 0.
 */
int hars_aka_fog_m2(const hars_aka_fog_t *fog, const unsigned char *m1,
    size_t len, const unsigned char rnd[HARS_AKA_RND], uint64_t ts,
    hars_aka_relay_t *relay, unsigned char m2[HARS_AKA_M2]);

/*
 * M3 of "len" bytes at "now".  HARS_AKA_OK: M4 and the session, provisional
 * until the device's first record (aka_session.h); "relay" is forgotten; the
 * fog node has its new seed where M2 went out under the one that it still
 * has.  HARS_AKA_DROP: not the answer to this M2, wait on.
 */
int hars_aka_fog_m3(hars_aka_fog_t *fog, hars_aka_relay_t *relay,
    const unsigned char *m3, size_t len, int64_t now,
    unsigned char m4[HARS_AKA_M4], hars_aka_session_t *session);

/*
 * The code of an error (5.7) about this M2.  HARS_AKA_MALFORMED and
 * HARS_AKA_REJECTED without a mac are hints of anybody, the others have a mac
 * that is right.  HARS_AKA_DROP: not about this M2, or not authentic.
 * Nothing changes.
 */
int hars_aka_fog_error(const hars_aka_fog_t *fog,
    const hars_aka_relay_t *relay, const unsigned char *err, size_t len);

/* what the device is told: code 10 about its M1, without a mac */
int hars_aka_fog_refusal(const hars_aka_relay_t *relay,
    unsigned char err[HARS_AKA_ERR]);

void hars_aka_fog_forget(hars_aka_relay_t *relay);
void hars_aka_fog_wipe(hars_aka_fog_t *fog);


#endif /* HARS_AKA_FOGNODE_H */

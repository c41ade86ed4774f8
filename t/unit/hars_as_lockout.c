
/* who guesses waits: the clock is an argument */

/* link: -lcrypto -lpthread */

#include "../../backend/authserver/hars_as_lockout.c"
#include "../../backend/common/hars_sha256.c"

#include "tap.h"

#include <stdio.h>


#define NOW  1800000000


static unsigned
tries(hars_lockout_t *l, const char *name, unsigned n, int64_t now)
{
    unsigned  wait;

    for (wait = 0; n && wait == 0; n--) {
        wait = hars_lockout_try(l, name, now);
    }

    return wait;
}


int
main(void)
{
    char             name[32];
    unsigned         i, held;
    hars_lockout_t  *l;

    l = hars_lockout_create();

    ok(tries(l, "a", 5, NOW) == 0, "five attempts");
    ok(hars_lockout_try(l, "a", NOW + 1) == 899, "the sixth waits");
    ok(hars_lockout_try(l, "a", NOW + 899) == 1, "... to the end");
    ok(hars_lockout_try(l, "a", NOW + 900) == 0, "... and no longer");
    ok(tries(l, "a", 4, NOW + 901) == 0, "it counts anew");
    ok(hars_lockout_try(l, "a", NOW + 902) == 898, "... since the first");
    ok(hars_lockout_try(l, "b", NOW) == 0, "another name");

    ok(tries(l, "c", 5, NOW) == 0, "five, the last one succeeds");
    hars_lockout_succeeded(l, "c");
    ok(tries(l, "c", 5, NOW) == 0, "... five more");
    ok(tries(l, "c", 1, NOW) == 900, "... and then none");
    ok(tries(l, "c", 1, NOW - 10) == 0, "a clock that is set back");
    hars_lockout_succeeded(l, "nobody");

    ok(tries(l, "d", 5, NOW) == 0, "five, the last one is not made");
    hars_lockout_unmade(l, "d");
    ok(tries(l, "d", 1, NOW) == 0, "... one more");
    ok(tries(l, "d", 1, NOW) == 900, "... and then none");
    hars_lockout_unmade(l, "nobody");

    /* a flood of names forgets no name that waits */

    ok(tries(l, "held", 6, NOW) == 900, "a name that waits");

    for (i = 0; i < 100000; i++) {
        sprintf(name, "flood-%u", i);
        (void) hars_lockout_try(l, name, NOW + 1);
    }

    ok(hars_lockout_try(l, "held", NOW + 2) == 898, "... through a flood");

    /* of more names than places, that wait themselves, some have to go */

    for (i = 0, held = 0; i < 20000; i++) {
        sprintf(name, "many-%u", i);
        (void) tries(l, name, 6, NOW + 3);
    }

    for (i = 0; i < 20000; i++) {
        sprintf(name, "many-%u", i);
        held += hars_lockout_try(l, name, NOW + 4) > 0;
    }

    ok(held <= HARS_LOCKOUT_BUCKETS * HARS_LOCKOUT_WAYS, "it is bounded");

    hars_lockout_free(l);
    hars_lockout_free(NULL);

    return tap_done();
}

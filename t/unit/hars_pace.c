
/* when something is done again */

/* link: */

#include "../../backend/common/hars_pace.c"

#include "tap.h"


int
main(void)
{
    ok(hars_pace_token(300, 0) == 200000, "a token at two thirds");
    ok(hars_pace_token(300, 255) > 170000
       && hars_pace_token(300, 255) < 171000, "... or a tenth earlier");
    ok(hars_pace_token(1, 128) > 600, "... a short one, too");

    ok(hars_pace_again(1, 0, 0) == 1000, "a second after the first failure");
    ok(hars_pace_again(3, 0, 0) == 4000, "... doubled");
    ok(hars_pace_again(6, 0, 0) == 32000, "... and again");
    ok(hars_pace_again(7, 0, 0) == 60000, "... up to a minute");
    ok(hars_pace_again(1000000, 0, 0) == 60000, "... for ever");
    ok(hars_pace_again(3, 0, 255) > 2000
       && hars_pace_again(3, 0, 255) < 2010, "... down to half of it");
    ok(hars_pace_again(0, 0, 0) == 1000, "... there is no less");
    ok(hars_pace_again(1, 30, 255) == 30000, "not before Retry-After");
    ok(hars_pace_again(7, 2, 0) == 60000, "... which shortens nothing");
    ok(hars_pace_again(1, 1000000, 0) == 3600000, "... nor lasts for ever");
    ok(hars_pace_again(1, -5, 0) == 1000, "... nor is in the past");

    ok(!hars_pace_certificate(0, 300, 199), "a certificate lives");
    ok(hars_pace_certificate(0, 300, 200), "... a third of it is left");
    ok(hars_pace_certificate(0, 300, 500), "... it is over");

    return tap_done();
}

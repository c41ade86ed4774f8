
/*
 * Sessions by their clocks: threads read the time before they have the lock,
 * so one may come with a time before that of the last use.
 */

/* link: -lpthread */

#include "../../backend/mlservice/hars_ml_sessions.c"

#include "tap.h"

#include <stdint.h>


#define IDLE  1000


static void earlier(void);
static void idle(void);


static hars_ml_t            ml;
static const unsigned char  anna[HARS_ML_DIGEST] = { 1 };
static const unsigned char  ben[HARS_ML_DIGEST] = { 2 };
static const char           one[] = "00000000000000000000000000000001";
static const char           two[] = "00000000000000000000000000000002";


/* no session here has a shelf */
void
hars_shelf_release(hars_ml_t *of, hars_shelf_t *shelf)
{
    (void) of;
    (void) shelf;
}


int
main(void)
{
    earlier();
    idle();

    return tap_done();
}


static void
earlier(void)
{
    hars_session_t  *s;

    hars_sessions_init(&ml.sessions, 16, IDLE);
    hars_sessions_create(&ml, one, anna, 5000, &s);
    hars_sessions_give(&ml, s, 5001);

    ok(hars_sessions_take(&ml, two, ben, 5000, &s) == HARS_DECLINED
       && ml.sessions.n == 1,
       "a look with a time before the last use takes no stream away");
    ok(hars_sessions_take(&ml, one, anna, 4000, &s) == HARS_OK,
       "and the stream is there");

    hars_sessions_free(&ml);
}


static void
idle(void)
{
    hars_session_t  *s;

    hars_sessions_init(&ml.sessions, 16, IDLE);
    hars_sessions_create(&ml, one, anna, 5000, &s);

    ok(hars_sessions_take(&ml, two, ben, 9000, &s) == HARS_DECLINED
       && ml.sessions.n == 1, "a stream in use is never idle");

    hars_sessions_give(&ml, ml.sessions.session[0], 9000);
    hars_sessions_take(&ml, two, ben, 9000 + IDLE, &s);
    ok(ml.sessions.n == 1, "a stream is kept for the time that it may idle");

    hars_sessions_take(&ml, two, ben, 9001 + IDLE, &s);
    ok(ml.sessions.n == 0, "and is gone a millisecond later");

    hars_sessions_free(&ml);
}

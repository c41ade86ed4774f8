
/*
 * Sessions of the fog as the data collecting mechanism sees them: what it is
 * told, which recordings are of one, and for how long one is remembered.
 *
 * link: backend/dcm/hars_dcm_session.c backend/dcm/hars_dcm_remember.c
 * link: -ljansson -lm
 */

#include "../../backend/dcm/hars_dcm_remember.h"

#include "tap.h"

#include <stdio.h>
#include <string.h>


#define GOOD  "{\"patient\":\"p1\",\"device\":\"a1\",\"fog_client_id\":"     \
              "\"edge\",\"start\":1700000000.250,\"end\":1700003600.000}"
#define SID   "0123456789abcdef0123456789abcdef"


static void ids(void);
static void answers(void);
static void unknown(void);
static void times(void);
static void remembered(void);
static void bounded(void);
static int reads(const char *body);


int
main(void)
{
    ids();
    answers();
    unknown();
    times();
    remembered();
    bounded();

    return tap_done();
}


static void
ids(void)
{
    ok(hars_fog_session_id(SID), "a session's id");
    ok(!hars_fog_session_id(""), "none");
    ok(!hars_fog_session_id(SID "0"), "too long");
    ok(!hars_fog_session_id("0123456789abcdef0123456789abcde"), "too short");
    ok(!hars_fog_session_id("0123456789ABCDEF0123456789abcdef"), "capitals");
    ok(!hars_fog_session_id("../3456789abcdef0123456789abcdef"), "a path");
}


static int
reads(const char *body)
{
    hars_fog_session_t  session;

    return hars_fog_session_read(body, strlen(body), &session);
}


static void
answers(void)
{
    unsigned            i;
    hars_fog_session_t  session;

    static const char *const  bad[] = {
        "", "{}", "[]", "null", "{\"patient\":\"p1\"}",
        /* each member missing, of another type, out of its bounds */
        "{\"device\":\"a\",\"fog_client_id\":\"e\",\"start\":1,\"end\":2}",
        "{\"patient\":1,\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1,\"end\":2}",
        "{\"patient\":\"\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1,\"end\":2}",
        "{\"patient\":\"p 1\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1,\"end\":2}",
        "{\"patient\":\"p\\n\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1,\"end\":2}",
        "{\"patient\":\"p\\u0000q\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1,\"end\":2}",
        "{\"patient\":\"p\",\"fog_client_id\":\"e\",\"start\":1,\"end\":2}",
        "{\"patient\":\"p\",\"device\":\"a\",\"start\":1,\"end\":2}",
        "{\"patient\":\"p\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"end\":2}",
        "{\"patient\":\"p\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1}",
        "{\"patient\":\"p\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":\"1\",\"end\":2}",
        "{\"patient\":\"p\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":-1,\"end\":2}",
        "{\"patient\":\"p\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1,\"end\":1e300}",
        "{\"patient\":\"p\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":3,\"end\":2}",
        "{\"patient\":\"p\",\"patient\":\"q\",\"device\":\"a\","
        "\"fog_client_id\":\"e\",\"start\":1,\"end\":2}",
        "{\"patient\":\"1234567890123456789012345678901234567890123456789012"
        "3456789012345\",\"device\":\"a\",\"fog_client_id\":\"e\","
        "\"start\":1,\"end\":2}"
    };

    ok(hars_fog_session_read(GOOD, strlen(GOOD), &session) == HARS_OK
       && strcmp(session.patient, "p1") == 0
       && strcmp(session.device, "a1") == 0
       && strcmp(session.client, "edge") == 0
       && session.start_ms == 1700000000250
       && session.end_ms == 1700003600000, "an answer");

    ok(hars_fog_session_read(NULL, 0, &session) == HARS_ERROR, "no answer");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(reads(bad[i]) == HARS_ERROR, "refused: %s", bad[i]);
    }
}


/* a 404, of hars-fogcloud or of somebody on the way */
static void
unknown(void)
{
    unsigned  i;

    static const char  none[] = "{\"type\":\"about:blank\",\"status\":404,"
                                "\"sid\":\"" SID "\"}";
    static const char *const  other[] = {
        "", "<html></html>", "null", "{}", "\"" SID "\"",
        "{\"type\":\"about:blank\",\"title\":\"Not Found\","
        "\"status\":404}",
        "{\"status\":404,\"sid\":null}",
        "{\"status\":404,\"sid\":\"0123456789abcdef\"}"
    };

    ok(hars_fog_session_none(none, strlen(none), SID), "there is none");
    ok(!hars_fog_session_none(NULL, 0, SID), "nobody says anything");

    for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        ok(!hars_fog_session_none(other[i], strlen(other[i]), SID),
           "somebody else: %s", other[i]);
    }
}


static void
times(void)
{
    const int64_t  day = 24 * 3600 * 1000, skew = 120 * 1000;
    const int64_t  a = 1700000000000, b = a + 3600 * 1000;

    hars_fog_session_t  session = { .start_ms = a, .end_ms = b };

    ok(hars_fog_session_holds(&session, a, b), "all of it");
    ok(hars_fog_session_holds(&session, a + 1, b - 1), "a part of it");
    ok(hars_fog_session_holds(&session, a - day, a - day + 1),
       "what was kept since a day before");
    ok(!hars_fog_session_holds(&session, a - day - 1, b), "not longer");
    ok(hars_fog_session_holds(&session, a, b + skew),
       "a clock that is two minutes ahead");
    ok(!hars_fog_session_holds(&session, a, b + skew + 1), "not more");
    ok(!hars_fog_session_holds(&session, b + day, b + day + 1), "after it");
}


static void
remembered(void)
{
    hars_fog_session_t      got, session = { .start_ms = 1, .end_ms = 2 };
    static hars_remember_t  remember;

    strcpy(session.patient, "p1");

    ok(hars_remember_get(&remember, SID, "edge", 1000, &got) == HARS_ERROR,
       "nothing is known");
    hars_remember_put(&remember, SID, "edge", &session, 1000);
    ok(hars_remember_get(&remember, SID, "edge", 1000, &got) == HARS_OK
       && memcmp(&got, &session, sizeof(got)) == 0, "it is");
    ok(hars_remember_get(&remember, SID, "edgy", 1000, &got) == HARS_ERROR,
       "not to another client");
    ok(hars_remember_get(&remember, SID, "edge",
                         1000 + HARS_REMEMBER_MS - 1, &got) == HARS_OK,
       "for some seconds");
    ok(hars_remember_get(&remember, SID, "edge", 1000 + HARS_REMEMBER_MS,
                         &got) == HARS_ERROR, "and not longer");
    ok(hars_remember_get(&remember, SID, "edge", 999, &got) == HARS_ERROR,
       "nor before that");

    hars_remember_put(&remember, SID, "edge", NULL, 2000);
    ok(hars_remember_get(&remember, SID, "edge", 2000, &got)
       == HARS_DECLINED, "it was revoked");
    ok(remember.next == 1, "one place for one session");
}


static void
bounded(void)
{
    char                    sid[HARS_FOG_SID];
    unsigned                i;
    hars_fog_session_t      got, session = { .start_ms = 1, .end_ms = 2 };
    static hars_remember_t  remember;

    for (i = 0; i < HARS_REMEMBER_N + 1; i++) {
        snprintf(sid, sizeof(sid), "%032x", i);
        hars_remember_put(&remember, sid, "edge", &session, 1000);
    }

    snprintf(sid, sizeof(sid), "%032x", 0);
    ok(hars_remember_get(&remember, sid, "edge", 1000, &got) == HARS_ERROR,
       "one more than there is room for: the oldest is gone");
    snprintf(sid, sizeof(sid), "%032x", 1);
    ok(hars_remember_get(&remember, sid, "edge", 1000, &got) == HARS_OK,
       "the others are there");
}

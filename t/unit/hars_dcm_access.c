
/*
 * The decision who may do what: each kind, each thing, each connection.
 *
 * link: backend/dcm/hars_dcm_access.c
 */

#include "../../backend/dcm/hars_dcm_access.h"

#include "tap.h"

#include <string.h>


#define ALL  (HARS_SCOPE_RECORDINGS_WRITE | HARS_SCOPE_RECORDINGS_FOG        \
              | HARS_SCOPE_ACTIVITIES_READ | HARS_SCOPE_SAMPLES_READ         \
              | HARS_SCOPE_CONSENT_WRITE)
#define NOW  1000000

/* a letter for each hars_access_what_e, in its order; "-": not */
#define LETTERS  "pasxcCERF"


static const struct {
    const char  *name;
    const char  *sub;
    hars_who_kind_e  kind;
    const char  *own;                     /* of the sub "p" */
    const char  *doctor;                  /* connected as that */
    const char  *caregiver;
} who_cases[] = {
    { "the patient", "p", HARS_WHO_PATIENT, "pasxcCER-", "pasxcCER-",
      "pasxcCER-" },
    { "another patient", "q", HARS_WHO_PATIENT, "---------", "---------",
      "---------" },
    { "a caregiver", "c", HARS_WHO_CAREGIVER, "---------", "pa-------",
      "pa-------" },
    { "a doctor", "d", HARS_WHO_DOCTOR, "---------", "pasx-----",
      "pa-------" },
    { "a service", "s", HARS_WHO_SERVICE, "---------", "---------",
      "---------" },
    { "a fog node", "f", HARS_WHO_FOG_NODE, "--------F", "--------F",
      "--------F" },
    { "an operator", "o", HARS_WHO_OPERATOR, "---------", "---------",
      "---------" },
    { "no kind", "p", HARS_WHO_OTHER, "---------", "---------", "---------" },
    { "the patient's sub as a service", "p", HARS_WHO_SERVICE, "---------",
      "---------", "---------" },
    { "the patient's sub as a caregiver", "p", HARS_WHO_CAREGIVER,
      "---------", "pa-------", "pa-------" },
};


static hars_who_t
one(unsigned i, unsigned scopes)
{
    hars_who_t  who;

    memset(&who, 0, sizeof(who));
    strcpy(who.sub, who_cases[i].sub);
    strcpy(who.client, "client-");
    strcat(who.client, who_cases[i].sub);
    who.kind = who_cases[i].kind;
    who.scopes = scopes;

    return who;
}


static const char *
allowed(const hars_who_t *who, const hars_connection_t *connection,
    int64_t now)
{
    int             what;
    static char     letters[sizeof(LETTERS)];
    hars_access_t   access;

    for (what = 0; what <= HARS_DO_RELAY; what++) {
        letters[what] = hars_access(who, (hars_access_what_e) what, "p",
                                    connection, now, &access) == HARS_OK
                        ? LETTERS[what] : '-';
    }

    return letters;
}


static void
is(const char *got, const char *wanted, const char *name)
{
    ok(strcmp(got, wanted) == 0, "%s: %s", name, got);
}


static void
kinds(void)
{
    unsigned           i;
    hars_who_t         who;
    hars_connection_t  connection;

    for (i = 0; i < sizeof(who_cases) / sizeof(who_cases[0]); i++) {
        who = one(i, ALL);
        memset(&connection, 0, sizeof(connection));
        connection.scopes = ALL;

        is(allowed(&who, NULL, NOW), who_cases[i].own, who_cases[i].name);
        is(allowed(&who, &connection, NOW), who_cases[i].caregiver,
           "... connected as a caregiver");
        connection.doctor = 1;
        is(allowed(&who, &connection, NOW), who_cases[i].doctor,
           "... connected as a doctor");

        who.scopes = 0;
        is(allowed(&who, &connection, NOW), "---------", "... no scope");
    }
}


static void
scopes(void)
{
    hars_who_t         who;
    hars_connection_t  connection = { .doctor = 1, .scopes = ALL };

    who = one(0, HARS_SCOPE_ACTIVITIES_READ);
    is(allowed(&who, NULL, NOW), "pa--c----", "activities:read alone");
    who = one(0, HARS_SCOPE_SAMPLES_READ);
    is(allowed(&who, NULL, NOW), "--sx-----", "samples:read alone");
    who = one(0, HARS_SCOPE_CONSENT_WRITE);
    is(allowed(&who, NULL, NOW), "----cCE--", "consent:write alone");
    who = one(0, HARS_SCOPE_RECORDINGS_WRITE);
    is(allowed(&who, NULL, NOW), "-------R-", "recordings:write alone");
    who = one(0, HARS_SCOPE_RECORDINGS_FOG);
    is(allowed(&who, NULL, NOW), "---------", "recordings:fog alone");
    who = one(5, HARS_SCOPE_RECORDINGS_FOG);
    is(allowed(&who, NULL, NOW), "--------F", "... of a fog node");
    who = one(5, ALL & ~HARS_SCOPE_RECORDINGS_FOG);
    is(allowed(&who, NULL, NOW), "---------", "all others of one");

    who = one(3, ALL);
    connection.scopes = HARS_SCOPE_ACTIVITIES_READ;
    is(allowed(&who, &connection, NOW), "pa-------",
       "a doctor, to whom activities are given");
    connection.scopes = HARS_SCOPE_SAMPLES_READ;
    is(allowed(&who, &connection, NOW), "--sx-----", "... samples");
    connection.scopes = HARS_SCOPE_CONSENT_WRITE;
    is(allowed(&who, &connection, NOW), "---------",
       "... consent, which cannot be given");
}


static void
times(void)
{
    hars_who_t         who;
    hars_access_t      access;
    hars_connection_t  connection = { .scopes = ALL, .since_ms = NOW,
                                      .until_ms = NOW + 10 };

    who = one(2, ALL);
    is(allowed(&who, &connection, NOW - 1), "---------", "not yet");
    is(allowed(&who, &connection, NOW), "pa-------", "from since on");
    is(allowed(&who, &connection, NOW + 9), "pa-------", "till until");
    is(allowed(&who, &connection, NOW + 10), "---------", "not at until");
    connection.until_ms = 0;
    is(allowed(&who, &connection, INT64_MAX), "pa-------", "without an end");

    connection.until_ms = NOW + 10;
    ok(hars_access(&who, HARS_LOOK_ACTIVITIES, "p", &connection, NOW,
                   &access) == HARS_OK
       && !access.own && access.since_ms == NOW
       && access.until_ms == NOW + 10, "data of that time alone");
    connection.until_ms = 0;
    ok(hars_access(&who, HARS_LOOK_ACTIVITIES, "p", &connection, NOW,
                   &access) == HARS_OK
       && access.until_ms == INT64_MAX, "or without an end");

    who = one(0, ALL);
    ok(hars_access(&who, HARS_LOOK_ACTIVITIES, "p", &connection, NOW,
                   &access) == HARS_OK
       && access.own && access.since_ms == INT64_MIN
       && access.until_ms == INT64_MAX, "the patient sees all");

    connection.since_ms = NOW + 1;
    who = one(2, ALL);
    ok(hars_access(&who, HARS_LOOK_ACTIVITIES, "p", &connection, NOW,
                   &access) == HARS_DECLINED
       && access.since_ms == 0 && access.until_ms == 0,
       "who is refused gets no range of time");
}


static void
uploads(void)
{
    hars_who_t  who;

    who = one(0, 0);
    ok(hars_access_upload(&who, "p", "f", "client-f") == HARS_OK,
       "what a fog node sent of the patient is the patient's");
    ok(hars_access_upload(&who, "q", "q", "client-q") == HARS_DECLINED,
       "another one's is not");
    who = one(5, 0);
    ok(hars_access_upload(&who, "p", "f", "client-f") == HARS_OK,
       "a fog node sees what it sent");
    ok(hars_access_upload(&who, "p", "f", "client-g") == HARS_DECLINED,
       "not what another client of its sub sent");
    ok(hars_access_upload(&who, "p", "g", "client-f") == HARS_DECLINED,
       "nor what another sub sent by a client of its name");
    who = one(2, ALL);
    ok(hars_access_upload(&who, "p", "c", "client-c") == HARS_DECLINED,
       "a caregiver sends nothing");
}


int
main(void)
{
    kinds();
    scopes();
    times();
    uploads();

    return tap_done();
}

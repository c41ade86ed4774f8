
/*
 * A service's token while the authorization server hangs: one caller asks for
 * the next one, the others have the present one as long as it is good, and
 * one that is not good is given to nobody.  The server is a gate in this file.
 */

/* link: backend/common/hars_text.c backend/common/hars_token.c */
/* link: backend/common/hars_pace.c backend/common/hars_log.c */
/* link: -lpthread -ljansson -lcrypto */

#include <pthread.h>


static int wait_counted(pthread_cond_t *cond, pthread_mutex_t *mutex);

#define pthread_cond_wait  wait_counted

#include "../../backend/common/hars_grant.c"

#undef pthread_cond_wait

#include "tap.h"
#include "soon.h"

#include <sched.h>
#include <unistd.h>


#define CALLERS  8


typedef struct {
    pthread_t       thread;
    atomic_uint     told;
    int             rc;
    hars_granted_t  granted;
    hars_answer_t   answer;
} caller_t;


static void first(void);
static void hangs(void);
static void none(void);
static void together(void);
static void refused(void);
static void begin(caller_t *caller);
static void *call(void *data);
static int get(void);


static atomic_uint        stop, open_gate = 1, works = 1, asked,
                          waiting;
static uint64_t           certificate = 1;
static hars_grant_t      *grant;
static hars_grant_conf_t  conf = { .client_id = "one", .scope = "a",
                                   .resource = "https://b", .stop = &stop };


int
main(void)
{
    alarm(6 * DEADLINE);
    grant = hars_grant_create(&conf);

    first();
    hangs();
    none();
    together();
    refused();

    hars_grant_free(grant);

    return tap_done();
}


static void
first(void)
{
    ok(get() == 1 && atomic_load(&asked) == 1, "a token");
    ok(get() == 1 && atomic_load(&asked) == 1, "it serves again");
}


/* two thirds of its life have passed */
static void
hangs(void)
{
    int64_t   now;
    caller_t  one, two;

    grant->renew = 0;
    atomic_store(&open_gate, 0);
    atomic_store(&works, 0);

    begin(&one);
    ok(soon(&asked, 2), "another one is asked for, and the server hangs");

    begin(&two);
    ok(soon(&two.told, 1) && two.rc == HARS_OK && two.granted.serial == 1,
       "meanwhile the one that is good serves");
    ok(!atomic_load(&one.told) && atomic_load(&asked) == 2,
       "... without another question");

    now = hars_grant_now();
    atomic_store(&open_gate, 1);
    pthread_join(one.thread, NULL);
    pthread_join(two.thread, NULL);
    ok(one.rc == HARS_OK && one.granted.serial == 1,
       "who asked in vain has the good one, too");

    ok(get() == 1 && atomic_load(&asked) == 2,
       "the next one does not ask at once");
    ok(grant->renew >= now + HARS_GRANT_AGAIN
       && grant->renew <= hars_grant_now() + HARS_GRANT_AGAIN,
       "... but after 5 seconds");

    grant->renew = 0;
    grant->end = hars_grant_now() + HARS_GRANT_AGAIN / 2;
    ok(get() == 1 && grant->renew == grant->end,
       "or when it is good no longer");

    grant->renew = 0;
    atomic_store(&works, 1);
    ok(get() == 2 && atomic_load(&asked) == 4, "then there is a new one");
}


/* its life has passed */
static void
none(void)
{
    caller_t  one, two;

    grant->renew = grant->end = 0;
    atomic_store(&open_gate, 0);

    begin(&one);
    ok(soon(&asked, 5), "none is good, one is asked for");
    begin(&two);
    ok(soon(&waiting, 1) && !atomic_load(&two.told)
       && atomic_load(&asked) == 5,
       "who needs one waits for the answer");

    atomic_store(&open_gate, 1);
    pthread_join(one.thread, NULL);
    pthread_join(two.thread, NULL);
    ok(one.rc == HARS_OK && one.granted.serial == 3 && two.rc == HARS_OK
       && two.granted.serial == 3 && atomic_load(&asked) == 5,
       "which serves both");
}


/* the server hangs, and has no token at last */
static void
together(void)
{
    unsigned  i, failed;
    caller_t  caller[CALLERS];

    grant->renew = grant->end = 0;
    atomic_store(&open_gate, 0);
    atomic_store(&works, 0);
    atomic_store(&waiting, 0);

    for (i = 0; i < CALLERS; i++) {
        begin(&caller[i]);
    }

    ok(soon(&asked, 6) && soon(&waiting, CALLERS - 1),
       "%u need one, one of them asks", CALLERS);
    atomic_store(&open_gate, 1);

    for (i = 0, failed = 0; i < CALLERS; i++) {
        pthread_join(caller[i].thread, NULL);
        failed += caller[i].rc == HARS_ERROR
                  && strcmp(caller[i].answer.error, "away") == 0
                  && caller[i].answer.retry_after == 7;
    }

    ok(failed == CALLERS && atomic_load(&asked) == 6,
       "its failure is that of all of them: %u, %u asked", failed,
       atomic_load(&asked) - 5);

    atomic_store(&works, 1);
    ok(get() == 4 && atomic_load(&asked) == 7, "who comes later asks anew");
}


static void
refused(void)
{
    atomic_store(&works, 0);

    certificate = 2;
    ok(get() == 0 && atomic_load(&asked) == 8,
       "bound to another certificate: good for nothing");
    ok(get() == 0 && atomic_load(&asked) == 9, "... each time");

    certificate = 1;
    atomic_store(&works, 1);
    ok(get() == 5, "a new one");

    atomic_store(&works, 0);
    hars_grant_refused(grant, 4);
    ok(get() == 5, "an older one was refused");
    hars_grant_refused(grant, 5);
    ok(get() == 0, "refused: good for nothing");
}


static void
begin(caller_t *caller)
{
    memset(caller, 0, sizeof(caller_t));
    pthread_create(&caller->thread, NULL, call, caller);
}


static void *
call(void *data)
{
    caller_t  *caller;

    caller = data;
    caller->rc = hars_grant_get(grant, &caller->granted, &caller->answer);
    atomic_store(&caller->told, 1);

    return NULL;
}


static int
wait_counted(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    atomic_fetch_add(&waiting, 1);

    return pthread_cond_wait(cond, mutex);
}


/* which token that is, 0: none */
static int
get(void)
{
    hars_answer_t   answer;
    hars_granted_t  granted;

    memset(&answer, 0, sizeof(answer));

    return hars_grant_get(grant, &granted, &answer) == HARS_OK
           ? (int) granted.serial : 0;
}


hars_https_t *
hars_https_create(const hars_https_conf_t *peer)
{
    return (hars_https_t *) (uintptr_t) peer;
}


void
hars_https_free(hars_https_t *https)
{
    (void) https;
}


void
hars_https_fresh(hars_https_t *https)
{
    (void) https;
}


uint64_t
hars_https_certificate(const hars_https_conf_t *peer)
{
    (void) peer;

    return certificate;
}


int
hars_https_call(hars_https_t *https, const hars_call_t *request,
    hars_answer_t *answer)
{
    (void) https;
    (void) request;

    atomic_fetch_add(&asked, 1);

    while (!atomic_load(&open_gate)) {
        sched_yield();
    }

    if (!atomic_load(&works)) {
        strcpy(answer->error, "away");
        answer->retry_after = 7;
        return HARS_ERROR;
    }

    answer->status = 200;
    hars_text_puts(&answer->body, "{\"access_token\":\"token\","
                                  "\"expires_in\":60}");

    return HARS_OK;
}

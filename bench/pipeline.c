
/*
 * Clients that walk through the fourteen steps, all of them one step before
 * the first takes the next one, so that what the servers did meanwhile belongs
 * to that step.  bench/pipeline.pl starts it and looks at the servers.
 *
 *     pipeline ADDRESS:PORT CACERT CLIENTS SAMPLES THREADS
 *
 *     CLIENTS    a file: client_id and secret of enrolment, a line each
 *     SAMPLES    a file: CSV, 50 Hz
 *     THREADS    so many clients at a time
 *
 * Before each step it prints "ready NAME" and waits for a line; after it "done
 * NAME", the number of calls, microseconds: median and 99th percentile of
 * one, all together, and the processor's of this program.
 */

#include "pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_PIPE_THREADS  64
#define HARS_PIPE_AUTH     "auth.hars.localhost"
#define HARS_PIPE_ML       "ml.hars.localhost"
#define HARS_PIPE_FORM     "grant_type=client_credentials&client_id=%s"       \
                           "&scope=ml:recognize"                              \
                           "&resource=https://ml.hars.localhost/"


typedef struct {
    const char    *name;
    unsigned       times;               /* of each client */
    const char  *(*take)(hars_pipe_client_t *c);
} hars_pipe_step_t;


static void hars_pipe_clients(const char *file);
static void hars_pipe_samples(const char *file);
static void hars_pipe_step(const hars_pipe_step_t *step);
static void *hars_pipe_thread(void *arg);
static void hars_pipe_report(const hars_pipe_step_t *step, uint64_t us,
    uint64_t cpu);
static const char *hars_pipe_first(hars_pipe_client_t *c);
static const char *hars_pipe_auth(hars_pipe_client_t *c);
static const char *hars_pipe_token(hars_pipe_client_t *c);
static const char *hars_pipe_ml(hars_pipe_client_t *c);
static const char *hars_pipe_models(hars_pipe_client_t *c);
static const char *hars_pipe_recognize(hars_pipe_client_t *c);
static int hars_pipe_order(const void *a, const void *b);
static uint64_t hars_pipe_now(void);
static uint64_t hars_pipe_cpu(void);
static void hars_pipe_fail(const char *what, const char *why);


static const hars_pipe_step_t  hars_pipe_steps[] = {
    { "key", 1, hars_pipe_key },
    { "first", 1, hars_pipe_first },
    { "certificate", 1, hars_pipe_enrol },
    { "auth", 1, hars_pipe_auth },
    { "token", 1, hars_pipe_token },
    { "ml", 1, hars_pipe_ml },
    { "redis", 1, hars_pipe_models },
    { "again", 1, hars_pipe_token },
    { "asked", 1, hars_pipe_models },
    { "known", 10, hars_pipe_models },
    { "activity", 3, hars_pipe_recognize }
};


static hars_pipe_client_t      *hars_pipe_all;
static unsigned                 hars_pipe_n;
static unsigned                 hars_pipe_next;
static unsigned                 hars_pipe_threads;
static const hars_pipe_step_t  *hars_pipe_now_at;
static uint32_t                *hars_pipe_took;     /* us, of each call */
static char                    *hars_pipe_csv;
static size_t                   hars_pipe_csv_len;


int
main(int argc, char **argv)
{
    unsigned     i;
    const char  *wrong;

    signal(SIGPIPE, SIG_IGN);
    hars_pipe_threads = (argc == 6) ? (unsigned) atoi(argv[5]) : 0;

    if (hars_pipe_threads == 0 || hars_pipe_threads > HARS_PIPE_THREADS) {
        hars_pipe_fail("usage", "see the head of bench/pipeline.c");
    }

    hars_pipe_clients(argv[3]);
    hars_pipe_samples(argv[4]);
    wrong = hars_pipe_init(argv[2], argv[1]);

    if (wrong) {
        hars_pipe_fail(argv[2], wrong);
    }

    for (i = 0; i < sizeof(hars_pipe_steps) / sizeof(hars_pipe_steps[0]); i++)
    {
        hars_pipe_step(&hars_pipe_steps[i]);
    }

    return 0;
}


static void
hars_pipe_clients(const char *file)
{
    FILE                *f;
    hars_pipe_client_t   c;

    f = fopen(file, "r");
    if (f == NULL) {
        hars_pipe_fail(file, strerror(errno));
    }

    memset(&c, 0, sizeof(c));

    while (fscanf(f, "%63s %127s", c.id, c.secret) == 2) {
        hars_pipe_all = realloc(hars_pipe_all, (hars_pipe_n + 1) * sizeof(c));

        if (hars_pipe_all == NULL) {
            hars_pipe_fail(file, "there is no memory");
        }

        hars_pipe_all[hars_pipe_n++] = c;
    }

    fclose(f);

    /* the step that is called most often decides */

    hars_pipe_took = calloc(hars_pipe_n ? hars_pipe_n : 1,
                            10 * sizeof(uint32_t));

    if (hars_pipe_n == 0 || hars_pipe_took == NULL) {
        hars_pipe_fail(file, "no clients");
    }
}


static void
hars_pipe_samples(const char *file)
{
    FILE  *f;

    f = fopen(file, "r");
    hars_pipe_csv = malloc(HARS_PIPE_ANSWER);

    if (f == NULL || hars_pipe_csv == NULL) {
        hars_pipe_fail(file, strerror(errno));
    }

    hars_pipe_csv_len = fread(hars_pipe_csv, 1, HARS_PIPE_ANSWER, f);
    fclose(f);

    if (hars_pipe_csv_len == HARS_PIPE_ANSWER) {
        hars_pipe_fail(file, "is 64 KB or more: fewer samples");
    }
}


static void
hars_pipe_step(const hars_pipe_step_t *step)
{
    char       line[16];
    uint64_t   us, cpu;
    unsigned   i;
    pthread_t  thread[HARS_PIPE_THREADS];

    printf("ready %s\n", step->name);
    fflush(stdout);

    if (fgets(line, sizeof(line), stdin) == NULL) {
        exit(1);
    }

    hars_pipe_next = 0;
    hars_pipe_now_at = step;
    cpu = hars_pipe_cpu();
    us = hars_pipe_now();

    for (i = 0; i < hars_pipe_threads; i++) {
        if (pthread_create(&thread[i], NULL, hars_pipe_thread, NULL)) {
            hars_pipe_fail(step->name, "no thread");
        }
    }

    for (i = 0; i < hars_pipe_threads; i++) {
        pthread_join(thread[i], NULL);
    }

    hars_pipe_report(step, hars_pipe_now() - us, hars_pipe_cpu() - cpu);
}


static void *
hars_pipe_thread(void *arg)
{
    uint64_t                 begun;
    unsigned                 i, n;
    const char              *wrong;
    const hars_pipe_step_t  *step;

    step = hars_pipe_now_at;

    for ( ;; ) {
        i = __atomic_fetch_add(&hars_pipe_next, 1, __ATOMIC_RELAXED);

        if (i >= hars_pipe_n) {
            return arg;
        }

        for (n = 0; n < step->times; n++) {
            begun = hars_pipe_now();
            wrong = step->take(&hars_pipe_all[i]);
            hars_pipe_took[i * step->times + n]
                = (uint32_t) (hars_pipe_now() - begun);

            if (wrong) {
                hars_pipe_fail(step->name, wrong);
            }
        }
    }
}


static void
hars_pipe_report(const hars_pipe_step_t *step, uint64_t us, uint64_t cpu)
{
    unsigned  n;

    n = hars_pipe_n * step->times;
    qsort(hars_pipe_took, n, sizeof(uint32_t), hars_pipe_order);

    printf("done %s %u %u %u %llu %llu\n", step->name, n,
           hars_pipe_took[n / 2], hars_pipe_took[n * 99 / 100],
           (unsigned long long) us, (unsigned long long) cpu);
    fflush(stdout);
}


static const char *
hars_pipe_first(hars_pipe_client_t *c)
{
    return hars_pipe_connect(c, HARS_PIPE_AUTH, 0, &c->first);
}


static const char *
hars_pipe_auth(hars_pipe_client_t *c)
{
    return hars_pipe_connect(c, HARS_PIPE_AUTH, 1, &c->auth);
}


static const char *
hars_pipe_ml(hars_pipe_client_t *c)
{
    return hars_pipe_connect(c, HARS_PIPE_ML, 1, &c->ml);
}


static const char *
hars_pipe_token(hars_pipe_client_t *c)
{
    int          len;
    char         form[512], answer[HARS_PIPE_ANSWER], *p;
    const char  *wrong;

    len = snprintf(form, sizeof(form), HARS_PIPE_FORM, c->id);
    wrong = hars_pipe_ask(c->auth, "POST /oauth2/token HTTP/1.1\r\n"
                          "Host: " HARS_PIPE_AUTH "\r\n"
                          "Content-Type: application/x-www-form-urlencoded"
                          "\r\n", form, (size_t) len, answer);

    if (wrong) {
        return wrong;
    }

    p = strstr(answer, "\"access_token\"");
    p = p ? strchr(p + sizeof("\"access_token\"") - 1, '"') : NULL;

    return p && sscanf(p + 1, "%255[^\"]", c->token) == 1
           ? NULL : "an answer without a token";
}


static const char *
hars_pipe_models(hars_pipe_client_t *c)
{
    char  head[512], answer[HARS_PIPE_ANSWER];

    snprintf(head, sizeof(head), "GET /v1/models HTTP/1.1\r\nHost: "
             HARS_PIPE_ML "\r\nAuthorization: Bearer %s\r\n", c->token);

    return hars_pipe_ask(c->ml, head, NULL, 0, answer);
}


static const char *
hars_pipe_recognize(hars_pipe_client_t *c)
{
    char         head[512], answer[HARS_PIPE_ANSWER];
    const char  *wrong;

    snprintf(head, sizeof(head), "POST /v1/recognitions?sampling_rate_hz=50 "
             "HTTP/1.1\r\nHost: " HARS_PIPE_ML "\r\nContent-Type: text/csv\r\n"
             "Authorization: Bearer %s\r\n", c->token);
    wrong = hars_pipe_ask(c->ml, head, hars_pipe_csv, hars_pipe_csv_len,
                          answer);

    return wrong ? wrong : strstr(answer, "\"activity\"") ? NULL
                                                    : "no activity";
}


static int
hars_pipe_order(const void *a, const void *b)
{
    uint32_t  x, y;

    x = *(const uint32_t *) a;
    y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}


static uint64_t
hars_pipe_now(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (uint64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}


static uint64_t
hars_pipe_cpu(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return (uint64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}


static void
hars_pipe_fail(const char *what, const char *why)
{
    fprintf(stderr, "pipeline: %s: %s\n", what, why);
    exit(2);
}

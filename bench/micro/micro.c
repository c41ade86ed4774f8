
/*
 * What single functions of the request path cost, one call each: instructions,
 * counted under callgrind, which repeat exactly; nanoseconds, best of some
 * rounds, what else the machine does only takes away.  bench/micro.pl runs it
 * both ways and makes the table.
 *
 *     micro count     under "valgrind --tool=callgrind --collect-atstart=no
 *                     --instr-atstart=no": a dump after each function, its
 *                     name in the trigger; prints the number of calls
 *     micro time      name, a tab, nanoseconds
 *     micro memory    bytes of the zone for a token
 *
 * The first of all is a call of nothing, to be taken away from the others.
 * The same objects as in the module and the services, but compiled here; of
 * nginx itself there are stand-ins only (micro_nginx.c).
 */

#include "micro.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <valgrind/callgrind.h>


#define HARS_MICRO_COUNTED  1000
#define HARS_MICRO_WARM     100
#define HARS_MICRO_ROUNDS   15


static void hars_micro_each(void (*measure)(const hars_micro_t *m));
static void hars_micro_one(const hars_micro_t *m,
    void (*measure)(const hars_micro_t *m));
static void hars_micro_count(const hars_micro_t *m);
static void hars_micro_time(const hars_micro_t *m);
static double hars_micro_round(const hars_micro_t *m, void (*call)(unsigned i));
static void hars_micro_nothing(unsigned i);


unsigned  hars_micro_failed;

static const hars_micro_t  hars_micro_empty = {
    .name = "nothing", .call = hars_micro_nothing
};


int
main(int argc, char **argv)
{
    const char  *mode;

    mode = (argc == 2) ? argv[1] : "";

    /* the order of an object's members is the order of their hashes */

    json_object_seed(1);

    if (strcmp(mode, "count") == 0) {
        CALLGRIND_START_INSTRUMENTATION;
        hars_micro_each(hars_micro_count);
        printf("%d\n", HARS_MICRO_COUNTED);

    } else if (strcmp(mode, "time") == 0) {
        hars_micro_each(hars_micro_time);

    } else if (strcmp(mode, "memory") == 0) {
        printf("%.1f\n", hars_micro_memory());

    } else {
        fprintf(stderr, "usage: %s count|time|memory\n"
                "what they are for: the head of bench/micro/micro.c\n",
                argv[0]);
        return 2;
    }

    return 0;
}


static void
hars_micro_each(void (*measure)(const hars_micro_t *m))
{
    unsigned             i;
    const hars_micro_t  *m;

    const hars_micro_t *const  lists[] = {
        hars_micro_gate, hars_micro_record, hars_micro_zone
    };

    hars_micro_one(&hars_micro_empty, measure);

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (m = lists[i]; m->name; m++) {
            hars_micro_one(m, measure);
        }
    }
}


static void
hars_micro_one(const hars_micro_t *m, void (*measure)(const hars_micro_t *m))
{
    unsigned  i;

    if (m->setup) {
        m->setup(m->n);
    }

    /* caches, and what libraries make at their first call */

    for (i = 0; i < HARS_MICRO_WARM; i++) {
        if (m->prepare) {
            m->prepare(i);
        }

        m->call(i);
    }

    measure(m);

    if (hars_micro_failed) {
        fprintf(stderr, "\"%s\" does not do what it is called for: its "
                "set-up in bench/micro is not what the code wants now\n",
                m->name);
        exit(1);
    }
}


static void
hars_micro_count(const hars_micro_t *m)
{
    unsigned  i;

    CALLGRIND_ZERO_STATS;

    for (i = 0; i < HARS_MICRO_COUNTED; i++) {
        if (m->prepare) {
            m->prepare(i);
        }

        CALLGRIND_TOGGLE_COLLECT;
        m->call(i);
        CALLGRIND_TOGGLE_COLLECT;
    }

    CALLGRIND_DUMP_STATS_AT(m->name);
}


static void
hars_micro_time(const hars_micro_t *m)
{
    double    with, without, ns;
    unsigned  round;

    with = 1e9;
    without = 1e9;

    for (round = 0; round < HARS_MICRO_ROUNDS; round++) {
        ns = hars_micro_round(m, m->call);
        with = (ns < with) ? ns : with;

        ns = hars_micro_round(m, hars_micro_nothing);
        without = (ns < without) ? ns : without;
    }

    printf("%s\t%.1f\n", m->name, with - without);
}


static double
hars_micro_round(const hars_micro_t *m, void (*call)(unsigned i))
{
    unsigned         i;
    struct timespec  from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);

    for (i = 0; i < HARS_MICRO_TIMED; i++) {
        if (m->prepare) {
            m->prepare(i);
        }

        call(i);
    }

    clock_gettime(CLOCK_MONOTONIC, &to);

    return ((double) (to.tv_sec - from.tv_sec) * 1e9
            + (double) (to.tv_nsec - from.tv_nsec)) / HARS_MICRO_TIMED;
}


static void
hars_micro_nothing(unsigned i)
{
    (void) i;
}


void
hars_micro_bytes(unsigned char *dst, unsigned n, unsigned seed)
{
    uint64_t  x;

    /* splitmix64: neighbours of a seed share nothing */

    for (x = (uint64_t) seed << 32; n; n--) {
        uint64_t  z = (x += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        *dst++ = (unsigned char) (z >> 56);
    }
}

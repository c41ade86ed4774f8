
/*
 * How often a machine stands still, and how late it wakes: what no program
 * that is measured on it can mend.  On each core, one after another, a process
 * first spins, reading the clock, and a gap of more than a millisecond between
 * two readings is a stall; then it sleeps until moments that are half a
 * millisecond apart, and how much later than wanted it runs is kept, as it is
 * for a server that an answer wakes.
 *
 *     stalls [-s SECONDS]          on each core, of each kind (5)
 *
 * Nothing else should run.  What other processes took all the same stands
 * beside it ("waited", from schedstat), and what the host took, where it says
 * so ("steal" of /proc/stat).
 *
 * Prints a line of name=value for each core.
 */

#include "tlsload_times.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define HARS_STALLS_GAP    1000000        /* ns, shorter ones are none */
#define HARS_STALLS_SLEEP  500000         /* ns */


typedef struct {
    unsigned      n;
    uint64_t      ns;                     /* all of them */
    uint64_t      longest;                /* ns */
} hars_stalls_t;


static double hars_stalls_seconds(int argc, char **argv);
static void hars_stalls_core(int core, uint64_t ns);
static void hars_stalls_spin(hars_stalls_t *stalls, uint64_t ns);
static void hars_stalls_sleep(hars_times_t *late, uint64_t ns);
static uint64_t hars_stalls_waited(void);
static uint64_t hars_stalls_stolen(int core);
static uint64_t hars_stalls_now(void);
static void hars_stalls_fail(const char *what, const char *why);


int
main(int argc, char **argv)
{
    int        core;
    double     seconds;
    cpu_set_t  all;

    seconds = hars_stalls_seconds(argc, argv);

    if (sched_getaffinity(0, sizeof(all), &all) == -1) {
        hars_stalls_fail("cores", strerror(errno));
    }

    for (core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, &all)) {
            hars_stalls_core(core, (uint64_t) (seconds * 1e9));
        }
    }

    return 0;
}


static double
hars_stalls_seconds(int argc, char **argv)
{
    int     option;
    double  seconds;

    seconds = 5;

    while ((option = getopt(argc, argv, "s:")) != -1) {
        seconds = option == 's' ? atof(optarg) : 0;

        if (seconds <= 0 || seconds > 3600) {
            break;
        }
    }

    if (optind != argc || !(seconds > 0 && seconds <= 3600)) {
        hars_stalls_fail("usage", "stalls [-s SECONDS], up to 3600");
    }

    return seconds;
}


static void
hars_stalls_core(int core, uint64_t ns)
{
    uint64_t              waited, stolen;
    cpu_set_t             one;
    hars_stalls_t         stalls;
    static hars_times_t   late;

    CPU_ZERO(&one);
    CPU_SET(core, &one);

    if (sched_setaffinity(0, sizeof(one), &one) == -1) {
        hars_stalls_fail("core", strerror(errno));
    }

    memset(&stalls, 0, sizeof(stalls));
    memset(&late, 0, sizeof(late));

    stolen = hars_stalls_stolen(core);
    waited = hars_stalls_waited();
    hars_stalls_spin(&stalls, ns);
    waited = hars_stalls_waited() - waited;
    stolen = hars_stalls_stolen(core) - stolen;

    hars_stalls_sleep(&late, ns);

    printf("core=%d stalls_per_second=%.1f stalled_part=%.4f longest_us=%llu"
           " waited_part=%.4f steal_part=%.4f late_p50_us=%llu"
           " late_p99_us=%llu late_p999_us=%llu late_max_us=%llu\n",
           core, stalls.n * 1e9 / (double) ns,
           (double) stalls.ns / (double) ns,
           (unsigned long long) stalls.longest / 1000,
           (double) waited / (double) ns, (double) stolen / (double) ns,
           (unsigned long long) hars_times_part(&late, 0.5),
           (unsigned long long) hars_times_part(&late, 0.99),
           (unsigned long long) hars_times_part(&late, 0.999),
           (unsigned long long) hars_times_part(&late, 1));
}


static void
hars_stalls_spin(hars_stalls_t *stalls, uint64_t ns)
{
    uint64_t  end, now, last, gap;

    last = hars_stalls_now();
    end = last + ns;

    while (last < end) {
        now = hars_stalls_now();
        gap = now - last;
        last = now;

        if (gap < HARS_STALLS_GAP) {
            continue;
        }

        stalls->n++;
        stalls->ns += gap;

        if (gap > stalls->longest) {
            stalls->longest = gap;
        }
    }
}


/* what was slept through counts as often as it was due */
static void
hars_stalls_sleep(hars_times_t *late, uint64_t ns)
{
    uint64_t         due, end, now;
    struct timespec  ts;

    due = hars_stalls_now();
    end = due + ns;

    for ( ;; ) {
        due += HARS_STALLS_SLEEP;

        if (due >= end) {
            return;
        }

        ts.tv_sec = (time_t) (due / 1000000000);
        ts.tv_nsec = (long) (due % 1000000000);

        /* at once where it has passed */

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)
               == EINTR)
        {
            /* void */
        }

        now = hars_stalls_now();
        hars_times_add(late, (now - due) / 1000);
    }
}


/* ns in which this process could have run, and another one did */
static uint64_t
hars_stalls_waited(void)
{
    FILE                *f;
    unsigned long long   ran, waited;

    f = fopen("/proc/self/schedstat", "r");

    if (f == NULL || fscanf(f, "%llu %llu", &ran, &waited) != 2) {
        hars_stalls_fail("/proc/self/schedstat", "cannot be read");
    }

    fclose(f);

    return waited;
}


/* ns, in steps of a tick: the eighth number of the core's line */
static uint64_t
hars_stalls_stolen(int core)
{
    int                  n;
    char                 line[512];
    FILE                *f;
    unsigned long long   stolen;

    f = fopen("/proc/stat", "r");

    if (f == NULL) {
        hars_stalls_fail("/proc/stat", strerror(errno));
    }

    stolen = 0;

    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "cpu%d %*u %*u %*u %*u %*u %*u %*u %llu", &n, &stolen)
            == 2 && n == core)
        {
            break;
        }

        stolen = 0;
    }

    fclose(f);

    return stolen * (1000000000 / (uint64_t) sysconf(_SC_CLK_TCK));
}


static uint64_t
hars_stalls_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static void
hars_stalls_fail(const char *what, const char *why)
{
    fprintf(stderr, "stalls: %s: %s\n", what, why);
    exit(1);
}

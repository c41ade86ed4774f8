
/*
 * Load for the benchmark of the gateway: mTLS 1.3 connections that stay open,
 * each with one request after another in hand, from one thread.
 *
 *     tlsload [OPTION...] --cert F --key F --cacert F --name HOST
 *             ADDRESS:PORT PATH
 *
 *     -c N  connections (64)        -r N  requests a second, all together
 *     -s N  seconds (2)             -w N  seconds before these, not counted
 *     -t F  bearer tokens, a line each; -d HOW which one a request brings:
 *           random (uniform), each (a connection its own), once (every token
 *           once, then it ends)
 *     -S N  the seed of "random"    -p N  the process whose CPU time is wanted
 *
 * Without -r a connection asks again as soon as it is answered (closed loop).
 * With -r the moment of each request is given beforehand and its time counts
 * from there, sent or not: a server that stalls does not slow down what it is
 * measured by.  Times are kept in buckets less than 1 % wide.  "own" is the
 * part of a core that went into this program: above 0.6 it measures itself.
 *
 * Prints one line of name=value.
 */

#include "tlsload.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


static void hars_tlsload_options(hars_tlsload_t *load, int argc, char **argv);
static void hars_tlsload_option(hars_tlsload_t *load, int option, char *value);
static hars_tlsload_draw_e hars_tlsload_draw_name(const char *name);
static void hars_tlsload_tokens(hars_tlsload_t *load, const char *file);
static void hars_tlsload_report(const hars_tlsload_t *load);


static const struct option  hars_tlsload_long[] = {
    { "cert", required_argument, NULL, 'C' },
    { "key", required_argument, NULL, 'K' },
    { "cacert", required_argument, NULL, 'A' },
    { "name", required_argument, NULL, 'N' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    const char      *wrong;
    hars_tlsload_t  *load;

    signal(SIGPIPE, SIG_IGN);

    load = calloc(1, sizeof(hars_tlsload_t));
    if (load == NULL) {
        hars_tlsload_fail("start", strerror(errno));
    }

    load->connections = 64;
    load->seconds = 2;
    load->random = 1;

    hars_tlsload_options(load, argc, argv);
    wrong = hars_wire_init(&load->wire);

    if (wrong) {
        hars_tlsload_fail("tls", wrong);
    }

    hars_tlsload_connect(load);
    hars_tlsload_run(load);
    hars_tlsload_report(load);

    return load->good && load->bad == 0 ? 0 : 1;
}


static void
hars_tlsload_options(hars_tlsload_t *load, int argc, char **argv)
{
    int  option;

    while ((option = getopt_long(argc, argv, "c:s:w:r:t:d:S:p:",
                                 hars_tlsload_long, NULL)) != -1)
    {
        hars_tlsload_option(load, option, optarg);
    }

    if (argc - optind != 2
        || load->wire.cacert == NULL
        || load->connections == 0
        || load->connections > HARS_TLSLOAD_CONNECTIONS
        || load->random == 0
        || load->rate < 0
        || (load->draw == HARS_TLSLOAD_ONCE
            && (load->rate > 0 || load->warm > 0)))
    {
        hars_tlsload_fail("usage", "see the head of bench/tlsload.c");
    }

    if (load->draw == HARS_TLSLOAD_ONCE && load->tokens == 0) {
        hars_tlsload_fail("-d once", "needs tokens (-t)");
    }

    if (load->draw == HARS_TLSLOAD_EACH && load->tokens < load->connections) {
        hars_tlsload_fail("-d each", "fewer tokens than connections");
    }

    load->wire.target = argv[optind];
    load->path = argv[optind + 1];
}


static void
hars_tlsload_option(hars_tlsload_t *load, int option, char *value)
{
    switch (option) {

    case 'c':
        load->connections = (unsigned) atoi(value);
        break;

    case 's':
        load->seconds = atof(value);
        break;

    case 'w':
        load->warm = atof(value);
        break;

    case 'r':
        load->rate = atof(value);
        break;

    case 't':
        hars_tlsload_tokens(load, value);
        break;

    case 'd':
        load->draw = hars_tlsload_draw_name(value);
        break;

    case 'S':
        load->random = strtoull(value, NULL, 10);
        break;

    case 'p':
        load->pid = (unsigned) atoi(value);
        break;

    case 'C':
        load->wire.cert = value;
        break;

    case 'K':
        load->wire.key = value;
        break;

    case 'A':
        load->wire.cacert = value;
        break;

    case 'N':
        load->wire.name = value;
        break;

    default:
        exit(2);
    }
}


static hars_tlsload_draw_e
hars_tlsload_draw_name(const char *name)
{
    if (strcmp(name, "random") == 0) {
        return HARS_TLSLOAD_RANDOM;
    }

    if (strcmp(name, "each") == 0) {
        return HARS_TLSLOAD_EACH;
    }

    if (strcmp(name, "once") != 0) {
        hars_tlsload_fail("-d", "is one of random, each, once");
    }

    return HARS_TLSLOAD_ONCE;
}


static void
hars_tlsload_tokens(hars_tlsload_t *load, const char *file)
{
    char    *line;
    FILE    *f;
    size_t   size;

    f = fopen(file, "r");
    if (f == NULL) {
        hars_tlsload_fail(file, strerror(errno));
    }

    for (line = NULL, size = 0; getline(&line, &size, f) > 0;
         line = NULL, size = 0)
    {
        line[strcspn(line, "\r\n")] = '\0';

        /* doubled where it is full: at 0, 1, 2, 4, ... */
        if ((load->tokens & (load->tokens - 1)) == 0) {
            load->token = realloc(load->token, (load->tokens ? load->tokens * 2
                                                : 1) * sizeof(char *));
        }

        if (load->token == NULL) {
            hars_tlsload_fail(file, "no memory");
        }

        load->token[load->tokens++] = line;
    }

    free(line);
    fclose(f);

    if (load->tokens == 0) {
        hars_tlsload_fail(file, "has no tokens");
    }
}


static void
hars_tlsload_report(const hars_tlsload_t *load)
{
    double    ns;
    uint64_t  answers;

    ns = (double) (hars_tlsload_now() - load->begun);
    answers = load->good + load->bad;

    printf("per_second=%.0f good=%llu bad=%llu seconds=%.3f own=%.3f ",
           1e9 * (double) load->good / ns, (unsigned long long) load->good,
           (unsigned long long) load->bad, ns / 1e9,
           (double) (hars_tlsload_own() - load->own) / ns);

    if (load->pid && answers) {
        printf("cpu_us=%.3f ", (double) (hars_tlsload_cpu(load->pid)
                                         - load->cpu)
                               / 1e3 / (double) answers);
    }

    printf("p50_us=%llu p90_us=%llu p99_us=%llu p999_us=%llu max_us=%llu\n",
           (unsigned long long) hars_times_part(&load->took, 0.5),
           (unsigned long long) hars_times_part(&load->took, 0.9),
           (unsigned long long) hars_times_part(&load->took, 0.99),
           (unsigned long long) hars_times_part(&load->took, 0.999),
           (unsigned long long) hars_times_part(&load->took, 1));
}


/* ns on a core so far; an nginx worker has one thread */
uint64_t
hars_tlsload_cpu(unsigned pid)
{
    char                path[64];
    FILE               *f;
    unsigned long long  ns;

    if (pid == 0) {
        return 0;
    }

    snprintf(path, sizeof(path), "/proc/%u/schedstat", pid);
    f = fopen(path, "r");

    if (f == NULL || fscanf(f, "%llu", &ns) != 1) {
        hars_tlsload_fail(path, "cannot be read");
    }

    fclose(f);

    return ns;
}


uint64_t
hars_tlsload_own(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


uint64_t
hars_tlsload_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


void
hars_tlsload_fail(const char *what, const char *why)
{
    fprintf(stderr, "tlsload: %s: %s\n", what, why);
    exit(1);
}

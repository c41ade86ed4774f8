
/*
 * Load for the benchmark of the gateway: mTLS 1.3 connections that stay open,
 * each with one request after another in hand, from one thread.
 *
 *     tlsload [OPTION...] --cert F --key F --cacert F --name HOST
 *             ADDRESS:PORT PATH
 *
 *     -c N  connections (64)        -r N  requests a second, all together
 *     -s N  seconds (2)             -w N  seconds before these, not counted
 *     -y N  seconds over which the connections begin, so that they do not ask
 *           in step
 *     -t F  bearer tokens, a line each; or -g PREFIX -n N: that many, made
 *     -d HOW which one a request brings: random (uniform), zipf (s = 1), each
 *           (a connection its own), once (every one once, then it ends, or
 *           when the time is over, if -s is given)
 *     -S N  the seed of random ones
 *     -k N  pieces of so many answers each: "pieces" is their number, and the
 *           medians of their percentiles are beside those of all answers
 *     -p N  a process whose CPU time is wanted, all its threads; may stand
 *           several times
 *     -b N  a process on this program's core: "behind" is its part of it
 *     -2    HTTP/2, one stream after another on each connection
 *     -H N  N connections one after another, each with one request; -R: which
 *           resume the one before
 *
 * Without -r a connection asks again as soon as it is answered (closed loop).
 * With -r the moment of each request is given beforehand and its time counts
 * from there, sent or not: a server that stalls does not slow down what it is
 * measured by.  Times are kept in buckets less than 1 % wide; with -H they are
 * of connection, handshake and answer.  "own" is the part of a core that went
 * into this program: above 0.6 it measures itself.
 *
 * Prints one line of name=value.
 */

#include "tlsload.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


static void hars_tlsload_options(hars_tlsload_t *load, int argc, char **argv);
static void hars_tlsload_option(hars_tlsload_t *load, int option, char *value);
static void hars_tlsload_option_tokens(hars_tokens_t *tokens, int option,
    char *value);
static void hars_tlsload_report(const hars_tlsload_t *load);


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
    load->tokens.random = 1;
    load->tokens.prefix = "hats_at";

    hars_tlsload_options(load, argc, argv);
    wrong = hars_wire_init(&load->wire);

    if (wrong) {
        hars_tlsload_fail("tls", wrong);
    }

    if (load->handshakes) {
        hars_tlsload_handshakes(load);

    } else {
        hars_tlsload_connect(load);
        hars_tlsload_run(load);
    }

    hars_tlsload_report(load);

    return load->good && load->bad == 0 ? 0 : 1;
}


static void
hars_tlsload_options(hars_tlsload_t *load, int argc, char **argv)
{
    int  option;

    while ((option = getopt_long(argc, argv, "c:s:w:r:y:k:t:g:n:d:S:p:b:2H:R",
                                 hars_wire_long, NULL)) != -1)
    {
        hars_tlsload_option(load, option, optarg);
    }

    if (argc - optind != 2
        || load->wire.cacert == NULL
        || load->connections == 0
        || load->connections > HARS_TLSLOAD_CONNECTIONS
        || load->tokens.random == 0
        || load->rate < 0
        || (load->handshakes && load->h2)
        || (load->tokens.draw == HARS_TOKENS_ONCE
            && (load->rate > 0 || (load->warm > 0 && load->seconds == 0)))
        || (load->spread > 0 && load->rate > 0))
    {
        hars_tlsload_fail("usage", "see the head of bench/tlsload.c");
    }

    if (load->tokens.draw == HARS_TOKENS_ONCE && load->tokens.n == 0) {
        hars_tlsload_fail("-d once", "needs tokens (-t, or -n)");
    }

    if (load->tokens.draw == HARS_TOKENS_EACH
        && load->tokens.n < load->connections)
    {
        hars_tlsload_fail("-d each", "fewer tokens than connections");
    }

    if (load->seconds == 0 && load->tokens.draw != HARS_TOKENS_ONCE) {
        load->seconds = 2;
    }

    load->wire.target = argv[optind];
    load->wire.h2 = load->h2;
    load->wire.resume = load->resumed;
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

    case 'y':
        load->spread = atof(value);
        break;

    case 'k':
        load->pieces.n = strtoull(value, NULL, 10);
        break;

    case 'p':
        if (load->pids == HARS_TLSLOAD_PIDS) {
            hars_tlsload_fail("-p", "too many processes");
        }

        load->pid[load->pids++] = (unsigned) atoi(value);
        break;

    case 'b':
        load->other = (unsigned) atoi(value);
        break;

    case '2':
        load->h2 = 1;
        break;

    case 'H':
        load->handshakes = (unsigned) atoi(value);
        break;

    case 'R':
        load->resumed = 1;
        break;

    default:
        if (!hars_wire_option(&load->wire, option, value)) {
            hars_tlsload_option_tokens(&load->tokens, option, value);
        }
    }
}


static void
hars_tlsload_option_tokens(hars_tokens_t *tokens, int option, char *value)
{
    const char  *wrong;

    switch (option) {

    case 't':
        wrong = hars_tokens_read(tokens, value);

        if (wrong) {
            hars_tlsload_fail(value, wrong);
        }

        break;

    case 'g':
        tokens->prefix = value;
        break;

    case 'n':
        tokens->n = (unsigned) atoi(value);
        break;

    case 'd':
        if (hars_tokens_draw(tokens, value) == -1) {
            hars_tlsload_fail("-d", "is one of random, zipf, each, once");
        }

        break;

    case 'S':
        tokens->random = strtoull(value, NULL, 10);
        break;

    default:
        exit(2);
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

    if (load->pids && answers) {
        printf("cpu_us=%.3f ", (double) (hars_tlsload_cpu(load) - load->cpu)
                               / 1e3 / (double) answers);
    }

    if (load->other) {
        printf("behind=%.3f ", (double) (hars_tlsload_process(load->other)
                                         - load->behind) / ns);
    }

    if (load->handshakes) {
        printf("resumptions=%u ", load->wire.resumptions);
    }

    if (load->pieces.n) {
        printf("pieces=%llu piece_p99_us=%llu piece_p999_us=%llu ",
               (unsigned long long) load->pieces.p99.n,
               (unsigned long long) hars_times_part(&load->pieces.p99, 0.5),
               (unsigned long long) hars_times_part(&load->pieces.p999, 0.5));
    }

    printf("p50_us=%llu p90_us=%llu p99_us=%llu p999_us=%llu max_us=%llu\n",
           (unsigned long long) hars_times_part(&load->took, 0.5),
           (unsigned long long) hars_times_part(&load->took, 0.9),
           (unsigned long long) hars_times_part(&load->took, 0.99),
           (unsigned long long) hars_times_part(&load->took, 0.999),
           (unsigned long long) hars_times_part(&load->took, 1));
}


/* ns on a core so far: the processes that are watched */
uint64_t
hars_tlsload_cpu(const hars_tlsload_t *load)
{
    unsigned  i;
    uint64_t  ns;

    for (i = 0, ns = 0; i < load->pids; i++) {
        ns += hars_tlsload_process(load->pid[i]);
    }

    return ns;
}


/* of a process, all its threads: an nginx worker has one, others have many */
uint64_t
hars_tlsload_process(unsigned pid)
{
    DIR                 *dir;
    FILE                *f;
    char                 path[64 + NAME_MAX];
    uint64_t             sum;
    struct dirent       *thread;
    unsigned long long   ns;

    snprintf(path, sizeof(path), "/proc/%u/task", pid);
    dir = opendir(path);

    if (dir == NULL) {
        hars_tlsload_fail(path, strerror(errno));
    }

    for (sum = 0; (thread = readdir(dir)) != NULL; sum += ns) {
        ns = 0;

        if (thread->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "/proc/%u/task/%s/schedstat", pid,
                 thread->d_name);
        f = fopen(path, "r");

        if (f == NULL || fscanf(f, "%llu", &ns) != 1) {
            hars_tlsload_fail(path, "cannot be read");
        }

        fclose(f);
    }

    closedir(dir);

    return sum;
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

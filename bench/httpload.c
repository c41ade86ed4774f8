
/*
 * Load for the benchmarks: some connections, each with one request after
 * another in hand, to a Unix socket, a TCP port, or a port with mTLS, from one
 * thread.  All peers of a benchmark get the same bytes from the same program.
 *
 *     httpload [OPTION...] unix:PATH|ADDRESS:PORT PATH
 *
 *     -c N  connections (16)           -H LINE  a header, several times
 *     -s N  seconds (2)                -b TEXT  a form: POST, otherwise GET
 *     -B F  forms, one per line, in turn
 *     -X F  the same of bytes in hexadecimal, each line once: then it ends
 *     -o F  the access tokens of the answers go to this file, up to 100,000
 *     -e T  what a good answer has in it, beside the status 200
 *     --cert F --key F --cacert F --name HOST   by TLS 1.3
 *
 * Prints one line of name=value.
 */

#include "httpload_wire.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>


#define HARS_LOAD_CONNECTIONS   1024
#define HARS_LOAD_MICROSECONDS  1000000   /* above it counts as this */
#define HARS_LOAD_TOKENS        100000


typedef struct {
    hars_wire_t   wire;
    char         *out;                    /* the request in hand */
    size_t        out_len;
    size_t        out_sent;
    char          in[16384];              /* the answer so far */
    size_t        in_len;
    uint64_t      begun;                  /* us */
} hars_load_conn_t;


typedef struct {
    hars_wire_conf_t  wire;
    const char       *path;
    unsigned          connections;
    double            seconds;
    char              headers[16384];
    char            **form;
    unsigned          forms;
    unsigned          next;               /* form */
    unsigned          bytes;              /* forms are hexadecimal */
    const char       *expected;           /* NULL: 200 is enough */
    FILE             *tokens;
    unsigned          tokens_n;
    int               epoll;
    unsigned          ending;             /* no further requests */
    uint64_t          good;
    uint64_t          bad;
    unsigned          in_hand;
    uint32_t         *took;               /* answers by microseconds */
} hars_load_t;


static void hars_load_options(hars_load_t *load, int argc, char **argv);
static void hars_load_option(hars_load_t *load, int option, char *value);
static void hars_load_header(hars_load_t *load, const char *line);
static void hars_load_forms(hars_load_t *load, const char *file);
static void hars_load_connect(hars_load_t *load, hars_load_conn_t *c);
static void hars_load_run(hars_load_t *load, hars_load_conn_t *conn);
static void hars_load_request(hars_load_t *load, hars_load_conn_t *c);
static void hars_load_send(hars_load_t *load, hars_load_conn_t *c);
static void hars_load_ready(hars_load_t *load, hars_load_conn_t *c);
static int hars_load_complete(hars_load_conn_t *c);
static void hars_load_answer(hars_load_t *load, hars_load_conn_t *c);
static void hars_load_token(hars_load_t *load, const char *body);
static void hars_load_watch(hars_load_t *load, hars_load_conn_t *c, int op,
    uint32_t events);
static void hars_load_report(const hars_load_t *load, double seconds);
static unsigned hars_load_percentile(const hars_load_t *load, double part);
static uint64_t hars_load_now(void);
static void hars_load_fail(const char *what, const char *why);


int
main(int argc, char **argv)
{
    unsigned           i;
    uint64_t           begun;
    const char        *wrong;
    hars_load_t        load = { .connections = 16, .seconds = 2 };
    hars_load_conn_t  *conn;

    signal(SIGPIPE, SIG_IGN);
    hars_load_options(&load, argc, argv);
    wrong = hars_wire_init(&load.wire);

    if (wrong) {
        hars_load_fail("tls", wrong);
    }


    load.epoll = epoll_create1(0);
    load.took = calloc(HARS_LOAD_MICROSECONDS + 1, sizeof(uint32_t));
    conn = calloc(load.connections, sizeof(hars_load_conn_t));

    if (load.epoll == -1 || load.took == NULL || conn == NULL) {
        hars_load_fail("start", strerror(errno));
    }

    for (i = 0; i < load.connections; i++) {
        hars_load_connect(&load, &conn[i]);
    }

    begun = hars_load_now();
    hars_load_run(&load, conn);
    hars_load_report(&load, (double) (hars_load_now() - begun) / 1e6);

    return load.good ? 0 : 1;
}


static void
hars_load_options(hars_load_t *load, int argc, char **argv)
{
    int  option;

    while ((option = getopt_long(argc, argv, "c:s:H:b:B:X:o:e:", hars_wire_long,
                                 NULL)) != -1)
    {
        hars_load_option(load, option, optarg);
    }

    if (argc - optind != 2 || load->connections == 0
        || load->connections > HARS_LOAD_CONNECTIONS)
    {
        hars_load_fail("usage",
                       "httpload [OPTION...] unix:PATH|ADDRESS:PORT PATH");
    }

    load->wire.target = argv[optind];
    load->path = argv[optind + 1];
}


static void
hars_load_option(hars_load_t *load, int option, char *value)
{
    switch (option) {

    case 'c':
        load->connections = (unsigned) atoi(value);
        break;

    case 's':
        load->seconds = atof(value);
        break;

    case 'H':
        hars_load_header(load, value);
        break;

    case 'b':
        load->form = malloc(sizeof(char *));
        load->form[0] = value;
        load->forms = 1;
        break;

    case 'X':
        load->bytes = 1;
        /* fall through */

    case 'B':
        hars_load_forms(load, value);
        break;

    case 'o':
        load->tokens = fopen(value, "w");
        if (load->tokens == NULL) {
            hars_load_fail(value, strerror(errno));
        }
        break;

    case 'e':
        load->expected = value;
        break;

    default:
        if (!hars_wire_option(&load->wire, option, value)) {
            exit(2);
        }
    }
}


static void
hars_load_header(hars_load_t *load, const char *line)
{
    size_t  len;

    len = strlen(load->headers);

    if (len + strlen(line) + 3 > sizeof(load->headers)) {
        hars_load_fail("headers", "longer than 16 KB");
    }

    sprintf(load->headers + len, "%s\r\n", line);
}


static void
hars_load_forms(hars_load_t *load, const char *file)
{
    char    *line;
    FILE    *f;
    size_t   size;
    ssize_t  len;

    f = fopen(file, "r");
    if (f == NULL) {
        hars_load_fail(file, strerror(errno));
    }

    for (line = NULL, size = 0; (len = getline(&line, &size, f)) > 0;
         line = NULL, size = 0)
    {
        if (line[len - 1] == '\n') {
            line[len - 1] = '\0';
        }

        load->form = realloc(load->form,
                             (load->forms + 1) * sizeof(char *));
        load->form[load->forms++] = line;
    }

    fclose(f);

    if (load->forms == 0) {
        hars_load_fail(file, "empty");
    }
}


static void
hars_load_connect(hars_load_t *load, hars_load_conn_t *c)
{
    const char  *wrong;

    wrong = hars_wire_connect(&load->wire, &c->wire);

    if (wrong) {
        hars_load_fail(load->wire.target, wrong);
    }

    hars_load_watch(load, c, EPOLL_CTL_ADD, EPOLLIN);
}


/* until the time is over and all answers have come */
static void
hars_load_run(hars_load_t *load, hars_load_conn_t *conn)
{
    int                 i, n;
    uint64_t            end;
    struct epoll_event  event[64];

    end = hars_load_now() + (uint64_t) (load->seconds * 1e6);

    for (i = 0; i < (int) load->connections; i++) {
        hars_load_request(load, &conn[i]);
    }

    while (load->in_hand) {
        n = epoll_wait(load->epoll, event, 64, 10000);

        if (n == 0) {
            hars_load_fail(load->wire.target, "no answer in 10 seconds");
        }

        for (i = 0; i < n; i++) {
            hars_load_ready(load, event[i].data.ptr);
        }

        load->ending = hars_load_now() >= end;
    }
}


static void
hars_load_request(hars_load_t *load, hars_load_conn_t *c)
{
    int          len;
    const char  *form;

    form = load->forms ? load->form[load->next++ % load->forms] : NULL;

    free(c->out);

    if (form && load->bytes) {
        c->out = hars_wire_bytes(load->path, load->headers, form, &len);
        len = c->out ? len : -1;

    } else if (form) {
        len = asprintf(&c->out, "POST %s HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/x-www-form-urlencoded\r\n"
                       "Content-Length: %zu\r\n%s\r\n%s", load->path,
                       strlen(form), load->headers, form);
    } else {
        len = asprintf(&c->out, "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                       "%s\r\n", load->path, load->headers);
    }

    if (len < 0) {
        hars_load_fail("request", "no memory");
    }

    c->out_len = len;
    c->out_sent = 0;
    c->in_len = 0;
    c->begun = hars_load_now();
    load->in_hand++;

    hars_load_send(load, c);
}


static void
hars_load_send(hars_load_t *load, hars_load_conn_t *c)
{
    ssize_t  n;

    n = hars_wire_write(&c->wire, c->out + c->out_sent,
                        c->out_len - c->out_sent);
    if (n < 0) {
        hars_load_fail(load->wire.target, "connection lost");
    }

    c->out_sent += n;

    if (c->out_sent < c->out_len) {
        hars_load_watch(load, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
}


static void
hars_load_ready(hars_load_t *load, hars_load_conn_t *c)
{
    ssize_t  n;

    if (c->out_sent < c->out_len) {
        hars_load_watch(load, c, EPOLL_CTL_MOD, EPOLLIN);
        hars_load_send(load, c);
        return;
    }

    for ( ;; ) {
        n = hars_wire_read(&c->wire, c->in + c->in_len,
                           sizeof(c->in) - 1 - c->in_len);

        if (n == 0) {
            return;
        }

        if (n < 0) {
            hars_load_fail(load->wire.target, "connection closed");
        }

        c->in_len += n;
        c->in[c->in_len] = '\0';

        if (hars_load_complete(c)) {
            hars_load_answer(load, c);
            return;
        }
    }
}


static int
hars_load_complete(hars_load_conn_t *c)
{
    char  *end, *length;

    end = strstr(c->in, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }

    *end = '\0';
    length = strcasestr(c->in, "\r\nContent-Length:");
    *end = '\r';

    if (length == NULL) {
        hars_load_fail("answer", "without Content-Length");
    }

    return c->in_len >= (size_t) (end + 4 - c->in) + atoi(length + 17);
}


static void
hars_load_answer(hars_load_t *load, hars_load_conn_t *c)
{
    uint64_t  took;

    took = hars_load_now() - c->begun;
    load->took[took < HARS_LOAD_MICROSECONDS ? took : HARS_LOAD_MICROSECONDS]++;
    load->in_hand--;

    if (strncmp(c->in + 9, "200", 3) != 0
        || (load->expected && strstr(c->in, load->expected) == NULL))
    {
        if (load->bad++ == 0) {
            fprintf(stderr, "httpload: not expected: %s\n", c->in);
        }

    } else {
        load->good++;
        hars_load_token(load, strstr(c->in, "\r\n\r\n"));
    }

    if (!load->ending && !(load->bytes && load->next >= load->forms)) {
        hars_load_request(load, c);
    }
}


static void
hars_load_token(hars_load_t *load, const char *body)
{
    size_t       len;
    const char  *p;

    if (load->tokens == NULL || load->tokens_n == HARS_LOAD_TOKENS) {
        return;
    }

    p = strstr(body, "\"access_token\":");

    if (p) {
        p = strchr(p + 15, '"') + 1;
        len = strcspn(p, "\"");
        fprintf(load->tokens, "%.*s\n", (int) len, p);
        load->tokens_n++;
    }
}


static void
hars_load_watch(hars_load_t *load, hars_load_conn_t *c, int op, uint32_t events)
{
    struct epoll_event  event = { .events = events, .data.ptr = c };

    if (epoll_ctl(load->epoll, op, c->wire.fd, &event) == -1) {
        hars_load_fail("epoll", strerror(errno));
    }
}


static void
hars_load_report(const hars_load_t *load, double seconds)
{
    if (load->tokens) {
        fclose(load->tokens);
    }

    printf("per_second=%.0f good=%llu bad=%llu seconds=%.3f p50_us=%u "
           "p99_us=%u max_us=%u\n", (double) load->good / seconds,
           (unsigned long long) load->good, (unsigned long long) load->bad,
           seconds, hars_load_percentile(load, 0.5),
           hars_load_percentile(load, 0.99), hars_load_percentile(load, 1));
}


static unsigned
hars_load_percentile(const hars_load_t *load, double part)
{
    unsigned  us;
    uint64_t  n, wanted;

    wanted = (uint64_t) ((double) (load->good + load->bad) * part);

    for (us = 0, n = 0; us < HARS_LOAD_MICROSECONDS; us++) {
        n += load->took[us];

        if (n && n >= wanted) {
            break;
        }
    }

    return us;
}


static uint64_t
hars_load_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
hars_load_fail(const char *what, const char *why)
{
    fprintf(stderr, "httpload: %s: %s\n", what, why);
    exit(1);
}

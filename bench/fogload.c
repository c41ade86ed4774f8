
/*
 * Wearables for bench/fognode.pl: many links to a fog node by one thread, each
 * of a registered device, without Argon2id and without a flash.
 *
 *     fogload SOCKET FILE LINKS SECONDS sessions|records
 *
 * A line of FILE is "ID SUITE GEN KEY SEED PK", a device each, more of them
 * than LINKS.  "sessions": link, M1, M4, first record (one row), KEPT, and anew
 * by the next device.  "records": one session for each link, then records of
 * 50 rows, eight of them on their way.  Prints what was done a second, and for
 * sessions the median from the first byte to KEPT.
 */

#include "aka_crypto.h"
#include "aka_device.h"
#include "aka_session.h"
#include "hars_fog_frame.h"
#include "hars_fog_text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>


#define LOAD_DEVICES  4096
#define LOAD_LINKS    64
#define LOAD_TIMES    200000
#define LOAD_WINDOW   8
#define LOAD_ROWS     50


typedef struct {
    hars_aka_device_t   *device;
    hars_aka_try_t       t;
    hars_aka_session_t   session;
    hars_aka_channel_t   up;
    hars_aka_channel_t   down;
    unsigned             open:1;
    uint64_t             kept;            /* records */
    double               begun;
    size_t               in;
    unsigned char        bytes[65536];
} load_link_t;


static void load_devices(const char *file);
static int load_run(const char *at, unsigned links, double seconds);
static void load_begin(load_link_t *link, int *fd, const char *at);
static int load_read(load_link_t *link, int fd);
static int load_message(load_link_t *link, int fd, const unsigned char *m,
    size_t len);
static void load_record(load_link_t *link, int fd, unsigned rows);
static void load_send(int fd, const unsigned char *m, size_t len);
static int load_less(const void *a, const void *b);
static double load_now(void);
static void load_must(int good, const char *what);


static hars_aka_device_t  device[LOAD_DEVICES];
static unsigned           devices, next, records;
static unsigned long      sessions, kept, failed;
static uint64_t           us = 1700000000000000;
static double             took[LOAD_TIMES];


int
main(int argc, char **argv)
{
    double  begun, seconds;

    load_must(argc == 6 && atoi(argv[3]) > 0 && atoi(argv[3]) <= LOAD_LINKS,
              "see the head of bench/fogload.c");
    load_must(hars_aka_crypto_init() == HARS_AKA_OK, "the library");
    load_devices(argv[2]);
    load_must(devices > (unsigned) atoi(argv[3]), "too few devices");
    records = strcmp(argv[5], "records") == 0;

    begun = load_now();
    load_must(load_run(argv[1], (unsigned) atoi(argv[3]), atof(argv[4])) == 0,
              "poll");
    seconds = load_now() - begun;

    qsort(took, sessions < LOAD_TIMES ? sessions : LOAD_TIMES,
          sizeof(double), load_less);

    printf("sessions=%lu per_second=%.0f median_ms=%.2f records=%lu "
           "records_per_second=%.0f rows_per_second=%.0f failed=%lu\n",
           sessions, (double) sessions / seconds,
           took[(sessions < LOAD_TIMES ? sessions : LOAD_TIMES) / 2] * 1e3,
           kept, (double) kept / seconds,
           (double) kept / seconds * (records ? LOAD_ROWS : 1), failed);

    return 0;
}


static void
load_devices(const char *file)
{
    FILE               *fp;
    char                id[65], hex[3][65];
    unsigned            suite, gen, i;
    size_t              len;
    unsigned char       bytes[3][32];

    fp = fopen(file, "re");
    load_must(fp != NULL, file);

    while (devices < LOAD_DEVICES
           && fscanf(fp, "%64s %u %u %64s %64s %64s", id, &suite, &gen,
                     hex[0], hex[1], hex[2]) == 6)
    {
        for (i = 0; i < 3; i++) {
            load_must(sodium_hex2bin(bytes[i], 32, hex[i], 64, NULL, &len,
                                     NULL) == 0 && len == 32, "a key");
        }

        load_must(hars_aka_device_make(&device[devices++],
                                       (unsigned char *) id, strlen(id),
                                       suite, gen, bytes[0], bytes[1],
                                       bytes[2]) == HARS_AKA_OK, "a device");
    }

    fclose(fp);
}


static int
load_run(const char *at, unsigned links, double seconds)
{
    int                  fd[LOAD_LINKS];
    unsigned             i;
    double               until;
    struct pollfd        list[LOAD_LINKS];
    static load_link_t   link[LOAD_LINKS];

    until = load_now() + seconds;

    for (i = 0; i < links; i++) {
        load_begin(&link[i], &fd[i], at);
    }

    while (load_now() < until) {

        for (i = 0; i < links; i++) {
            list[i].fd = fd[i];
            list[i].events = POLLIN;
        }

        if (poll(list, links, 1000) == -1) {
            return -1;
        }

        for (i = 0; i < links; i++) {
            if (list[i].revents && load_read(&link[i], fd[i]) != 0) {
                close(fd[i]);
                load_begin(&link[i], &fd[i], at);
            }
        }
    }

    for (i = 0; i < links; i++) {
        close(fd[i]);
    }

    return 0;
}


static void
load_begin(load_link_t *link, int *fd, const char *at)
{
    unsigned char       rnd[32], m1[HARS_AKA_M1];
    struct sockaddr_un  address = { .sun_family = AF_UNIX };

    memset(link, 0, sizeof(*link));
    link->device = &device[next++ % devices];
    link->begun = load_now();
    strncpy(address.sun_path, at, sizeof(address.sun_path) - 1);
    *fd = socket(AF_UNIX, SOCK_STREAM, 0);

    load_must(*fd != -1
              && connect(*fd, (struct sockaddr *) &address, sizeof(address))
                 == 0, at);
    load_must(getrandom(rnd, sizeof(rnd), 0) == sizeof(rnd)
              && hars_aka_device_advance(link->device) == HARS_AKA_OK
              && hars_aka_device_m1(link->device, rnd, 0, &link->t, m1)
                 == HARS_AKA_OK, "M1");
    load_send(*fd, m1, sizeof(m1));
}


/* 0: goes on; otherwise this link is over */
static int
load_read(load_link_t *link, int fd)
{
    int      rc;
    size_t   len, at;
    ssize_t  n;

    n = recv(fd, link->bytes + link->in, sizeof(link->bytes) - link->in, 0);

    if (n <= 0) {
        failed++;
        return -1;
    }

    link->in += (size_t) n;
    rc = 0;

    for (at = 0; rc == 0
         && hars_frame_take(link->bytes + at, link->in - at, &len) == 0; )
    {
        rc = load_message(link, fd, link->bytes + at + HARS_FRAME_HEAD, len);
        at += HARS_FRAME_HEAD + len;
    }

    link->in -= at;
    memmove(link->bytes, link->bytes + at, link->in);

    return rc;
}


static int
load_message(load_link_t *link, int fd, const unsigned char *m, size_t len)
{
    uint64_t         number, had;
    unsigned char    text[HARS_FRAME_MAX];
    hars_fog_text_t  said;

    if (!link->open) {

        if (hars_aka_device_m4(link->device, &link->t, m, len,
                               &link->session) != HARS_AKA_OK)
        {
            failed++;
            return -1;
        }

        link->open = 1;
        (void) hars_aka_channel(&link->session, HARS_AKA_DEVICE_TO_FOG,
                                &link->up);
        (void) hars_aka_channel(&link->session, HARS_AKA_FOG_TO_DEVICE,
                                &link->down);
        load_record(link, fd, records ? LOAD_ROWS : 1);
        return 0;
    }

    load_must(hars_aka_record_open(&link->down, m, len, text, &number)
              == HARS_AKA_OK
              && hars_fog_text_take(&said, text, len - HARS_AKA_RECORD) == 0
              && said.type == HARS_FOG_KEPT, "KEPT");

    had = link->kept;
    link->kept = said.number + 1;
    kept += link->kept - had;

    if (had == 0) {
        took[sessions % LOAD_TIMES] = load_now() - link->begun;
        sessions++;
    }

    while (records && link->up.next < link->kept + LOAD_WINDOW) {
        load_record(link, fd, LOAD_ROWS);
    }

    return !records;
}


static void
load_record(load_link_t *link, int fd, unsigned rows)
{
    unsigned         i;
    size_t           len;
    unsigned char    bytes[HARS_FOG_TEXT];
    unsigned char    record[HARS_FOG_TEXT + HARS_AKA_RECORD];
    hars_fog_text_t  text;

    memset(&text, 0, sizeof(text));
    text.type = HARS_FOG_SAMPLES;
    text.placement = 1;
    text.rows = rows;
    text.time = us += 1000000;

    for (i = 0; i < rows; i++) {
        text.row[i].us = i * 20000;
        text.row[i].value[2] = 9.8f;
    }

    len = hars_fog_text_put(&text, bytes);
    load_must(hars_aka_record_seal(&link->up, bytes, len, record)
              == HARS_AKA_OK, "a record");
    load_send(fd, record, len + HARS_AKA_RECORD);
}


static void
load_send(int fd, const unsigned char *m, size_t len)
{
    size_t         size;
    unsigned char  frame[HARS_FRAME_HEAD + HARS_FRAME_MAX];

    size = hars_frame_put(frame, m, len);
    (void) !send(fd, frame, size, MSG_NOSIGNAL);
}


static int
load_less(const void *a, const void *b)
{
    const double  *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}


static double
load_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
load_must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "fogload: %s\n", what);
        exit(1);
    }
}

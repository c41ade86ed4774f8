
/*
 * What the files of tlsload share: see tlsload.c for what it is.
 */

#ifndef TLSLOAD_H
#define TLSLOAD_H


#include "httpload_wire.h"
#include "tlsload_h2.h"
#include "tlsload_times.h"
#include "tlsload_tokens.h"

#include <stdint.h>


#define HARS_TLSLOAD_CONNECTIONS  8192
#define HARS_TLSLOAD_PIDS         16


typedef struct {
    hars_wire_t  wire;
    unsigned     n;                       /* its number */
    unsigned     asked;                   /* there is an answer to come */
    hars_h2_t    h2;
    char         out[8192];
    size_t       out_len;
    size_t       out_sent;
    char         in[16385];               /* head; then the body, piecewise */
    size_t       in_len;
    size_t       body_left;
    unsigned     status;                  /* 0: the head is not there yet */
    uint64_t     turn;                    /* requests that were answered */
    uint64_t     due;                     /* ns: when the next, or the one in
                                             hand, is to be sent */
} hars_tlsload_conn_t;


typedef struct {
    hars_wire_conf_t      wire;
    const char           *path;
    unsigned              connections;
    double                seconds;        /* 0: until the tokens are over */
    double                warm;           /* seconds */
    double                rate;           /* a second; 0: closed loop */
    double                spread;         /* s, of closed loop's beginning */
    hars_tokens_t         tokens;
    unsigned              h2;
    unsigned              handshakes;     /* 0: connections that are kept */
    unsigned              resumed;
    unsigned              pid[HARS_TLSLOAD_PIDS];
    unsigned              pids;
    unsigned              other;          /* process, on our core; 0: none */

    hars_tlsload_conn_t  *conn;
    int                   epoll;
    unsigned              ending;         /* no further requests */
    unsigned              in_hand;
    uint64_t              start;          /* ns, of the schedule */
    uint64_t              end;            /* ns, of it and of closed loop */
    uint64_t              scheduled;      /* requests that were due by now */

    uint64_t              begun;          /* ns, of what is counted */
    uint64_t              cpu;            /* ns, of the processes, then */
    uint64_t              own;            /* ns, of this program, then */
    uint64_t              behind;         /* ns, of the other one, then */
    uint64_t              good;
    uint64_t              bad;
    hars_times_t          took;
    hars_pieces_t         pieces;
} hars_tlsload_t;


/* connections that stay open; what cannot be had ends the program */
void hars_tlsload_connect(hars_tlsload_t *load);

/* until the time is over, or the tokens are, and all answers have come */
void hars_tlsload_run(hars_tlsload_t *load);

/* connections one after another, each with one request */
void hars_tlsload_handshakes(hars_tlsload_t *load);

/* from here on it counts */
void hars_tlsload_begin(hars_tlsload_t *load);

/* of a head, as a text: its status; the Content-Length, which it has to have */
unsigned hars_tlsload_status(char *head, size_t *length);

/* the request of HTTP/1.1; its length */
size_t hars_tlsload_text(const hars_tlsload_t *load, const char *token,
    char *dst, size_t size);

/* ns on a core so far: those that are watched, one, this one; of a clock */
uint64_t hars_tlsload_cpu(const hars_tlsload_t *load);
uint64_t hars_tlsload_process(unsigned pid);
uint64_t hars_tlsload_own(void);
uint64_t hars_tlsload_now(void);

void hars_tlsload_fail(const char *what, const char *why);


#endif /* TLSLOAD_H */


/*
 * What the files of tlsload share: see tlsload.c for what it is.
 */

#ifndef TLSLOAD_H
#define TLSLOAD_H


#include "httpload_wire.h"
#include "tlsload_times.h"

#include <stdint.h>


#define HARS_TLSLOAD_CONNECTIONS  4096


typedef enum {
    HARS_TLSLOAD_RANDOM = 0,
    HARS_TLSLOAD_EACH,
    HARS_TLSLOAD_ONCE
} hars_tlsload_draw_e;


typedef struct {
    hars_wire_t  wire;
    unsigned     n;                       /* its number */
    unsigned     asked;                   /* there is an answer to come */
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
    double                seconds;
    double                warm;           /* seconds */
    double                rate;           /* a second; 0: closed loop */
    char                **token;
    unsigned              tokens;
    hars_tlsload_draw_e   draw;
    uint64_t              random;         /* state, never 0 */
    unsigned              pid;            /* 0: of no process */

    hars_tlsload_conn_t  *conn;
    int                   epoll;
    unsigned              ending;         /* no further requests */
    unsigned              in_hand;
    unsigned              drawn;          /* of HARS_TLSLOAD_ONCE */
    uint64_t              start;          /* ns, of the schedule */
    uint64_t              end;            /* ns, of it and of closed loop */
    uint64_t              scheduled;      /* requests that were due by now */

    uint64_t              begun;          /* ns, of what is counted */
    uint64_t              cpu;            /* ns, of the process, then */
    uint64_t              own;            /* ns, of this program, then */
    uint64_t              good;
    uint64_t              bad;
    hars_times_t          took;
} hars_tlsload_t;


/* connections that stay open; what cannot be had ends the program */
void hars_tlsload_connect(hars_tlsload_t *load);

/* until the time is over, or the tokens are, and all answers have come */
void hars_tlsload_run(hars_tlsload_t *load);

/* ns on a core so far: a process (0: 0), this one; ns of a clock */
uint64_t hars_tlsload_cpu(unsigned pid);
uint64_t hars_tlsload_own(void);
uint64_t hars_tlsload_now(void);

void hars_tlsload_fail(const char *what, const char *why);


#endif /* TLSLOAD_H */


/*
 * Connections of tlsload that are not kept: each one is made, asks once, is
 * answered and closed, one after another.  It takes turns with the server,
 * which is what the server's CPU time needs; how many a second there could be
 * is that time's reciprocal.
 */

#include "tlsload.h"

#include <poll.h>
#include <string.h>


static void hars_tlsload_handshake(hars_tlsload_t *load,
    hars_tlsload_conn_t *c);
static unsigned hars_tlsload_ask(hars_tlsload_t *load, hars_tlsload_conn_t *c);
static void hars_tlsload_more(hars_tlsload_t *load, hars_tlsload_conn_t *c);


void
hars_tlsload_handshakes(hars_tlsload_t *load)
{
    unsigned                    i;
    static hars_tlsload_conn_t  conn;

    /* not counted: the server's first time, and the session to resume */

    for (i = 0; i < 3; i++) {
        hars_tlsload_handshake(load, &conn);
    }

    load->wire.resumptions = 0;
    hars_tlsload_begin(load);

    for (i = 0; i < load->handshakes; i++) {
        hars_tlsload_handshake(load, &conn);
    }

    if (load->resumed != (load->wire.resumptions == load->handshakes)) {
        hars_tlsload_fail(load->wire.target, load->resumed
                          ? "does not resume its sessions"
                          : "resumes a session that nobody gave it");
    }
}


static void
hars_tlsload_handshake(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    uint64_t     begun;
    const char  *wrong;

    begun = hars_tlsload_now();
    memset(&c->wire, 0, sizeof(c->wire));
    wrong = hars_wire_connect(&load->wire, &c->wire);

    if (wrong) {
        hars_tlsload_fail(load->wire.target, wrong);
    }

    if (hars_tlsload_ask(load, c) == 200) {
        load->good++;

    } else {
        load->bad++;
    }

    hars_times_add(&load->took, (hars_tlsload_now() - begun) / 1000);
    hars_wire_close(&c->wire);
}


/* the status, when the whole answer has come */
static unsigned
hars_tlsload_ask(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    char      *end;
    size_t     length, have;
    unsigned   status;

    c->out_len = hars_tlsload_text(load, hars_tokens_next(&load->tokens, 0),
                                   c->out, sizeof(c->out));

    if (hars_wire_write(&c->wire, c->out, c->out_len) != (ssize_t) c->out_len)
    {
        hars_tlsload_fail(load->wire.target, "does not take a request");
    }

    c->in_len = 0;

    do {
        hars_tlsload_more(load, c);
        end = strstr(c->in, "\r\n\r\n");
    } while (end == NULL);

    *end = '\0';
    status = hars_tlsload_status(c->in, &length);
    have = c->in_len - (end + 4 - c->in);

    while (have < length) {
        c->in_len = 0;
        hars_tlsload_more(load, c);
        have += c->in_len;
    }

    return status;
}


static void
hars_tlsload_more(hars_tlsload_t *load, hars_tlsload_conn_t *c)
{
    ssize_t        n;
    struct pollfd  fd = { .fd = c->wire.fd, .events = POLLIN };

    for ( ;; ) {
        n = hars_wire_read(&c->wire, c->in + c->in_len,
                           sizeof(c->in) - 1 - c->in_len);
        if (n > 0) {
            break;
        }

        if (n < 0 || poll(&fd, 1, 10000) != 1) {
            hars_tlsload_fail(load->wire.target, "no answer");
        }
    }

    c->in_len += n;
    c->in[c->in_len] = '\0';

    if (c->in_len == sizeof(c->in) - 1) {
        hars_tlsload_fail("answer", "longer than 16 KB at a time");
    }
}

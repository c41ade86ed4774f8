
/*
 * One connection to one server that speaks Redis' protocol, plain or TLS,
 * over TCP or a Unix socket.  hiredis is the codec here and nothing more: it
 * makes commands and takes answers apart; connecting, TLS and waiting are
 * ours, because hiredis 0.14 knows no TLS, and a deadline has to bound the
 * sum of all waits, however slowly a server answers.
 *
 * Nothing is said to a server, least of all a password, before its
 * certificate and name were verified.  The only user of hiredis.
 */

#ifndef HARS_AS_CONN_H
#define HARS_AS_CONN_H


#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>


#define HARS_CONN_SERVER  272             /* "HOST:PORT", "unix:PATH" */
#define HARS_CONN_ERROR   160
#define HARS_CONN_RUN     41              /* a run id, zero-terminated */


struct ssl_ctx_st;

typedef struct hars_conn_s  hars_conn_t;


/* an argument list; answers are redisReply */
typedef struct {
    int                  argc;
    const char         **argv;
    const size_t        *len;
} hars_conn_command_t;


typedef struct {
    struct ssl_ctx_st   *tls;             /* NULL: plain */
    const char          *name;            /* in the certificate; NULL: HOST */
    unsigned long        timeout;         /* ms */
} hars_conn_conf_t;


/* "unix:/PATH", "HOST:PORT", "[IPv6]:PORT": could it be connected to? */
int hars_conn_server(const char *server);

/* for all connections; NULL after "error" says why not */
struct ssl_ctx_st *hars_conn_tls(const char *ca, const char *cert,
    const char *key, char error[HARS_CONN_ERROR]);
void hars_conn_tls_free(struct ssl_ctx_st *tls);

/*
 * Connected and, with TLS, verified; NULL after "error" says why not.
 * "resolve": HOST may be a name; asking for it has no deadline.
 */
hars_conn_t *hars_conn_open(const hars_conn_conf_t *conf, const char *server,
    unsigned resolve, char error[HARS_CONN_ERROR]);
void hars_conn_close(hars_conn_t *conn);

/* the deadline of what begins now, for the three below */
int64_t hars_conn_deadline(const hars_conn_conf_t *conf);

/* into the buffer; out of it; one answer.  HARS_ERROR: see the error */
int hars_conn_append(hars_conn_t *conn, const hars_conn_command_t *command);
int hars_conn_flush(hars_conn_t *conn, int64_t deadline);
int hars_conn_receive(hars_conn_t *conn, int64_t deadline,
    redisReply **reply);

/* all of it for one command; an answer that is an error is HARS_ERROR */
int hars_conn_ask(hars_conn_t *conn, int64_t deadline,
    const hars_conn_command_t *command, redisReply **reply);

/* what the connection failed of, from now on; always HARS_ERROR */
int hars_conn_fail(hars_conn_t *conn, const char *error);
const char *hars_conn_error(const hars_conn_t *conn);
const char *hars_conn_name(const hars_conn_t *conn);

/* HARS_CONN_RUN bytes for the server's run id; "" until somebody asks */
char *hars_conn_run(hars_conn_t *conn);


#endif /* HARS_AS_CONN_H */


/* See hars_as_conn.h for what this is. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "hars_as_conn.h"
#include "hars_clock.h"
#include "hars_record.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>


#define HARS_CONN_HOST    256
#define HARS_CONN_READ    16384
#define HARS_CONN_ANSWER  (4 * 1024 * 1024)    /* no longer one is ours */


struct hars_conn_s {
    int                  fd;
    SSL                 *ssl;             /* NULL: plain */
    redisReader         *reader;
    char                *out;             /* not written yet */
    size_t               len;
    size_t               size;
    char                 server[HARS_CONN_SERVER];
    char                 run[HARS_CONN_RUN];
    char                 error[HARS_CONN_ERROR];
};


static int hars_conn_address(const char *server, char *host, size_t size,
    char *port);
static int hars_conn_number(const char *text);
static int hars_conn_connect(hars_conn_t *conn, unsigned resolve,
    char *host, int64_t deadline);
static int hars_conn_unix(hars_conn_t *conn, int64_t deadline);
static int hars_conn_socket(hars_conn_t *conn, int family,
    const struct sockaddr *sa, socklen_t len, int64_t deadline);
static int hars_conn_handshake(hars_conn_t *conn,
    const hars_conn_conf_t *conf, const char *host, int64_t deadline);
static int hars_conn_verify(hars_conn_t *conn, const char *name);
static ssize_t hars_conn_write(hars_conn_t *conn, short *events);
static ssize_t hars_conn_read(hars_conn_t *conn, char *buf, size_t size,
    short *events);
static ssize_t hars_conn_ssl(hars_conn_t *conn, int rc, short *events);
static int hars_conn_wait(hars_conn_t *conn, short events, int64_t deadline);


int
hars_conn_server(const char *server)
{
    char  host[HARS_CONN_HOST], port[8];

    if (strlen(server) >= HARS_CONN_SERVER) {
        return 0;
    }

    if (strncmp(server, "unix:", 5) == 0) {
        return server[5] == '/'
               && strlen(server + 5)
                  < sizeof(((struct sockaddr_un *) NULL)->sun_path);
    }

    return hars_conn_address(server, host, sizeof(host), port) == HARS_OK;
}


/* HOST:PORT, [IPv6]:PORT */
static int
hars_conn_address(const char *server, char *host, size_t size, char *port)
{
    size_t       len;
    const char  *colon;

    colon = strrchr(server, ':');

    if (colon == NULL || hars_conn_number(colon + 1) != HARS_OK) {
        return HARS_ERROR;
    }

    strcpy(port, colon + 1);
    len = (size_t) (colon - server);

    if (len > 2 && server[0] == '[' && server[len - 1] == ']') {
        server++;
        len -= 2;

    } else if (memchr(server, ':', len) || memchr(server, '[', len)) {
        return HARS_ERROR;
    }

    if (len == 0 || len >= size) {
        return HARS_ERROR;
    }

    memcpy(host, server, len);
    host[len] = '\0';

    return HARS_OK;
}


/* a port: 1 to 65535 */
static int
hars_conn_number(const char *text)
{
    long    n;
    size_t  len;

    len = strlen(text);

    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) {
        return HARS_ERROR;
    }

    n = strtol(text, NULL, 10);

    return (n >= 1 && n <= 65535) ? HARS_OK : HARS_ERROR;
}


SSL_CTX *
hars_conn_tls(const char *ca, const char *cert, const char *key,
    char error[HARS_CONN_ERROR])
{
    SSL_CTX  *tls;

    ERR_clear_error();

    tls = SSL_CTX_new(TLS_client_method());

    if (tls
        && SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION)
        && SSL_CTX_load_verify_locations(tls, ca, NULL)
        && (cert == NULL
            || (SSL_CTX_use_certificate_chain_file(tls, cert) == 1
                && SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM)
                   == 1
                && SSL_CTX_check_private_key(tls) == 1)))
    {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        return tls;
    }

    snprintf(error, HARS_CONN_ERROR, "%s",
             ERR_reason_error_string(ERR_peek_error())
             ? ERR_reason_error_string(ERR_peek_error()) : "no memory");

    ERR_clear_error();
    SSL_CTX_free(tls);

    return NULL;
}


void
hars_conn_tls_free(SSL_CTX *tls)
{
    SSL_CTX_free(tls);
}


hars_conn_t *
hars_conn_open(const hars_conn_conf_t *conf, const char *server,
    unsigned resolve, char error[HARS_CONN_ERROR])
{
    char          host[HARS_CONN_HOST];
    int64_t       deadline;
    hars_conn_t  *conn;

    conn = calloc(1, sizeof(hars_conn_t));

    if (conn == NULL) {
        snprintf(error, HARS_CONN_ERROR, "no memory");
        return NULL;
    }

    conn->fd = -1;
    conn->reader = redisReaderCreate();
    snprintf(conn->server, sizeof(conn->server), "%s", server);
    deadline = hars_conn_deadline(conf);

    if (conn->reader == NULL) {
        hars_conn_fail(conn, "no memory");

    } else if (hars_conn_connect(conn, resolve, host, deadline) == HARS_OK
               && (conf->tls == NULL
                   || hars_conn_handshake(conn, conf, host, deadline)
                      == HARS_OK))
    {
        return conn;
    }

    snprintf(error, HARS_CONN_ERROR, "%s", conn->error);
    hars_conn_close(conn);

    return NULL;
}


void
hars_conn_close(hars_conn_t *conn)
{
    if (conn == NULL) {
        return;
    }

    SSL_free(conn->ssl);

    if (conn->fd != -1) {
        close(conn->fd);
    }

    if (conn->reader) {
        redisReaderFree(conn->reader);
    }

    /* a password may have been in it */

    if (conn->out) {
        OPENSSL_cleanse(conn->out, conn->size);
        free(conn->out);
    }

    free(conn);
}


/* "host" gets the name or address that the certificate has to have */
static int
hars_conn_connect(hars_conn_t *conn, unsigned resolve, char *host,
    int64_t deadline)
{
    int               rc;
    char              port[8];
    struct addrinfo  *list, *ai;
    struct addrinfo   hints = { .ai_socktype = SOCK_STREAM };

    host[0] = '\0';

    if (strncmp(conn->server, "unix:", 5) == 0) {
        return hars_conn_unix(conn, deadline);
    }

    if (hars_conn_address(conn->server, host, HARS_CONN_HOST, port)
        != HARS_OK)
    {
        return hars_conn_fail(conn, "it is no address");
    }

    hints.ai_flags = AI_NUMERICSERV | (resolve ? 0 : AI_NUMERICHOST);
    rc = getaddrinfo(host, port, &hints, &list);

    if (rc != 0) {
        return hars_conn_fail(conn, gai_strerror(rc));
    }

    rc = HARS_ERROR;

    for (ai = list; ai && rc != HARS_OK; ai = ai->ai_next) {
        rc = hars_conn_socket(conn, ai->ai_family, ai->ai_addr,
                              ai->ai_addrlen, deadline);
    }

    freeaddrinfo(list);

    return rc;
}


static int
hars_conn_unix(hars_conn_t *conn, int64_t deadline)
{
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", conn->server + 5);

    return hars_conn_socket(conn, AF_UNIX, (struct sockaddr *) &sun,
                            sizeof(sun), deadline);
}


static int
hars_conn_socket(hars_conn_t *conn, int family, const struct sockaddr *sa,
    socklen_t len, int64_t deadline)
{
    int        error;
    socklen_t  size;

    if (conn->fd != -1) {
        close(conn->fd);
    }

    conn->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (conn->fd == -1) {
        return hars_conn_fail(conn, strerror(errno));
    }

    if (connect(conn->fd, sa, len) == -1) {

        if (errno != EINPROGRESS) {
            return hars_conn_fail(conn, strerror(errno));
        }

        error = 0;
        size = sizeof(error);

        if (hars_conn_wait(conn, POLLOUT, deadline) != HARS_OK) {
            return HARS_ERROR;
        }

        if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1
            || error)
        {
            return hars_conn_fail(conn, strerror(error ? error : errno));
        }
    }

    if (family != AF_UNIX) {
        error = 1;
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &error,
                   sizeof(error));
    }

    return HARS_OK;
}


static int
hars_conn_handshake(hars_conn_t *conn, const hars_conn_conf_t *conf,
    const char *host, int64_t deadline)
{
    int      rc;
    short    events;
    ssize_t  n;

    ERR_clear_error();

    conn->ssl = SSL_new(conf->tls);

    if (conn->ssl == NULL
        || !SSL_set_fd(conn->ssl, conn->fd)
        || hars_conn_verify(conn, conf->name ? conf->name : host) != HARS_OK)
    {
        return hars_conn_fail(conn, "TLS cannot be set up");
    }

    for ( ;; ) {
        rc = SSL_connect(conn->ssl);

        if (rc == 1) {
            return HARS_OK;
        }

        n = hars_conn_ssl(conn, rc, &events);

        if (n != -1 || events == 0) {
            return n == 0 ? hars_conn_fail(conn, "it closed the connection")
                          : HARS_ERROR;
        }

        if (hars_conn_wait(conn, events, deadline) != HARS_OK) {
            return HARS_ERROR;
        }
    }
}


/* RFC 6125; without a name nothing would be verified, so that is an error */
static int
hars_conn_verify(hars_conn_t *conn, const char *name)
{
    X509_VERIFY_PARAM  *param;

    if (name[0] == '\0') {
        return HARS_ERROR;
    }

    param = SSL_get0_param(conn->ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        return HARS_OK;
    }

    ERR_clear_error();

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    return (X509_VERIFY_PARAM_set1_host(param, name, 0) == 1
            && SSL_set_tlsext_host_name(conn->ssl, name) == 1)
           ? HARS_OK : HARS_ERROR;
}


int64_t
hars_conn_deadline(const hars_conn_conf_t *conf)
{
    return hars_clock() + (int64_t) conf->timeout;
}


int
hars_conn_append(hars_conn_t *conn, const hars_conn_command_t *command)
{
    int      n;
    char    *text, *out;
    size_t   size;

    text = NULL;
    n = (int) redisFormatCommandArgv(&text, command->argc, command->argv,
                                     command->len);
    if (n <= 0) {
        return hars_conn_fail(conn, "no memory");
    }

    size = conn->len + (size_t) n;

    if (size > conn->size) {
        size = 2 * size + 512;
        out = malloc(size);

        if (out == NULL) {
            redisFreeCommand(text);
            return hars_conn_fail(conn, "no memory");
        }

        /* not realloc(): it would leave what was there behind */

        if (conn->out) {
            memcpy(out, conn->out, conn->len);
            OPENSSL_cleanse(conn->out, conn->size);
            free(conn->out);
        }

        conn->out = out;
        conn->size = size;
    }

    memcpy(conn->out + conn->len, text, (size_t) n);
    conn->len += (size_t) n;

    OPENSSL_cleanse(text, (size_t) n);
    redisFreeCommand(text);

    return HARS_OK;
}


int
hars_conn_flush(hars_conn_t *conn, int64_t deadline)
{
    short    events;
    ssize_t  n;

    while (conn->len) {
        n = hars_conn_write(conn, &events);

        if (n > 0) {
            conn->len -= (size_t) n;
            memmove(conn->out, conn->out + n, conn->len);
            continue;
        }

        if (events == 0) {
            return HARS_ERROR;
        }

        if (hars_conn_wait(conn, events, deadline) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


int
hars_conn_receive(hars_conn_t *conn, int64_t deadline, redisReply **reply)
{
    void     *got;
    char      buf[HARS_CONN_READ];
    short     events;
    size_t    total;
    ssize_t   n;

    total = 0;

    for ( ;; ) {
        got = NULL;

        if (redisReaderGetReply(conn->reader, &got) != REDIS_OK) {
            return hars_conn_fail(conn, conn->reader->errstr);
        }

        if (got) {
            *reply = got;
            return HARS_OK;
        }

        n = hars_conn_read(conn, buf, sizeof(buf), &events);

        if (n > 0) {
            total += (size_t) n;

            if (total > HARS_CONN_ANSWER) {
                return hars_conn_fail(conn, "its answer is too long");
            }

            redisReaderFeed(conn->reader, buf, (size_t) n);

        } else if (events == 0) {
            return n == 0 ? hars_conn_fail(conn, "it closed the connection")
                          : HARS_ERROR;

        } else if (hars_conn_wait(conn, events, deadline) != HARS_OK) {
            return HARS_ERROR;
        }
    }
}


int
hars_conn_ask(hars_conn_t *conn, int64_t deadline,
    const hars_conn_command_t *command, redisReply **reply)
{
    *reply = NULL;

    if (hars_conn_append(conn, command) != HARS_OK
        || hars_conn_flush(conn, deadline) != HARS_OK
        || hars_conn_receive(conn, deadline, reply) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if ((*reply)->type == REDIS_REPLY_ERROR) {

        /* "NOAUTH ...", "READONLY ..." */

        hars_conn_fail(conn, (*reply)->str);
        freeReplyObject(*reply);
        *reply = NULL;

        return HARS_ERROR;
    }

    return HARS_OK;
}


/* bytes, or -1: "events" to wait for, none: it failed */
static ssize_t
hars_conn_write(hars_conn_t *conn, short *events)
{
    int      rc;
    ssize_t  n;

    *events = 0;

    if (conn->ssl) {
        ERR_clear_error();
        rc = SSL_write(conn->ssl, conn->out, (int) conn->len);
        return rc > 0 ? rc : hars_conn_ssl(conn, rc, events);
    }

    n = send(conn->fd, conn->out, conn->len, MSG_NOSIGNAL);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        *events = POLLOUT;

    } else if (n == -1) {
        hars_conn_fail(conn, strerror(errno));
    }

    return n;
}


/* the same; 0: the other side has closed */
static ssize_t
hars_conn_read(hars_conn_t *conn, char *buf, size_t size, short *events)
{
    int      rc;
    ssize_t  n;

    *events = 0;

    if (conn->ssl) {
        ERR_clear_error();
        rc = SSL_read(conn->ssl, buf, (int) size);
        return rc > 0 ? rc : hars_conn_ssl(conn, rc, events);
    }

    n = recv(conn->fd, buf, size, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        *events = POLLIN;

    } else if (n == -1) {
        hars_conn_fail(conn, strerror(errno));
    }

    return n;
}


/* of a call that did nothing: TLS may have to read in order to write */
static ssize_t
hars_conn_ssl(hars_conn_t *conn, int rc, short *events)
{
    long         verified;
    const char  *reason;

    *events = 0;

    switch (SSL_get_error(conn->ssl, rc)) {

    case SSL_ERROR_WANT_READ:
        *events = POLLIN;
        return -1;

    case SSL_ERROR_WANT_WRITE:
        *events = POLLOUT;
        return -1;

    case SSL_ERROR_ZERO_RETURN:
        return 0;

    case SSL_ERROR_SYSCALL:
        hars_conn_fail(conn, errno ? strerror(errno)
                                   : "it closed the connection");
        return -1;
    }

    verified = SSL_get_verify_result(conn->ssl);
    reason = ERR_reason_error_string(ERR_peek_error());

    hars_conn_fail(conn, verified != X509_V_OK
                         ? X509_verify_cert_error_string(verified)
                         : reason ? reason : "TLS failed");
    ERR_clear_error();

    return -1;
}


static int
hars_conn_wait(hars_conn_t *conn, short events, int64_t deadline)
{
    int            rc;
    int64_t        left;
    struct pollfd  pfd;

    pfd.fd = conn->fd;
    pfd.events = events;

    do {
        left = deadline - hars_clock();

        if (left <= 0) {
            return hars_conn_fail(conn, "it does not answer in time");
        }

        rc = poll(&pfd, 1, (int) left);

    } while (rc == 0 || (rc == -1 && errno == EINTR));

    return (rc > 0) ? HARS_OK : hars_conn_fail(conn, strerror(errno));
}


int
hars_conn_fail(hars_conn_t *conn, const char *error)
{
    snprintf(conn->error, sizeof(conn->error), "%s", error);

    return HARS_ERROR;
}


const char *
hars_conn_error(const hars_conn_t *conn)
{
    return conn->error;
}


const char *
hars_conn_name(const hars_conn_t *conn)
{
    return conn->server;
}


char *
hars_conn_run(hars_conn_t *conn)
{
    return conn->run;
}


/* See httpload_wire.h for what this is. */

#include "httpload_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/ssl.h>


static int hars_wire_unix(const char *path);
static int hars_wire_tcp(const char *target);
static int hars_wire_session(SSL *ssl, SSL_SESSION *session);
static const char *hars_wire_secure(hars_wire_conf_t *conf, hars_wire_t *wire);
static const char *hars_wire_agreed(hars_wire_conf_t *conf, SSL *ssl);
static ssize_t hars_wire_ssl(hars_wire_t *wire, int n);


const struct option  hars_wire_long[] = {
    { "cert", required_argument, NULL, 'C' },
    { "key", required_argument, NULL, 'K' },
    { "cacert", required_argument, NULL, 'A' },
    { "name", required_argument, NULL, 'N' },
    { NULL, 0, NULL, 0 }
};


int
hars_wire_option(hars_wire_conf_t *conf, int option, const char *value)
{
    switch (option) {

    case 'C':
        conf->cert = value;
        return 1;

    case 'K':
        conf->key = value;
        return 1;

    case 'A':
        conf->cacert = value;
        return 1;

    case 'N':
        conf->name = value;
        return 1;

    default:
        return 0;
    }
}


const char *
hars_wire_init(hars_wire_conf_t *conf)
{
    SSL_CTX  *tls;

    if (conf->cacert == NULL) {
        return NULL;
    }

    tls = SSL_CTX_new(TLS_client_method());

    if (tls == NULL
        || conf->cert == NULL
        || conf->key == NULL
        || conf->name == NULL
        || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1
        || SSL_CTX_load_verify_locations(tls, conf->cacert, NULL) != 1
        || SSL_CTX_use_certificate_chain_file(tls, conf->cert) != 1
        || SSL_CTX_use_PrivateKey_file(tls, conf->key, SSL_FILETYPE_PEM) != 1)
    {
        return "certificate, key, authority or name cannot be used";
    }

    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE
                          | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls, 1);
    conf->tls = tls;

    if (conf->resume) {
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT
                                            | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(tls, hars_wire_session);
        SSL_CTX_set_app_data(tls, conf);
    }

    return NULL;
}


/* takes it, in place of the one before */
static int
hars_wire_session(SSL *ssl, SSL_SESSION *session)
{
    hars_wire_conf_t  *conf;

    conf = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(conf->session);
    conf->session = session;

    return 1;
}


const char *
hars_wire_connect(hars_wire_conf_t *conf, hars_wire_t *wire)
{
    const char  *wrong;

    wire->fd = strncmp(conf->target, "unix:", 5) == 0
               ? hars_wire_unix(conf->target + 5)
               : hars_wire_tcp(conf->target);

    if (wire->fd == -1) {
        return strerror(errno);
    }

    wrong = conf->tls ? hars_wire_secure(conf, wire) : NULL;

    fcntl(wire->fd, F_SETFL, O_NONBLOCK);

    return wrong;
}


static int
hars_wire_unix(const char *path)
{
    int                 fd;
    struct sockaddr_un  sa = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(sa.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    strcpy(sa.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return connect(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0 ? fd : -1;
}


static int
hars_wire_tcp(const char *target)
{
    int                 fd, on;
    char                address[64];
    const char         *colon;
    struct sockaddr_in  sa = { .sin_family = AF_INET };

    colon = strrchr(target, ':');

    if (colon == NULL || (size_t) (colon - target) >= sizeof(address)) {
        errno = EINVAL;
        return -1;
    }

    memcpy(address, target, colon - target);
    address[colon - target] = '\0';
    sa.sin_port = htons(atoi(colon + 1));

    if (inet_pton(AF_INET, address, &sa.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }

    on = 1;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    return connect(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0 ? fd : -1;
}


static const char *
hars_wire_secure(hars_wire_conf_t *conf, hars_wire_t *wire)
{
    static const unsigned char  h2[] = { 2, 'h', '2' };

    wire->ssl = SSL_new(conf->tls);

    if (wire->ssl == NULL
        || SSL_set_fd(wire->ssl, wire->fd) != 1
        || SSL_set_tlsext_host_name(wire->ssl, conf->name) != 1
        || SSL_set1_host(wire->ssl, conf->name) != 1
        || (conf->session && SSL_set_session(wire->ssl, conf->session) != 1)
        || (conf->h2 && SSL_set_alpn_protos(wire->ssl, h2, sizeof(h2)) != 0)
        || SSL_connect(wire->ssl) != 1)
    {
        return "no TLS connection";
    }

    return hars_wire_agreed(conf, wire->ssl);
}


static const char *
hars_wire_agreed(hars_wire_conf_t *conf, SSL *ssl)
{
    unsigned              len;
    const unsigned char  *alpn;

    conf->resumptions += SSL_session_reused(ssl);

    if (conf->h2 == 0) {
        return NULL;
    }

    SSL_get0_alpn_selected(ssl, &alpn, &len);

    return len == 2 && memcmp(alpn, "h2", 2) == 0 ? NULL
           : "the server does not speak HTTP/2";
}


void
hars_wire_close(hars_wire_t *wire)
{
    if (wire->ssl) {
        SSL_shutdown(wire->ssl);
        SSL_free(wire->ssl);
    }

    close(wire->fd);
}


ssize_t
hars_wire_read(hars_wire_t *wire, void *dst, size_t len)
{
    ssize_t  n;

    if (wire->ssl) {
        return hars_wire_ssl(wire, SSL_read(wire->ssl, dst, (int) len));
    }

    n = read(wire->fd, dst, len);

    return n > 0 ? n : n == -1 && errno == EAGAIN ? 0 : -1;
}


ssize_t
hars_wire_write(hars_wire_t *wire, const void *src, size_t len)
{
    ssize_t  n;

    if (wire->ssl) {
        return hars_wire_ssl(wire, SSL_write(wire->ssl, src, (int) len));
    }

    n = write(wire->fd, src, len);

    return n > 0 ? n : n == -1 && errno == EAGAIN ? 0 : -1;
}


static ssize_t
hars_wire_ssl(hars_wire_t *wire, int n)
{
    int  error;

    if (n > 0) {
        return n;
    }

    error = SSL_get_error(wire->ssl, n);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
           ? 0 : -1;
}


char *
hars_wire_bytes(const char *path, const char *headers, const char *hex,
    int *len)
{
    int          head;
    char        *out, *grown;
    size_t       i, n;
    unsigned     byte;

    n = strlen(hex) / 2;
    head = asprintf(&out, "POST %s HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Type: application/octet-stream\r\n"
                    "Content-Length: %zu\r\n%s\r\n", path, n, headers);
    if (head < 0) {
        return NULL;
    }

    grown = realloc(out, (size_t) head + n + 1);

    if (grown == NULL) {
        free(out);
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            free(grown);
            return NULL;
        }

        grown[head + i] = (char) byte;
    }

    *len = head + (int) n;

    return grown;
}

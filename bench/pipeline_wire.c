
/*
 * How a client of bench/pipeline.c makes its key, has it certified by EST
 * (RFC 7030, simpleenroll, by a secret), and asks over TLS 1.3.
 */

#include "pipeline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pkcs7.h>
#include <openssl/ssl.h>


static int hars_pipe_tcp(void);
static const char *hars_pipe_present(hars_pipe_client_t *c, SSL *ssl);
static int hars_pipe_request(hars_pipe_client_t *c, char *body, size_t size);
static const char *hars_pipe_take(hars_pipe_client_t *c, const char *answer);
static const char *hars_pipe_answer(SSL *ssl, char *answer);
static void hars_pipe_basic(hars_pipe_client_t *c, char *dst);


static SSL_CTX             *hars_pipe_tls;
static struct sockaddr_in   hars_pipe_sa;


const char *
hars_pipe_init(const char *cacert, const char *target)
{
    char      address[64];
    unsigned  port;

    if (sscanf(target, "%63[0-9.]:%u", address, &port) != 2
        || inet_pton(AF_INET, address, &hars_pipe_sa.sin_addr) != 1)
    {
        return "no address and port";
    }

    hars_pipe_sa.sin_family = AF_INET;
    hars_pipe_sa.sin_port = htons((uint16_t) port);
    hars_pipe_tls = SSL_CTX_new(TLS_client_method());

    if (hars_pipe_tls == NULL
        || SSL_CTX_set_min_proto_version(hars_pipe_tls, TLS1_3_VERSION) != 1
        || SSL_CTX_load_verify_locations(hars_pipe_tls, cacert, NULL) != 1)
    {
        return "the authority's file cannot be used";
    }

    SSL_CTX_set_verify(hars_pipe_tls, SSL_VERIFY_PEER, NULL);

    return NULL;
}


const char *
hars_pipe_key(hars_pipe_client_t *c)
{
    c->key = EVP_EC_gen("P-256");

    return c->key ? NULL : "no key";
}


const char *
hars_pipe_connect(hars_pipe_client_t *c, const char *host,
    unsigned certificate, void **to)
{
    int          fd;
    SSL         *ssl;
    const char  *wrong;

    fd = hars_pipe_tcp();
    ssl = SSL_new(hars_pipe_tls);

    if (fd == -1 || ssl == NULL) {
        return strerror(errno);
    }

    wrong = certificate ? hars_pipe_present(c, ssl) : NULL;

    if (wrong) {
        return wrong;
    }

    if (SSL_set_fd(ssl, fd) != 1
        || SSL_set_tlsext_host_name(ssl, host) != 1
        || SSL_set1_host(ssl, host) != 1
        || SSL_connect(ssl) != 1)
    {
        return "no TLS connection";
    }

    *to = ssl;

    return NULL;
}


static int
hars_pipe_tcp(void)
{
    int  fd, on;

    on = 1;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1
        || connect(fd, (struct sockaddr *) &hars_pipe_sa,
                   sizeof(hars_pipe_sa)) == -1)
    {
        return -1;
    }

    return fd;
}


static const char *
hars_pipe_present(hars_pipe_client_t *c, SSL *ssl)
{
    int              i;
    X509            *cert;
    STACK_OF(X509)  *chain = c->chain;

    if (SSL_use_certificate(ssl, c->cert) != 1
        || SSL_use_PrivateKey(ssl, c->key) != 1)
    {
        return "the certificate is not of this key";
    }

    for (i = 0; i < sk_X509_num(chain); i++) {
        cert = sk_X509_value(chain, i);

        if (cert != c->cert && !SSL_add1_chain_cert(ssl, cert)) {
            return "no chain";
        }
    }

    return NULL;
}


const char *
hars_pipe_enrol(hars_pipe_client_t *c)
{
    int          len;
    char         head[1024], basic[512], body[4096];
    char         answer[HARS_PIPE_ANSWER];
    const char  *wrong;

    len = hars_pipe_request(c, body, sizeof(body));
    if (len <= 0) {
        return "no request";
    }

    hars_pipe_basic(c, basic);
    snprintf(head, sizeof(head),
             "POST /.well-known/est/simpleenroll HTTP/1.1\r\n"
             "Host: auth.hars.localhost\r\nAuthorization: Basic %s\r\n"
             "Content-Type: application/pkcs10\r\n", basic);

    wrong = hars_pipe_ask(c->first, head, body, (size_t) len, answer);

    return wrong ? wrong : hars_pipe_take(c, answer);
}


/* PKCS#10 in base64, its length; whose it is the server knows */
static int
hars_pipe_request(hars_pipe_client_t *c, char *body, size_t size)
{
    int             len;
    X509_REQ       *request;
    unsigned char  *der;

    der = NULL;
    len = -1;
    request = X509_REQ_new();

    if (request
        && X509_REQ_set_pubkey(request, c->key)
        && X509_REQ_sign(request, c->key, EVP_sha256()))
    {
        len = i2d_X509_REQ(request, &der);
    }

    len = (len > 0 && (size_t) len < size / 4 * 3 - 4)
          ? EVP_EncodeBlock((unsigned char *) body, der, len) : -1;

    OPENSSL_free(der);
    X509_REQ_free(request);

    return len;
}


/* RFC 7030, 4.2.3: certificates alone, in PKCS#7 */
static const char *
hars_pipe_take(hars_pipe_client_t *c, const char *answer)
{
    int              i;
    BIO             *bio;
    PKCS7           *p7;
    STACK_OF(X509)  *chain;

    bio = BIO_push(BIO_new(BIO_f_base64()),
                   BIO_new_mem_buf(answer, (int) strlen(answer)));
    p7 = d2i_PKCS7_bio(bio, NULL);
    BIO_free_all(bio);

    if (p7 == NULL || !PKCS7_type_is_signed(p7)) {
        return "an answer without certificates";
    }

    chain = p7->d.sign->cert;
    c->chain = chain;

    for (i = 0; i < sk_X509_num(chain); i++) {
        if (X509_check_private_key(sk_X509_value(chain, i), c->key)) {
            c->cert = sk_X509_value(chain, i);
            return NULL;
        }
    }

    return "no certificate of this key";
}


static void
hars_pipe_basic(hars_pipe_client_t *c, char *dst)
{
    int   len;
    char  pair[256];

    len = snprintf(pair, sizeof(pair), "%s:%s", c->id, c->secret);
    EVP_EncodeBlock((unsigned char *) dst, (unsigned char *) pair, len);
}


const char *
hars_pipe_ask(void *ssl, const char *head, const char *body, size_t len,
    char answer[HARS_PIPE_ANSWER])
{
    int   n, sent;
    char  out[2 * HARS_PIPE_ANSWER];

    n = snprintf(out, HARS_PIPE_ANSWER, "%sContent-Length: %zu\r\n\r\n", head,
                 len);

    if (len) {
        memcpy(out + n, body, len);
        n += (int) len;
    }

    for (sent = 0; sent < n; ) {
        int  rc = SSL_write(ssl, out + sent, n - sent);

        if (rc <= 0) {
            return "the connection ended";
        }

        sent += rc;
    }

    return hars_pipe_answer(ssl, answer);
}


static const char *
hars_pipe_answer(SSL *ssl, char *answer)
{
    int           n;
    char         *end;
    size_t        len, want;
    const char   *length;

    len = 0;
    want = 0;
    end = NULL;

    while (end == NULL || len < want) {
        n = SSL_read(ssl, answer + len, (int) (HARS_PIPE_ANSWER - 1 - len));
        if (n <= 0) {
            return "no answer, or one of 64 KB or more";
        }

        len += (size_t) n;
        answer[len] = '\0';

        if (end == NULL && (end = strstr(answer, "\r\n\r\n")) != NULL) {
            length = strcasestr(answer, "\r\nContent-Length:");

            if (length == NULL || length > end) {
                return "an answer without a length";
            }

            end += 4;
            want = (size_t) (end - answer)
                   + strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL,
                             10);
        }
    }

    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0) {
        answer[strcspn(answer, "\r\n")] = '\0';
        fprintf(stderr, "%s\n%s\n", answer, end);
        return "not answered by 200";
    }

    memmove(answer, end, strlen(end) + 1);

    return NULL;
}

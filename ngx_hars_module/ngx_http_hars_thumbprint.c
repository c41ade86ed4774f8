
/*
 * RFC 8705, 3: which certificate did this connection prove?  SHA-256 of its
 * DER, computed once per connection and kept on the SSL object: HTTP/2 has a
 * copy of the connection per stream, but one SSL object.  A certificate that
 * was not verified is none, nor is an authority's, nor one that has expired
 * since its session was made.  Also: the certificate as RFC 9440 hands it on,
 * and the client's own attempts at such headers, which are removed in the
 * first phase of every request.
 *
 * This file and ngx_http_hars_from.c are the users of OpenSSL in the module.
 */

#include "ngx_http_hars.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>


static void ngx_http_hars_conn_free(void *parent, void *ptr,
    CRYPTO_EX_DATA *ad, int idx, long argl, void *argp);
static ngx_uint_t ngx_http_hars_asked_here(ngx_http_request_t *r);
static ngx_uint_t ngx_http_hars_session_foreign(ngx_ssl_conn_t *ssl);
static ngx_int_t ngx_http_hars_conn_thumbprint(ngx_http_hars_conn_t *conn,
    ngx_ssl_conn_t *ssl, ngx_log_t *log);
static ngx_uint_t ngx_http_hars_is_authority(ngx_ssl_conn_t *ssl, X509 *cert);
static ngx_int_t ngx_http_hars_strip(ngx_http_request_t *r);


static int  ngx_http_hars_ssl_index = -1;


ngx_int_t
ngx_http_hars_thumbprint_init(ngx_log_t *log)
{
    if (ngx_http_hars_ssl_index != -1) {
        return NGX_OK;
    }

    ngx_http_hars_ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                   ngx_http_hars_conn_free);

    if (ngx_http_hars_ssl_index == -1) {
        ngx_ssl_error(NGX_LOG_EMERG, log, 0, "SSL_get_ex_new_index() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_conn(ngx_http_request_t *r, ngx_http_hars_conn_t **conn)
{
    ngx_connection_t      *c;
    ngx_ssl_conn_t        *ssl;
    ngx_http_hars_conn_t  *hc;

    c = r->connection;

    if (c->ssl == NULL || !ngx_http_hars_asked_here(r)) {
        *conn = NULL;
        return NGX_OK;
    }

    ssl = c->ssl->connection;
    hc = SSL_get_ex_data(ssl, ngx_http_hars_ssl_index);

    if (hc) {
        *conn = hc;
        return NGX_OK;
    }

    hc = ngx_calloc(sizeof(ngx_http_hars_conn_t), c->log);
    if (hc == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_hars_conn_thumbprint(hc, ssl, c->log) != NGX_OK) {
        ngx_free(hc);
        return NGX_ERROR;
    }

    if (SSL_set_ex_data(ssl, ngx_http_hars_ssl_index, hc) == 0) {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0, "SSL_set_ex_data() failed");
        ngx_free(hc);
        return NGX_ERROR;
    }

    *conn = hc;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_hars_asked_here(ngx_http_request_t *r)
{
    SSL_CTX                  *ctx;
    ngx_http_ssl_srv_conf_t  *sscf;

    /*
     * Without a name in the handshake the address's default server made it,
     * by its own authorities, and nginx still obeys the Host header: what was
     * proved to one server is nothing to another.  A server without a
     * certificate has no context and goes by the default one.
     */

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_ssl_module);
    ctx = sscf->ssl.ctx;

    if (ctx == NULL) {
        sscf = r->http_connection->addr_conf->default_server->ctx
                   ->srv_conf[ngx_http_ssl_module.ctx_index];
        ctx = sscf->ssl.ctx;
    }

    return SSL_get_SSL_CTX(r->connection->ssl->connection) == ctx;
}


static ngx_uint_t
ngx_http_hars_session_foreign(ngx_ssl_conn_t *ssl)
{
    const char  *name, *made;

    /* CVE-2025-23419: OpenSSL resumes a session of any server of the address */

    if (!SSL_session_reused(ssl)) {
        return 0;
    }

    name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    made = SSL_SESSION_get0_hostname(SSL_get_session(ssl));

    if (name == NULL || made == NULL) {
        return name != made;
    }

    return ngx_strcmp(name, made) != 0;
}


static ngx_int_t
ngx_http_hars_conn_thumbprint(ngx_http_hars_conn_t *conn, ngx_ssl_conn_t *ssl,
    ngx_log_t *log)
{
    X509       *cert;
    unsigned    len;
    struct tm   tm;

    /* a resumed session has the certificate and the result it was made with */

    if (SSL_get_verify_result(ssl) != X509_V_OK
        || ngx_http_hars_session_foreign(ssl))
    {
        return NGX_OK;
    }

    cert = SSL_get_peer_certificate(ssl);
    if (cert == NULL) {
        return NGX_OK;
    }

    /*
     * OpenSSL takes an authority for a client, and does not look at the dates
     * again where a session is resumed
     */

    if (ngx_http_hars_is_authority(ssl, cert)
        || !ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
    {
        X509_free(cert);
        return NGX_OK;
    }

    conn->not_after = timegm(&tm);
    len = HARS_SHA256_LEN;

    if (X509_digest(cert, EVP_sha256(), conn->thumbprint, &len) == 0) {
        ngx_ssl_error(NGX_LOG_ALERT, log, 0, "X509_digest() failed");
        X509_free(cert);
        return NGX_ERROR;
    }

    X509_free(cert);

    hars_b64url_sha256_encode((char *) conn->s256, conn->thumbprint);
    conn->has_cert = 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_hars_is_authority(ngx_ssl_conn_t *ssl, X509 *cert)
{
    int                 ca;
    BASIC_CONSTRAINTS  *bc;

    /*
     * Verification has read all extensions; of a session's certificate
     * nobody has, and X509_check_ca() would, for the one that mostly decides
     */

    if (SSL_session_reused(ssl)) {
        bc = X509_get_ext_d2i(cert, NID_basic_constraints, NULL, NULL);

        if (bc) {
            ca = bc->ca;
            BASIC_CONSTRAINTS_free(bc);

            if (!ca) {
                return 0;
            }
        }
    }

    return X509_check_ca(cert) != 0;
}


ngx_int_t
ngx_http_hars_peer(ngx_connection_t *c, u_char *thumbprint)
{
    unsigned               len;
    X509                  *cert;
    ngx_int_t              rc;
    ngx_ssl_conn_t        *ssl;
    ngx_http_hars_conn_t  *conn;

    ssl = c->ssl->connection;

    if (ssl == NULL || !c->ssl->handshaked || !SSL_is_server(ssl)) {
        return NGX_DECLINED;
    }

    conn = SSL_get_ex_data(ssl, ngx_http_hars_ssl_index);

    if (conn && conn->has_cert) {
        ngx_memcpy(thumbprint, conn->thumbprint, HARS_SHA256_LEN);
        return NGX_OK;
    }

    /* no request was judged on it yet */

    cert = SSL_get_peer_certificate(ssl);
    if (cert == NULL) {
        return NGX_DECLINED;
    }

    len = HARS_SHA256_LEN;
    rc = X509_digest(cert, EVP_sha256(), thumbprint, &len) ? NGX_OK
                                                           : NGX_DECLINED;
    X509_free(cert);

    return rc;
}


static void
ngx_http_hars_conn_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
    long argl, void *argp)
{
    ngx_http_hars_conn_t *conn = ptr;

    if (conn == NULL) {
        return;
    }

    ngx_http_hars_memo_wipe(conn);
    ngx_free(conn);
}


/* a connection, as a session, may outlive its certificate */

ngx_uint_t
ngx_http_hars_conn_proves(ngx_http_hars_conn_t *conn)
{
    return conn && conn->has_cert && ngx_time() < conn->not_after;
}


ngx_int_t
ngx_http_hars_prove(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx)
{
    ngx_http_hars_header_cert_t  *header;

    ctx->conn = NULL;
    ctx->thumbprint = NULL;

    header = ngx_http_hars_from_header(r);
    if (header == NULL) {
        return NGX_ERROR;
    }

    /* through a proxy the certificate is the request's, never the proxy's */

    if (header->trusted) {
        if (ngx_http_hars_from_check(r, header) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->thumbprint = header->has_cert ? header->thumbprint : NULL;

        return NGX_OK;
    }

    if (ngx_http_hars_conn(r, &ctx->conn) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_hars_conn_proves(ctx->conn)) {
        ctx->thumbprint = ctx->conn->thumbprint;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_s256(ngx_http_request_t *r, u_char **s256)
{
    ngx_http_hars_ctx_t  proof;

    *s256 = NULL;

    if (ngx_http_hars_prove(r, &proof) != NGX_OK) {
        return NGX_ERROR;
    }

    if (proof.thumbprint) {
        *s256 = proof.conn ? proof.conn->s256
                           : ngx_http_hars_from_header(r)->s256;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_client_cert(ngx_http_request_t *r, ngx_str_t *value)
{
    int                    len;
    X509                  *cert;
    u_char                *der, *p;
    ngx_str_t              src, dst;
    ngx_http_hars_ctx_t    proof;

    ngx_str_null(value);

    if (ngx_http_hars_prove(r, &proof) != NGX_OK) {
        return NGX_ERROR;
    }

    if (proof.thumbprint == NULL) {
        return NGX_OK;
    }

    if (proof.conn == NULL) {
        *value = ngx_http_hars_from_header(r)->value;
        return NGX_OK;
    }

    cert = SSL_get_peer_certificate(r->connection->ssl->connection);
    if (cert == NULL) {
        return NGX_OK;
    }

    der = NULL;
    len = i2d_X509(cert, &der);
    X509_free(cert);

    if (len <= 0) {
        ngx_ssl_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "i2d_X509() failed");
        return NGX_ERROR;
    }

    src.data = der;
    src.len = len;

    /* RFC 8941, 3.3.5: a byte sequence is base64 between colons */

    p = ngx_pnalloc(r->pool, ngx_base64_encoded_length(src.len) + 2);
    if (p == NULL) {
        OPENSSL_free(der);
        return NGX_ERROR;
    }

    value->data = p;
    *p++ = ':';

    dst.data = p;
    ngx_encode_base64(&dst, &src);
    OPENSSL_free(der);

    p += dst.len;
    *p++ = ':';
    value->len = p - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_random(u_char *dst, size_t len)
{
    return RAND_bytes(dst, (int) len) == 1 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_hars_equal(u_char *a, u_char *b, size_t len)
{
    uint64_t  x, y, differ;

    /*
     * CRYPTO_memcmp() goes byte by byte, an eighth as fast; the compiler may
     * not know that more bytes cannot undo a difference
     */

    for (differ = 0; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
        ngx_memcpy(&x, a, sizeof(uint64_t));
        ngx_memcpy(&y, b, sizeof(uint64_t));

        differ |= x ^ y;
        __asm__ volatile ("" : "+r" (differ));

        a += sizeof(uint64_t);
        b += sizeof(uint64_t);
    }

    for ( /* void */ ; len; len--) {
        differ |= (uint64_t) (*a++ ^ *b++);
        __asm__ volatile ("" : "+r" (differ));
    }

    return differ == 0;
}


ngx_int_t
ngx_http_hars_strip_handler(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    /* what a trusted proxy sent is taken before it goes */

    if (ngx_http_hars_from_header(r) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (ngx_http_hars_reserved_header(&h[i])) {
            return ngx_http_hars_strip(r) == NGX_OK
                   ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_hars_strip_internal_handler(ngx_http_request_t *r)
{
    /*
     * an error before the first phase (400, 495, 496) may redirect into a
     * location without ever passing it
     */

    return r->internal ? ngx_http_hars_strip_handler(r) : NGX_DECLINED;
}


ngx_uint_t
ngx_http_hars_reserved_header(ngx_table_elt_t *h)
{
    size_t      i;
    u_char      ch;
    ngx_uint_t  n;

    static const struct {
        ngx_str_t   name;
        ngx_uint_t  prefix;
    } reserved[] = {
        { ngx_string("hars-"), 1 },
        { ngx_string("client-cert"), 0 },
        { ngx_string("client-cert-chain"), 0 },
        { ngx_null_string, 0 }
    };

    ch = h->key.len ? (h->key.data[0] | 0x20) : 0;

    if (ch != 'h' && ch != 'c') {
        return 0;
    }

    for (n = 0; reserved[n].name.len; n++) {

        if (h->key.len < reserved[n].name.len
            || (h->key.len > reserved[n].name.len && !reserved[n].prefix))
        {
            continue;
        }

        for (i = 0; i < reserved[n].name.len; i++) {
            ch = ngx_tolower(h->key.data[i]);

            /* a backend may take one for the other, as CGI does */

            if (ch == '_') {
                ch = '-';
            }

            if (ch != reserved[n].name.data[i]) {
                break;
            }
        }

        if (i == reserved[n].name.len) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_hars_strip(ngx_http_request_t *r)
{
    ngx_list_t        kept;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *copy;

    /*
     * nginx keeps pointers to the elements of this list, so they stay where
     * they are, and a list of copies without the reserved ones is what the
     * rest of the request sees
     */

    if (ngx_list_init(&kept, r->pool, 20, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (ngx_http_hars_reserved_header(&h[i])) {
            continue;
        }

        copy = ngx_list_push(&kept);
        if (copy == NULL) {
            return NGX_ERROR;
        }

        *copy = h[i];
    }

    r->headers_in.headers = kept;

    /* the list's last part is the one inside, where there is but one */

    if (kept.last == &kept.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    return NGX_OK;
}


/*
 * hars_client_cert_from: the certificate that a client proved to a proxy in
 * front of us, which hands it on (RFC 9440).  The header counts only where the
 * peer itself is trusted: by its own certificate, by our Unix socket, or by its
 * address as the kernel knows it.  Then it is verified here again, up to our
 * own authorities, and it is a request's: the proxy's own certificate never
 * stands in for it.  Absent, doubled or malformed it is none; its chain, a
 * list, may come in several lines.
 *
 * What was verified is remembered by the worker for a minute, by the digest
 * of the very bytes that came.
 */

#include "ngx_http_hars.h"

#include <openssl/x509v3.h>


#define NGX_HTTP_HARS_HEADER_MAX   16384    /* Client-Cert */
#define NGX_HTTP_HARS_CHAIN_MAX    32768    /* Client-Cert-Chain */
#define NGX_HTTP_HARS_AUTH_LEVEL   2        /* of keys and digests */
#define NGX_HTTP_HARS_PROVED       256
#define NGX_HTTP_HARS_PROVED_TIME  60       /* s; the chain may end sooner */


typedef struct {
    time_t                     until;        /* 0: free */
    u_char                     digest[HARS_SHA256_LEN];      /* of both */
    u_char                     thumbprint[HARS_SHA256_LEN];
} ngx_http_hars_proved_t;


struct ngx_http_hars_from_s {
    ngx_array_t               *certs;        /* u_char [HARS_SHA256_LEN] */
    ngx_array_t               *cidrs;        /* ngx_cidr_t */
    ngx_uint_t                 unix_socket;
    X509_STORE                *store;
    ngx_http_hars_proved_t    *proved;       /* of the worker, by digest */
};


static ngx_int_t ngx_http_hars_from_trusted(ngx_http_request_t *r,
    ngx_http_hars_from_t *from, ngx_http_hars_conn_t **proxy);
static ngx_uint_t ngx_http_hars_from_revoked(ngx_http_request_t *r,
    ngx_http_hars_conn_t *proxy);
static void ngx_http_hars_from_read(ngx_http_request_t *r,
    ngx_http_hars_header_cert_t *header);
static void ngx_http_hars_from_collect(ngx_http_hars_header_cert_t *header,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_hars_from_digest(
    ngx_http_hars_header_cert_t *header, u_char *digest);
static ngx_int_t ngx_http_hars_from_prove(ngx_http_request_t *r,
    ngx_http_hars_header_cert_t *header, ngx_http_hars_from_t *from,
    ngx_http_hars_proved_t *proved);
static ngx_int_t ngx_http_hars_from_parse(ngx_http_request_t *r,
    ngx_str_t *value, STACK_OF(X509) *certs, ngx_int_t max);
static ngx_uint_t ngx_http_hars_from_verify(X509 *cert,
    STACK_OF(X509) *chain, X509_STORE *store);
static char *ngx_http_hars_from_peer(ngx_conf_t *cf,
    ngx_http_hars_from_t *from, ngx_str_t *value);
static char *ngx_http_hars_from_store(ngx_conf_t *cf,
    ngx_http_hars_from_t *from, ngx_str_t *ca, ngx_str_t *crl,
    ngx_int_t depth);
static void ngx_http_hars_from_free(void *data);


ngx_http_hars_header_cert_t *
ngx_http_hars_from_header(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_hars_ctx_t          *ctx;
    ngx_http_hars_conn_t         *proxy;
    ngx_http_hars_srv_conf_t     *hscf;
    ngx_http_hars_header_cert_t  *header;

    static ngx_http_hars_header_cert_t  none;

    r = r->main;

    hscf = ngx_http_get_module_srv_conf(r, ngx_http_hars_module);
    ctx = ngx_http_hars_get_ctx(r);

    if (ctx && ctx->header) {
        return ctx->header;
    }

    if (hscf->from == NULL || (ctx && ctx->internal)) {
        return &none;
    }

    rc = ngx_http_hars_from_trusted(r, hscf->from, &proxy);

    if (rc == NGX_ERROR) {
        return NULL;
    }

    if (ctx == NULL) {
        ctx = ngx_http_hars_create_ctx(r);
        if (ctx == NULL) {
            return NULL;
        }
    }

    header = ngx_pcalloc(r->pool, sizeof(ngx_http_hars_header_cert_t));
    if (header == NULL) {
        return NULL;
    }

    ctx->header = header;

    if (rc == NGX_DECLINED) {
        return header;
    }

    header->trusted = 1;
    header->proxy = proxy;

    if (proxy && ngx_http_hars_from_revoked(r, proxy)) {
        header->bad = 1;
        return header;
    }

    ngx_http_hars_from_read(r, header);

    return header;
}


static ngx_int_t
ngx_http_hars_from_trusted(ngx_http_request_t *r, ngx_http_hars_from_t *from,
    ngx_http_hars_conn_t **proxy)
{
    u_char                (*cert)[HARS_SHA256_LEN];
    socklen_t               len;
    ngx_uint_t              i;
    ngx_sockaddr_t          sa;
    ngx_connection_t       *c;
    ngx_http_hars_conn_t   *conn;

    c = r->connection;
    *proxy = NULL;

    if (from->unix_socket && c->listening
        && c->listening->sockaddr->sa_family == AF_UNIX)
    {
        return NGX_OK;
    }

    if (from->certs) {

        if (ngx_http_hars_conn(r, &conn) != NGX_OK) {
            return NGX_ERROR;
        }

        cert = from->certs->elts;

        for (i = 0;
             i < from->certs->nelts && ngx_http_hars_conn_proves(conn);
             i++)
        {
            if (ngx_memcmp(cert[i], conn->thumbprint, HARS_SHA256_LEN) == 0) {
                *proxy = conn;
                return NGX_OK;
            }
        }
    }

    if (from->cidrs) {

        /* the kernel's word: realip rewrites the connection's address */

        len = sizeof(ngx_sockaddr_t);

        if (getpeername(c->fd, &sa.sockaddr, &len) == 0
            && ngx_cidr_match(&sa.sockaddr, from->cidrs) == NGX_OK)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* here and not where "hars" is on: open locations hand it on, too */

static ngx_uint_t
ngx_http_hars_from_revoked(ngx_http_request_t *r, ngx_http_hars_conn_t *proxy)
{
    ngx_uint_t                  i;
    ngx_http_hars_zone_t      **zone;
    ngx_http_hars_main_conf_t  *hmcf;

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_hars_module);
    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {

        if (ngx_http_hars_conn_revoked(zone[i], proxy)) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_hars_from_read(ngx_http_request_t *r,
    ngx_http_hars_header_cert_t *header)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

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

        if (ngx_http_hars_reserved_header(&h[i])
            && (h[i].key.data[0] | 0x20) == 'c')
        {
            ngx_http_hars_from_collect(header, &h[i]);
        }
    }
}


static void
ngx_http_hars_from_collect(ngx_http_hars_header_cert_t *header,
    ngx_table_elt_t *h)
{
    /* a spelling with "_" may be a client's that the proxy did not see */

    if (ngx_strlchr(h->key.data, h->key.data + h->key.len, '_')) {
        header->bad = 1;
        return;
    }

    if (h->key.len == sizeof("Client-Cert") - 1) {

        if (header->value.data || h->value.len > NGX_HTTP_HARS_HEADER_MAX) {
            header->bad = 1;
        }

        header->value = h->value;
        return;
    }

    /* each line has a member at least */

    header->chain_len += h->value.len;

    if (header->lines == NGX_HTTP_HARS_CHAIN_CERTS
        || header->chain_len > NGX_HTTP_HARS_CHAIN_MAX)
    {
        header->bad = 1;
        return;
    }

    header->chain[header->lines++] = h->value;
}


ngx_int_t
ngx_http_hars_from_check(ngx_http_request_t *r,
    ngx_http_hars_header_cert_t *header)
{
    u_char                     digest[HARS_SHA256_LEN];
    ngx_int_t                  rc;
    ngx_http_hars_from_t      *from;
    ngx_http_hars_proved_t    *proved;
    ngx_http_hars_srv_conf_t  *hscf;

    if (header->checked) {
        return NGX_OK;
    }

    header->checked = 1;

    if (header->bad || header->value.len == 0) {
        return NGX_OK;
    }

    hscf = ngx_http_get_module_srv_conf(r->main, ngx_http_hars_module);
    from = hscf->from;

    if (from == NULL) {
        return NGX_OK;
    }

    if (ngx_http_hars_from_digest(header, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    proved = &from->proved[digest[0] % NGX_HTTP_HARS_PROVED];

    if (proved->until <= ngx_time()
        || ngx_memcmp(proved->digest, digest, HARS_SHA256_LEN) != 0)
    {
        rc = ngx_http_hars_from_prove(r, header, from, proved);

        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
        }

        ngx_memcpy(proved->digest, digest, HARS_SHA256_LEN);
    }

    ngx_memcpy(header->thumbprint, proved->thumbprint, HARS_SHA256_LEN);
    hars_b64url_sha256_encode((char *) header->s256, header->thumbprint);
    header->has_cert = 1;

    return NGX_OK;
}


/* of all values as they came, so that nothing else is taken for them */

static ngx_int_t
ngx_http_hars_from_digest(ngx_http_hars_header_cert_t *header, u_char *digest)
{
    unsigned     len;
    ngx_int_t    rc;
    ngx_uint_t   i;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    len = HARS_SHA256_LEN;

    rc = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)
         && EVP_DigestUpdate(ctx, header->value.data, header->value.len);

    for (i = 0; rc && i < header->lines; i++) {
        rc = EVP_DigestUpdate(ctx, "", 1)
             && EVP_DigestUpdate(ctx, header->chain[i].data,
                                 header->chain[i].len);
    }

    rc = rc && EVP_DigestFinal_ex(ctx, digest, &len);

    EVP_MD_CTX_free(ctx);

    return rc ? NGX_OK : NGX_ERROR;
}


/* NGX_DECLINED: it proves nobody; "proved" is free then */

static ngx_int_t
ngx_http_hars_from_prove(ngx_http_request_t *r,
    ngx_http_hars_header_cert_t *header, ngx_http_hars_from_t *from,
    ngx_http_hars_proved_t *proved)
{
    X509            *cert;
    time_t           end;
    unsigned         len;
    ngx_int_t        rc;
    ngx_uint_t       i;
    STACK_OF(X509)  *certs, *chain;

    proved->until = 0;

    certs = sk_X509_new_null();
    chain = sk_X509_new_null();
    rc = NGX_ERROR;

    if (certs == NULL || chain == NULL) {
        goto done;
    }

    rc = ngx_http_hars_from_parse(r, &header->value, certs, 1);

    /*
     * RFC 8941, 4.2: the lines of a list are one, with commas between them;
     * no member of this one goes over from line to line
     */

    for (i = 0; rc == NGX_OK && i < header->lines; i++) {
        rc = ngx_http_hars_from_parse(r, &header->chain[i], chain,
                                      NGX_HTTP_HARS_CHAIN_CERTS);
    }

    if (rc != NGX_OK) {
        goto done;
    }

    cert = sk_X509_value(certs, 0);
    rc = NGX_DECLINED;

    if (!ngx_http_hars_from_verify(cert, chain, from->store)) {
        goto done;
    }

    rc = NGX_ERROR;
    len = HARS_SHA256_LEN;

    if (X509_digest(cert, EVP_sha256(), proved->thumbprint, &len) == 0) {
        goto done;
    }

    /* in its last minute it is verified each time */

    end = ngx_time() + NGX_HTTP_HARS_PROVED_TIME;

    if (X509_cmp_time(X509_get0_notAfter(cert), &end) > 0) {
        proved->until = end;
    }

    rc = NGX_OK;

done:

    sk_X509_pop_free(certs, X509_free);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_http_hars_from_parse(ngx_http_request_t *r, ngx_str_t *value,
    STACK_OF(X509) *certs, ngx_int_t max)
{
    X509                 *cert;
    size_t                len;
    u_char               *p, *last, *der;
    ngx_int_t             rc;
    const unsigned char  *q;

    der = ngx_pnalloc(r->pool, value->len);
    if (der == NULL) {
        return NGX_ERROR;
    }

    p = value->data;
    last = p + value->len;

    do {

        if (sk_X509_num(certs) == max
            || ngx_http_hars_byte_sequence(&p, last, der, &len) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        q = der;
        cert = d2i_X509(NULL, &q, (long) len);

        if (cert == NULL) {
            return NGX_DECLINED;
        }

        if (q != der + len) {
            X509_free(cert);
            return NGX_DECLINED;
        }

        if (sk_X509_push(certs, cert) == 0) {
            X509_free(cert);
            return NGX_ERROR;
        }

        rc = ngx_http_hars_next_member(&p, last);

    } while (rc == NGX_OK);

    return (rc == NGX_DONE) ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_hars_from_verify(X509 *cert, STACK_OF(X509) *chain,
    X509_STORE *store)
{
    ngx_uint_t       ok;
    X509_STORE_CTX  *ctx;

    if (X509_check_ca(cert)) {
        return 0;
    }

    ctx = X509_STORE_CTX_new();
    if (ctx == NULL) {
        return 0;
    }

    ok = X509_STORE_CTX_init(ctx, store, cert, chain) == 1
         && X509_verify_cert(ctx) == 1;

    X509_STORE_CTX_free(ctx);

    return ok;
}


ngx_uint_t
ngx_http_hars_from_address(ngx_http_hars_from_t *from)
{
    return from && from->cidrs;
}


char *
ngx_http_hars_client_cert_from(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_srv_conf_t *hscf = conf;

    char                  *rv;
    ngx_int_t              depth;
    ngx_str_t             *value, s, ca, crl;
    ngx_uint_t             i, header;
    ngx_http_hars_from_t  *from;

    if (hscf->from != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        hscf->from = NULL;
        return NGX_CONF_OK;
    }

    from = ngx_pcalloc(cf->pool, sizeof(ngx_http_hars_from_t));
    if (from == NULL) {
        return NGX_CONF_ERROR;
    }

    header = 0;
    depth = 1;
    ngx_str_null(&ca);
    ngx_str_null(&crl);

    for (i = 1; i < cf->args->nelts; i++) {

        s = value[i];

        if (ngx_strcasecmp(s.data, (u_char *) "header=Client-Cert") == 0) {
            header = 1;

        } else if (ngx_strncmp(s.data, "ca=", 3) == 0 && s.len > 3) {
            ca.data = s.data + 3;
            ca.len = s.len - 3;

        } else if (ngx_strncmp(s.data, "crl=", 4) == 0 && s.len > 4) {
            crl.data = s.data + 4;
            crl.len = s.len - 4;

        } else if (ngx_strncmp(s.data, "depth=", 6) == 0) {
            depth = ngx_atoi(s.data + 6, s.len - 6);

            if (depth == NGX_ERROR || depth > NGX_HTTP_HARS_CHAIN_CERTS) {
                return "takes a \"depth\" of 0 to 8";
            }

        } else {
            rv = ngx_http_hars_from_peer(cf, from, &s);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    if (!header) {
        return "needs \"header=Client-Cert\", it takes no other header";
    }

    if (ca.len == 0) {
        return "needs \"ca=file\" with the authorities of the clients";
    }

    if (!from->certs && !from->cidrs && !from->unix_socket) {
        return "needs \"trusted_cert=thumbprint\" of the proxy, or "
               "\"trusted=unix:\"";
    }

    rv = ngx_http_hars_from_store(cf, from, &ca, &crl, depth);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    from->proved = ngx_pcalloc(cf->pool, NGX_HTTP_HARS_PROVED
                                         * sizeof(ngx_http_hars_proved_t));
    if (from->proved == NULL) {
        return NGX_CONF_ERROR;
    }

    hscf->from = from;

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_from_peer(ngx_conf_t *cf, ngx_http_hars_from_t *from,
    ngx_str_t *value)
{
    u_char      *cert, back[HARS_B64_SHA256_LEN];
    ngx_int_t    rc;
    ngx_str_t    s, dst;
    ngx_cidr_t  *cidr;

    u_char       buf[HARS_SHA256_LEN + 3];

    if (ngx_strncmp(value->data, "trusted_cert=", 13) == 0) {

        s.data = value->data + 13;
        s.len = value->len - 13;
        dst.data = buf;

        /* the one spelling that it has */

        if (s.len != HARS_B64_SHA256_LEN
            || ngx_decode_base64url(&dst, &s) != NGX_OK
            || dst.len != HARS_SHA256_LEN)
        {
            return "takes as \"trusted_cert\" the 43 characters of a "
                   "certificate's x5t#S256";
        }

        hars_b64url_sha256_encode((char *) back, buf);

        if (ngx_memcmp(back, s.data, s.len) != 0) {
            return "takes as \"trusted_cert\" the 43 characters of a "
                   "certificate's x5t#S256";
        }

        if (from->certs == NULL) {
            from->certs = ngx_array_create(cf->pool, 2, HARS_SHA256_LEN);
            if (from->certs == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        cert = ngx_array_push(from->certs);
        if (cert == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memcpy(cert, buf, HARS_SHA256_LEN);

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "trusted=", 8) != 0) {
        return "has an unknown parameter";
    }

    s.data = value->data + 8;
    s.len = value->len - 8;

    if (ngx_strcmp(s.data, "unix:") == 0) {
        from->unix_socket = 1;
        return NGX_CONF_OK;
    }

    if (from->cidrs == NULL) {
        from->cidrs = ngx_array_create(cf->pool, 2, sizeof(ngx_cidr_t));
        if (from->cidrs == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    cidr = ngx_array_push(from->cidrs);
    if (cidr == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = ngx_ptocidr(&s, cidr);

    if (rc == NGX_ERROR || rc == NGX_DONE) {
        return "takes as \"trusted\" \"unix:\" or a network, such as "
               "\"192.0.2.0/24\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_from_store(ngx_conf_t *cf, ngx_http_hars_from_t *from,
    ngx_str_t *ca, ngx_str_t *crl, ngx_int_t depth)
{
    X509_LOOKUP         *lookup;
    X509_VERIFY_PARAM   *param;
    ngx_pool_cleanup_t  *cln;

    if (ngx_conf_full_name(cf->cycle, ca, 1) != NGX_OK
        || (crl->len && ngx_conf_full_name(cf->cycle, crl, 1) != NGX_OK))
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    from->store = X509_STORE_new();
    if (from->store == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_hars_from_free;
    cln->data = from->store;

    lookup = X509_STORE_add_lookup(from->store, X509_LOOKUP_file());

    if (lookup == NULL
        || X509_load_cert_file(lookup, (char *) ca->data, X509_FILETYPE_PEM)
           <= 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ca=%s\" of \"hars_client_cert_from\" has no "
                      "certificates", ca->data);
        return NGX_CONF_ERROR;
    }

    param = X509_STORE_get0_param(from->store);

    if (X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) == 0
        || X509_VERIFY_PARAM_set_trust(param, X509_TRUST_SSL_CLIENT) == 0)
    {
        return NGX_CONF_ERROR;
    }

    X509_VERIFY_PARAM_set_depth(param, (int) depth);
    X509_VERIFY_PARAM_set_auth_level(param, NGX_HTTP_HARS_AUTH_LEVEL);

    if (crl->len == 0) {
        return NGX_CONF_OK;
    }

    if (X509_load_crl_file(lookup, (char *) crl->data, X509_FILETYPE_PEM)
        <= 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"crl=%s\" of \"hars_client_cert_from\" has no list",
                      crl->data);
        return NGX_CONF_ERROR;
    }

    /* as nginx's ssl_crl does: of the whole chain */

    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK
                                       |X509_V_FLAG_CRL_CHECK_ALL);

    return NGX_CONF_OK;
}


static void
ngx_http_hars_from_free(void *data)
{
    X509_STORE_free(data);
}

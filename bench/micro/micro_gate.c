
/*
 * What the gateway asks of each request beside the lookup: the token out of
 * its header, L0, the verdict; and what it asks once for a connection or a
 * token: the thumbprint of the certificate, the authority's answer read.
 *
 * The connection is a TLS 1.3 handshake between two SSL objects in memory.
 */

#include "micro.h"

#include "ngx_http_hars.h"

#include <stdlib.h>

#include <openssl/x509.h>


static void hars_micro_setup(unsigned n);
static void hars_micro_bearer(unsigned i);
static void hars_micro_judged(unsigned i);
static void hars_micro_parse(unsigned i);
static void hars_micro_memo(unsigned i);
static void hars_micro_l0_hit(unsigned i);
static void hars_micro_l0_miss(unsigned i);
static void hars_micro_connect(unsigned n);
static X509 *hars_micro_certificate(EVP_PKEY *key);
static void hars_micro_handshake(SSL *server, SSL *client);
static int hars_micro_any(int ok, X509_STORE_CTX *store);
static void hars_micro_thumbprint(unsigned i);


const hars_micro_t  hars_micro_gate[] = {
    { .name = "Bearer: token out of the header",
      .call = hars_micro_bearer, .setup = hars_micro_setup },
    { .name = "L0 hit", .call = hars_micro_l0_hit },
    { .name = "L0 miss, four other tokens", .call = hars_micro_l0_miss },
    { .name = "policy: exp, binding, iss, aud, scope",
      .call = hars_micro_judged },
    { .name = "introspection answer to record", .call = hars_micro_parse,
      .prepare = hars_micro_pool_reset },
    { .name = "thumbprint of a connection's certificate",
      .call = hars_micro_thumbprint, .setup = hars_micro_connect },
    { .name = NULL }
};


static u_char  hars_micro_header[] = "Bearer " HARS_MICRO_TOKEN;
static u_char  hars_micro_other[] = HARS_MICRO_TOKEN;

static u_char  hars_micro_answer[] =
    "{\"active\":true,\"iss\":\"https://auth.hars.localhost\","
    "\"sub\":\"2f0d6c1e-57f5-4b0e-9d53-5f1f3f6a7f10\","
    "\"client_id\":\"0b7cbb0c-11a4-4f0b-8a55-9be3a2a5d1c4\","
    "\"scope\":\"ml:recognize ml:probabilities xy\","
    "\"aud\":[\"https://ml.hars.localhost/region\"],"
    "\"iat\":1700000000,\"exp\":1800000000,\"token_type\":\"Bearer\","
    "\"cnf\":{\"x5t#S256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},"
    "\"hars_kind\":\"service\"}";

static ngx_str_t  hars_micro_values[] = {
    ngx_string("https://auth.hars.localhost"),
    ngx_string("https://ml.hars.localhost/region"),
    ngx_string("ml:recognize")
};

static ngx_array_t               hars_micro_lists[3];
static ngx_array_t               hars_micro_claims;
static ngx_http_request_t        hars_micro_request;
static ngx_table_elt_t           hars_micro_authorization;
static ngx_http_hars_loc_conf_t  hars_micro_location;
static ngx_http_hars_endpoint_t  hars_micro_endpoint;
static ngx_http_hars_zone_t      hars_micro_l1;
static ngx_http_hars_sh_t        hars_micro_shared;
static ngx_http_hars_conn_t      hars_micro_conn;
static ngx_http_hars_ctx_t       hars_micro_ctx;
static hars_record_t             hars_micro_token;
static u_char                    hars_micro_data[HARS_RECORD_MAX];
static ngx_connection_t          hars_micro_connection;
static ngx_ssl_connection_t      hars_micro_ssl;


static void
hars_micro_setup(unsigned n)
{
    size_t       len;
    u_char      *cache;
    ngx_uint_t   i;
    const char  *why;

    hars_micro_pool_reset(0);

    hars_micro_authorization.value.data = hars_micro_header;
    hars_micro_authorization.value.len = sizeof(hars_micro_header) - 1;
    hars_micro_request.headers_in.authorization = &hars_micro_authorization;
    hars_micro_request.connection = &hars_micro_connection;

    for (i = 0; i < 3; i++) {
        hars_micro_lists[i].elts = &hars_micro_values[i];
        hars_micro_lists[i].nelts = 1;
    }

    hars_micro_location.bind = NGX_HTTP_HARS_BIND_REQUIRED;
    hars_micro_location.issuer = &hars_micro_lists[0];
    hars_micro_location.audience = &hars_micro_lists[1];
    hars_micro_location.scope = &hars_micro_lists[2];

    /* L0 looks at the generations of L1 */

    cache = calloc(1, 1024 * 1024);
    if (cache == NULL) {
        abort();
    }

    hars_micro_shared.cache = ngx_http_hars_cache_create(
                                  ngx_align_ptr(cache, 64),
                                  1024 * 1024 - 64);
    hars_micro_l1.sh = &hars_micro_shared;
    hars_micro_endpoint.zone = &hars_micro_l1;

    hars_micro_ctx.endpoint = &hars_micro_endpoint;
    hars_micro_ctx.conn = &hars_micro_conn;
    hars_micro_ctx.entry.deadline = 61000;
    hars_micro_ctx.entry.asked = 1000;

    if (ngx_http_hars_token_parse(NULL, &hars_micro_claims, hars_micro_answer,
                                  sizeof(hars_micro_answer) - 1,
                                  &hars_micro_token, &why)
        != NGX_OK)
    {
        abort();
    }

    len = hars_record_encode(&hars_micro_token, hars_micro_data,
                             HARS_RECORD_MAX);
    (void) hars_record_decode(&hars_micro_token, hars_micro_data, len);

    /* this connection's tokens differ in their last character */

    for (i = 0; i < NGX_HTTP_HARS_SLOTS; i++) {
        hars_micro_memo('a' + i);

        if (ngx_http_hars_memo_get(&hars_micro_ctx, 0) != NGX_DECLINED
            || ngx_http_hars_fact(&hars_micro_request, &hars_micro_ctx,
                                  hars_micro_data, len)
               != NGX_OK)
        {
            abort();
        }

        ngx_http_hars_memo_put(&hars_micro_ctx);
        ngx_http_hars_fact_drop(hars_micro_ctx.fact);
    }
}


static void
hars_micro_bearer(unsigned i)
{
    ngx_str_t  token;

    hars_micro_failed |= ngx_http_hars_bearer(&hars_micro_request, &token)
                         != NGX_HTTP_HARS_OK;
}


static void
hars_micro_judged(unsigned i)
{
    hars_micro_failed |= ngx_http_hars_policy(&hars_micro_token,
                                              hars_micro_token.cnf,
                                              1700000000,
                                              &hars_micro_location)
                         != NGX_HTTP_HARS_OK;
}


static void
hars_micro_parse(unsigned i)
{
    const char     *why;
    hars_record_t   record;

    hars_micro_failed |= ngx_http_hars_token_parse(NULL, &hars_micro_claims,
                                         hars_micro_answer,
                                         sizeof(hars_micro_answer) - 1,
                                         &record, &why)
                         != NGX_OK;
}


static void
hars_micro_memo(unsigned last)
{
    hars_micro_other[sizeof(hars_micro_other) - 2] = last;
    hars_micro_ctx.token.data = hars_micro_other;
    hars_micro_ctx.token.len = sizeof(hars_micro_other) - 1;
}


static void
hars_micro_l0_hit(unsigned i)
{
    hars_micro_memo('a');
    hars_micro_failed |= ngx_http_hars_memo_get(&hars_micro_ctx, 0) != NGX_OK;
    ngx_http_hars_fact_drop(hars_micro_ctx.fact);
}


static void
hars_micro_l0_miss(unsigned i)
{
    hars_micro_memo('z');
    hars_micro_failed |= ngx_http_hars_memo_get(&hars_micro_ctx, 0)
                         != NGX_DECLINED;
}


static void
hars_micro_connect(unsigned n)
{
    SSL       *server, *client;
    X509      *cert;
    SSL_CTX   *ctx;
    EVP_PKEY  *key;

    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    cert = hars_micro_certificate(key);
    ctx = SSL_CTX_new(TLS_method());

    if (cert == NULL || ctx == NULL || !SSL_CTX_use_certificate(ctx, cert)
        || !SSL_CTX_use_PrivateKey(ctx, key))
    {
        abort();
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, hars_micro_any);

    server = SSL_new(ctx);
    client = SSL_new(ctx);

    if (server == NULL || client == NULL) {
        abort();
    }

    hars_micro_handshake(server, client);

    hars_micro_ssl.connection = server;
    hars_micro_ssl.handshaked = 1;
    hars_micro_connection.ssl = &hars_micro_ssl;

    if (ngx_http_hars_thumbprint_init(NULL) != NGX_OK) {
        abort();
    }
}


/* one that is as long in each run, though its key is another */

static X509 *
hars_micro_certificate(EVP_PKEY *key)
{
    X509       *cert;
    X509_NAME  *name;

    cert = X509_new();
    if (cert == NULL || key == NULL) {
        return NULL;
    }

    name = X509_get_subject_name(cert);

    if (!X509_set_version(cert, X509_VERSION_3)
        || !ASN1_INTEGER_set(X509_get_serialNumber(cert), 1000)
        || !X509_gmtime_adj(X509_getm_notBefore(cert), 0)
        || !X509_gmtime_adj(X509_getm_notAfter(cert), 3600)
        || !X509_set_pubkey(cert, key)
        || !X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                                 (u_char *) "HARS Gateway demo", -1, -1, 0)
        || !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                     (u_char *) "0b7cbb0c-11a4-4f0b-8a55-9be3a2a5d1c4",
                                       -1, -1, 0)
        || !X509_set_issuer_name(cert, name)
        || !X509_sign(cert, key, NULL))
    {
        abort();
    }

    return cert;
}


static void
hars_micro_handshake(SSL *server, SSL *client)
{
    BIO       *here, *there;
    unsigned   turn;

    if (!BIO_new_bio_pair(&here, 0, &there, 0)) {
        abort();
    }

    SSL_set_bio(server, here, here);
    SSL_set_bio(client, there, there);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);

    for (turn = 0; turn < 10; turn++) {
        (void) SSL_do_handshake(client);
        (void) SSL_do_handshake(server);
    }

    if (!SSL_is_init_finished(server)) {
        abort();
    }
}


static int
hars_micro_any(int ok, X509_STORE_CTX *store)
{
    return 1;
}


static void
hars_micro_thumbprint(unsigned i)
{
    u_char  thumbprint[HARS_SHA256_LEN];

    hars_micro_failed |= ngx_http_hars_peer(&hars_micro_connection, thumbprint)
                         != NGX_OK;
}

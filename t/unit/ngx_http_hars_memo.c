
/*
 * L0: a token is found as long as nothing denied its bucket and it is
 * believed; one that differs in a single bit, in its length or in its
 * endpoint is another.  What a request holds stays as it is when its slot is
 * taken, is wiped with its last owner, and its memory is used again.  Where
 * all slots are taken, one token in eight takes one.
 */

/* link: common/hars_record.c -lssl -lcrypto */

#include "../../ngx_hars_module/ngx_http_hars_memo.c"
#include "../../ngx_hars_module/ngx_http_hars_thumbprint.c"

#include "ngx_stub.h"
#include "tap.h"


#define CLIENT  "0b7cbb0c-11a4-4f0b-8a55-9be3a2a5d1c4"


volatile ngx_msec_t    ngx_current_msec = 1000;
volatile ngx_cycle_t  *ngx_cycle;
volatile ngx_time_t   *ngx_cached_time;
ngx_module_t           ngx_http_ssl_module;

static ngx_atomic_t              generation;
static ngx_msec_t                until, renew_at;
static ngx_uint_t                allocated, wiped;
static ngx_pool_cleanup_t        cleanup;

static ngx_http_hars_sh_t        sh;
static ngx_http_hars_zone_t      zone = { .sh = &sh };
static ngx_http_hars_endpoint_t  one = { .zone = &zone };
static ngx_http_hars_endpoint_t  two = { .zone = &zone };
static ngx_http_hars_conn_t      conn;
static ngx_connection_t          connection;
static ngx_http_request_t        request = { .connection = &connection };
static u_char                    bytes[HARS_RECORD_MAX];
static size_t                    len;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    allocated++;
    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_stub_used = ngx_align(ngx_stub_used, NGX_ALIGNMENT);
    return ngx_pnalloc(pool, size);
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *p, size_t size)
{
    return &cleanup;
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    wiped++;
    memset(buf, 0, n);
}


void *
ngx_list_push(ngx_list_t *list)
{
    return NULL;
}


void
ngx_encode_base64(ngx_str_t *dst, ngx_str_t *src)
{
}


void ngx_cdecl
ngx_ssl_error(ngx_uint_t level, ngx_log_t *log, ngx_err_t err, char *fmt, ...)
{
}


ngx_http_hars_header_cert_t *
ngx_http_hars_from_header(ngx_http_request_t *r)
{
    return NULL;
}


ngx_int_t
ngx_http_hars_from_check(ngx_http_request_t *r,
    ngx_http_hars_header_cert_t *header)
{
    return NGX_ERROR;
}


ngx_atomic_t *
ngx_http_hars_cache_generation(ngx_http_hars_cache_t *cache, u_char *key)
{
    return &generation;
}


ngx_msec_t
ngx_http_hars_until(ngx_http_hars_zone_t *z, ngx_http_hars_entry_t *entry)
{
    return until;
}


ngx_msec_t
ngx_http_hars_renew_at(ngx_http_hars_zone_t *z, u_char *key,
    ngx_http_hars_entry_t *entry, ngx_msec_t refresh)
{
    return renew_at;
}


static void
begin(ngx_http_hars_ctx_t *ctx, ngx_http_hars_endpoint_t *endpoint,
    const char *token)
{
    ngx_memzero(ctx, sizeof(ngx_http_hars_ctx_t));

    ctx->endpoint = endpoint;
    ctx->conn = &conn;
    ctx->token.data = (u_char *) token;
    ctx->token.len = strlen(token);
    ctx->entry.generation = generation;
}


/* what L0 says of a token */
static ngx_int_t
asked(ngx_http_hars_endpoint_t *endpoint, const char *token)
{
    ngx_int_t            rc;
    ngx_http_hars_ctx_t  ctx;

    begin(&ctx, endpoint, token);
    rc = ngx_http_hars_memo_get(&ctx, 0);

    if (rc == NGX_OK) {
        ngx_http_hars_fact_drop(ctx.fact);
    }

    return rc;
}


/* a request that found the token in L1, and is not over yet */
static ngx_int_t
learnt(ngx_http_hars_ctx_t *ctx, const char *token)
{
    ngx_int_t  rc;

    begin(ctx, &one, token);

    if (ngx_http_hars_memo_get(ctx, 0) != NGX_DECLINED) {
        return NGX_ABORT;
    }

    rc = ngx_http_hars_fact(&request, ctx, bytes, len);

    if (rc == NGX_OK) {
        ngx_http_hars_memo_put(ctx);
    }

    return rc;
}


static void
learn(const char *token)
{
    ngx_http_hars_ctx_t  ctx;

    if (learnt(&ctx, token) == NGX_OK) {
        ngx_http_hars_fact_drop(ctx.fact);
    }
}


static void
encode(unsigned active)
{
    hars_record_t  record;

    memset(&record, 0, sizeof(record));
    record.active = active;
    record.client_id.data = (u_char *) CLIENT;
    record.client_id.len = sizeof(CLIENT) - 1;

    len = hars_record_encode(&record, bytes, sizeof(bytes));
}


static void
equal(void)
{
    u_char      a[67], b[67];
    unsigned    i, n, wrong;

    for (i = 0; i < sizeof(a); i++) {
        a[i] = (u_char) (i * 7);
    }

    memcpy(b, a, sizeof(a));
    wrong = 0;

    for (n = 0; n <= sizeof(a); n++) {
        wrong += !ngx_http_hars_equal(a, b, n);

        for (i = 0; i < sizeof(a) * 8; i++) {
            b[i / 8] ^= 1 << i % 8;
            wrong += ngx_http_hars_equal(a, b, n) != (i / 8 >= n);
            b[i / 8] ^= 1 << i % 8;
        }
    }

    ok(wrong == 0, "equal: each bit of each length counts, none behind it");

    b[3] ^= 0x55;
    b[11] ^= 0x55;
    ok(!ngx_http_hars_equal(a, b, 16), "two differences do not make up");
}


/* mixes are no secret: whoever wants two tokens of one mix can make them */
static void
same_mix(void)
{
    char       token[17], other[17];
    uint64_t   a, b;
    ngx_str_t  str;

    strcpy(token, "abcdefgh01234567");
    strcpy(other, token);
    str.len = 8;

    do {
        other[0]++;
        str.data = (u_char *) token;
        a = ngx_http_hars_token_mix(&str);
        str.data = (u_char *) other;
        b = ngx_http_hars_token_mix(&str) ^ a;
        memcpy(&a, token + 8, 8);
        b ^= a;
        memcpy(other + 8, &b, 8);
    } while (strlen(other) != 16);

    learn(token);
    ok(asked(&one, token) == NGX_OK && asked(&one, other) == NGX_DECLINED,
       "a token of the same mix is another one");

    ngx_http_hars_memo_wipe(&conn);
}


static void
found(void)
{
    char                  token[100];
    unsigned              i, wrong;
    ngx_http_hars_ctx_t   ctx;

    static const char  good[] = "hats_at_Zx93kQpL0aVbN7cTyUeR2wKd5sHgJm1f_abc";

    ok(asked(&one, good) == NGX_DECLINED, "nothing is known at first");
    learn(good);
    ok(asked(&one, good) == NGX_OK, "what was learnt is");
    ok(asked(&two, good) == NGX_DECLINED, "not of another endpoint");

    begin(&ctx, &one, good);
    ngx_http_hars_memo_get(&ctx, 0);
    ok(ctx.fact && ctx.fact->record.client_id.len == sizeof(CLIENT) - 1
       && memcmp(ctx.fact->record.client_id.data, CLIENT,
                 sizeof(CLIENT) - 1) == 0
       && ctx.source == NGX_HTTP_HARS_SOURCE_L0, "its record");
    ngx_http_hars_fact_drop(ctx.fact);

    wrong = 0;

    for (i = 0; i < (sizeof(good) - 1) * 8; i++) {
        strcpy(token, good);
        token[i / 8] ^= 1 << i % 8;
        wrong += token[i / 8] && asked(&one, token) != NGX_DECLINED;
    }

    strcpy(token, good);
    wrong += asked(&one, strcat(token, "a")) != NGX_DECLINED;
    token[sizeof(good) - 2] = '\0';
    wrong += asked(&one, token) != NGX_DECLINED;

    ok(wrong == 0, "one bit more, less or other is another token");

    renew_at = 999;
    ok(asked(&one, good) == NGX_DECLINED, "due to be asked again: L1 has it");
    renew_at = 5000;
    ok(asked(&one, good) == NGX_OK, "though it is not forgotten");

    generation++;
    ok(asked(&one, good) == NGX_DECLINED, "its bucket was denied");
    generation--;
    ok(asked(&one, good) == NGX_DECLINED, "and it was wiped");

    learn(good);
    until = 1000;
    ok(asked(&one, good) == NGX_DECLINED, "not believed any more");
    until = 5000;
    ok(asked(&one, good) == NGX_DECLINED, "and wiped");
}


static void
held(void)
{
    char                   big[1100];
    ngx_uint_t             i, before;
    ngx_http_hars_ctx_t    ctx, other;
    ngx_http_hars_fact_t  *fact;

    ngx_http_hars_memo_wipe(&conn);
    learnt(&ctx, "held-token");
    fact = ctx.fact;

    learn("t1"), learn("t2"), learn("t3"), learn("t4");
    ok(asked(&one, "held-token") == NGX_DECLINED, "four others took its place");
    ok(fact->owners == 1 && memcmp(fact->token, "held-token", 10) == 0
       && memcmp(fact->record.client_id.data, CLIENT, 36) == 0,
       "the request's record is as it was");

    wiped = 0;
    ngx_http_hars_fact_drop(fact);
    ok(wiped == 1, "and wiped with it");

    ok(asked(&one, "t4") == NGX_OK, "the latest of them is known");
    before = allocated;
    learn("t5"), learn("t6"), learn("t7"), learn("t8"), learn("t9");
    ok(allocated == before && asked(&one, "t9") == NGX_DECLINED
       && asked(&one, "t1") == NGX_OK && asked(&one, "t4") == NGX_OK,
       "the next ones take no place, nor memory");

    before = allocated;
    for (i = 0; i < 8 && asked(&one, "again") != NGX_OK; i++) {
        learn("again");
    }
    ok(i && i < 8 && asked(&one, "again") == NGX_OK
       && asked(&one, "t1") == NGX_DECLINED && allocated == before,
       "but one that is asked for again does, within eight");

    ngx_http_hars_memo_wipe(&conn);
    learnt(&ctx, "u1"), learnt(&other, "u2");
    ok(ctx.fact != other.fact && asked(&one, "u1") == NGX_OK
       && asked(&one, "u2") == NGX_OK, "two requests at once");

    ok(ngx_http_hars_fact_leave(&request, &ctx) == NGX_OK && !ctx.fact
       && cleanup.handler && cleanup.data != other.fact, "left to the pool");
    cleanup.handler(cleanup.data);
    ngx_http_hars_fact_drop(other.fact);

    learn("u3"), learn("u4");
    wiped = 0;
    ngx_http_hars_memo_wipe(&conn);
    ok(wiped == NGX_HTTP_HARS_SLOTS, "the end of the connection wipes all");

    memset(big, 'b', sizeof(big));
    big[1025] = '\0';
    ok(learnt(&ctx, big) == NGX_OK && ctx.fact
       && asked(&one, big) == NGX_DECLINED,
       "a token that is too long is the request's alone");
    ngx_http_hars_fact_drop(ctx.fact);

    ctx.conn = NULL;
    ok(ngx_http_hars_memo_get(&ctx, 0) == NGX_DECLINED
       && ngx_http_hars_fact(&request, &ctx, bytes, len) == NGX_OK,
       "it has a fact without a connection");
    ngx_http_hars_memo_put(&ctx);
    ok(ctx.fact->owners == 1, "as one of a proxy's connection");
    ngx_http_hars_fact_drop(ctx.fact);

    encode(0);
    ok(learnt(&ctx, "inactive") == NGX_DECLINED
       && ctx.fact == NULL && asked(&one, "inactive") == NGX_DECLINED,
       "no fact of a token that is not active");
    len--;
    ok(learnt(&ctx, "torn") == NGX_DECLINED && ctx.fact == NULL,
       "nor of bytes that are no record");

    ngx_http_hars_memo_wipe(&conn);
}


int
main(void)
{
    until = 5000;
    renew_at = 5000;

    encode(1);
    equal();
    same_mix();
    found();
    held();

    return tap_done();
}

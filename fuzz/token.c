
/*
 * An introspection answer, as it comes from the authorization server: what
 * becomes a record survives encode and decode, holds no control characters,
 * and is active only where the answer says so by the literal true.
 */

#include "../ngx_hars_module/ngx_http_hars_token.c"

#include "ngx_stub.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(hars_str_t *str)
{
    size_t  i;

    for (i = 0; i < str->len; i++) {
        if ((str->data[i] < 0x20 && str->data[i] != '\n')
            || str->data[i] == 0x7f)
        {
            __builtin_trap();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                        len;
    u_char                        buf[HARS_RECORD_MAX];
    ngx_int_t                     rc;
    ngx_array_t                   claims;
    const char                   *why;
    hars_record_t                 rec, back;
    static char                  *path[] = { "realm", "kind" };
    static ngx_http_hars_claim_t  claim;

    claim.keys.elts = path;
    claim.keys.nelts = 2;
    claims.elts = &claim;
    claims.nelts = 1;

    ngx_stub_used = 0;
    why = NULL;

    rc = ngx_http_hars_token_parse(NULL, &claims, (u_char *) data, size, &rec,
                                   &why);

    if (rc != NGX_OK) {
        if (rc == NGX_DECLINED && why == NULL) {
            __builtin_trap();
        }

        return 0;
    }

    if (!rec.active) {
        return 0;
    }

    if (memmem(data, size, "true", 4) == NULL) {
        __builtin_trap();
    }

    check(&rec.sub);
    check(&rec.client_id);
    check(&rec.scope);
    check(&rec.iss);
    check(&rec.aud);
    check(&rec.claim[0]);

    len = hars_record_encode(&rec, buf, sizeof(buf));

    if (len && (hars_record_decode(&back, buf, len) != HARS_OK
                || back.exp != rec.exp || back.has_cnf != rec.has_cnf
                || memcmp(back.cnf, rec.cnf, HARS_SHA256_LEN) != 0))
    {
        __builtin_trap();
    }

    return 0;
}

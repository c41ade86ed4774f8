
/*
 * A token's two forms say the same: the record made here equals the one that
 * a reader of the introspection answer makes, byte for byte.
 */

/* link: -ljansson -lcrypto */

#include "../../backend/authserver/hars_as_answer.c"
#include "../../backend/authserver/hars_as_json.c"
#include "../../backend/authserver/hars_as_kind.c"
#include "../../backend/authserver/hars_as_words.c"
#include "../../common/hars_record.c"

#include "tap.h"


#define ISSUER  "https://auth.hars.localhost"
#define NOW     1800000000


static hars_str_t
member(json_t *root, const char *name)
{
    json_t      *value;
    hars_str_t   str = { 0, NULL };

    value = json_object_get(root, name);

    if (value) {
        str.len = json_string_length(value);
        str.data = (unsigned char *) json_string_value(value);
    }

    return str;
}


/* what RFC 7662 says of the members, from the answer alone */
static size_t
read_answer(const char *json, unsigned char *dst)
{
    char           aud[1024];
    json_t        *root, *value;
    size_t         i, len;
    hars_record_t  rec;
    json_error_t   error;

    memset(&rec, 0, sizeof(rec));

    root = json_loads(json, JSON_REJECT_DUPLICATES, &error);

    rec.active = json_is_true(json_object_get(root, "active"));
    rec.has_exp = json_is_integer(json_object_get(root, "exp"));
    rec.exp = json_integer_value(json_object_get(root, "exp"));
    rec.has_nbf = json_is_integer(json_object_get(root, "nbf"));
    rec.nbf = json_integer_value(json_object_get(root, "nbf"));
    rec.checked_at = (int64_t) NOW * 1000;
    rec.sub = member(root, "sub");
    rec.client_id = member(root, "client_id");
    rec.scope = member(root, "scope");
    rec.iss = member(root, "iss");

    aud[0] = '\0';

    json_array_foreach(json_object_get(root, "aud"), i, value) {
        strcat(aud, i ? "\n" : "");
        strcat(aud, json_string_value(value));
    }

    rec.aud.len = strlen(aud);
    rec.aud.data = (unsigned char *) aud;

    value = json_object_get(json_object_get(root, "cnf"), "x5t#S256");
    rec.has_cnf = hars_b64url_sha256_decode(rec.cnf, json_string_value(value),
                                            json_string_length(value))
                  == HARS_OK;

    rec.nclaims = 2;
    rec.claim[0] = member(root, "hars_kind");
    rec.claim[1] = member(root, "token_type");

    len = hars_record_encode(&rec, dst, HARS_RECORD_MAX);
    json_decref(root);

    return len;
}


static void
compare(const char *what, const hars_token_t *token)
{
    char           *json;
    size_t          one, two;
    hars_record_t   rec;
    unsigned char   a[HARS_RECORD_MAX], b[HARS_RECORD_MAX];

    json = hars_answer_introspection(token, ISSUER);

    one = 0;

    if (hars_answer_record(token, ISSUER, "hars_kind token_type",
                           (int64_t) NOW * 1000, &rec) == HARS_OK)
    {
        one = hars_record_encode(&rec, a, sizeof(a));
    }

    two = read_answer(json, b);

    ok(one > 0 && one == two && memcmp(a, b, one) == 0, "%s", what);

    free(json);
}


/* every byte that ASCII has, and more than the first allocation */
static void
writer(void)
{
    char          *text, all[0x80], name[] = "a\"b";
    size_t         i, n;
    json_t        *root, *list;
    hars_json_t    json;
    json_error_t   error;

    for (i = 0; i < sizeof(all); i++) {
        all[i] = (char) i;
    }

    hars_json_init(&json);
    hars_json_open(&json, NULL, '{');
    hars_json_open(&json, name, '[');

    for (i = 0; i < 100; i++) {
        hars_json_text(&json, NULL, all, sizeof(all));
    }

    hars_json_open(&json, NULL, '[');
    hars_json_close(&json, ']');
    hars_json_close(&json, ']');
    hars_json_int(&json, "min", INT64_MIN);
    hars_json_bool(&json, "no", 0);
    hars_json_text(&json, "none", "", 0);
    hars_json_close(&json, '}');
    text = hars_json_done(&json);

    root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    list = json_object_get(root, name);

    for (i = 0, n = 0; i < json_array_size(list); i++) {
        n += json_string_length(json_array_get(list, i)) == sizeof(all)
             && memcmp(json_string_value(json_array_get(list, i)), all,
                       sizeof(all)) == 0;
    }

    ok(n == 100 && json_array_size(list) == 101,
       "what the writer writes is read as it was: %s", error.text);
    ok(json_integer_value(json_object_get(root, "min")) == INT64_MIN
       && json_is_false(json_object_get(root, "no"))
       && json_string_length(json_object_get(root, "none")) == 0
       && json_object_size(root) == 4, "... and the rest of it");

    json_decref(root);
    free(text);
}


int
main(void)
{
    char           *text;
    unsigned        i;
    hars_token_t    token;
    hars_record_t   rec;

    memset(&token, 0, sizeof(token));

    for (i = 0; i < HARS_SHA256_LEN; i++) {
        token.cnf[i] = (unsigned char) (250 - i);
    }

    strcpy(token.client_id, "dcm-1");
    strcpy(token.sub, "alice");
    strcpy(token.scope, "recordings:write activities:read");
    strcpy(token.aud, "https://ml.hars.localhost/\n"
                      "https://dcm.hars.localhost/");
    token.kind = hars_kind_find("patient");
    token.iat = NOW;
    token.exp = NOW + 300;

    compare("record and answer say the same", &token);

    token.scope[0] = '\0';
    strcpy(token.aud, "https://ml.hars.localhost/");
    compare("the same without scope, with one audience", &token);

    ok(hars_answer_record(&token, ISSUER, "hars_kind exp", 0, &rec)
       == HARS_ERROR, "no record with a claim that is not answered with");
    ok(hars_answer_claim("hars_kind", 9) && !hars_answer_claim("hars", 4)
       && !hars_answer_claim("hars_kinds", 10), "claims by their whole name");

    text = hars_answer_token(&token, "hats_at_x", "", NOW + 1);
    ok(strcmp(text, "{\"access_token\":\"hats_at_x\",\"token_type\":"
              "\"Bearer\",\"expires_in\":299}") == 0,
       "a token response: %s", text);
    free(text);

    text = hars_answer_token(&token, "hats_at_x", "hats_rt_y", NOW + 1);
    ok(strstr(text, ",\"refresh_token\":\"hats_rt_y\"}") != NULL,
       "... with a refresh token");
    free(text);

    writer();

    text = hars_answer_token_row(&token, NULL, NOW);
    ok(strstr(text, "\"active\"") != NULL, "state: active");
    free(text);

    text = hars_answer_token_row(&token, NULL, NOW + 300);
    ok(strstr(text, "\"expired\"") != NULL, "state: expired at exp");
    free(text);

    token.revoked_at = NOW;
    text = hars_answer_token_row(&token, "0123abcd", NOW);
    ok(strstr(text, "\"revoked\"") && strstr(text, "0123abcd"),
       "state: revoked");
    free(text);

    return tap_done();
}

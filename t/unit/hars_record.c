
/*
 * The token record: keys, encoding, seal, tombstone, key files.  The golden
 * vectors were made with another implementation (Node.js crypto) from the
 * layouts in hars_record.c, so they hold what is in other machines' Redis.
 */

/* link: -lcrypto */

#include "../../common/hars_record.c"

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>


static const char  golden_endpoint[] =
    "e86c1f9d884e572c9fe92cb8bc81404b61a74a98a3154e5e3aafddc505e33d2e";
static const char  golden_claims[] =
    "8dd65952c6ee2c3b66bf70a49a369c3a195d125ce1b76d301789d45da59b0a7c";
static const char  golden_no_claims[] =
    "f49561a0e2bce7099c30f2a2f68c2f121ce67e1d6b42e96790950a2db99d602d";
static const char  golden_key[] =
    "e6c579df16a77f4ab4a2788b3e73e90824c023a819c34eb274150b84ed331647";
static const char  golden_other_claims[] =
    "c25e3ce5728181552555133639f6e885a386998d38f22d93ae1d2e86fa0dab18";
static const char  golden_other_endpoint[] =
    "f240149d015acf2c3b7a3c293ac3cc4e49e592e16e9b0fec17bc64dfddb5ea93";
static const char  golden_record[] =
    "01070100000000006b49d2000000000000000000000001a31857bc9b03d66dd0"
    "8835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d720005616c"
    "696365000564636d2d31001c6d6c3a7265636f676e697a652061637469766974"
    "6965733a72656164001b68747470733a2f2f617574682e686172732e6c6f6361"
    "6c686f7374003668747470733a2f2f6d6c2e686172732e6c6f63616c686f7374"
    "2f0a68747470733a2f2f64636d2e686172732e6c6f63616c686f73742f000770"
    "617469656e74";
static const char  golden_sealed[] =
    "530156cf9c72fc5138290102030405060708090a0b0ceef9acdcf238d323d4fd"
    "ee1a6e019b7a65dd5977a01366f706f4b3edd468f9ec85642b62ac2039b7b911"
    "1ef5568b37781d2b4f842914aafad0acfcd7d8e357fb9c7a48c4ae6914437ed4"
    "964b777244fba78497690e375d9cc369f48520d9b53041c8f9ecb36835f77e47"
    "ef1b943e16536af2d82c31f89ba3db2916752cd3b8a5fbd4ae23d2632f292957"
    "ed35b7811d923b7e4456ba5b84f34bc086ad9a11706abcc4d0de10046dc374cc"
    "286bf72b97d7eb76a45fbc8006eccdc30cc027bd6eb832d0aa0f0c2cb32d49d6"
    "ef89f6155ed1902f530f13dc";
static const char  golden_b64[] = "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXI";

static unsigned char  endpoint[32], claims[32], key[32], cnf[32];


static hars_str_t
str(const char *s)
{
    return (hars_str_t) { strlen(s), (unsigned char *) s };
}


static size_t
unhex(unsigned char *dst, const char *hex)
{
    size_t    i;
    unsigned  v;

    for (i = 0; hex[2 * i]; i++) {
        sscanf(hex + 2 * i, "%2x", &v);
        dst[i] = (unsigned char) v;
    }

    return i;
}


static int
is_hex(const unsigned char *src, size_t len, const char *hex)
{
    char  buf[2 * (HARS_RECORD_MAX + HARS_SEAL_OVERHEAD) + 1];

    hars_hex(buf, src, len);
    buf[2 * len] = 0;

    return strcmp(buf, hex) == 0;
}


static hars_keyer_t *
keyer(void)
{
    unsigned       i;
    unsigned char  secret[HARS_SECRET_LEN];

    for (i = 0; i < HARS_SECRET_LEN; i++) {
        secret[i] = (unsigned char) i;
    }

    return hars_keyer_create(secret);
}


static hars_seal_t *
seal(unsigned char first, unsigned n)
{
    unsigned       i, k;
    unsigned char  secret[8][HARS_SECRET_LEN];

    for (k = 0; k < n; k++) {
        for (i = 0; i < HARS_SECRET_LEN; i++) {
            secret[k][i] = (unsigned char) (first - k - i);
        }
    }

    return hars_seal_create((const unsigned char (*)[HARS_SECRET_LEN]) secret,
                            n);
}


static void
reference(hars_record_t *rec)
{
    memset(rec, 0, sizeof(hars_record_t));

    rec->active = 1;
    rec->has_cnf = 1;
    rec->has_exp = 1;
    rec->exp = 1800000000;
    rec->checked_at = 1799999700123;
    memcpy(rec->cnf, cnf, 32);
    rec->sub = str("alice");
    rec->client_id = str("dcm-1");
    rec->scope = str("ml:recognize activities:read");
    rec->iss = str("https://auth.hars.localhost");
    rec->aud = str("https://ml.hars.localhost/\n"
                   "https://dcm.hars.localhost/");
    rec->nclaims = 1;
    rec->claim[0] = str("patient");
}


static void
keys(void)
{
    hars_str_t      issuer, caller, path, token;
    hars_keyer_t   *k;
    unsigned char   other[32], id[32];

    issuer = str("https://auth.hars.localhost");
    caller = str("gateway");
    path = str("hars_kind");
    token = str("hats_at_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG");

    hars_endpoint_id(endpoint, &issuer, &caller);
    ok(is_hex(endpoint, 32, golden_endpoint), "endpoint id");

    hars_claim_set_id(claims, &path, 1);
    ok(is_hex(claims, 32, golden_claims), "claim set id");

    hars_claim_set_id(id, NULL, 0);
    ok(is_hex(id, 32, golden_no_claims), "claim set id without claims");

    /* lengths part the strings: "ab", "c" is not "a", "bc" */

    issuer = str("https://auth.hars.localhostg");
    caller = str("ateway");
    hars_endpoint_id(id, &issuer, &caller);
    ok(memcmp(id, endpoint, 32) != 0, "endpoint id is unambiguous");

    k = keyer();
    hars_record_key(k, key, endpoint, claims, &token);
    ok(is_hex(key, 32, golden_key), "record key");

    hars_record_key(k, other, endpoint, claims, &token);
    ok(memcmp(key, other, 32) == 0, "record key again: the state is kept");

    token = str("hats_at_0123456789abcdefghijklmnopqrstuvwxyzABCDEFH");
    hars_record_key(k, other, endpoint, claims, &token);
    ok(memcmp(key, other, 32) != 0, "another token, another key");

    token = str("hats_at_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG");
    hars_record_key(k, other, claims, endpoint, &token);
    ok(memcmp(key, other, 32) != 0, "another endpoint, another key");

    /* one name is changed after another: the states kept are not of the last */

    hars_record_key(k, other, endpoint, endpoint, &token);
    ok(is_hex(other, 32, golden_other_claims), "another claim set, its key");

    hars_record_key(k, other, endpoint, claims, &token);
    ok(memcmp(key, other, 32) == 0, "and back");

    hars_record_key(k, other, claims, claims, &token);
    ok(is_hex(other, 32, golden_other_endpoint), "another endpoint, its key");

    EVP_Digest(token.data, token.len, id, NULL, EVP_sha256(), NULL);
    hars_record_key_hashed(k, other, endpoint, claims, id);
    ok(memcmp(key, other, 32) == 0, "the same key from SHA-256 of the token");

    hars_keyer_free(k);
    hars_keyer_free(NULL);
}


static void
encoding(void)
{
    size_t         len, i, bad;
    hars_record_t  rec, back;
    unsigned char  buf[HARS_RECORD_MAX], copy[HARS_RECORD_MAX];
    unsigned char  big[HARS_RECORD_MAX];

    reference(&rec);
    len = hars_record_encode(&rec, buf, sizeof(buf));
    ok(is_hex(buf, len, golden_record), "encoded record");

    ok(hars_record_decode(&back, buf, len) == HARS_OK
       && back.active && back.has_cnf && back.has_exp && !back.has_nbf
       && back.exp == 1800000000 && back.checked_at == 1799999700123
       && memcmp(back.cnf, cnf, 32) == 0
       && back.sub.len == 5 && memcmp(back.sub.data, "alice", 5) == 0
       && back.nclaims == 1 && back.claim[0].len == 7
       && memcmp(back.claim[0].data, "patient", 7) == 0,
       "decoded again");

    for (bad = 0, i = 0; i < len; i++) {
        bad += (hars_record_decode(&back, buf, i) == HARS_OK);
    }

    ok(bad == 0, "none of %zu truncated records decodes", len);

    buf[len] = 0;
    ok(hars_record_decode(&back, buf, len + 1) == HARS_ERROR,
       "nor a longer one");

    memcpy(copy, buf, len);
    copy[0] = 2;
    ok(hars_record_decode(&back, copy, len) == HARS_ERROR, "other version");

    memcpy(copy, buf, len);
    copy[1] |= 0x10;
    ok(hars_record_decode(&back, copy, len) == HARS_ERROR, "unknown flag");

    memcpy(copy, buf, len);
    copy[1] &= (unsigned char) ~HARS_FLAG_CNF;
    ok(hars_record_decode(&back, copy, len) == HARS_ERROR,
       "a thumbprint without its flag");

    memcpy(copy, buf, len);
    copy[1] &= (unsigned char) ~HARS_FLAG_EXP;
    ok(hars_record_decode(&back, copy, len) == HARS_ERROR,
       "an exp without its flag");

    memcpy(copy, buf, len);
    copy[2] = HARS_RECORD_CLAIMS + 1;
    ok(hars_record_decode(&back, copy, len) == HARS_ERROR, "too many claims");

    ok(hars_record_encode(&rec, buf, len - 1) == 0, "no room");

    memset(big, 'x', sizeof(big));
    rec.sub = (hars_str_t) { sizeof(big), big };
    ok(hars_record_encode(&rec, buf, sizeof(buf)) == 0, "too large");

    rec.sub = (hars_str_t) { (size_t) -2, big };
    ok(hars_record_encode(&rec, buf, sizeof(buf)) == 0, "length overflow");
}


static void
sealing(void)
{
    size_t          len, out, i, bad;
    hars_seal_t    *s, *rotated, *other;
    unsigned char   nonce[12], rec[HARS_RECORD_MAX], plain[HARS_RECORD_MAX];
    unsigned char   value[HARS_RECORD_MAX + HARS_SEAL_OVERHEAD], k2[32];

    len = unhex(rec, golden_record);
    unhex(nonce, "0102030405060708090a0b0c");

    s = seal(255, 1);
    len = hars_seal(s, key, endpoint, nonce, rec, len, value);
    ok(is_hex(value, len, golden_sealed), "sealed record");

    ok(hars_open(s, key, endpoint, value, len, plain, &out) == HARS_OK
       && is_hex(plain, out, golden_record),
       "opened again");

    for (bad = 0, i = 0; i < len * 8; i++) {
        value[i / 8] ^= (unsigned char) (1 << i % 8);
        bad += (hars_open(s, key, endpoint, value, len, plain, &out)
                == HARS_OK);
        value[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    ok(bad == 0, "none of %zu single flipped bits opens", i);

    ok(hars_seal_check(s, value, len) == HARS_OK
       && hars_seal_check(s, value, HARS_SEAL_OVERHEAD) == HARS_ERROR,
       "has the form of a sealed value, and one without a record has not");

    for (bad = 0, i = 0; i < 2 + HARS_SEAL_ID_LEN; i++) {
        value[i] ^= 1;
        bad += (hars_seal_check(s, value, len)
                != (i < 2 ? HARS_ERROR : HARS_DECLINED));
        value[i] ^= 1;
    }

    ok(bad == 0, "another form, an unknown key");

    for (bad = 0, i = 0; i < len; i++) {
        bad += (hars_open(s, key, endpoint, value, i, plain, &out)
                == HARS_OK);
    }

    ok(bad == 0, "none of %zu truncated values opens", len);

    memcpy(k2, key, 32);
    k2[31] ^= 1;
    ok(hars_open(s, k2, endpoint, value, len, plain, &out) == HARS_DECLINED,
       "moved to another key");
    ok(hars_open(s, key, claims, value, len, plain, &out) == HARS_DECLINED,
       "moved to another endpoint");

    /* the first seals, all open */

    rotated = seal(254, 1);
    ok(hars_open(rotated, key, endpoint, value, len, plain, &out)
       == HARS_DECLINED, "another secret");

    other = seal(255, 2);
    ok(hars_open(other, key, endpoint, value, len, plain, &out) == HARS_OK,
       "the old secret beside a second");
    len = hars_seal(rotated, key, endpoint, nonce, rec, 60, value);
    ok(hars_open(other, key, endpoint, value, len, plain, &out) == HARS_OK
       && out == 60, "sealed by the second");

    ok(seal(255, 0) == NULL, "a seal of no secret");
    ok(hars_is_tombstone(hars_tombstone, HARS_TOMBSTONE_LEN)
       && !hars_is_tombstone(value, len)
       && hars_open(s, key, endpoint, hars_tombstone, HARS_TOMBSTONE_LEN,
                    plain, &out) == HARS_DECLINED,
       "a tombstone is one, and opens for nobody");

    hars_seal_free(s);
    hars_seal_free(rotated);
    hars_seal_free(other);
    hars_seal_free(NULL);
}


static void
base64url(void)
{
    char           text[44];
    unsigned       i, bad;
    unsigned char  back[32];
    size_t         n;
    static const char  *wrong[] = {
        "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLX",
        "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXI=",
        "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXJ",
        "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXK",
        "A9Zt0Ig1wco/EozOrNHzGslBYwlrIPRFroQoW8CDLXI",
        "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLX ",
        "03d66dd08835c1ca3f128cceacd1f31ac94163096b2", ""
    };

    hars_b64url_sha256_encode(text, cnf);
    text[43] = 0;
    ok(strcmp(text, golden_b64) == 0, "base64url");
    ok(hars_b64url_sha256_decode(back, golden_b64, 43) == HARS_OK
       && memcmp(back, cnf, 32) == 0, "and back");

    /* the seventh decodes as base64url, but not to the same bytes */

    for (bad = 0, n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
        bad += (hars_b64url_sha256_decode(back, wrong[n], strlen(wrong[n]))
                == HARS_OK && memcmp(back, cnf, 32) == 0);
    }

    ok(bad == 0, "none of %zu other forms is the same thumbprint", n);

    for (bad = 0, i = 0; i < 256; i++) {
        cnf[i / 8] ^= (unsigned char) (1 << i % 8);
        hars_b64url_sha256_encode(text, cnf);
        bad += (hars_b64url_sha256_decode(back, text, 43) != HARS_OK
                || memcmp(back, cnf, 32) != 0
                || strcmp(text, golden_b64) == 0);
        cnf[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    ok(bad == 0, "each of 256 flipped bits is another thumbprint");
}


static void
key_file(const char *text, int mode, int want, const char *name)
{
    int            fd, rc;
    char           path[] = "/tmp/hars-key.XXXXXX";
    const char    *error;
    unsigned char  secret[HARS_SECRET_LEN];

    fd = mkstemp(path);

    if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t) strlen(text)
        || fchmod(fd, (mode_t) mode) == -1)
    {
        perror(path);
        exit(1);
    }

    close(fd);

    error = "";
    rc = hars_key_file_read(path, secret, &error);
    unlink(path);

    ok(rc == want && (rc == HARS_OK) == (*error == 0), "key file: %s %s",
       name, error);
}


static void
key_files(void)
{
    const char    *error;
    unsigned char  secret[HARS_SECRET_LEN];

#define DIGITS                                                               \
    "000102030405060708090a0b0c0d0e0f" "101112131415161718191A1B1C1D1E1F"

    key_file(DIGITS "\n", 0600, HARS_OK, "as made by openssl rand -hex 32");
    key_file(DIGITS, 0400, HARS_OK, "without a line feed");
    key_file(DIGITS "\n", 0640, HARS_OK, "readable by its group");
    key_file(DIGITS "\n", 0660, HARS_ERROR, "writable by its group:");
    key_file(DIGITS "\n", 0604, HARS_ERROR, "readable by others:");
    key_file(DIGITS "00\n", 0600, HARS_ERROR, "too long:");
    key_file("0001\n", 0600, HARS_ERROR, "too short:");
    key_file("", 0600, HARS_ERROR, "empty:");
    key_file(DIGITS "\n\n", 0600, HARS_ERROR, "two line feeds:");
    key_file("x" DIGITS, 0600, HARS_ERROR, "not hexadecimal:");

    ok(hars_key_file_read("/nonexistent/key", secret, &error) == HARS_ERROR,
       "key file: absent: %s", error);
    ok(hars_key_file_read("/", secret, &error) == HARS_ERROR,
       "key file: a directory: %s", error);
}


static void
slots(void)
{
    /* from "Redis cluster specification" and CLUSTER KEYSLOT */

    ok(hars_key_slot("123456789", 9) == 0x31c3
       && hars_key_slot("foo", 3) == 12182
       && hars_key_slot("{user1000}.following", 20)
          == hars_key_slot("user1000", 8)
       && hars_key_slot("foo{}{bar}", 10) == 8363
       && hars_key_slot("foo{{bar}}zap", 13)
          == hars_key_slot("{bar", 4)
       && hars_key_slot("foo{bar}{zap}", 13)
          == hars_key_slot("bar", 3), "slots");
}


int
main(void)
{
    EVP_Digest("certificate", 11, cnf, NULL, EVP_sha256(), NULL);

    keys();
    encoding();
    sealing();
    base64url();
    key_files();
    slots();

    return tap_done();
}

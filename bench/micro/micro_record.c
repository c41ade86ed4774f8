
/*
 * common/hars_record.c, as the gateway and the authorization server call it:
 * key, encoding, seal, thumbprints as text; of the reference record, whose
 * strings have the lengths of docs/architecture.md, L1.
 */

#include "micro.h"

#include <hars_record.h>

#include <stdlib.h>
#include <string.h>


#define HARS_MICRO_STR(s)  { sizeof(s) - 1, (unsigned char *) s }


static void hars_micro_setup(unsigned n);
static void hars_micro_key(unsigned i);
static void hars_micro_key_hashed(unsigned i);
static void hars_micro_encode(unsigned i);
static void hars_micro_decode(unsigned i);
static void hars_micro_seal(unsigned i);
static void hars_micro_open(unsigned i);
static void hars_micro_to_text(unsigned i);
static void hars_micro_from_text(unsigned i);


const hars_micro_t  hars_micro_record[] = {
    { .name = "key of a token (SHA-256, then HMAC)",
      .call = hars_micro_key, .setup = hars_micro_setup },
    { .name = "key of a token's SHA-256 (HMAC)",
      .call = hars_micro_key_hashed },
    { .name = "record to bytes", .call = hars_micro_encode },
    { .name = "bytes to record", .call = hars_micro_decode },
    { .name = "seal a record (AES-256-GCM)", .call = hars_micro_seal },
    { .name = "open a sealed record", .call = hars_micro_open },
    { .name = "thumbprint to base64url", .call = hars_micro_to_text },
    { .name = "base64url to thumbprint", .call = hars_micro_from_text },
    { .name = NULL }
};


static const hars_str_t  hars_micro_token = HARS_MICRO_STR(HARS_MICRO_TOKEN);

static hars_record_t   hars_micro_rec = {
    .active = 1,
    .has_cnf = 1,
    .has_exp = 1,
    .exp = 1800000000,
    .checked_at = 1700000000000,
    .sub = HARS_MICRO_STR("2f0d6c1e-57f5-4b0e-9d53-5f1f3f6a7f10"),
    .client_id = HARS_MICRO_STR("0b7cbb0c-11a4-4f0b-8a55-9be3a2a5d1c4"),
    .scope = HARS_MICRO_STR("ml:recognize ml:probabilities xy"),
    .iss = HARS_MICRO_STR("https://auth.hars.localhost"),
    .aud = HARS_MICRO_STR("https://ml.hars.localhost/region")
};

static unsigned char   hars_micro_endpoint[HARS_SHA256_LEN];
static unsigned char   hars_micro_claims[HARS_SHA256_LEN];
static unsigned char   hars_micro_hash[HARS_SHA256_LEN];
static unsigned char   hars_micro_out[HARS_KEY_LEN];
static unsigned char   hars_micro_plain[HARS_RECORD_MAX];
static unsigned char   hars_micro_sealed[HARS_RECORD_MAX + HARS_SEAL_OVERHEAD];
static unsigned char   hars_micro_scratch[HARS_RECORD_MAX
                                          + HARS_SEAL_OVERHEAD];
static char            hars_micro_text[HARS_B64_SHA256_LEN];
static size_t          hars_micro_plain_len;
static size_t          hars_micro_sealed_len;
static hars_keyer_t   *hars_micro_keyer;
static hars_seal_t    *hars_micro_sealer;


static void
hars_micro_setup(unsigned n)
{
    unsigned char  nonce[HARS_SEAL_NONCE_LEN], secret[1][HARS_SECRET_LEN];

    (void) n;

    hars_micro_bytes(secret[0], HARS_SECRET_LEN, 1);
    hars_micro_bytes(hars_micro_endpoint, HARS_SHA256_LEN, 2);
    hars_micro_bytes(hars_micro_claims, HARS_SHA256_LEN, 3);
    hars_micro_bytes(hars_micro_hash, HARS_SHA256_LEN, 4);
    hars_micro_bytes(hars_micro_rec.cnf, HARS_SHA256_LEN, 5);
    hars_micro_bytes(nonce, HARS_SEAL_NONCE_LEN, 6);

    hars_micro_keyer = hars_keyer_create(secret[0]);
    hars_micro_sealer = hars_seal_create(
        (const unsigned char (*)[HARS_SECRET_LEN]) secret, 1);

    if (hars_micro_keyer == NULL || hars_micro_sealer == NULL) {
        abort();
    }

    hars_micro_plain_len = hars_record_encode(&hars_micro_rec,
                                              hars_micro_plain,
                                              HARS_RECORD_MAX);
    hars_micro_sealed_len = hars_seal(hars_micro_sealer, hars_micro_hash,
                                      hars_micro_endpoint, nonce,
                                      hars_micro_plain, hars_micro_plain_len,
                                      hars_micro_sealed);
    hars_b64url_sha256_encode(hars_micro_text, hars_micro_hash);
}


static void
hars_micro_key(unsigned i)
{
    (void) i;

    hars_micro_failed |= hars_record_key(hars_micro_keyer, hars_micro_out,
                                         hars_micro_endpoint,
                                         hars_micro_claims,
                                         &hars_micro_token)
                         != HARS_OK;
}


static void
hars_micro_key_hashed(unsigned i)
{
    (void) i;

    hars_micro_failed |= hars_record_key_hashed(hars_micro_keyer,
                                                hars_micro_out,
                                                hars_micro_endpoint,
                                                hars_micro_claims,
                                                hars_micro_hash)
                         != HARS_OK;
}


static void
hars_micro_encode(unsigned i)
{
    (void) i;

    hars_micro_failed |= hars_record_encode(&hars_micro_rec,
                                            hars_micro_scratch,
                                            HARS_RECORD_MAX)
                         != hars_micro_plain_len;
}


static void
hars_micro_decode(unsigned i)
{
    hars_record_t  rec;

    (void) i;

    hars_micro_failed |= hars_record_decode(&rec, hars_micro_plain,
                                            hars_micro_plain_len)
                         != HARS_OK;
}


static void
hars_micro_seal(unsigned i)
{
    unsigned char  nonce[HARS_SEAL_NONCE_LEN];

    memset(nonce, 0, HARS_SEAL_NONCE_LEN);
    memcpy(nonce, &i, sizeof(i));

    hars_micro_failed |= hars_seal(hars_micro_sealer, hars_micro_hash,
                                   hars_micro_endpoint, nonce,
                                   hars_micro_plain, hars_micro_plain_len,
                                   hars_micro_scratch)
                         != hars_micro_sealed_len;
}


static void
hars_micro_open(unsigned i)
{
    size_t  len;

    (void) i;

    hars_micro_failed |= hars_open(hars_micro_sealer, hars_micro_hash,
                                   hars_micro_endpoint, hars_micro_sealed,
                                   hars_micro_sealed_len, hars_micro_scratch,
                                   &len)
                         != HARS_OK;
}


static void
hars_micro_to_text(unsigned i)
{
    char  text[HARS_B64_SHA256_LEN];

    (void) i;

    hars_b64url_sha256_encode(text, hars_micro_hash);
    hars_micro_failed |= text[0] != hars_micro_text[0];
}


static void
hars_micro_from_text(unsigned i)
{
    unsigned char  hash[HARS_SHA256_LEN];

    (void) i;

    hars_micro_failed |= hars_b64url_sha256_decode(hash, hars_micro_text,
                                                   HARS_B64_SHA256_LEN)
                         != HARS_OK;
}

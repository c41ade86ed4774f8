
/*
 * See hars_record.h for what this is.  Layouts, all integers big-endian:
 *
 *   key       HMAC-SHA-256(zone key, "HARS" || version (1) || endpoint (32) ||
 *             claim set (32) || SHA-256(token) (32))
 *   record    version (1) || flags (1) || nclaims (1) || 0 (1) || exp (8) ||
 *             nbf (8) || checked_at (8) || cnf (32) || strings, each with its
 *             length (2) before it: sub, client_id, scope, iss, aud, claims
 *   sealed    'S' || version (1) || key id (8) || nonce (12) || ciphertext ||
 *             tag (16); AAD = version (1) || key (32) || endpoint (32)
 *   tombstone 'T' || version (1)
 *
 * No algorithm is fetched and no key schedule computed per call: contexts
 * are made once and copied or given a new nonce.  The key of a record is made
 * with OpenSSL's plain SHA-256 states, which are structures to copy: those
 * of EVP are allocated and freed at each copy, and cost more than the digest.
 */

#include "hars_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>


/*
 * SHA256_Init() and its like are there in all of OpenSSL 3; whoever includes
 * this file may have its headers already, and its own say about them
 */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"


#define HARS_HMAC_BLOCK      64

#define HARS_FLAG_ACTIVE     0x01
#define HARS_FLAG_CNF        0x02
#define HARS_FLAG_EXP        0x04
#define HARS_FLAG_NBF        0x08
#define HARS_FLAGS           0x0f

#define HARS_RECORD_FIXED    60
#define HARS_RECORD_STRINGS  5
#define HARS_SEAL_HEADER     (2 + HARS_SEAL_ID_LEN + HARS_SEAL_NONCE_LEN)
#define HARS_SEAL_AAD_LEN    (1 + HARS_KEY_LEN + HARS_SHA256_LEN)
#define HARS_SEAL_SECRETS    8


struct hars_keyer_s {
    SHA256_CTX       inner;      /* after the inner pad */
    SHA256_CTX       outer;      /* after the outer pad */
    SHA256_CTX       named;      /* inner, after all but the token's hash: */
    unsigned char    endpoint[HARS_SHA256_LEN];
    unsigned char    claims[HARS_SHA256_LEN];
};


typedef struct {
    unsigned char    id[HARS_SEAL_ID_LEN];
    EVP_CIPHER_CTX  *enc;
    EVP_CIPHER_CTX  *dec;
} hars_seal_secret_t;


struct hars_seal_s {
    unsigned            n;
    hars_seal_secret_t  secret[HARS_SEAL_SECRETS];
};


static int hars_digest_strings(unsigned char out[HARS_SHA256_LEN],
    const char *label, const hars_str_t *str, unsigned n);
static int hars_keyer_pad(SHA256_CTX *state,
    const unsigned char secret[HARS_SECRET_LEN], unsigned char pad);
static int hars_keyer_name(hars_keyer_t *keyer,
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char claims[HARS_SHA256_LEN]);
static unsigned hars_record_strings(hars_record_t *rec,
    hars_str_t *str[HARS_RECORD_STRINGS + HARS_RECORD_CLAIMS]);
static int hars_seal_secret_init(hars_seal_secret_t *ss,
    const unsigned char secret[HARS_SECRET_LEN]);
static hars_seal_secret_t *hars_seal_find(hars_seal_t *seal,
    const unsigned char *src);
static void hars_seal_aad(unsigned char aad[HARS_SEAL_AAD_LEN],
    const unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN]);
static unsigned char *hars_put_uint(unsigned char *p, uint64_t v,
    unsigned size);
static inline uint64_t hars_get_u64(const unsigned char *p);
static int hars_key_file_parse(const char *buf, size_t len,
    unsigned char secret[HARS_SECRET_LEN]);


const unsigned char  hars_tombstone[HARS_TOMBSTONE_LEN] = {
    HARS_VALUE_TOMBSTONE, HARS_RECORD_VERSION
};

static const unsigned char  hars_no_cnf[HARS_SHA256_LEN];

static const char  hars_b64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


int
hars_endpoint_id(unsigned char id[HARS_SHA256_LEN], const hars_str_t *issuer,
    const hars_str_t *caller)
{
    hars_str_t  str[2];

    str[0] = *issuer;
    str[1] = *caller;

    return hars_digest_strings(id, "HARS endpoint", str, 2);
}


int
hars_claim_set_id(unsigned char id[HARS_SHA256_LEN], const hars_str_t *paths,
    unsigned n)
{
    return hars_digest_strings(id, "HARS claims", paths, n);
}


static int
hars_digest_strings(unsigned char out[HARS_SHA256_LEN], const char *label,
    const hars_str_t *str, unsigned n)
{
    int             ok;
    unsigned        i;
    EVP_MD_CTX     *md;
    unsigned char   len[4];

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return HARS_ERROR;
    }

    ok = EVP_DigestInit_ex(md, EVP_sha256(), NULL)
         && EVP_DigestUpdate(md, label, strlen(label) + 1);

    for (i = 0; ok && i < n; i++) {
        hars_put_uint(len, str[i].len, 4);
        ok = EVP_DigestUpdate(md, len, 4)
             && EVP_DigestUpdate(md, str[i].data, str[i].len);
    }

    ok = ok && EVP_DigestFinal_ex(md, out, NULL);

    EVP_MD_CTX_free(md);

    return ok ? HARS_OK : HARS_ERROR;
}


hars_keyer_t *
hars_keyer_create(const unsigned char secret[HARS_SECRET_LEN])
{
    hars_keyer_t  *keyer;

    keyer = OPENSSL_zalloc(sizeof(hars_keyer_t));
    if (keyer == NULL) {
        return NULL;
    }

    /* RFC 2104, 2: H(K XOR opad, H(K XOR ipad, text)) */

    if (hars_keyer_pad(&keyer->inner, secret, 0x36) != HARS_OK
        || hars_keyer_pad(&keyer->outer, secret, 0x5c) != HARS_OK
        || hars_keyer_name(keyer, keyer->endpoint, keyer->claims) != HARS_OK)
    {
        hars_keyer_free(keyer);
        return NULL;
    }

    return keyer;
}


static int
hars_keyer_pad(SHA256_CTX *state, const unsigned char secret[HARS_SECRET_LEN],
    unsigned char pad)
{
    int            ok;
    unsigned       i;
    unsigned char  block[HARS_HMAC_BLOCK];

    memset(block, pad, HARS_HMAC_BLOCK);

    for (i = 0; i < HARS_SECRET_LEN; i++) {
        block[i] ^= secret[i];
    }

    ok = SHA256_Init(state) && SHA256_Update(state, block, HARS_HMAC_BLOCK);

    OPENSSL_cleanse(block, HARS_HMAC_BLOCK);

    return ok ? HARS_OK : HARS_ERROR;
}


static int
hars_keyer_name(hars_keyer_t *keyer,
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char claims[HARS_SHA256_LEN])
{
    SHA256_CTX  state;

    static const unsigned char  head[] = {
        'H', 'A', 'R', 'S', HARS_RECORD_VERSION
    };

    state = keyer->inner;

    if (!SHA256_Update(&state, head, sizeof(head))
        || !SHA256_Update(&state, endpoint, HARS_SHA256_LEN)
        || !SHA256_Update(&state, claims, HARS_SHA256_LEN))
    {
        return HARS_ERROR;
    }

    keyer->named = state;
    memmove(keyer->endpoint, endpoint, HARS_SHA256_LEN);
    memmove(keyer->claims, claims, HARS_SHA256_LEN);

    return HARS_OK;
}


void
hars_keyer_free(hars_keyer_t *keyer)
{
    OPENSSL_clear_free(keyer, sizeof(hars_keyer_t));
}


int
hars_record_key(hars_keyer_t *keyer, unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char claims[HARS_SHA256_LEN], const hars_str_t *token)
{
    int             rc;
    SHA256_CTX      state;
    unsigned char   hash[HARS_SHA256_LEN];

    if (!SHA256_Init(&state)
        || !SHA256_Update(&state, token->data, token->len)
        || !SHA256_Final(hash, &state))
    {
        return HARS_ERROR;
    }

    rc = hars_record_key_hashed(keyer, key, endpoint, claims, hash);

    /* the final of a state wipes its data */

    OPENSSL_cleanse(state.h, sizeof(state.h));
    OPENSSL_cleanse(hash, HARS_SHA256_LEN);

    return rc;
}


int
hars_record_key_hashed(hars_keyer_t *keyer, unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char claims[HARS_SHA256_LEN],
    const unsigned char token_hash[HARS_SHA256_LEN])
{
    int             ok;
    SHA256_CTX      state;
    unsigned char   inner[HARS_SHA256_LEN];

    /* a gateway asks for one after another under the same names */

    if ((memcmp(keyer->endpoint, endpoint, HARS_SHA256_LEN) != 0
         || memcmp(keyer->claims, claims, HARS_SHA256_LEN) != 0)
        && hars_keyer_name(keyer, endpoint, claims) != HARS_OK)
    {
        return HARS_ERROR;
    }

    state = keyer->named;
    ok = SHA256_Update(&state, token_hash, HARS_SHA256_LEN)
         && SHA256_Final(inner, &state);

    state = keyer->outer;
    ok = ok && SHA256_Update(&state, inner, HARS_SHA256_LEN)
         && SHA256_Final(key, &state);

    OPENSSL_cleanse(inner, HARS_SHA256_LEN);

    return ok ? HARS_OK : HARS_ERROR;
}


unsigned
hars_key_slot(const char *key, size_t len)
{
    unsigned     crc, bit;
    const char  *left, *right;

    left = memchr(key, '{', len);
    right = left ? memchr(left, '}', len - (size_t) (left - key)) : NULL;

    if (right && right > left + 1) {
        key = left + 1;
        len = (size_t) (right - key);
    }

    /* CRC-16/XMODEM */

    for (crc = 0; len; len--, key++) {
        crc ^= (unsigned) (unsigned char) *key << 8;

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
        }

        crc &= 0xffff;
    }

    return crc % HARS_KEY_SLOTS;
}


void
hars_hex(char *dst, const unsigned char *src, size_t len)
{
    static const char  digits[] = "0123456789abcdef";

    while (len--) {
        *dst++ = digits[*src >> 4];
        *dst++ = digits[*src++ & 0xf];
    }
}


static unsigned
hars_record_strings(hars_record_t *rec,
    hars_str_t *str[HARS_RECORD_STRINGS + HARS_RECORD_CLAIMS])
{
    unsigned  i, n;

    n = 0;

    str[n++] = &rec->sub;
    str[n++] = &rec->client_id;
    str[n++] = &rec->scope;
    str[n++] = &rec->iss;
    str[n++] = &rec->aud;

    for (i = 0; i < rec->nclaims; i++) {
        str[n++] = &rec->claim[i];
    }

    return n;
}


size_t
hars_record_encode(const hars_record_t *rec, unsigned char *dst, size_t size)
{
    size_t             len;
    unsigned           i, n;
    hars_str_t        *str[HARS_RECORD_STRINGS + HARS_RECORD_CLAIMS];
    unsigned char     *p;

    if (rec->nclaims > HARS_RECORD_CLAIMS) {
        return 0;
    }

    n = hars_record_strings((hars_record_t *) rec, str);

    len = HARS_RECORD_FIXED;

    for (i = 0; i < n; i++) {
        if (str[i]->len > HARS_RECORD_MAX) {
            return 0;
        }

        len += 2 + str[i]->len;
    }

    if (len > size || len > HARS_RECORD_MAX) {
        return 0;
    }

    p = dst;

    *p++ = HARS_RECORD_VERSION;
    *p++ = (rec->active ? HARS_FLAG_ACTIVE : 0)
           | (rec->has_cnf ? HARS_FLAG_CNF : 0)
           | (rec->has_exp ? HARS_FLAG_EXP : 0)
           | (rec->has_nbf ? HARS_FLAG_NBF : 0);
    *p++ = rec->nclaims;
    *p++ = 0;

    p = hars_put_uint(p, rec->has_exp ? (uint64_t) rec->exp : 0, 8);
    p = hars_put_uint(p, rec->has_nbf ? (uint64_t) rec->nbf : 0, 8);
    p = hars_put_uint(p, (uint64_t) rec->checked_at, 8);

    if (rec->has_cnf) {
        memcpy(p, rec->cnf, HARS_SHA256_LEN);

    } else {
        memset(p, 0, HARS_SHA256_LEN);
    }

    p += HARS_SHA256_LEN;

    for (i = 0; i < n; i++) {
        p = hars_put_uint(p, str[i]->len, 2);

        if (str[i]->len) {
            memcpy(p, str[i]->data, str[i]->len);
            p += str[i]->len;
        }
    }

    return len;
}


int
hars_record_decode(hars_record_t *rec, const unsigned char *src, size_t len)
{
    unsigned              i, n, flags;
    hars_str_t           *str[HARS_RECORD_STRINGS + HARS_RECORD_CLAIMS];
    const unsigned char  *p, *last;

    if (len < HARS_RECORD_FIXED
        || len > HARS_RECORD_MAX
        || src[0] != HARS_RECORD_VERSION
        || (src[1] & ~HARS_FLAGS)
        || src[2] > HARS_RECORD_CLAIMS
        || src[3] != 0)
    {
        return HARS_ERROR;
    }

    memset(rec, 0, offsetof(hars_record_t, claim));

    flags = src[1];
    rec->active = (flags & HARS_FLAG_ACTIVE) != 0;
    rec->has_cnf = (flags & HARS_FLAG_CNF) != 0;
    rec->has_exp = (flags & HARS_FLAG_EXP) != 0;
    rec->has_nbf = (flags & HARS_FLAG_NBF) != 0;
    rec->nclaims = src[2];

    rec->exp = (int64_t) hars_get_u64(src + 4);
    rec->nbf = (int64_t) hars_get_u64(src + 12);
    rec->checked_at = (int64_t) hars_get_u64(src + 20);
    memcpy(rec->cnf, src + 28, HARS_SHA256_LEN);

    if ((!rec->has_exp && rec->exp != 0)
        || (!rec->has_nbf && rec->nbf != 0)
        || (!rec->has_cnf
            && memcmp(rec->cnf, hars_no_cnf, HARS_SHA256_LEN) != 0))
    {
        return HARS_ERROR;
    }

    n = hars_record_strings(rec, str);

    p = src + HARS_RECORD_FIXED;
    last = src + len;

    for (i = 0; i < n; i++) {

        if (last - p < 2) {
            return HARS_ERROR;
        }

        str[i]->len = (size_t) (p[0] << 8 | p[1]);
        p += 2;

        if (str[i]->len > (size_t) (last - p)) {
            return HARS_ERROR;
        }

        str[i]->data = str[i]->len ? (unsigned char *) p : NULL;
        p += str[i]->len;
    }

    if (p != last) {
        return HARS_ERROR;
    }

    return HARS_OK;
}


hars_seal_t *
hars_seal_create(const unsigned char secrets[][HARS_SECRET_LEN], unsigned n)
{
    unsigned      i;
    hars_seal_t  *seal;

    if (n == 0 || n > HARS_SEAL_SECRETS) {
        return NULL;
    }

    seal = OPENSSL_zalloc(sizeof(hars_seal_t));
    if (seal == NULL) {
        return NULL;
    }

    seal->n = n;

    for (i = 0; i < n; i++) {
        if (hars_seal_secret_init(&seal->secret[i], secrets[i]) != HARS_OK) {
            hars_seal_free(seal);
            return NULL;
        }
    }

    return seal;
}


static int
hars_seal_secret_init(hars_seal_secret_t *ss,
    const unsigned char secret[HARS_SECRET_LEN])
{
    hars_str_t         str;
    unsigned char      id[HARS_SHA256_LEN];
    const EVP_CIPHER  *gcm;

    str.len = HARS_SECRET_LEN;
    str.data = (unsigned char *) secret;

    if (hars_digest_strings(id, "HARS seal key id", &str, 1) != HARS_OK) {
        return HARS_ERROR;
    }

    memcpy(ss->id, id, HARS_SEAL_ID_LEN);

    gcm = EVP_aes_256_gcm();
    ss->enc = EVP_CIPHER_CTX_new();
    ss->dec = EVP_CIPHER_CTX_new();

    if (ss->enc == NULL
        || ss->dec == NULL
        || !EVP_EncryptInit_ex(ss->enc, gcm, NULL, secret, NULL)
        || !EVP_DecryptInit_ex(ss->dec, gcm, NULL, secret, NULL))
    {
        return HARS_ERROR;
    }

    return HARS_OK;
}


void
hars_seal_free(hars_seal_t *seal)
{
    unsigned  i;

    if (seal == NULL) {
        return;
    }

    for (i = 0; i < seal->n; i++) {
        EVP_CIPHER_CTX_free(seal->secret[i].enc);
        EVP_CIPHER_CTX_free(seal->secret[i].dec);
    }

    OPENSSL_free(seal);
}


static void
hars_seal_aad(unsigned char aad[HARS_SEAL_AAD_LEN],
    const unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN])
{
    aad[0] = HARS_RECORD_VERSION;
    memcpy(aad + 1, key, HARS_KEY_LEN);
    memcpy(aad + 1 + HARS_KEY_LEN, endpoint, HARS_SHA256_LEN);
}


size_t
hars_seal(hars_seal_t *seal, const unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char nonce[HARS_SEAL_NONCE_LEN], const unsigned char *src,
    size_t len, unsigned char *dst)
{
    int                  n;
    unsigned char       *p, aad[HARS_SEAL_AAD_LEN];
    hars_seal_secret_t  *ss;

    if (len == 0 || len > HARS_RECORD_MAX) {
        return 0;
    }

    ss = &seal->secret[0];

    p = dst;
    *p++ = HARS_VALUE_SEALED;
    *p++ = HARS_RECORD_VERSION;
    memcpy(p, ss->id, HARS_SEAL_ID_LEN);
    p += HARS_SEAL_ID_LEN;
    memcpy(p, nonce, HARS_SEAL_NONCE_LEN);
    p += HARS_SEAL_NONCE_LEN;

    hars_seal_aad(aad, key, endpoint);

    if (!EVP_EncryptInit_ex(ss->enc, NULL, NULL, NULL, nonce)
        || !EVP_EncryptUpdate(ss->enc, NULL, &n, aad, HARS_SEAL_AAD_LEN)
        || !EVP_EncryptUpdate(ss->enc, p, &n, src, (int) len)
        || n != (int) len
        || !EVP_EncryptFinal_ex(ss->enc, p + len, &n)
        || !EVP_CIPHER_CTX_ctrl(ss->enc, EVP_CTRL_AEAD_GET_TAG,
                                HARS_SEAL_TAG_LEN, p + len))
    {
        return 0;
    }

    return len + HARS_SEAL_OVERHEAD;
}


/* the key id is public: it only says which secret to try */

static hars_seal_secret_t *
hars_seal_find(hars_seal_t *seal, const unsigned char *src)
{
    unsigned  i;

    for (i = 0; i < seal->n; i++) {
        if (memcmp(seal->secret[i].id, src + 2, HARS_SEAL_ID_LEN) == 0) {
            return &seal->secret[i];
        }
    }

    return NULL;
}


int
hars_seal_check(hars_seal_t *seal, const unsigned char *src, size_t len)
{
    if (len <= HARS_SEAL_OVERHEAD
        || len > HARS_RECORD_MAX + HARS_SEAL_OVERHEAD
        || src[0] != HARS_VALUE_SEALED
        || src[1] != HARS_RECORD_VERSION)
    {
        return HARS_ERROR;
    }

    return hars_seal_find(seal, src) ? HARS_OK : HARS_DECLINED;
}


int
hars_open(hars_seal_t *seal, const unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN], const unsigned char *src,
    size_t len, unsigned char *dst, size_t *outlen)
{
    int                  n;
    size_t               size;
    unsigned char        aad[HARS_SEAL_AAD_LEN], tag[HARS_SEAL_TAG_LEN];
    hars_seal_secret_t  *ss;

    if (hars_seal_check(seal, src, len) != HARS_OK) {
        return HARS_DECLINED;
    }

    ss = hars_seal_find(seal, src);
    size = len - HARS_SEAL_OVERHEAD;
    memcpy(tag, src + len - HARS_SEAL_TAG_LEN, HARS_SEAL_TAG_LEN);

    hars_seal_aad(aad, key, endpoint);

    if (!EVP_DecryptInit_ex(ss->dec, NULL, NULL, NULL,
                            src + 2 + HARS_SEAL_ID_LEN)
        || !EVP_DecryptUpdate(ss->dec, NULL, &n, aad, HARS_SEAL_AAD_LEN)
        || !EVP_DecryptUpdate(ss->dec, dst, &n, src + HARS_SEAL_HEADER,
                              (int) size)
        || n != (int) size
        || !EVP_CIPHER_CTX_ctrl(ss->dec, EVP_CTRL_AEAD_SET_TAG,
                                HARS_SEAL_TAG_LEN, tag)
        || EVP_DecryptFinal_ex(ss->dec, dst + size, &n) <= 0)
    {
        /* what was not authenticated is not to be seen by anyone */
        OPENSSL_cleanse(dst, size);
        return HARS_DECLINED;
    }

    *outlen = size;

    return HARS_OK;
}


void
hars_b64url_sha256_encode(char dst[HARS_B64_SHA256_LEN],
    const unsigned char src[HARS_SHA256_LEN])
{
    unsigned  i, v;

    for (i = 0; i < 30; i += 3) {
        v = src[i] << 16 | src[i + 1] << 8 | src[i + 2];
        *dst++ = hars_b64url[v >> 18];
        *dst++ = hars_b64url[v >> 12 & 0x3f];
        *dst++ = hars_b64url[v >> 6 & 0x3f];
        *dst++ = hars_b64url[v & 0x3f];
    }

    v = src[30] << 8 | src[31];
    *dst++ = hars_b64url[v >> 10];
    *dst++ = hars_b64url[v >> 4 & 0x3f];
    *dst++ = hars_b64url[v << 2 & 0x3f];
}


int
hars_b64url_sha256_decode(unsigned char dst[HARS_SHA256_LEN],
    const char *src, size_t len)
{
    char         c;
    size_t       i;
    unsigned     v, bits;

    if (len != HARS_B64_SHA256_LEN) {
        return HARS_ERROR;
    }

    v = 0;
    bits = 0;

    for (i = 0; i < len; i++) {
        c = src[i];

        if (c >= 'A' && c <= 'Z') {
            v = v << 6 | (unsigned) (c - 'A');

        } else if (c >= 'a' && c <= 'z') {
            v = v << 6 | (unsigned) (c - 'a' + 26);

        } else if (c >= '0' && c <= '9') {
            v = v << 6 | (unsigned) (c - '0' + 52);

        } else if (c == '-') {
            v = v << 6 | 62;

        } else if (c == '_') {
            v = v << 6 | 63;

        } else {
            return HARS_ERROR;
        }

        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            *dst++ = (unsigned char) (v >> bits);
            v &= (1u << bits) - 1;
        }
    }

    /* RFC 4648, 3.5: 43 * 6 - 256 = 2 bits are left, and have to be zero */

    return v == 0 ? HARS_OK : HARS_ERROR;
}


int
hars_key_file_read(const char *path, unsigned char secret[HARS_SECRET_LEN],
    const char **error)
{
    int      fd, rc;
    char     buf[2 * HARS_SECRET_LEN + 3];
    ssize_t  n;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd == -1) {
        *error = (errno == ENOENT)
                 ? "does not exist, make it by \"openssl rand -hex 32\""
                 : "cannot be opened, see that this user may read it";
        return HARS_ERROR;
    }

    rc = hars_key_file_check(fd, error);

    if (rc == HARS_OK) {
        n = read(fd, buf, sizeof(buf));

        rc = hars_key_file_parse(buf, n < 0 ? 0 : (size_t) n, secret);
        if (rc != HARS_OK) {
            *error = "has to hold 64 hexadecimal digits, make it by "
                     "\"openssl rand -hex 32\"";
        }

        OPENSSL_cleanse(buf, sizeof(buf));
    }

    close(fd);

    return rc;
}


int
hars_key_file_check(int fd, const char **error)
{
    struct stat  sb;

    if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode)) {
        *error = "is not a regular file";
        return HARS_ERROR;
    }

    if (sb.st_uid != 0 && sb.st_uid != geteuid()) {
        *error = "has to be owned by root or by this user, use chown";
        return HARS_ERROR;
    }

    if (sb.st_mode & (S_IWGRP | S_IRWXO)) {
        *error = "is open to others, use \"chmod 600\" "
                 "(or 640 with a group of its own)";
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_key_file_parse(const char *buf, size_t len,
    unsigned char secret[HARS_SECRET_LEN])
{
    char      c;
    size_t    i;
    unsigned  v;

    if (len == 2 * HARS_SECRET_LEN + 1 && buf[len - 1] == '\n') {
        len--;
    }

    if (len != 2 * HARS_SECRET_LEN) {
        return HARS_ERROR;
    }

    for (i = 0; i < len; i++) {
        c = buf[i];

        if (c >= '0' && c <= '9') {
            v = (unsigned) (c - '0');

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            v = (unsigned) ((c | 0x20) - 'a' + 10);

        } else {
            return HARS_ERROR;
        }

        secret[i / 2] = (unsigned char) (i % 2 ? secret[i / 2] << 4 | v : v);
    }

    return HARS_OK;
}


static unsigned char *
hars_put_uint(unsigned char *p, uint64_t v, unsigned size)
{
    while (size--) {
        *p++ = (unsigned char) (v >> (8 * size));
    }

    return p;
}


static inline uint64_t
hars_get_u64(const unsigned char *p)
{
    return (uint64_t) p[0] << 56 | (uint64_t) p[1] << 48
           | (uint64_t) p[2] << 40 | (uint64_t) p[3] << 32
           | (uint64_t) p[4] << 24 | (uint64_t) p[5] << 16
           | (uint64_t) p[6] << 8 | p[7];
}

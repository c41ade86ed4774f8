
/*
 * The token record and everything that names, encodes and seals it: what the
 * gateway keeps in its caches and what the authorization server writes into
 * Redis on issue.  Plain C without nginx types, linked into both, so that the
 * two sides can never disagree on a byte; golden vectors in t/unit.
 *
 * A record holds what the authorization server said of a token (RFC 7662
 * section 2.2), never a verdict.  It never holds the token.  Its place is
 * its key, an HMAC over the identity of the endpoint that was asked, the set
 * of extra claims kept, and SHA-256 of the token.  In Redis it is sealed with
 * AES-256-GCM bound to that key and endpoint: who can write to Redis can deny
 * a token, never admit one.
 *
 * Time and randomness are arguments; nothing here reads a clock or a file
 * but hars_key_file_read().
 */

#ifndef HARS_RECORD_H
#define HARS_RECORD_H


#include <stddef.h>
#include <stdint.h>


#define HARS_OK          0
#define HARS_ERROR      -1
#define HARS_DECLINED   -5

#define HARS_RECORD_VERSION   1

#define HARS_SHA256_LEN       32
#define HARS_KEY_LEN          32
#define HARS_SECRET_LEN       32
#define HARS_KEY_HEX_LEN      64
#define HARS_KEY_SLOTS        16384
#define HARS_SEAL_ID_LEN      8
#define HARS_SEAL_NONCE_LEN   12
#define HARS_SEAL_TAG_LEN     16

/* kind, version, key id, nonce before the ciphertext, the tag behind it */
#define HARS_SEAL_OVERHEAD                                                   \
    (2 + HARS_SEAL_ID_LEN + HARS_SEAL_NONCE_LEN + HARS_SEAL_TAG_LEN)

#define HARS_RECORD_MAX       4096        /* encoded; a larger one is refused */
#define HARS_RECORD_CLAIMS    16          /* extra claims of a record at most */

/* the first two bytes of a value in Redis */
#define HARS_VALUE_SEALED     'S'
#define HARS_VALUE_TOMBSTONE  'T'


/* bytes, not zero-terminated; same layout as nginx's ngx_str_t */
typedef struct {
    size_t           len;
    unsigned char   *data;
} hars_str_t;


/* RFC 7662, 2.2; a string that the answer did not have is {0, NULL} */
typedef struct {
    unsigned         active:1;     /* RFC 7662, 2.2: active */
    unsigned         has_cnf:1;    /* RFC 8705, 3.2: cnf.x5t#S256 present */
    unsigned         has_exp:1;
    unsigned         has_nbf:1;

    int64_t          exp;          /* NumericDate, seconds */
    int64_t          nbf;          /* NumericDate, seconds */
    int64_t          checked_at;   /* when the authority said so, ms */

    unsigned char    cnf[HARS_SHA256_LEN];      /* raw thumbprint */

    hars_str_t       sub;
    hars_str_t       client_id;
    hars_str_t       scope;        /* as sent: values parted by one space */
    hars_str_t       iss;
    hars_str_t       aud;          /* values parted by one line feed */

    unsigned         nclaims;      /* extra claims, in the claim set's order */
    hars_str_t       claim[HARS_RECORD_CLAIMS];
} hars_record_t;


/* a saved HMAC-SHA-256 state and AEAD contexts; opaque */
typedef struct hars_keyer_s  hars_keyer_t;
typedef struct hars_seal_s  hars_seal_t;


/*
 * The identity of the endpoint: SHA-256 over "HARS endpoint", the issuer
 * identifier (RFC 8414) and the caller's client_id there, each with its
 * length before it.  Both zero-length strings are allowed.
 */
int hars_endpoint_id(unsigned char id[HARS_SHA256_LEN],
    const hars_str_t *issuer, const hars_str_t *caller);

/* the identity of the extra claims kept: SHA-256 over their paths in order */
int hars_claim_set_id(unsigned char id[HARS_SHA256_LEN],
    const hars_str_t *paths, unsigned n);

/*
 * HMAC-SHA-256 under a zone key, inner and outer states computed once.
 * Returns NULL without memory.  hars_keyer_free(NULL) is allowed.
 */
hars_keyer_t *hars_keyer_create(const unsigned char secret[HARS_SECRET_LEN]);
void hars_keyer_free(hars_keyer_t *keyer);

/*
 * key = HMAC-SHA-256(zone key, record version || endpoint id ||
 * claim set id || SHA-256(token)).  Not thread-safe for one keyer.
 * hars_record_key_hashed() is for who keeps only SHA-256(token).
 */
int hars_record_key(hars_keyer_t *keyer, unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char claims[HARS_SHA256_LEN], const hars_str_t *token);
int hars_record_key_hashed(hars_keyer_t *keyer,
    unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char claims[HARS_SHA256_LEN],
    const unsigned char token_hash[HARS_SHA256_LEN]);

/*
 * The slot of a key in a Redis Cluster, less than HARS_KEY_SLOTS; the part
 * between { and } counts alone, where there is one.  "Redis cluster
 * specification", "Hash tags".
 */
unsigned hars_key_slot(const char *key, size_t len);

/* lower-case hexadecimal, HARS_KEY_HEX_LEN characters, no terminating zero */
void hars_hex(char *dst, const unsigned char *src, size_t len);

/*
 * Record to bytes and back.  Encode returns the length written, or 0 where
 * the record does not fit into "size" or HARS_RECORD_MAX.  Decode takes only
 * what encode makes, byte for byte; strings of the result point into "src".
 */
size_t hars_record_encode(const hars_record_t *rec, unsigned char *dst,
    size_t size);
int hars_record_decode(hars_record_t *rec, const unsigned char *src,
    size_t len);

/*
 * Sealing.  A seal is made of 1 to 8 secrets; the first seals, all open.
 *
 * hars_seal() writes kind, version, key id, nonce, ciphertext and tag: len +
 * HARS_SEAL_OVERHEAD bytes; the nonce has to be random and new each time.
 * Returns the length written or 0.
 *
 * hars_open() returns HARS_OK and the plaintext (*outlen bytes, at most
 * len - HARS_SEAL_OVERHEAD) or HARS_DECLINED for whatever does not open:
 * other kind or version, unknown key id, other place, any changed bit.
 */
hars_seal_t *hars_seal_create(
    const unsigned char secrets[][HARS_SECRET_LEN], unsigned n);
void hars_seal_free(hars_seal_t *seal);
size_t hars_seal(hars_seal_t *seal, const unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char nonce[HARS_SEAL_NONCE_LEN],
    const unsigned char *src, size_t len, unsigned char *dst);
int hars_open(hars_seal_t *seal, const unsigned char key[HARS_KEY_LEN],
    const unsigned char endpoint[HARS_SHA256_LEN],
    const unsigned char *src, size_t len, unsigned char *dst,
    size_t *outlen);

/*
 * Of what a sealed value says openly: HARS_OK one of the secrets may open it,
 * HARS_DECLINED the key id is of none of them, HARS_ERROR it has not the form
 * of a sealed value.
 */
int hars_seal_check(hars_seal_t *seal, const unsigned char *src, size_t len);

/*
 * A tombstone denies whatever its version: a deny needs no seal.  It is
 * written under the record's key with the rest of the token's life as TTL.
 */
#define HARS_TOMBSTONE_LEN  2
extern const unsigned char  hars_tombstone[HARS_TOMBSTONE_LEN];
#define hars_is_tombstone(src, len)                                          \
    ((len) > 0 && (src)[0] == HARS_VALUE_TOMBSTONE)

/*
 * Canonical base64url of 32 bytes, RFC 4648 section 5 without padding:
 * exactly 43 characters, unused bits zero.  Decode returns HARS_ERROR for
 * anything else.
 */
#define HARS_B64_SHA256_LEN  43
void hars_b64url_sha256_encode(char dst[HARS_B64_SHA256_LEN],
    const unsigned char src[HARS_SHA256_LEN]);
int hars_b64url_sha256_decode(unsigned char dst[HARS_SHA256_LEN],
    const char *src, size_t len);

/*
 * Reads one secret: a file of 64 hexadecimal digits and an optional line
 * feed, a regular file owned by root or the effective user, with no bits for
 * others.  On error returns HARS_ERROR and a constant text that names cause
 * and mend.
 */
int hars_key_file_read(const char *path,
    unsigned char secret[HARS_SECRET_LEN], const char **error);

/* the same of an open file: is it as closed as a key's has to be? */
int hars_key_file_check(int fd, const char **error);


#endif /* HARS_RECORD_H */


/*
 * The authorization server's data, in the order of a token's life:
 *
 *     client (registered) -> token (issued, stored by its hash)
 *         -> introspection answer and sealed record, both made of the token
 *         -> revoked: row, outbox, tombstone
 *
 * All strings are zero-terminated arrays of fixed size inside the structs:
 * a client or a token is one value on a stack that nobody has to free.
 * Values of a list are parted by one character: scopes by a space (RFC 6749,
 * 3.3), resources and audiences by a line feed.
 *
 * hars_as_t is made once before the first thread and only read after.
 */

#ifndef HARS_AS_H
#define HARS_AS_H


#include "hars_record.h"
#include "hars_settings.h"

#include <stdint.h>


#define HARS_AS_ID_SIZE      65           /* client_id, sub */
#define HARS_AS_DN_SIZE      1025
#define HARS_AS_SCOPE_SIZE   513
#define HARS_AS_AUD_SIZE     1025
#define HARS_AS_METADATA_SIZE  4097       /* RFC 7591, JSON, only echoed */

#define HARS_AS_TTL_MAX      86400        /* s, of a token */
#define HARS_AS_REFRESH_MAX  31536000     /* s, of refresh tokens */

#define HARS_AS_PREFIX       "hats_at_"
#define HARS_AS_PREFIX_LEN   (sizeof(HARS_AS_PREFIX) - 1)
#define HARS_AS_TOKEN_BYTES  36           /* time and random */
#define HARS_AS_TOKEN_LEN    (HARS_AS_PREFIX_LEN + HARS_AS_TOKEN_BYTES / 3 * 4)

#define HARS_TOKEN_TIME      6            /* bytes of ms, big-endian */
#define HARS_FAMILY_LEN      16


/* what a client may be, and what its tokens may carry at most */
typedef struct {
    const char          *name;
    const char          *scope;
    unsigned             person:1;        /* sub is of a human being */
    unsigned             grant:1;         /* gets tokens */
    unsigned             introspect:1;    /* asks about tokens of others */
    unsigned             revoke:1;        /* ends tokens of others */
} hars_kind_t;


/* how it proves who it is: hars_as_auth.h */
typedef struct hars_auth_s  hars_auth_t;


typedef struct {
    char                 id[HARS_AS_ID_SIZE];
    const hars_kind_t   *kind;
    char                 sub[HARS_AS_ID_SIZE];
    const hars_auth_t   *auth;
    char                 auth_value[HARS_AS_DN_SIZE];  /* of a secret: whose
                                           * certificate registered it, or "" */
    char                 issuer_dn[HARS_AS_DN_SIZE];   /* "": anybody */
    unsigned char        secret[HARS_SHA256_LEN];      /* its SHA-256 */
    unsigned             has_secret:1;
    char                 scope[HARS_AS_SCOPE_SIZE];
    char                 resources[HARS_AS_AUD_SIZE];
    unsigned char        registration[HARS_SHA256_LEN];    /* of its token */
    unsigned             has_registration:1;
    unsigned             refresh:1;       /* gets refresh tokens */
    int64_t              token_ttl;       /* s, 0: the server's */
    int64_t              disabled_at;     /* s, 0: it is not */
    int64_t              created_at;      /* s */
    char                 metadata[HARS_AS_METADATA_SIZE];  /* "": none; the
                                           * last one, as most is empty */
} hars_client_t;


/* where a token's row stands (hars_value_key()), SHA-256 of its text */
typedef struct {
    int64_t              key;
    unsigned char        hash[HARS_SHA256_LEN];
} hars_token_id_t;


typedef struct {
    hars_token_id_t      id;
    unsigned char        family[HARS_FAMILY_LEN];      /* of refresh tokens */
    unsigned             has_family:1;
    unsigned char        cnf[HARS_SHA256_LEN];         /* RFC 8705, 3.1 */
    char                 client_id[HARS_AS_ID_SIZE];
    char                 sub[HARS_AS_ID_SIZE];
    const hars_kind_t   *kind;
    char                 scope[HARS_AS_SCOPE_SIZE];
    char                 aud[HARS_AS_AUD_SIZE];
    int64_t              iat;             /* s; also nbf */
    int64_t              exp;             /* s */
    int64_t              revoked_at;      /* s, 0: not */
    unsigned             refresh:1;       /* this is a refresh token */
    unsigned             bound:1;         /* an earlier one of this client and
                                           * certificate is in the store */
} hars_token_t;


typedef struct {
    char                *issuer;
    char                *mtls_base;       /* NULL: the issuer */
    char                *database;
    char                *public_socket;
    char                *gateway_socket;
    char                *gateway_user;
    char                *gateway_client;
    unsigned long        token_ttl;       /* s */
    char                *profile;         /* standard or paper */
    hars_setting_list_t  refresh_key;     /* none: no refresh tokens */
    unsigned long        refresh_ttl;     /* s, of a family */
    unsigned long        refresh_grace;   /* s */
    hars_setting_list_t  client_ca;       /* files of certificates */
    char                *audit_log;       /* NULL: there is none */
    unsigned long        audit_sign;      /* s, between signatures */
    hars_setting_list_t  signing_key;     /* the first one signs */
    char                *ca_dir;          /* NULL: there is no authority */
    char                *ca_key;          /* NULL: issuing.key there */
    unsigned long        ca_days;         /* of enrolled certificates */
    char                *ca_crl_url;      /* NULL: does not stand in them */
    char                *ca_ocsp_url;     /* NULL: the same */
    hars_setting_list_t  redis;           /* none: no records are written */
    char                *redis_sentinel;  /* the master's name */
    char                *redis_cluster;   /* "yes" or "no" */
    char                *redis_tls;
    char                *redis_tls_ca;
    char                *redis_tls_cert;
    char                *redis_tls_key;
    char                *redis_tls_name;
    unsigned long        redis_db;
    char                *redis_user;
    char                *redis_password_file;
    char                *redis_prefix;
    unsigned long        redis_timeout;   /* ms */
    char                *zone_key;
    hars_setting_list_t  seal_key;
    unsigned long        record_ttl;      /* s */
    char                *record_claims;
} hars_as_conf_t;


/* hars_as_store.h, and so on */
struct hars_store_s;
struct hars_known_s;
struct hars_publish_s;
struct hars_audit_s;
struct hars_metrics_s;
struct hars_certs_s;
struct hars_family_keys_s;
struct hars_sign_s;
struct hars_ca_s;
struct hars_est_s;
struct hars_crl_s;
struct hars_ocsp_s;


typedef struct {
    hars_as_conf_t          conf;
    hars_settings_t        *settings;
    struct hars_publish_s  *publish;      /* NULL: without Redis */
    struct hars_audit_s    *audit;        /* NULL: there is no log */
    struct hars_metrics_s  *metrics;      /* NULL: not serving */
    struct hars_certs_s    *certs;        /* whose clients are believed */
    struct hars_family_keys_s  *refresh;  /* NULL: no refresh tokens */
    struct hars_sign_s     *sign;         /* NULL: there is no key */
    char                   *jwks;         /* RFC 7517, JSON */
    struct hars_ca_s       *ca;           /* NULL: nobody is enrolled */
    struct hars_est_s      *est;          /* NULL: the same */
    struct hars_crl_s      *crl;          /* NULL: the same */
    struct hars_ocsp_s     *ocsp;         /* NULL: the same */
    char                   *metadata;     /* RFC 8414, JSON */
    char                   *metadata_path;
} hars_as_t;


/* what the handlers of one socket get */
typedef struct {
    hars_as_t              *as;
    struct hars_store_s    *store;
    struct hars_known_s    *known;        /* what is remembered of it */
} hars_as_socket_t;


/* hars_as_kind.c: a kind by its name, or NULL; all of them, ends with {0} */
const hars_kind_t *hars_kind_find(const char *name);
extern const hars_kind_t  hars_kinds[];

/* hars_as_settings.c: reads, checks and says what is wrong; HARS_OK */
int hars_as_configure(hars_as_t *as, const char *file);
void hars_as_release(hars_as_t *as);
void hars_as_settings_help(void);
unsigned hars_as_yes(const char *value);

/* the programs' commands; argv[0] is the word after the command's own */
int hars_as_serve(hars_as_t *as);
int hars_as_client_command(hars_as_t *as, int argc, char **argv);
int hars_as_token_command(hars_as_t *as, int argc, char **argv);
int hars_as_revoke_command(hars_as_t *as, int argc, char **argv);
int hars_as_audit_command(hars_as_t *as, int argc, char **argv);
int hars_as_register_token_command(hars_as_t *as, int argc, char **argv);
int hars_as_ca_command(hars_as_t *as, int argc, char **argv);

/* 1: there is no such client, or no telling; said */
int hars_as_client_unknown(struct hars_store_s *store, const char *id);

/* hars_as_cmd_token.c: a token from standard input; HARS_ERROR: said */
#define HARS_AS_LINE  256
int hars_as_token_line(char line[HARS_AS_LINE]);

#define HARS_EXIT_OK      0
#define HARS_EXIT_FAILED  1
#define HARS_EXIT_USAGE   2


#endif /* HARS_AS_H */

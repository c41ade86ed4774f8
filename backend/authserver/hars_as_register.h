
/*
 * Registration over HTTP: RFC 7591 (POST /oauth2/register) and RFC 7592 (GET,
 * PUT, DELETE of /oauth2/register/{client_id}), and the initial access tokens
 * that allow the first.  A certificate has to come along: a client registers
 * itself, by the name that an authority has given it.
 */

#ifndef HARS_AS_REGISTER_H
#define HARS_AS_REGISTER_H


#include "hars_as.h"
#include "hars_as_policy.h"
#include "hars_as_store.h"
#include "hars_http.h"


#define HARS_REGISTER_PATH  "/oauth2/register"

#define HARS_REGISTER_ID    16            /* hexadecimal digits of the hash */
#define HARS_REGISTER_USES  1000000


typedef struct {
    unsigned char   hash[HARS_SHA256_LEN];
    char            id[HARS_REGISTER_ID + 1];
    hars_policy_t   policy;
    int64_t         uses;                 /* left */
    int64_t         expires_at;           /* s */
    int64_t         created_at;           /* s */
} hars_register_token_t;

typedef void (*hars_register_token_pt)(void *data,
    const hars_register_token_t *token);


/* hars_as_store_register.c; as hars_as_store.h says of all of them */

/* "id" is made of the hash; those that have ended go */
int hars_store_register_token_add(hars_store_t *store,
    hars_register_token_t *token);
int hars_store_register_token_each(hars_store_t *store,
    hars_register_token_pt take, void *data);
int hars_store_register_token_remove(hars_store_t *store, const char *id);

/* HARS_DECLINED: unknown, used up, or ended */
int hars_store_register_token_get(hars_store_t *store,
    const unsigned char hash[HARS_SHA256_LEN], int64_t now,
    hars_register_token_t *token);

/* counts a use and adds the client, both or none; HARS_DECLINED as above */
int hars_store_register(hars_store_t *store,
    const hars_register_token_t *token, const hars_client_t *client,
    int64_t now);

/* HARS_DECLINED: "from" is not what is registered, or no longer */
int hars_store_reregister(hars_store_t *store, const hars_client_t *from,
    const hars_client_t *to);

/*
 * Removes the client and revokes its tokens, *tokens of them, both or none.
 * HARS_DECLINED: it is disabled, or no longer registered.
 */
int hars_store_unregister(hars_store_t *store, const hars_client_t *client,
    int64_t now, uint64_t *tokens);


/*
 * The bearer token of a request (RFC 6750, 2.1) in *token, and its hash.
 * HARS_ERROR: it has been answered.
 */
int hars_register_bearer(hars_request_t *r, const char *prefix,
    const char **token, unsigned char hash[HARS_SHA256_LEN]);

/* the metadata in the body; HARS_ERROR: it has been answered */
int hars_register_body(hars_request_t *r, hars_registration_t *reg,
    unsigned update);

/* answers with all that is registered */
void hars_register_reply(hars_request_t *r, unsigned status,
    const hars_client_t *client, const char *manage, const char *secret);

/* handlers */
void hars_as_register(hars_request_t *r);
void hars_as_registered_get(hars_request_t *r);
void hars_as_registered_put(hars_request_t *r);
void hars_as_registered_delete(hars_request_t *r);


#endif /* HARS_AS_REGISTER_H */


/*
 * What the two files of build/bench/pipeline share: a client that walks
 * through the flow, and what it says over TLS.
 */

#ifndef HARS_PIPELINE_H
#define HARS_PIPELINE_H


#include <stddef.h>


#define HARS_PIPE_ANSWER  65536
#define HARS_PIPE_TOKEN   256


typedef struct {
    char      id[64];                   /* client_id, the CN */
    char      secret[128];              /* of its first certificate */
    char      token[HARS_PIPE_TOKEN];
    void     *key;                      /* EVP_PKEY */
    void     *cert;                     /* X509 */
    void     *chain;                    /* what was sent with it */
    void     *first;                    /* SSL: no certificate yet */
    void     *auth;                     /* SSL: the authorization server */
    void     *ml;                       /* SSL: the ML service */
} hars_pipe_client_t;


/* who believes whom: a file of the servers' CA, their address and port */
const char *hars_pipe_init(const char *cacert, const char *target);

/* NULL, or what is wrong */
const char *hars_pipe_key(hars_pipe_client_t *c);
const char *hars_pipe_connect(hars_pipe_client_t *c, const char *host,
    unsigned certificate, void **ssl);
const char *hars_pipe_enrol(hars_pipe_client_t *c);
/* a request with its body, if there is one, and the body of a 200 */
const char *hars_pipe_ask(void *ssl, const char *head, const char *body,
    size_t len, char answer[HARS_PIPE_ANSWER]);


#endif /* HARS_PIPELINE_H */

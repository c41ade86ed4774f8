
/*
 * Names of authorities in a handshake (RFC 8446, 4.2.4): a client says in its
 * ClientHello which ones it believes, so that a server may choose among its
 * certificates, and shows its own certificate only to a server whose request
 * names an authority of it.  To any other server goes none.
 *
 * One that is its own issuer (RFC 8705, 2.2) has no authority that could be
 * named: it goes to the server that was verified.
 */

#ifndef HARS_TLS_NAMES_H
#define HARS_TLS_NAMES_H


#include <stddef.h>


/* of one handshake */
typedef struct {
    unsigned  withheld:1;                 /* the certificate was not sent */
} hars_tls_names_t;


/*
 * What the client believes, from a PEM file (NULL: says nothing) or from PEM
 * itself; "ctx" is an SSL_CTX *.  HARS_ERROR: there are no certificates.
 */
int hars_tls_names_file(void *ctx, const char *file);
int hars_tls_names_of(void *ctx, const char *pem, size_t len);

/* to whom the certificate goes; "names" stays as long as the handshake */
void hars_tls_names_ask(void *ctx, hars_tls_names_t *names);


#endif /* HARS_TLS_NAMES_H */

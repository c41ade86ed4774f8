
/*
 * What a handshake agreed, for --show-tls: one line each on standard error,
 * "tls.NAME=VALUE".
 */

#ifndef HARS_TLS_H
#define HARS_TLS_H


/* "ssl" is libcurl's SSL *, of a connection that stands */
void hars_tls_show(void *ssl);


#endif /* HARS_TLS_H */

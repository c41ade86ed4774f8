
/*
 * A connection of httpload or tlsload: a Unix socket, a TCP port, or TLS 1.3
 * with a client certificate, and how they are told of that.  Made blocking,
 * used without.
 */

#ifndef HTTPLOAD_WIRE_H
#define HTTPLOAD_WIRE_H


#include <getopt.h>
#include <sys/types.h>


typedef struct {
    const char  *target;                  /* unix:PATH or ADDRESS:PORT */
    const char  *cert;                    /* PEM files; with TLS alone */
    const char  *key;
    const char  *cacert;                  /* NULL: no TLS */
    const char  *name;                    /* of the server */
    unsigned     h2;                      /* has to be agreed on */
    unsigned     resume;                  /* the newest session */
    unsigned     resumptions;             /* that the server agreed to */
    void        *session;
    void        *tls;
} hars_wire_conf_t;


typedef struct {
    int          fd;
    void        *ssl;                     /* NULL: no TLS */
} hars_wire_t;


/* --cert, --key, --cacert and --name, for getopt_long() */
extern const struct option  hars_wire_long[];

/* takes what getopt_long() gives; 0: it is none of them */
int hars_wire_option(hars_wire_conf_t *conf, int option, const char *value);

/* NULL, or what is wrong */
const char *hars_wire_init(hars_wire_conf_t *conf);
const char *hars_wire_connect(hars_wire_conf_t *conf, hars_wire_t *wire);

/* says so to the other side */
void hars_wire_close(hars_wire_t *wire);

/* bytes; 0: not now; -1: closed */
ssize_t hars_wire_read(hars_wire_t *wire, void *dst, size_t len);
ssize_t hars_wire_write(hars_wire_t *wire, const void *src, size_t len);

/*
 * A POST of bytes, which "hex" has in hexadecimal, from malloc(); headers are
 * lines with their ends.  NULL: no memory, or they are none.
 */
char *hars_wire_bytes(const char *path, const char *headers, const char *hex,
    int *len);


#endif /* HTTPLOAD_WIRE_H */

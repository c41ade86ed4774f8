
/*
 * One connection to Redis with a deadline on each use.  Requests only use a
 * connection that is there: connecting, which may take longer and ask a name
 * server, is the main thread's (hars_redis_connect()).  An error of any kind
 * closes it, is logged once per outage, and holds up nobody until it is back.
 * The only user of hiredis here.
 */

#ifndef HARS_AS_REDIS_H
#define HARS_AS_REDIS_H


#include <stddef.h>
#include <stdint.h>


typedef struct hars_redis_s  hars_redis_t;


typedef struct {
    const char     *server;               /* unix:PATH or HOST:PORT */
    unsigned long   db;
    const char     *user;                 /* NULL: the default one */
    const char     *password;             /* NULL: none */
    unsigned long   timeout;              /* ms */
} hars_redis_conf_t;


/* is this a server that could be connected to? */
int hars_redis_server(const char *server);

/* copies nothing: "conf" and its strings have to stay.  NULL: no memory */
hars_redis_t *hars_redis_create(const hars_redis_conf_t *conf);
void hars_redis_free(hars_redis_t *redis);

/*
 * HARS_OK: connected, now or already.  One at a time.  Looks after an idle
 * connection too, so that its end is noticed before a request meets it.
 */
int hars_redis_connect(hars_redis_t *redis);

/*
 * Some commands, all written before the first answer is awaited.  "text" gets
 * the zero-terminated answer, shortened to "size"; nil is "".  HARS_OK: each
 * was answered, none by an error; HARS_ERROR: perhaps some were.
 */
typedef struct {
    unsigned        argc;
    const char    **argv;                 /* argv[1] is the key */
    const size_t   *len;
    char           *text;                 /* NULL: any answer will do */
    size_t          size;
} hars_redis_command_t;

int hars_redis_run(hars_redis_t *redis, const hars_redis_command_t *command,
    unsigned n);


#endif /* HARS_AS_REDIS_H */

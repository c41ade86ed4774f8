
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
    const char     *prefix;
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
 * Sets prefix + key, 64 hexadecimal digits, for "ttl" ms, unless it is there
 * already where "unless" is set.  HARS_OK: Redis has said so (a value that
 * was there already is well), HARS_ERROR: it has not.
 */
int hars_redis_set(hars_redis_t *redis, const char *key,
    const unsigned char *value, size_t len, int64_t ttl, int unless);


#endif /* HARS_AS_REDIS_H */

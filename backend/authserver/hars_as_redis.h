
/*
 * Redis as requests see it: some commands with a deadline, or an error at
 * once.  Behind it stand one server, several of which one is the master,
 * Sentinels that know the master, or a Cluster (hars_as_master.h,
 * hars_as_cluster.h).
 *
 * Requests use connections that are there: connecting, which may take longer
 * and ask a name server, is the main thread's (hars_redis_connect()).  An
 * error of any kind closes a connection, is logged once per outage, and holds
 * up nobody until it is back.
 */

#ifndef HARS_AS_REDIS_H
#define HARS_AS_REDIS_H


#include <stddef.h>
#include <stdint.h>


#define HARS_REDIS_SERVERS  64            /* masters, and some that were */
#define HARS_REDIS_RUNS     (HARS_REDIS_SERVERS * 41)


typedef struct hars_redis_s  hars_redis_t;


typedef struct {
    char *const    *server;               /* unix:PATH or HOST:PORT */
    unsigned        n;                    /* of them, tried in turn */
    const char     *sentinel;             /* of this master; NULL: they are
                                             not Sentinels */
    unsigned        cluster:1;            /* they are some of a Cluster's */

    unsigned long   db;
    const char     *user;                 /* NULL: the default one */
    const char     *password;             /* NULL: none */
    unsigned long   timeout;              /* ms */

    unsigned        tls:1;
    const char     *tls_ca;
    const char     *tls_cert;             /* NULL: no client certificate */
    const char     *tls_key;
    const char     *tls_name;             /* NULL: HOST */
} hars_redis_conf_t;


typedef struct {
    unsigned        argc;
    const char    **argv;
    const size_t   *len;
    unsigned        last:1;               /* after the answers to all before,
                                             if they go to other servers */
    char           *text;                 /* NULL: any answer will do */
    size_t          size;
} hars_redis_command_t;


/* is this a server that could be connected to? */
int hars_redis_server(const char *server);

/*
 * Copies nothing: "conf" and its strings have to stay.  NULL after the log
 * has the cause.
 */
hars_redis_t *hars_redis_create(const hars_redis_conf_t *conf);
void hars_redis_free(hars_redis_t *redis);

/*
 * HARS_OK: connected, now or already, to all there are.  One at a time.
 * Looks after idle connections too, so that their end is noticed before a
 * request meets it.
 */
int hars_redis_connect(hars_redis_t *redis);

/*
 * The run ids of all servers that commands go to, sorted, parted by blanks.
 * HARS_ERROR: one of them is away.
 */
int hars_redis_runs(hars_redis_t *redis, char runs[HARS_REDIS_RUNS]);

/*
 * Some commands, written before the first answer is awaited.  "text" gets the
 * zero-terminated answer, shortened to "size"; nil is "".  HARS_OK: each was
 * answered, none by an error; HARS_ERROR: perhaps some were.
 */
int hars_redis_run(hars_redis_t *redis, const hars_redis_command_t *command,
    unsigned n);


#endif /* HARS_AS_REDIS_H */


/*
 * Which of several servers is the master?  The one that says so itself
 * (ROLE), asked at each connection and each second: a list is tried in turn,
 * Sentinels are asked for its address (Redis' "Guidelines for Redis clients
 * with support for Redis Sentinel").  One server alone is asked for nothing.
 *
 * Also what is said at the start of each connection, and the step between
 * hars_as_redis.h and hars_as_conn.h that a Cluster needs as well.
 */

#ifndef HARS_AS_MASTER_H
#define HARS_AS_MASTER_H


#include "hars_as_conn.h"
#include "hars_as_redis.h"


/* a master, ready for commands; begins with and sets the server in *at */
hars_conn_t *hars_master_open(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, unsigned *at,
    char error[HARS_CONN_ERROR]);

/* is it alive, and a master where there are others? */
int hars_master_check(const hars_redis_conf_t *conf, hars_conn_t *conn,
    int64_t deadline);

/* AUTH, SELECT */
int hars_master_hello(const hars_redis_conf_t *conf, hars_conn_t *conn,
    int64_t deadline);

int hars_master_append(hars_conn_t *conn,
    const hars_redis_command_t *command);

/* the answer's text; HARS_ERROR: the answer is an error, now conn's */
int hars_master_take(hars_conn_t *conn, const hars_redis_command_t *command,
    const redisReply *reply);


#endif /* HARS_AS_MASTER_H */

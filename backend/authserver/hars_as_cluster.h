
/*
 * A Redis Cluster (the "Redis cluster specification"): which master has the
 * slot of a key, MOVED and ASK followed.
 *
 *     main thread, each second: CLUSTER SLOTS -> masters, slots, connections
 *     a request: commands to the connections of their slots, all written
 *                before the first answer is awaited
 *
 * A master that is away costs its own commands and no others; the deadline
 * is one for all of them.  Replicas are never asked.
 */

#ifndef HARS_AS_CLUSTER_H
#define HARS_AS_CLUSTER_H


#include "hars_as_conn.h"
#include "hars_as_redis.h"

#include <pthread.h>


typedef struct hars_cluster_s  hars_cluster_t;


/* "mutex" is of the table of servers; NULL: no memory */
hars_cluster_t *hars_cluster_create(const hars_redis_conf_t *conf,
    const hars_conn_conf_t *conn_conf, pthread_mutex_t *mutex);
void hars_cluster_free(hars_cluster_t *cluster);

/* without the mutex; HARS_OK: all slots have a master that is connected */
int hars_cluster_connect(hars_cluster_t *cluster,
    char error[HARS_CONN_ERROR]);

/* under the mutex; as hars_redis_runs() */
int hars_cluster_runs(hars_cluster_t *cluster, char runs[HARS_REDIS_RUNS]);

/* under the mutex; as hars_redis_run() */
int hars_cluster_run(hars_cluster_t *cluster, int64_t deadline,
    const hars_redis_command_t *command, unsigned n,
    char error[HARS_CONN_ERROR]);

#endif /* HARS_AS_CLUSTER_H */

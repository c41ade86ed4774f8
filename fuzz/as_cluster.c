
/*
 * What a server of a Cluster, a Sentinel or a master says of where others
 * are: an answer to CLUSTER SLOTS, to SENTINEL GET-MASTER-ADDR-BY-NAME, or
 * MOVED and ASK.  Each slot leads nowhere, or to a server with an address.
 */

#include "../backend/authserver/hars_as_cluster.c"
#include "../backend/authserver/hars_as_master.c"
#include "../backend/authserver/hars_as_conn.c"
#include "../backend/common/hars_clock.c"

#include <stdint.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
mapped(hars_cluster_t *cluster)
{
    unsigned  i, node;

    for (i = 0; i < HARS_KEY_SLOTS; i++) {
        node = cluster->slot[i];

        if (node != HARS_CLUSTER_NONE
            && (node >= HARS_CLUSTER_NODES
                || !hars_conn_server(cluster->node[node].server)))
        {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                       i;
    char                      server[HARS_CONN_SERVER];
    void                     *got;
    unsigned                  asking;
    redisReader              *reader;
    hars_conn_t               scout = { .server = "127.0.0.1:1" };
    pthread_mutex_t           mutex = PTHREAD_MUTEX_INITIALIZER;
    hars_cluster_t           *cluster;
    const hars_conn_conf_t    conn_conf = { .timeout = 1 };
    const hars_redis_conf_t   conf = { .n = 0 };

    reader = redisReaderCreate();
    cluster = hars_cluster_create(&conf, &conn_conf, &mutex);
    cluster->scout = &scout;

    redisReaderFeed(reader, (const char *) data, size);

    /* several answers of one input follow each other in the same table */

    for (i = 0; i < 8; i++) {
        got = NULL;

        if (redisReaderGetReply(reader, &got) != REDIS_OK || got == NULL) {
            break;
        }

        hars_cluster_map(cluster, got);
        mapped(cluster);

        if (hars_master_address(got, server) == HARS_OK
            && !hars_conn_server(server))
        {
            abort();
        }

        if (((redisReply *) got)->type == REDIS_REPLY_ERROR) {
            hars_cluster_hop(cluster, ((redisReply *) got)->str,
                             "127.0.0.1:1", &asking);
            mapped(cluster);
        }

        freeReplyObject(got);
    }

    redisReaderFree(reader);
    cluster->scout = NULL;
    hars_cluster_free(cluster);

    return 0;
}

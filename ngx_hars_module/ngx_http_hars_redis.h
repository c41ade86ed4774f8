
/*
 * Between the files of L2: what hars_redis says, the servers that follow from
 * it, and the connections of this worker to them.
 *
 *     redis_conf: the directive      redis: what is asked, and which node
 *     node: one connection, kept     topology: Sentinels, Cluster
 */

#ifndef _NGX_HTTP_HARS_REDIS_H_INCLUDED_
#define _NGX_HTTP_HARS_REDIS_H_INCLUDED_


#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_REDIS_NODES       64       /* of a Cluster */
#define NGX_HTTP_HARS_REDIS_NO_NODE     0xff
#define NGX_HTTP_HARS_REDIS_PREFIX_MAX  64
#define NGX_HTTP_HARS_REDIS_HOST_MAX    255
#define NGX_HTTP_HARS_REDIS_SERVER_MAX  (NGX_HTTP_HARS_REDIS_HOST_MAX        \
                                         + sizeof(":65535"))


typedef struct ngx_http_hars_node_s  ngx_http_hars_node_t;


/* where a server is; a name may have to be resolved first */
typedef struct {
    ngx_sockaddr_t               sockaddr;
    socklen_t                    socklen;    /* 0: no address yet */
    in_port_t                    port;
    size_t                       host_len;   /* of text; 0: no name */
    size_t                       len;
    u_char                       text[NGX_HTTP_HARS_REDIS_SERVER_MAX];
} ngx_http_hars_server_t;


/* a connection of this worker to one of some servers, made again and again */
struct ngx_http_hars_node_s {
    ngx_http_hars_redis_t       *redis;
    ngx_http_hars_link_t        *link;       /* NULL: not in use */

    ngx_http_hars_server_t      *servers;    /* tried in turn */
    ngx_uint_t                   nservers;
    ngx_uint_t                   next;       /* of servers */
    ngx_http_hars_server_t       server;     /* in use, or tried */
    ngx_str_t                    name;       /* its text */
    ngx_http_hars_server_t       before;     /* the last that was set up */
    ngx_http_hars_server_t       home;       /* servers, where it is one */
    u_char                       tls_name[NGX_HTTP_HARS_REDIS_HOST_MAX + 1];

    ngx_resolver_ctx_t          *resolve;    /* under way */
    ngx_event_t                  retry;
    ngx_uint_t                   failures;   /* in a row */
    ngx_msec_t                   since;      /* the outage began */

    void                       (*opened)(ngx_http_hars_node_t *node);
    void                       (*closed)(ngx_http_hars_node_t *node);

    unsigned                     down:1;     /* the outage is logged */
    unsigned                     probing:1;  /* a PING is in flight */
    unsigned                     master:1;   /* it has slots */
};


typedef enum {
    NGX_HTTP_HARS_SERVERS = 0,               /* replicas of each other */
    NGX_HTTP_HARS_SENTINEL,
    NGX_HTTP_HARS_CLUSTER
} ngx_http_hars_topology_e;


struct ngx_http_hars_redis_s {
    ngx_str_t                    zone_name;
    ngx_http_hars_zone_t        *zone;
    ngx_http_hars_topology_e     topology;
    ngx_str_t                    master;     /* what Sentinels call it */
    ngx_array_t                  servers;    /* ngx_http_hars_server_t */
    ngx_http_core_loc_conf_t    *clcf;       /* of http: its resolver */
    ngx_flag_t                   tls;
    ngx_str_t                    tls_ca;
    ngx_str_t                    tls_cert;
    ngx_str_t                    tls_key;
    ngx_str_t                    tls_name;
    ngx_str_t                    prefix;
    ngx_http_hars_link_conf_t    link_conf;
    ngx_http_hars_link_conf_t    channel_conf;
    ngx_http_hars_link_conf_t    scout_conf;
    ngx_flag_t                   revocations;
    uint32_t                     source;     /* a checksum, redis_source() */
    u_char                      *file;
    ngx_uint_t                   line;

    /* of the worker */
    ngx_log_t                   *log;
    ngx_http_hars_node_t        *nodes;      /* whom records are asked of */
    ngx_uint_t                   nnodes;
    u_char                      *slots;      /* of nodes; NULL: no Cluster */

    ngx_http_hars_node_t        *scout;      /* who knows the masters */
    ngx_http_hars_server_t      *known;      /* whom the scout may ask */
    ngx_event_t                  ask;
    unsigned                     asking:1;
    unsigned                     full:1;     /* logged: too many nodes */

    ngx_http_hars_link_t        *channel;
    ngx_http_hars_server_t       channel_server;
    ngx_str_t                    channel_name;       /* its text */
    u_char                       tls_host[NGX_HTTP_HARS_REDIS_HOST_MAX + 1];
    ngx_event_t                  channel_retry;
    ngx_uint_t                   channel_failures;
    unsigned                     channel_down:1;
};


/* ngx_http_hars_node.c */

ngx_int_t ngx_http_hars_node_create(ngx_http_hars_node_t *node,
    ngx_http_hars_redis_t *redis, ngx_http_hars_link_conf_t *conf);
void ngx_http_hars_node_destroy(ngx_http_hars_node_t *node);
/* from now on these are tried, at once */
void ngx_http_hars_node_start(ngx_http_hars_node_t *node,
    ngx_http_hars_server_t *servers, ngx_uint_t n);
/* a first connection may be waited for, a broken one may not */
ngx_uint_t ngx_http_hars_node_usable(ngx_http_hars_node_t *node);
ngx_uint_t ngx_http_hars_node_ready(ngx_http_hars_node_t *node);
/* opens a link to "server", whose address is known */
void ngx_http_hars_node_link(ngx_http_hars_redis_t *redis,
    ngx_http_hars_link_t *link, ngx_http_hars_server_t *server,
    ngx_str_t *name, u_char *tls_name);
/* a server by "host" and "port", as another server wrote them */
ngx_int_t ngx_http_hars_node_server(ngx_http_hars_server_t *server,
    ngx_str_t *host, in_port_t port);
ngx_uint_t ngx_http_hars_node_same(ngx_http_hars_server_t *one,
    ngx_http_hars_server_t *two);
/* ms until the next try, after so many failures */
ngx_msec_t ngx_http_hars_node_backoff(ngx_uint_t failures);
/* what links call, with their node */
void ngx_http_hars_node_opened(void *data, ngx_http_hars_link_t *link);
void ngx_http_hars_node_closed(void *data, ngx_http_hars_link_t *link,
    ngx_err_t err, const char *what);

/* ngx_http_hars_topology.c */

/* of the worker: whom to ask, beside the nodes themselves */
ngx_int_t ngx_http_hars_topology_init(ngx_http_hars_redis_t *redis);
void ngx_http_hars_topology_exit(ngx_http_hars_redis_t *redis);
/* something has changed: asks soon, and not only each second */
void ngx_http_hars_topology_ask(ngx_http_hars_redis_t *redis);
/*
 * "MOVED SLOT HOST:PORT", "ASK SLOT HOST:PORT" of "near": the node that is to
 * be asked instead, NULL: the error says something else.
 */
ngx_http_hars_node_t *ngx_http_hars_topology_redirect(
    ngx_http_hars_redis_t *redis, ngx_http_hars_node_t *near,
    ngx_str_t *error, ngx_uint_t *asking);

/* ngx_http_hars_redis.c */

/* what the link of the channel calls */
void ngx_http_hars_redis_channel_opened(void *data,
    ngx_http_hars_link_t *link);
void ngx_http_hars_redis_channel_closed(void *data,
    ngx_http_hars_link_t *link, ngx_err_t err, const char *what);
/* a node was set up; was closed */
void ngx_http_hars_redis_opened(ngx_http_hars_node_t *node);
void ngx_http_hars_redis_closed(ngx_http_hars_node_t *node);
/* the channel to where the stream is, once its server is there */
void ngx_http_hars_redis_follow(ngx_http_hars_redis_t *redis);


#endif /* _NGX_HTTP_HARS_REDIS_H_INCLUDED_ */

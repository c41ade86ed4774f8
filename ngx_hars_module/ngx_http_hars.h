
/*
 * The private header of the module: its data structures in the order in which
 * a request meets them, and what each file offers to the others.
 *
 * All lookups return nginx's words: NGX_OK an answer, NGX_DECLINED no answer
 * here, NGX_AGAIN suspended (the handler given is called later, exactly once,
 * unless cancelled), NGX_ERROR.  Facts are cached (hars_record_t), verdicts
 * never: ngx_http_hars_judge() runs at each entry into a protected location.
 */

#ifndef _NGX_HTTP_HARS_H_INCLUDED_
#define _NGX_HTTP_HARS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include <hars_record.h>


#define NGX_HTTP_HARS_TOKEN_MAX      4096
#define NGX_HTTP_HARS_ANSWER_MAX     65536   /* RFC 7662 answer, bytes */
#define NGX_HTTP_HARS_TOKEN_ID_LEN   8
#define NGX_HTTP_HARS_SLOTS          4
#define NGX_HTTP_HARS_GENERATIONS    4096    /* a power of two */
#define NGX_HTTP_HARS_NAME_MAX       128     /* a name in Redis */
#define NGX_HTTP_HARS_RUN_LEN        40      /* run_id of a Redis */
#define NGX_HTTP_HARS_TTL_MAX        (30 * 24 * 3600 * 1000UL)
#define NGX_HTTP_HARS_CHAIN_CERTS    8       /* in Client-Cert-Chain */
#define NGX_HTTP_HARS_BUCKETS        13      /* of a histogram, with +Inf */
#define NGX_HTTP_HARS_SHARDS         16      /* of the counters */
#define NGX_HTTP_HARS_WORKERS        128     /* process slots with gauges */


typedef struct ngx_http_hars_zone_s      ngx_http_hars_zone_t;
typedef struct ngx_http_hars_endpoint_s  ngx_http_hars_endpoint_t;
typedef struct ngx_http_hars_ctx_s       ngx_http_hars_ctx_t;
typedef struct ngx_http_hars_sub_s       ngx_http_hars_sub_t;
typedef struct ngx_http_hars_redis_s     ngx_http_hars_redis_t;
typedef struct ngx_http_hars_link_s      ngx_http_hars_link_t;
typedef struct ngx_http_hars_query_s     ngx_http_hars_query_t;
typedef struct ngx_http_hars_job_s       ngx_http_hars_job_t;
typedef struct ngx_http_hars_flight_s    ngx_http_hars_flight_t;
typedef struct ngx_http_hars_cache_s     ngx_http_hars_cache_t;
typedef struct ngx_http_hars_channel_s   ngx_http_hars_channel_t;
typedef struct ngx_http_hars_table_s     ngx_http_hars_table_t;
typedef struct ngx_http_hars_revoked_s   ngx_http_hars_revoked_t;
typedef struct ngx_http_hars_from_s      ngx_http_hars_from_t;


/* in the order of the answers; ngx_http_hars_verdicts[] has the names */
typedef enum {
    NGX_HTTP_HARS_NONE = 0,            /* not judged */
    NGX_HTTP_HARS_OK,
    NGX_HTTP_HARS_NO_TOKEN,
    NGX_HTTP_HARS_MALFORMED,
    NGX_HTTP_HARS_TOO_LONG,
    NGX_HTTP_HARS_INACTIVE,
    NGX_HTTP_HARS_NOT_YET_VALID,
    NGX_HTTP_HARS_EXPIRED,
    NGX_HTTP_HARS_NO_CERT,
    NGX_HTTP_HARS_CERT_REVOKED,
    NGX_HTTP_HARS_CNF_MISMATCH,
    NGX_HTTP_HARS_NO_CNF,
    NGX_HTTP_HARS_INSUFFICIENT_SCOPE,
    NGX_HTTP_HARS_WRONG_AUDIENCE,
    NGX_HTTP_HARS_WRONG_ISSUER,
    NGX_HTTP_HARS_REQUIRE_FAILED,
    NGX_HTTP_HARS_UNAVAILABLE,
    NGX_HTTP_HARS_OVERLOADED,
    NGX_HTTP_HARS_VERDICTS
} ngx_http_hars_verdict_e;


/* where the record came from; ngx_http_hars_sources[] has the names */
typedef enum {
    NGX_HTTP_HARS_SOURCE_NONE = 0,
    NGX_HTTP_HARS_SOURCE_L0,
    NGX_HTTP_HARS_SOURCE_L1,
    NGX_HTTP_HARS_SOURCE_L2,
    NGX_HTTP_HARS_SOURCE_INTROSPECTION,
    NGX_HTTP_HARS_SOURCE_STALE,
    NGX_HTTP_HARS_SOURCES
} ngx_http_hars_source_e;


/* the steps of a request, in order: "<" means earlier */
typedef enum {
    NGX_HTTP_HARS_BEARER = 0,          /* the token out of the request */
    NGX_HTTP_HARS_CERT,                /* the thumbprint of the connection */
    NGX_HTTP_HARS_L0,                  /* memo of this connection */
    NGX_HTTP_HARS_L1,                  /* shared memory zone */
    NGX_HTTP_HARS_FLIGHT,              /* one asks for all who wait */
    NGX_HTTP_HARS_STALE,               /* nobody could be asked */
    NGX_HTTP_HARS_FILL,                /* what was learnt, into L0 */
    NGX_HTTP_HARS_DECIDE,              /* record + thumbprint + now + conf */
    NGX_HTTP_HARS_REFUSE               /* no record: the verdict stands */
} ngx_http_hars_state_e;


#define NGX_HTTP_HARS_MODE_OFF       0
#define NGX_HTTP_HARS_MODE_ON        1
#define NGX_HTTP_HARS_MODE_REPORT    2
#define NGX_HTTP_HARS_MODES          2       /* in which is judged */

#define NGX_HTTP_HARS_BIND_OFF       0
#define NGX_HTTP_HARS_BIND_OPTIONAL  1
#define NGX_HTTP_HARS_BIND_REQUIRED  2

/* hars_override: one bit per check of "nginx -t" that may be waived */
#define NGX_HTTP_HARS_OVERRIDE_SATISFY         0x0002
#define NGX_HTTP_HARS_OVERRIDE_ERROR_PAGE      0x0004
#define NGX_HTTP_HARS_OVERRIDE_UNDERSCORES     0x0008
#define NGX_HTTP_HARS_OVERRIDE_INVALID_HEADERS 0x0010
#define NGX_HTTP_HARS_OVERRIDE_VERIFY          0x0020
#define NGX_HTTP_HARS_OVERRIDE_RESUMPTION      0x0040
#define NGX_HTTP_HARS_OVERRIDE_EARLY_DATA      0x0080
#define NGX_HTTP_HARS_OVERRIDE_CERT_FROM       0x0100


/*
 * What is counted, for the life of a zone.  Those that follow each other
 * without a blank line are one metric of the status page, told apart by a
 * label: ngx_http_hars_status.c has the names in the same order.
 */
typedef enum {
    NGX_HTTP_HARS_C_REQUESTS = 0,      /* by verdict, then mode */

    NGX_HTTP_HARS_C_SUBREQUESTS = NGX_HTTP_HARS_C_REQUESTS
                                  + NGX_HTTP_HARS_MODES
                                    * (NGX_HTTP_HARS_VERDICTS - 1),

    NGX_HTTP_HARS_C_LOOKUPS = NGX_HTTP_HARS_C_SUBREQUESTS
                              + NGX_HTTP_HARS_MODES,
    NGX_HTTP_HARS_C_NEGATIVE = NGX_HTTP_HARS_C_LOOKUPS
                               + NGX_HTTP_HARS_SOURCES - 1,

    NGX_HTTP_HARS_C_FLIGHTS,
    NGX_HTTP_HARS_C_RENEWALS,

    NGX_HTTP_HARS_C_WAITS,

    NGX_HTTP_HARS_C_FULL_QUEUE,
    NGX_HTTP_HARS_C_FULL_CLIENT,
    NGX_HTTP_HARS_C_FULL_FLIGHTS,

    NGX_HTTP_HARS_C_ASKED_ACTIVE,
    NGX_HTTP_HARS_C_ASKED_INACTIVE,
    NGX_HTTP_HARS_C_ASKED_FAILED,

    NGX_HTTP_HARS_C_REDIS_RECORD,
    NGX_HTTP_HARS_C_REDIS_TOMBSTONE,
    NGX_HTTP_HARS_C_REDIS_NONE,
    NGX_HTTP_HARS_C_REDIS_REJECTED,
    NGX_HTTP_HARS_C_REDIS_UNTOLD,
    NGX_HTTP_HARS_C_REDIS_DUE,
    NGX_HTTP_HARS_C_REDIS_FAILED,
    NGX_HTTP_HARS_C_REDIS_SKIPPED,

    NGX_HTTP_HARS_C_SEAL_FORM,
    NGX_HTTP_HARS_C_SEAL_KEY,
    NGX_HTTP_HARS_C_SEAL_SEAL,
    NGX_HTTP_HARS_C_SEAL_OLD,

    NGX_HTTP_HARS_C_CLOSED,            /* by link, then reason */

    NGX_HTTP_HARS_C_GAPS = NGX_HTTP_HARS_C_CLOSED + 3 * 3,

    NGX_HTTP_HARS_C_LOADS,

    NGX_HTTP_HARS_C_REVOKED_TOKEN,
    NGX_HTTP_HARS_C_REVOKED_CERT,

    NGX_HTTP_HARS_C_ENDED_TOKEN,
    NGX_HTTP_HARS_C_ENDED_CERT,

    /* histograms: buckets, then the sum in microseconds */

    NGX_HTTP_HARS_H_REDIS,

    NGX_HTTP_HARS_H_INTROSPECTION = NGX_HTTP_HARS_H_REDIS
                                    + NGX_HTTP_HARS_BUCKETS + 1,

    NGX_HTTP_HARS_COUNTERS = NGX_HTTP_HARS_H_INTROSPECTION
                             + NGX_HTTP_HARS_BUCKETS + 1
} ngx_http_hars_counter_e;


/* what a worker says of itself; the page adds up all workers */
typedef enum {
    NGX_HTTP_HARS_G_WORKERS = 0,
    NGX_HTTP_HARS_G_WAITERS,           /* requests that wait for a flight */
    NGX_HTTP_HARS_G_ASKING,
    NGX_HTTP_HARS_G_BACKLOG,
    NGX_HTTP_HARS_G_REDIS_AWAY,        /* the breaker is open */
    NGX_HTTP_HARS_G_REDIS_QUEUED,
    NGX_HTTP_HARS_G_RECORDS_READY,
    NGX_HTTP_HARS_G_RECORDS_DOWN,
    NGX_HTTP_HARS_G_CHANNEL_READY,
    NGX_HTTP_HARS_G_CHANNEL_DOWN,
    NGX_HTTP_HARS_GAUGES
} ngx_http_hars_gauge_e;

typedef struct {
    ngx_atomic_t               beat;         /* monotonic; 0: nobody */
    uint32_t                   gauge[NGX_HTTP_HARS_GAUGES];
} ngx_http_hars_worker_t;


/* a worker adds to a shard of its own, cache lines that others leave alone */
#define NGX_HTTP_HARS_SHARD                                                  \
    (ngx_align(NGX_HTTP_HARS_COUNTERS * sizeof(ngx_atomic_t), 64)            \
     / sizeof(ngx_atomic_t))

#define ngx_http_hars_count(zone, n)                                         \
    (void) ngx_atomic_fetch_add(&(zone)->counters[n], 1)


/* the end of the stream of revocations, as far as it was applied */
typedef struct {
    uint64_t                   ms;
    uint64_t                   seq;
    u_char                     run[NGX_HTTP_HARS_RUN_LEN];
    ngx_uint_t                 epoch;        /* of what it was told */
    unsigned                   known:1;
} ngx_http_hars_position_t;


/* the shared part of a zone; all times are monotonic */
typedef struct {
    u_char                     secret[HARS_SECRET_LEN];  /* without key= */

    ngx_http_hars_cache_t     *cache;        /* L1 */
    ngx_http_hars_table_t     *flights;
    ngx_http_hars_revoked_t   *revoked;      /* thumbprints */
    ngx_atomic_t              *counters;     /* all shards */
    ngx_http_hars_worker_t    *workers;      /* by process slot */

    ngx_msec_t                 created;
    ngx_atomic_t               suspect;      /* asked before: not believed */
    ngx_atomic_t               suspect_seen; /* "seen" at that time */
    ngx_atomic_t               configured;   /* whose workers write these: */
    ngx_atomic_t               source;       /* what they are of */
    ngx_atomic_t               seen;         /* all was known up to here */
    ngx_atomic_t               epoch;        /* of the run key, the latest */
    ngx_http_hars_position_t   position;
} ngx_http_hars_sh_t;


/* hars_zone: configuration, and what a worker holds of it */
struct ngx_http_hars_zone_s {
    ngx_str_t                  name;
    ngx_shm_zone_t            *shm_zone;
    ngx_http_hars_sh_t        *sh;           /* the shared part */
    ngx_slab_pool_t           *shpool;       /* its mutex is the zone's */

    ngx_msec_t                 ttl;          /* a record is believed */
    ngx_msec_t                 negative_ttl; /* "inactive" is believed */
    ngx_msec_t                 cap;          /* without news, believed */
    ngx_msec_t                 stale;        /* longest hars_stale_if_error */
    ngx_uint_t                 unknown;      /* garbage of one client */
    unsigned                   pushed:1;     /* revocations are */
    ngx_msec_t                 configured;   /* read at that time */
    uint32_t                   source;       /* of revocations, a checksum */

    unsigned                   has_key:1;    /* key= was given */
    u_char                     secret[HARS_SECRET_LEN];
    hars_keyer_t              *keyer;        /* of the worker */

    ngx_http_hars_redis_t     *redis;        /* hars_redis, or NULL */
    hars_seal_t               *seal;         /* of the worker */

    ngx_atomic_t              *counters;     /* the worker's shard */
    ngx_http_hars_worker_t    *worker;       /* NULL: no place for it */
    ngx_uint_t                 waiters;      /* requests of the worker */

    ngx_http_hars_flight_t   **flights;      /* of the worker, by number */
    ngx_queue_t                waits;        /* those others lead */
    ngx_uint_t                 swept;        /* revoked set at that time */
    ngx_http_hars_channel_t   *channel;

    u_char                    *file;         /* where the directive stands */
    ngx_uint_t                 line;
};


/* whom to ask, and under which identity the answers are kept */
struct ngx_http_hars_endpoint_s {
    ngx_str_t                  uri;          /* internal location */
    ngx_str_t                  issuer;
    ngx_str_t                  caller;       /* our client_id there */
    ngx_str_t                  zone_name;
    ngx_http_hars_zone_t      *zone;
    void                      *server;       /* of a private identity */
    u_char                     id[HARS_SHA256_LEN];
    ngx_uint_t                 max;          /* asked at once by a worker */
    ngx_uint_t                 backlog;      /* that wait for their turn */

    /* of the worker */
    ngx_uint_t                 asking;
    ngx_queue_t                waiting;      /* flights */
    ngx_uint_t                 nwaiting;

    u_char                    *file;
    ngx_uint_t                 line;
};


/*
 * What is known of a record beside its bytes: "asked" is when the question
 * was, the answer may be true no longer for what was revoked since.
 */
typedef struct {
    ngx_msec_t                 asked;
    ngx_msec_t                 deadline;
    ngx_atomic_uint_t          generation;   /* of its bucket, when read */
} ngx_http_hars_entry_t;


typedef struct {
    ngx_str_t                  path;         /* "realm_access.kind" */
    ngx_array_t                keys;         /* its members, zero-ended */
} ngx_http_hars_claim_t;


typedef struct {
    ngx_array_t                zones;        /* ngx_http_hars_zone_t * */
    ngx_array_t                redis;        /* ngx_http_hars_redis_t * */
    ngx_array_t                claims;       /* ngx_http_hars_claim_t */
    ngx_array_t                locations;    /* ngx_http_hars_location_t */
    ngx_array_t                endpoints;    /* ngx_http_hars_endpoint_t * */

    u_char                     claim_set[HARS_SHA256_LEN];

    u_char                   (*seal_secrets)[HARS_SECRET_LEN];
    ngx_uint_t                 nseal;

    ngx_uint_t                 status;       /* hars_status stands somewhere */
} ngx_http_hars_main_conf_t;


typedef struct {
    ngx_uint_t                 mode;
    ngx_uint_t                 override;     /* hars_override */
    ngx_flag_t                 mode_override; /* "hars off override" */
    ngx_str_t                  realm;
    ngx_http_hars_endpoint_t  *introspect;
    ngx_uint_t                 bind;
    ngx_array_t               *scope;        /* ngx_str_t; all needed */
    ngx_array_t               *audience;     /* ngx_str_t; one needed */
    ngx_array_t               *issuer;       /* ngx_str_t; one needed */
    ngx_array_t               *require;      /* ngx_http_complex_value_t */
    ngx_msec_t                 timeout;      /* bound on all lookups */
    ngx_msec_t                 refresh;      /* hars_refresh_before */
    ngx_msec_t                 stale;        /* hars_stale_if_error */
    ngx_uint_t                 status;       /* hars_status: the format */

    /* WWW-Authenticate, made once: RFC 6750, 3; RFC 8705, 3 */
    ngx_str_t                  challenge_bare;
    ngx_str_t                  challenge_request;
    ngx_str_t                  challenge_token;
    ngx_str_t                  challenge_scope;
    ngx_str_t                  challenge_require;

    u_char                    *file;         /* where "hars" stands */
    ngx_uint_t                 line;
} ngx_http_hars_loc_conf_t;


typedef struct {
    ngx_http_hars_from_t      *from;         /* hars_client_cert_from */
} ngx_http_hars_srv_conf_t;


/* what postconfiguration looks at, collected in merge_loc_conf */
typedef struct {
    ngx_http_hars_loc_conf_t  *hlcf;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;
} ngx_http_hars_location_t;


/*
 * What is known of a token, decoded once: L0 has it, and each request that
 * was judged by it until its pool is destroyed.  Not changed once it is made.
 */
typedef struct ngx_http_hars_fact_s  ngx_http_hars_fact_t;

struct ngx_http_hars_fact_s {
    ngx_uint_t                 owners;
    size_t                     size;         /* of data */
    ngx_http_hars_fact_t      *spare;        /* the next one, in the list */

    /* wiped with its last owner: */

    ngx_http_hars_endpoint_t  *endpoint;
    ngx_http_hars_entry_t      entry;
    u_char                     key[HARS_KEY_LEN];
    u_char                     id[NGX_HTTP_HARS_TOKEN_ID_LEN];
    size_t                     token_len;    /* 0: none of L0 */
    u_char                    *token;        /* into data */
    hars_record_t              record;       /* points into data */
    u_char                     data[1];      /* the token, then the record */
};


/* a proved token of this connection: L0 */
typedef struct {
    uint64_t                   mix;          /* of the token */
    ngx_http_hars_fact_t      *fact;         /* NULL: free */
} ngx_http_hars_slot_t;


/* what hangs on the SSL object: who the peer proved to be, and L0 */
typedef struct {
    time_t                     not_after;    /* of its certificate: */
    unsigned                   has_cert:1;   /* presented and verified */
    unsigned                   revoked:1;    /* when it was looked up: */
    ngx_http_hars_revoked_t   *looked_up;
    ngx_atomic_uint_t          version;
    u_char                     thumbprint[HARS_SHA256_LEN];
    ngx_http_hars_slot_t       slots[NGX_HTTP_HARS_SLOTS];
    ngx_uint_t                 crowded;      /* tokens that found no slot */
    u_char                     s256[HARS_B64_SHA256_LEN];
} ngx_http_hars_conn_t;


/* the certificate of a request that came through a trusted proxy */
typedef struct {
    ngx_str_t                  value;        /* Client-Cert as it came */
    ngx_str_t                  chain[NGX_HTTP_HARS_CHAIN_CERTS];
    ngx_uint_t                 lines;        /* of Client-Cert-Chain */
    size_t                     chain_len;    /* of all of them */
    ngx_uint_t                 bad;          /* more than one, or too long */
    ngx_http_hars_conn_t      *proxy;        /* trusted by its certificate */
    unsigned                   trusted:1;    /* the peer is: this counts */
    unsigned                   checked:1;
    unsigned                   has_cert:1;   /* verified */
    u_char                     thumbprint[HARS_SHA256_LEN];
    u_char                     s256[HARS_B64_SHA256_LEN];
} ngx_http_hars_header_cert_t;


/* a subrequest that was refused once */
struct ngx_http_hars_sub_s {
    ngx_http_request_t        *request;
    ngx_http_hars_verdict_e    verdict;      /* the latest judgement */
    ngx_http_hars_verdict_e    refusal;      /* the first */
    ngx_http_hars_sub_t       *next;
};


/* of a request that has to wait, or lasts: few are */
typedef struct {
    ngx_msec_t                 since;        /* it waits for the flight */
    ngx_event_t                timer;        /* hars_timeout */
    ngx_event_t                wake;
    ngx_event_t                watch;        /* over an upgraded connection */
} ngx_http_hars_wait_t;


struct ngx_http_hars_ctx_s {
    /* what its end has to look at, in one line of the processor's cache */

    ngx_http_hars_fact_t      *fact;         /* NULL: no record */
    ngx_http_hars_flight_t    *flight;       /* that it waits for */
    ngx_http_hars_wait_t      *wait;         /* NULL: it never had to */
    ngx_http_hars_ctx_t       *spare;        /* the next one, in the list */
    ngx_http_hars_endpoint_t  *endpoint;     /* whom the record is from */

    unsigned                   has_id:1;
    unsigned                   internal:1;   /* our own introspection */
    unsigned                   waiting:1;    /* suspended */
    unsigned                   counted:1;    /* by its first verdict */

    ngx_http_hars_state_e      state;
    ngx_http_hars_verdict_e    verdict;      /* the latest judgement */
    ngx_http_hars_verdict_e    refusal;      /* the first that was not ok */
    ngx_http_hars_verdict_e    failure;      /* why there is no record */
    ngx_http_hars_source_e     source;

    ngx_http_hars_conn_t      *conn;         /* NULL: no TLS, or a proxy's */
    u_char                    *thumbprint;   /* NULL: no certificate */
    ngx_http_hars_header_cert_t  *header;    /* NULL: not looked at yet */

    ngx_str_t                  token;        /* into the request's header */
    uint64_t                   mix;          /* of it, for L0 */
    ngx_http_hars_slot_t      *slot;         /* of L0, to fill, or NULL */
    u_char                     key[HARS_KEY_LEN];
    u_char                     id[NGX_HTTP_HARS_TOKEN_ID_LEN];
    ngx_http_hars_entry_t      entry;

    ngx_http_hars_sub_t       *subs;         /* its refused subrequests */

    /* while suspended: what to cancel, and how to go on */
    ngx_http_request_t        *request;
    ngx_int_t                  answer;       /* NGX_DONE: not asked yet */
    ngx_uint_t                 rounds;       /* flights waited for */
    ngx_http_hars_job_t       *job;          /* of our own introspection */
    ngx_queue_t                queue;        /* of the flight's waiters */
};


/*
 * What one token is asked about, once for all requests that wait.  The worker
 * that leads it asks Redis and the authority; in another worker it is only
 * those who wait there.
 */
struct ngx_http_hars_flight_s {
    ngx_http_hars_zone_t      *zone;
    ngx_uint_t                 number;       /* in the zone's table */
    uint32_t                   seq;          /* of this flight there */
    ngx_queue_t                waiters;      /* ngx_http_hars_ctx_t */
    ngx_queue_t                queue;        /* zone->waits, ep->waiting */

    unsigned                   leader:1;
    unsigned                   renewal:1;    /* nobody has to wait for it */
    unsigned                   waiting:1;    /* for its turn to ask */
    unsigned                   unknown:1;    /* the authority knows it not */

    /* of the leader */
    ngx_http_hars_endpoint_t  *endpoint;
    ngx_http_core_srv_conf_t  *server;       /* where it is asked */
    ngx_http_hars_main_conf_t *main;
    u_char                     key[HARS_KEY_LEN];
    u_char                     id[NGX_HTTP_HARS_TOKEN_ID_LEN];
    uint64_t                   client;       /* who caused it */
    ngx_msec_t                 asked;
    ngx_msec_t                 timeout;
    ngx_msec_t                 refresh;
    ngx_http_hars_query_t     *query;
    ngx_http_hars_job_t       *job;
    uint64_t                   sent;         /* what is asked now, us */
    ngx_event_t                timer;        /* hars_timeout */
    ngx_str_t                  token;
};


/*
 * One question to an authorization server, on a request of the worker's own:
 * it outlives the client that caused it, and fills the caches all the same.
 */
typedef void (*ngx_http_hars_answer_pt)(ngx_http_hars_job_t *job,
    ngx_int_t rc, u_char *json, size_t len);

struct ngx_http_hars_job_s {
    ngx_http_hars_flight_t    *flight;       /* valid until it is answered */
    ngx_http_hars_endpoint_t  *endpoint;
    u_char                     id[NGX_HTTP_HARS_TOKEN_ID_LEN];
    ngx_http_hars_answer_pt    answer;       /* called once */

    ngx_pool_t                *pool;         /* all of the job */
    ngx_log_t                  log;
    ngx_connection_t           connection;   /* has no socket */
    ngx_event_t                read;
    ngx_event_t                write;
    ngx_http_connection_t      hc;
    ngx_http_log_ctx_t         log_ctx;
    ngx_http_request_t        *request;      /* main request of its own */
    ngx_http_request_t        *subrequest;
    ngx_event_t                start;
    ngx_event_t                reap;

    ngx_int_t                  rc;           /* of the subrequest */
    unsigned                   done:1;
};


/*
 * Called exactly once, unless cancelled, with a value as it stands in Redis
 * (NGX_OK), or without one: there is none (NGX_DECLINED), or no answer
 * (NGX_ERROR).  "told": the server that it is from has been told of all
 * revocations.
 */
typedef void (*ngx_http_hars_value_pt)(void *data, ngx_int_t rc,
    u_char *value, size_t len, ngx_uint_t told);


/* a reply of Redis; a null array is NIL, too */
typedef enum {
    NGX_HTTP_HARS_REPLY_NIL = 0,
    NGX_HTTP_HARS_REPLY_STATUS,
    NGX_HTTP_HARS_REPLY_STRING,
    NGX_HTTP_HARS_REPLY_INTEGER,
    NGX_HTTP_HARS_REPLY_ERROR,
    NGX_HTTP_HARS_REPLY_ARRAY
} ngx_http_hars_reply_e;

typedef struct ngx_http_hars_reply_s  ngx_http_hars_reply_t;

struct ngx_http_hars_reply_s {
    ngx_http_hars_reply_e      type;
    ngx_str_t                  str;          /* STATUS, STRING, ERROR */
    int64_t                    integer;
    ngx_uint_t                 n;            /* of elts */
    ngx_http_hars_reply_t    **elts;
};


/*
 * Called exactly once, unless cancelled; "reply" is good during the call, NULL:
 * none will come (closed, timed out).
 */
typedef void (*ngx_http_hars_reply_pt)(void *data,
    ngx_http_hars_reply_t *reply);


/* what a server may send in one reply: what asks for more asks for ever */
#define NGX_HTTP_HARS_LINK_LARGE     1048576 /* bytes of a batch, of slots */
#define NGX_HTTP_HARS_LINK_ELTS      1024    /* of one array */
#define NGX_HTTP_HARS_LINK_NODES     32768   /* of one reply */


typedef enum {
    NGX_HTTP_HARS_LINK_CLOSED = 0,
    NGX_HTTP_HARS_LINK_SETUP,                /* connecting, AUTH to PING */
    NGX_HTTP_HARS_LINK_READY
} ngx_http_hars_link_state_e;


/* what links of one kind have in common, and who owns them */
typedef struct {
    ngx_str_t                  user;
    ngx_str_t                  password;
    ngx_str_t                  db;
    ngx_msec_t                 timeout;      /* of each command of the setup */
    size_t                     reply_max;    /* bytes of one reply */
    ngx_ssl_t                 *ssl;          /* NULL: no TLS */
    unsigned                   channel:1;    /* never holds a leaving worker */
    unsigned                   stays:1;      /* with it, to its end */

    void                     (*opened)(void *data,
                                       ngx_http_hars_link_t *link);
    /* "what" is NULL where nothing failed: the worker leaves */
    void                     (*closed)(void *data, ngx_http_hars_link_t *link,
                                       ngx_err_t err, const char *what);
    unsigned                   info:1;       /* run_id is wanted */
    unsigned                   moves:1;      /* MOVED, ASK: no errors */
} ngx_http_hars_link_conf_t;


typedef struct {
    ngx_str_t                  server;       /* in use, or tried next */
    ngx_http_hars_link_state_e state;
    ngx_uint_t                 failures;     /* in a row */
    time_t                     outage;       /* seconds since it began */
    ngx_uint_t                 queued;       /* queries in flight */
    unsigned                   channel:1;    /* the channel's link is ready */
} ngx_http_hars_redis_info_t;


/* ngx_http_hars_module.c */

extern ngx_module_t  ngx_http_hars_module;
extern ngx_str_t     ngx_http_hars_verdicts[];
extern ngx_str_t     ngx_http_hars_sources[];

/* ngx_http_hars_check.c */

/* "nginx -t": is a protected location undone by what surrounds it? */
ngx_int_t ngx_http_hars_check(ngx_conf_t *cf, ngx_http_hars_main_conf_t *hmcf,
    ngx_http_hars_location_t *location);
/* the same, also where nothing is protected */
ngx_int_t ngx_http_hars_check_address(ngx_conf_t *cf,
    ngx_http_hars_location_t *location);
/* says what is wrong with a location, and where; returns NGX_ERROR */
ngx_int_t ngx_http_hars_emerg(ngx_conf_t *cf,
    ngx_http_hars_location_t *location, const char *what);

/* ngx_http_hars_variables.c */

/* registers the $hars_* variables; in preconfiguration */
ngx_int_t ngx_http_hars_add_variables(ngx_conf_t *cf);
/* registers one of hars_claim_set, "index" into the record's claims */
ngx_int_t ngx_http_hars_add_claim_variable(ngx_conf_t *cf, ngx_str_t *name,
    ngx_uint_t index);

/* ngx_http_hars_access.c */

ngx_int_t ngx_http_hars_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_hars_preaccess_handler(ngx_http_request_t *r);
ngx_http_hars_ctx_t *ngx_http_hars_create_ctx(ngx_http_request_t *r);
/* the context of the main request, found again after redirects, or NULL */
ngx_http_hars_ctx_t *ngx_http_hars_get_ctx(ngx_http_request_t *r);
/* the end of what a request waited for; it goes on in a turn of its own */
void ngx_http_hars_resume(ngx_http_hars_ctx_t *ctx, ngx_int_t answer,
    ngx_http_hars_source_e source);
/* the refusal of a subrequest, or of one that it is part of, or NULL */
ngx_http_hars_sub_t *ngx_http_hars_get_sub(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);

/* ngx_http_hars_bearer.c */

/* RFC 6750, 2.1: NGX_OK, or the verdict NO_TOKEN, MALFORMED, TOO_LONG */
ngx_http_hars_verdict_e ngx_http_hars_bearer(ngx_http_request_t *r,
    ngx_str_t *token);
/* RFC 6750, 3: sets the answer's headers, returns the status */
ngx_int_t ngx_http_hars_challenge(ngx_http_request_t *r,
    ngx_http_hars_verdict_e verdict);
/* makes the challenges of a location, once */
ngx_int_t ngx_http_hars_init_challenges(ngx_conf_t *cf,
    ngx_http_hars_loc_conf_t *hlcf);

/* ngx_http_hars_thumbprint.c */

ngx_int_t ngx_http_hars_thumbprint_init(ngx_log_t *log);
/* what hangs on the connection, made at the first call; NULL without TLS */
ngx_int_t ngx_http_hars_conn(ngx_http_request_t *r,
    ngx_http_hars_conn_t **conn);
/* is its certificate a proof, now?  NULL is none */
ngx_uint_t ngx_http_hars_conn_proves(ngx_http_hars_conn_t *conn);
/* the verified certificate of a client's connection, or NGX_DECLINED */
ngx_int_t ngx_http_hars_peer(ngx_connection_t *c, u_char *thumbprint);
/* who this request is from: sets ctx->thumbprint, and ctx->conn for L0 */
ngx_int_t ngx_http_hars_prove(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);
/* the thumbprint of this request in base64url, or NULL */
ngx_int_t ngx_http_hars_s256(ngx_http_request_t *r, u_char **s256);
/* RFC 9440, 2.1: the verified certificate as a byte sequence, or empty */
ngx_int_t ngx_http_hars_client_cert(ngx_http_request_t *r, ngx_str_t *value);
ngx_int_t ngx_http_hars_random(u_char *dst, size_t len);
/* in constant time: 1 equal, 0 not */
ngx_int_t ngx_http_hars_equal(u_char *a, u_char *b, size_t len);
/* Client-Cert, Client-Cert-Chain, Hars-*, "_" for "-" too */
ngx_uint_t ngx_http_hars_reserved_header(ngx_table_elt_t *h);
/* POST_READ: Client-Cert, Client-Cert-Chain, Hars-* of the client go */
ngx_int_t ngx_http_hars_strip_handler(ngx_http_request_t *r);
/* REWRITE: the same after internal redirects */
ngx_int_t ngx_http_hars_strip_internal_handler(ngx_http_request_t *r);

/* ngx_http_hars_rfc9440.c */

/*
 * One byte sequence from *pos on, which is moved behind it; "dst" has room
 * for 3/4 of the rest.  NGX_OK, or NGX_DECLINED for anything else.
 */
ngx_int_t ngx_http_hars_byte_sequence(u_char **pos, u_char *last, u_char *dst,
    size_t *len);
/* behind a member of a list: NGX_OK another follows, NGX_DONE, NGX_DECLINED */
ngx_int_t ngx_http_hars_next_member(u_char **pos, u_char *last);

/* ngx_http_hars_from.c: the certificate of a client behind a proxy */

char *ngx_http_hars_client_cert_from(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* does it trust mere addresses? */
ngx_uint_t ngx_http_hars_from_address(ngx_http_hars_from_t *from);
/* what the peer says of this request's client; NULL without memory */
ngx_http_hars_header_cert_t *ngx_http_hars_from_header(
    ngx_http_request_t *r);
/* verifies it, once; NGX_ERROR without memory */
ngx_int_t ngx_http_hars_from_check(ngx_http_request_t *r,
    ngx_http_hars_header_cert_t *header);

/* ngx_http_hars_token.c */

/*
 * An introspection answer (RFC 7662, 2.2) to a record whose strings live in
 * "pool".  NGX_OK, NGX_DECLINED for an answer that is not understood (the
 * reason in *why, a constant), NGX_ERROR without memory.
 */
ngx_int_t ngx_http_hars_token_parse(ngx_pool_t *pool, ngx_array_t *claims,
    u_char *json, size_t len, hars_record_t *record, const char **why);

/* ngx_http_hars_policy.c */

/*
 * May this request pass?  Record, the connection's thumbprint (NULL: no
 * certificate), wall clock in seconds, location.  hars_require is not here:
 * it reads variables of the request.
 */
ngx_http_hars_verdict_e ngx_http_hars_policy(hars_record_t *record,
    u_char *thumbprint, int64_t now, ngx_http_hars_loc_conf_t *hlcf);

/* ngx_http_hars_memo.c: L0, and what requests hold of it */

/* NGX_OK: ctx->fact, which the request owns from now on; or NGX_DECLINED */
ngx_int_t ngx_http_hars_memo_get(ngx_http_hars_ctx_t *ctx,
    ngx_msec_t refresh);
/* keeps ctx->fact on the connection */
void ngx_http_hars_memo_put(ngx_http_hars_ctx_t *ctx);
void ngx_http_hars_memo_wipe(ngx_http_hars_conn_t *conn);
/*
 * ctx->fact out of the bytes of a record, with ctx->entry.  NGX_DECLINED:
 * they are none of a token that is active; NGX_ERROR without memory.
 */
ngx_int_t ngx_http_hars_fact(ngx_http_request_t *r, ngx_http_hars_ctx_t *ctx,
    u_char *record, size_t len);
/* wiped with its last owner */
void ngx_http_hars_fact_drop(ngx_http_hars_fact_t *fact);
/* ctx->fact is let go at the request's end: variables may point into it */
ngx_int_t ngx_http_hars_fact_leave(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx);

/* ngx_http_hars_zone.c: what workers share, and what of it is believed */

ngx_int_t ngx_http_hars_zone_init(ngx_shm_zone_t *shm_zone, void *data);
size_t ngx_http_hars_zone_min_size(void);
void ngx_http_hars_zone_secret(ngx_http_hars_zone_t *zone, u_char *secret);
/* takes the mutex, and empties what a dead worker left half changed */
void ngx_http_hars_zone_lock(ngx_http_hars_zone_t *zone);
void ngx_http_hars_zone_unlock(ngx_http_hars_zone_t *zone);
/* until when an entry is believed, as far as is known now; monotonic, ms */
ngx_msec_t ngx_http_hars_until(ngx_http_hars_zone_t *zone,
    ngx_http_hars_entry_t *entry);
/* the time of a question that is about to be sent */
ngx_msec_t ngx_http_hars_asked(ngx_http_hars_zone_t *zone);
/* since when it ought to be asked again, so that nobody waits for it */
ngx_msec_t ngx_http_hars_renew_at(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_http_hars_entry_t *entry, ngx_msec_t refresh);
/*
 * In a worker that begins: what the zone knows of revocations is from now on
 * said by workers of its configuration, and of what they follow.
 */
void ngx_http_hars_zone_follow(ngx_http_hars_zone_t *zone);
/* no worker of a later configuration has begun; certain under the mutex */
ngx_uint_t ngx_http_hars_zone_follows(ngx_http_hars_zone_t *zone);
/* are the latest revocations known? */
ngx_uint_t ngx_http_hars_live(ngx_http_hars_zone_t *zone);
/* a revocation: denies the key, whatever is stored or on its way */
void ngx_http_hars_revoke(ngx_http_hars_zone_t *zone, u_char *key);
/* a gap in the revocations: what was asked until now is not believed */
void ngx_http_hars_suspect(ngx_http_hars_zone_t *zone);
/* how long a record is believed from now on: min(ttl, exp), jittered, ms */
ngx_msec_t ngx_http_hars_record_ttl(ngx_http_hars_zone_t *zone,
    hars_record_t *record);

/* ngx_http_hars_cache.c: L1; under the zone's mutex unless said */

/* makes it in "size" bytes of zeroes, aligned to 64 */
ngx_http_hars_cache_t *ngx_http_hars_cache_create(u_char *p, size_t size);
/* empties the parts whose change was cut short */
void ngx_http_hars_cache_check(ngx_http_hars_cache_t *cache);
ngx_atomic_t *ngx_http_hars_cache_generation(ngx_http_hars_cache_t *cache,
    u_char *key);
/*
 * NGX_OK with the record's bytes in "dst" (HARS_RECORD_MAX), *len zero for a
 * denial; NGX_DECLINED.  It is found for so many ms after it was believed.
 */
ngx_int_t ngx_http_hars_cache_get(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t stale, u_char *dst, size_t *len,
    ngx_http_hars_entry_t *entry);
/* the same, takes the mutex */
ngx_int_t ngx_http_hars_zone_get(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t stale, u_char *dst, size_t *len,
    ngx_http_hars_entry_t *entry);
/* what zone_get() will read of a key; it takes the time of a cache miss */
void ngx_http_hars_zone_ahead(ngx_http_hars_zone_t *zone, u_char *key);
/* ends what L0 remembers, on all connections */
void ngx_http_hars_cache_forget(ngx_http_hars_cache_t *cache);
/* never fails loudly, and never undoes a denial */
void ngx_http_hars_cache_put(ngx_http_hars_zone_t *zone, u_char *key,
    u_char *record, size_t len, ngx_http_hars_entry_t *entry);
/* what the authority does not know, in a part of its own */
void ngx_http_hars_cache_deny(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t deadline);
/* what was revoked, among the records; NGX_DECLINED: it was so already */
ngx_int_t ngx_http_hars_cache_revoke(ngx_http_hars_zone_t *zone, u_char *key,
    ngx_msec_t deadline);

/* how full the parts are: records, then denials; takes the mutex */
typedef struct {
    ngx_uint_t                 entries;
    ngx_uint_t                 evicted;
    ngx_uint_t                 emptied;      /* a worker died in a change */
    ngx_uint_t                 used;         /* bytes */
    ngx_uint_t                 size;
} ngx_http_hars_fill_t;

void ngx_http_hars_zone_fill(ngx_http_hars_zone_t *zone,
    ngx_http_hars_fill_t fill[2]);

/* ngx_http_hars_flight.c: one asks, the others wait */

/* the eventfds, once, in the master */
ngx_int_t ngx_http_hars_flight_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_hars_flight_init_process(ngx_http_hars_main_conf_t *hmcf,
    ngx_cycle_t *cycle);
void ngx_http_hars_flight_exit_process(ngx_http_hars_zone_t *zone);
size_t ngx_http_hars_table_size(size_t zone_size);
/* in that many bytes of zeroes, aligned to 64 */
ngx_http_hars_table_t *ngx_http_hars_table_create(u_char *p,
    size_t zone_size);
void ngx_http_hars_table_check(ngx_http_hars_table_t *table);
void ngx_http_hars_table_stat(ngx_http_hars_zone_t *zone, ngx_uint_t *used,
    ngx_uint_t *max);
/*
 * NGX_AGAIN: the request waits, ngx_http_hars_resume() follows; NGX_OK: L1
 * has it by now; NGX_ERROR: it could not be asked a moment ago, and "stale"
 * serves; NGX_BUSY: too much is asked already; NGX_ABORT: no memory.
 */
ngx_int_t ngx_http_hars_flight_join(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf);
/* the request waits no longer */
void ngx_http_hars_flight_leave(ngx_http_hars_ctx_t *ctx);
/* is there anybody who waits, or may wait in another worker? */
ngx_uint_t ngx_http_hars_flight_wanted(ngx_http_hars_flight_t *flight);
/* asks in the background, where nobody does */
void ngx_http_hars_flight_renew(ngx_http_request_t *r,
    ngx_http_hars_ctx_t *ctx, ngx_http_hars_loc_conf_t *hlcf);
/*
 * The end of what this worker asked, with the answer of the table for those
 * who wait.  ngx_http_hars_flight_store() stores a record first; "len" zero:
 * the authority does not know the token.  NGX_DECLINED: it was revoked
 * meanwhile, or another worker has taken the flight over.
 */
void ngx_http_hars_flight_done(ngx_http_hars_flight_t *flight,
    ngx_int_t answer, ngx_http_hars_source_e source);
ngx_int_t ngx_http_hars_flight_store(ngx_http_hars_flight_t *flight,
    u_char *record, size_t len, ngx_http_hars_entry_t *entry);
/* under the mutex: what is on its way for the key is not to be stored */
void ngx_http_hars_flight_poison(ngx_http_hars_zone_t *zone, u_char *key);
/* wakes the other workers of the zone, all of them */
void ngx_http_hars_flight_wake(void);

/* ngx_http_hars_inquiry.c: what a flight asks, and what is learnt */

/* Redis, then the authority; ends in ngx_http_hars_flight_done() */
void ngx_http_hars_inquire(ngx_http_hars_flight_t *flight);
/* asks no more; done is not called */
void ngx_http_hars_inquiry_cancel(ngx_http_hars_flight_t *flight);

/* ngx_http_hars_revoked.c: revoked certificates */

size_t ngx_http_hars_revoked_size(size_t zone_size);
ngx_http_hars_revoked_t *ngx_http_hars_revoked_create(u_char *p,
    size_t zone_size);
/* under the mutex; NGX_ERROR: a change was cut short, the set was emptied */
ngx_int_t ngx_http_hars_revoked_check(ngx_http_hars_revoked_t *revoked);
/* a thumbprint until its certificate's notAfter; NGX_DECLINED: it is full */
ngx_int_t ngx_http_hars_revoked_add(ngx_http_hars_zone_t *zone,
    u_char *thumbprint, time_t until);
/* it had no place for one: not all are known */
ngx_uint_t ngx_http_hars_revoked_full(ngx_http_hars_zone_t *zone);
/* it is full, and time for this worker to read all again */
ngx_uint_t ngx_http_hars_revoked_due(ngx_http_hars_zone_t *zone);
/*
 * All that Redis has were added since "refused" were: where none had no place
 * meanwhile it is full no longer (NGX_OK).  Under the mutex.
 */
ngx_uint_t ngx_http_hars_revoked_refused(ngx_http_hars_zone_t *zone);
ngx_int_t ngx_http_hars_revoked_all(ngx_http_hars_zone_t *zone,
    ngx_uint_t refused);
void ngx_http_hars_revoked_stat(ngx_http_hars_zone_t *zone, ngx_uint_t *used,
    ngx_uint_t *max);
/* is that certificate revoked?  Or that of the connection, which remembers */
ngx_uint_t ngx_http_hars_revoked(ngx_http_hars_zone_t *zone,
    u_char *thumbprint);
ngx_uint_t ngx_http_hars_conn_revoked(ngx_http_hars_zone_t *zone,
    ngx_http_hars_conn_t *conn);
/* this worker's connections of certificates revoked since the last time */
void ngx_http_hars_revoked_sweep(ngx_http_hars_zone_t *zone);

/* ngx_http_hars_link.c: a connection of this worker to a Redis server */

ngx_http_hars_link_t *ngx_http_hars_link_create(
    ngx_http_hars_link_conf_t *conf, void *data, ngx_log_t *log);
void ngx_http_hars_link_destroy(ngx_http_hars_link_t *link);
/*
 * "opened" or "closed" of its conf is called, perhaps before it returns.  With
 * TLS the certificate has to be good for "tls_name" (zero-ended).
 */
void ngx_http_hars_link_open(ngx_http_hars_link_t *link, ngx_addr_t *addr,
    ngx_str_t *tls_name);
void ngx_http_hars_link_close(ngx_http_hars_link_t *link);
ngx_http_hars_link_state_e ngx_http_hars_link_state(
    ngx_http_hars_link_t *link);
ngx_uint_t ngx_http_hars_link_queued(ngx_http_hars_link_t *link);
/* the run_id of its server; zeroes where it is not known */
u_char *ngx_http_hars_link_run(ngx_http_hars_link_t *link);
/*
 * Sends a command; "done" is called exactly once within "timeout" ms, unless
 * it is NULL.  NGX_OK; NGX_DECLINED: the link is closed or its queue full;
 * NGX_ERROR.
 */
ngx_int_t ngx_http_hars_link_command(ngx_http_hars_link_t *link,
    ngx_str_t *argv, ngx_uint_t argc, ngx_msec_t timeout,
    ngx_http_hars_reply_pt done, void *data);
/* closes a link whose server answered nonsense; it is made again */
void ngx_http_hars_link_fail(ngx_http_hars_link_t *link, const char *what);

/* ngx_http_hars_redis.c: L2, which server is asked */

char *ngx_http_hars_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_str_t *ngx_http_hars_redis_zone_name(ngx_http_hars_redis_t *redis);
void ngx_http_hars_redis_set_zone(ngx_http_hars_redis_t *redis,
    ngx_http_hars_zone_t *zone);
ngx_str_t *ngx_http_hars_redis_prefix(ngx_http_hars_redis_t *redis);
/* which stream of revocations that is, a checksum */
uint32_t ngx_http_hars_redis_source(ngx_http_hars_redis_t *redis);
/* revocations=: whether there is a channel */
ngx_uint_t ngx_http_hars_redis_revocations(ngx_http_hars_redis_t *redis);
/* for the status page, of this worker */
void ngx_http_hars_redis_state(ngx_http_hars_redis_t *redis,
    ngx_http_hars_redis_info_t *info);
void ngx_http_hars_redis_where(ngx_http_hars_redis_t *redis, u_char **file,
    ngx_uint_t *line);
ngx_int_t ngx_http_hars_redis_init_process(ngx_http_hars_redis_t *redis,
    ngx_cycle_t *cycle);
void ngx_http_hars_redis_exit_process(ngx_http_hars_redis_t *redis);
/*
 * Asks for a key.  NGX_AGAIN: "done" is called later with the value as it
 * stands in Redis, or without one; NGX_DECLINED: not to be asked now.
 */
ngx_int_t ngx_http_hars_redis_get(ngx_http_hars_redis_t *redis, u_char *key,
    ngx_http_hars_value_pt done, void *data, ngx_http_hars_query_t **query);
void ngx_http_hars_redis_cancel(ngx_http_hars_query_t *query);
/* SET NX PX, its answer is not waited for */
void ngx_http_hars_redis_put(ngx_http_hars_redis_t *redis, u_char *key,
    u_char *value, size_t len, ngx_msec_t ttl);

/* ngx_http_hars_channel.c: revocations, as they are pushed */

/* the worker's second connection to Redis is set up, or was closed */
void ngx_http_hars_channel_opened(ngx_http_hars_zone_t *zone,
    ngx_http_hars_link_t *link);
void ngx_http_hars_channel_closed(ngx_http_hars_zone_t *zone);
void ngx_http_hars_channel_exit_process(ngx_http_hars_zone_t *zone);
/* has the server of that run_id been told of all revocations? */
ngx_uint_t ngx_http_hars_channel_told(ngx_http_hars_zone_t *zone,
    u_char *run);

/* ngx_http_hars_introspect.c */

/*
 * Asks the authorization server about the token of "flight".  NGX_OK:
 * "answer" is called later with the JSON of a status 200 (NGX_OK), or NGX_ERROR
 * where there is no usable answer; NGX_ERROR: could not ask.
 */
ngx_int_t ngx_http_hars_introspect(ngx_http_hars_flight_t *flight,
    ngx_http_hars_answer_pt answer);
/* the question is given up, "answer" is not called */
void ngx_http_hars_introspect_cancel(ngx_http_hars_job_t *job);

/* ngx_http_hars_status.c: what an operator sees */

char *ngx_http_hars_status_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_hars_status_init_process(ngx_http_hars_main_conf_t *hmcf,
    ngx_cycle_t *cycle);
void ngx_http_hars_status_exit_process(ngx_http_hars_main_conf_t *hmcf);
/* monotonic, in microseconds; for what goes over a network alone */
uint64_t ngx_http_hars_clock(void);
/* what took from "sent" until now, into a NGX_HTTP_HARS_H_... */
void ngx_http_hars_observe(ngx_http_hars_zone_t *zone, ngx_uint_t histogram,
    uint64_t sent);
/*
 * A link to Redis that was closed: 0 for records, 1 the channel, 2 to who
 * knows the masters; "err" and "what" as its owner gets them.
 */
void ngx_http_hars_count_closed(ngx_http_hars_zone_t *zone, ngx_uint_t link,
    ngx_err_t err, const char *what);


#endif /* _NGX_HTTP_HARS_H_INCLUDED_ */

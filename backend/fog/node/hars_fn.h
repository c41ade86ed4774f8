
/*
 * hars-fognode, the daemon at the edge (docs/fog-edge.md):
 *
 *     wearable -> link -> M1 -> M2 -> gateway, fogcloud -> M3 -> M4 -> link
 *     link -> records -> spool (synced) -> KEPT -> gateway, DCM -> ACTIVITY
 *
 * One thread has the links, the node's own state and all sessions; it never
 * waits for anybody.  Calls through the gateway are made by threads that know
 * nothing of sessions; what they bring comes back by an eventfd.
 */

#ifndef HARS_FN_H
#define HARS_FN_H


#include "aka_fognode.h"
#include "aka_session.h"
#include "hars_clock.h"
#include "hars_fn_metrics.h"
#include "hars_fn_rate.h"
#include "hars_fog_frame.h"
#include "hars_fog_text.h"
#include "hars_grant.h"
#include "hars_record.h"
#include "hars_self.h"
#include "hars_settings.h"
#include "hars_socket.h"
#include "hars_workers.h"

#include <stdatomic.h>


#define HARS_EXIT_OK            0
#define HARS_EXIT_FAILED        1
#define HARS_EXIT_USAGE         2

#define HARS_FN_LINKS           256       /* at a time */
#define HARS_FN_PENDING         64        /* sessions that are not open yet */
#define HARS_FN_OUT             65536     /* bytes that wait for a link */
#define HARS_FN_ANSWER          4096      /* of fogcloud, most */
#define HARS_FN_SID             (2 * HARS_AKA_SID + 1)


typedef struct {
    char               *socket;
    char               *listen;           /* ADDRESS:PORT, NULL: no TCP */
    char               *state;
    char               *seal_key;
    char               *spool;
    unsigned long       spool_bytes;
    unsigned long       rate;
    unsigned long       burst;
    char               *fog_url;
    char               *fog_resource;
    char               *dcm_url;
    char               *dcm_resource;
    hars_self_t         self;
    char               *metrics;          /* a Unix socket, NULL: none */
    char               *metrics_user;     /* may ask there, beside oneself */
} hars_fn_conf_t;


/* what a link is doing; the order is that of a session's life */
typedef enum {
    HARS_LINK_IDLE = 0,                   /* no session */
    HARS_LINK_ASKED,                      /* M2 is on its way */
    HARS_LINK_PROVISIONAL,                /* M4 went out */
    HARS_LINK_CONFIRMING,                 /* the first record is */
    HARS_LINK_OPEN
} hars_fn_link_e;


struct addrinfo;

typedef struct hars_fn_s  hars_fn_t;
typedef struct hars_spool_s  hars_spool_t;
typedef struct hars_spooled_s  hars_spooled_t;
typedef struct hars_carrier_s  hars_carrier_t;


typedef struct {
    int                 fd;               /* -1: a free place */
    uint64_t            serial;           /* of the link, never again */
    hars_fn_source_t    source;
    int64_t             touched;          /* ms, monotonic: it came, or sent
                                             what was good */
    hars_fn_link_e      state;
    unsigned            again:1;          /* M2 was made a second time */
    unsigned            events;           /* of epoll, now */

    hars_aka_relay_t    relay;
    hars_aka_session_t  session;
    hars_aka_channel_t  up;
    hars_aka_channel_t  down;
    char                sid[HARS_FN_SID];

    unsigned char       first[HARS_FRAME_MAX];    /* the first record */
    size_t              first_len;
    unsigned char       text[HARS_FRAME_MAX];     /* ... opened */
    int64_t             asked;            /* ms: confirmation was asked */
    unsigned            asking:1;
    int64_t             lasts;            /* ms from M3, fogcloud says; of
                                             one that is open */

    hars_spooled_t     *spooled;          /* the recording in hand */
    unsigned            recordings;       /* of this session so far */
    unsigned            placement;        /* of the one in hand */
    unsigned            rows;             /* in it so far */
    uint64_t            begin;            /* us: of its first row */
    uint64_t            number;           /* of the last record taken */
    uint64_t            last;             /* us: of the last row */
    unsigned            unsaid:1;         /* KEPT is due */

    size_t              in;
    unsigned char       bytes[2 * (HARS_FRAME_HEAD + HARS_FRAME_MAX)];
    size_t              out;
    unsigned char      *waiting;          /* HARS_FN_OUT, NULL: none yet */
} hars_fn_link_t;


/* a call to fogcloud, and who wants its answer */
typedef struct hars_fn_call_s  hars_fn_call_t;

struct hars_fn_call_s {
    hars_work_t         work;
    hars_fn_t          *fn;
    unsigned            link;
    uint64_t            serial;
    char                path[128];
    unsigned char       body[HARS_FRAME_MAX];
    size_t              len;
    void              (*done)(hars_fn_t *fn, hars_fn_link_t *link,
                              hars_fn_call_t *call);
    int64_t             made;             /* ms, monotonic */
    long                status;           /* 0: there is no answer */
    unsigned char       answer[HARS_FN_ANSWER];
    size_t              answer_len;
    hars_fn_call_t     *next;
};


struct hars_fn_s {
    hars_fn_conf_t      conf;
    hars_settings_t    *settings;
    hars_seal_t        *seal;
    hars_aka_fog_t      fog;
    uint64_t            reserved;         /* counters up to it are stored */
    unsigned            dirty:1;          /* the seed is not stored */
    int                 epoll;
    int                 event;            /* eventfd: calls are done */
    hars_socket_t       socket;
    int                 tcp;
    hars_fn_rates_t     rates;
    uint64_t            serial;
    unsigned            pending;
    hars_spool_t       *spool;
    hars_carrier_t     *carrier;
    struct hars_uplink_s  *uplink;
    hars_fn_metrics_t   metrics;
    struct hars_http_s *http;             /* NULL: no metrics */
    hars_fn_link_t     *link;             /* HARS_FN_LINKS */
};


/* hars_fn_settings.c */
int hars_fn_configure(hars_fn_t *fn, const char *file);
void hars_fn_settings_help(void);

/*
 * hars_fn_state.c: the node's own state, sealed.  Before an M2 the counter
 * that it has is stored, some of them ahead, and the seed that it goes out
 * under.  HARS_ERROR: logged.
 */
int hars_fn_state_read(hars_fn_t *fn);
int hars_fn_state_write(hars_fn_t *fn);
int hars_fn_state_advance(hars_fn_t *fn);

/* hars_fn_register.c: POST /v1/fog/nodes, or "file" has its answer */
int hars_fn_register(hars_fn_t *fn, const char *file);

/* hars_fn_serve.c: until a signal; HARS_EXIT_... */
int hars_fn_serve(hars_fn_t *fn);

/* hars_fn_metrics.c: HARS_ERROR: logged */
int hars_fn_metrics_start(hars_fn_t *fn);

/*
 * hars_fn_links.c; of ADDRESS:PORT, [ADDRESS]:PORT: HARS_OK, and the list is
 * the caller's to free
 */
int hars_fn_address(const char *listen, struct addrinfo **list);
int hars_fn_listen(hars_fn_t *fn);
void hars_fn_accept(hars_fn_t *fn, int fd);
void hars_fn_link_ready(hars_fn_t *fn, hars_fn_link_t *link,
    unsigned events);
void hars_fn_link_read(hars_fn_t *fn, hars_fn_link_t *link);
void hars_fn_link_send(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *message, size_t len);
void hars_fn_link_close(hars_fn_t *fn, hars_fn_link_t *link);
void hars_fn_link_watch(hars_fn_t *fn, hars_fn_link_t *link);

/* hars_fn_session.c */
void hars_fn_message(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *message, size_t len);
void hars_fn_session_end(hars_fn_t *fn, hars_fn_link_t *link);
void hars_fn_session_tick(hars_fn_t *fn, hars_fn_link_t *link, int64_t now);

/* hars_fn_records.c */
void hars_fn_record(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *record, size_t len);
void hars_fn_text(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *bytes, size_t len);
void hars_fn_say(hars_fn_t *fn, hars_fn_link_t *link,
    const hars_fog_text_t *text);
void hars_fn_kept(hars_fn_t *fn);

/* hars_fn_uplink.c: HARS_ERROR: logged */
int hars_fn_uplink_start(hars_fn_t *fn);
void hars_fn_uplink_stop(hars_fn_t *fn);

/* NULL: no memory, or too many are under way */
hars_fn_call_t *hars_fn_uplink_call(hars_fn_t *fn, hars_fn_link_t *link);
void hars_fn_uplink_give(hars_fn_call_t *call);
void hars_fn_uplink_drop(hars_fn_call_t *call);   /* instead; or NULL */
void hars_fn_uplink_take(hars_fn_t *fn);  /* calls done: their "done" */


#endif /* HARS_FN_H */


/*
 * hars-wearable, a simulated device (docs/fog.md):
 *
 *     provision: what fogcloud answered + identity, password -> flash image
 *     run:       flash + password -> key -> [link -> M1, M4 -> records] ...
 *
 * The flash image is written before M1 goes out and before a session is used,
 * as backend/fog/aka asks for; a link that breaks is made anew with a backoff,
 * and what the fog node has not said to have kept is sent again.
 */

#ifndef HARS_WEARABLE_H
#define HARS_WEARABLE_H


#include "aka_device.h"
#include "aka_session.h"
#include "hars_clock.h"
#include "hars_fog_frame.h"
#include "hars_fog_text.h"
#include "hars_record.h"
#include "hars_text.h"


#define HARS_EXIT_OK            0
#define HARS_EXIT_FAILED        1
#define HARS_EXIT_USAGE         2

#define HARS_WEARABLE_WHERE     4         /* conditions */
#define HARS_WEARABLE_TEXTS     64        /* not acknowledged, most */
#define HARS_WEARABLE_BACKOFF   60000     /* ms, longest */


typedef struct {
    const char         *flash;
    const char         *owner;            /* file: identity, password */
    const char         *registration;     /* file, of provision */
    const char         *node;             /* HOST:PORT or unix:PATH */
    const char         *recording;        /* CSV, gzip or not */
    const char         *where[HARS_WEARABLE_WHERE];    /* column=value */
    unsigned            conditions;
    unsigned            placement;
    unsigned            small:1;          /* Argon2id of small devices */
    double              speed;
    unsigned long       start;            /* ms, of the first row; 0: now */
    unsigned long       rows;             /* most, 0: all */
    unsigned long       linger;           /* ms to wait for activities */
    unsigned long       tries;            /* in a row, 0: no limit */
    unsigned long       backoff;          /* ms, the first one */
    unsigned long       wait;             /* ms, for M4 */
    unsigned long       kept_wait;        /* ms, for KEPT */
} hars_wearable_options_t;


typedef struct {
    unsigned char       id[HARS_AKA_ID_MAX];
    size_t              id_len;
    unsigned char       password[256];
    size_t              len;
} hars_owner_t;


/* hars_wearable_flash.c: HARS_OK, or HARS_ERROR: said on standard error */
int hars_flash_read(const char *file, hars_aka_device_t *device);
int hars_flash_write(const char *file, const hars_aka_device_t *device);

/* hars_wearable_owner.c: what its owner types; to be wiped */
int hars_owner_read(const char *file, hars_owner_t *owner);

/* hars_wearable_provision.c */
int hars_wearable_provision(const hars_wearable_options_t *options);


/* hars_wearable_replay.c: rows of a file */
typedef struct hars_replay_s  hars_replay_t;

hars_replay_t *hars_replay_open(const hars_wearable_options_t *options);
void hars_replay_close(hars_replay_t *replay);

/* HARS_OK, HARS_DECLINED: the end, HARS_ERROR: said; us since the first */
int hars_replay_next(hars_replay_t *replay, uint64_t *us, float value[6]);


/* hars_wearable_link.c */
typedef struct {
    int                 fd;               /* -1: none */
    size_t              size;             /* bytes that came */
    size_t              used;             /* of them, of the last message */
    unsigned char       bytes[2 * (HARS_FRAME_HEAD + HARS_FRAME_MAX)];
} hars_link_t;

/* HARS_ERROR: *why is a text */
int hars_link_open(hars_link_t *link, const char *node, unsigned long ms,
    const char **why);
void hars_link_close(hars_link_t *link);

/* HARS_ERROR: the link is of no use any more */
int hars_link_send(hars_link_t *link, const unsigned char *message,
    size_t len);

/*
 * The next message, till "until" (ms, monotonic): HARS_OK, HARS_DECLINED: it
 * is late, HARS_ERROR: the link has ended.  It stays till the next call.
 */
int hars_link_receive(hars_link_t *link, int64_t until,
    const unsigned char **message, size_t *len);


/* hars_wearable_attempt.c: one attempt of the key exchange */
int hars_wearable_attempt(const hars_wearable_options_t *options,
    hars_aka_device_t *device, hars_link_t *link,
    hars_aka_session_t *session);

/* ms to wait before the n-th attempt (1..) after a failure; 5.5 */
unsigned long hars_wearable_backoff(unsigned long first, unsigned n,
    unsigned random);


/* hars_wearable_carry.c: what is to be carried, and what is not kept yet */
typedef struct {
    unsigned char       bytes[HARS_FOG_TEXT];
    size_t              len;
    int64_t             due;              /* ms, monotonic */
    uint64_t            number;           /* of its record, once sent */
} hars_carried_t;

typedef struct {
    hars_replay_t      *replay;
    unsigned            placement;
    double              speed;
    uint64_t            start;            /* us, of the first row */
    int64_t             begin;            /* ms, monotonic: of it, too */
    unsigned long       left;             /* rows */
    unsigned            ended:1;          /* END is among the texts */
    unsigned            first;            /* of the texts, oldest */
    unsigned            n;
    unsigned            sent;             /* of them, in this session */
    unsigned            had_row:1;        /* one that is of the next text */
    uint64_t            us;
    float               value[6];
    hars_carried_t      text[HARS_WEARABLE_TEXTS];
} hars_carry_t;

/*
 * HARS_OK: all was kept and the time to linger is over; HARS_DECLINED: the
 * link has ended; HARS_ERROR: the recording is no good, said.
 */
int hars_wearable_carry(const hars_wearable_options_t *options,
    hars_carry_t *carry, hars_link_t *link,
    const hars_aka_session_t *session);


/* hars_wearable_run.c; HARS_EXIT_... */
int hars_wearable_run(const hars_wearable_options_t *options);


#endif /* HARS_WEARABLE_H */

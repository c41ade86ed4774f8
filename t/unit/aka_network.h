
/*
 * The network of aka_faults.c: messages on their way to a party, which it
 * loses, delays, doubles, reorders and sends again long after; and the alarms
 * of wearables, which are reliable.  Time is that of the world.
 */

#ifndef AKA_NETWORK_H
#define AKA_NETWORK_H


#include "aka_world.h"


#define EVENTS   4096
#define HISTORY  512

#define LOST     80              /* of 1000 */
#define DOUBLED  80
#define LATE     30
#define REPLAYED 30


typedef enum { WAKE, M1, M2, M3, ERR, M4, FIRST, CONFIRM } kind_e;

typedef struct {
    int64_t              at;
    kind_e               kind;
    unsigned             from, to;          /* device, or fog node */
    unsigned             slot;              /* relay; of WAKE the epoch */
    size_t               len;
    unsigned char        bytes[HARS_AKA_M3];
} event_t;


static int chance(unsigned of_1000);
static void send(kind_e kind, unsigned from, unsigned to, unsigned slot,
    const unsigned char *bytes, size_t len);
static void later(const event_t *e, int64_t delay);
static int next_event(event_t *e);


static world_t   w;
static event_t   event[EVENTS], history[HISTORY];
static unsigned  events, recorded, faults = 1;
static unsigned  n_lost, n_doubled, n_replayed, n_room;


/* does a fault of this frequency happen now? */
static int
chance(unsigned of_1000)
{
    return faults && draw_below(&w, 1000) < of_1000;
}


static void
send(kind_e kind, unsigned from, unsigned to, unsigned i,
    const unsigned char *bytes, size_t len)
{
    event_t   e;
    unsigned  copies;

    e.kind = kind;
    e.from = from;
    e.to = to;
    e.slot = i;
    e.len = len;
    memcpy(e.bytes, bytes, len);
    history[recorded++ % HISTORY] = e;

    copies = chance(LOST) ? 0 : chance(DOUBLED) ? 2 : 1;
    n_lost += copies == 0;
    n_doubled += copies == 2;

    while (copies--) {
        later(&e, 5 + (int64_t) draw_below(&w, chance(LATE) ? 60000 : 300));
    }

    if (chance(REPLAYED)) {
        n_replayed++;
        later(&history[draw_below(&w, recorded < HISTORY ? recorded
                                                         : HISTORY)],
              (int64_t) draw_below(&w, 10000));
    }
}


static void
later(const event_t *e, int64_t delay)
{
    if (events == EVENTS) {
        n_room++;
        return;
    }

    event[events] = *e;
    event[events].at = w.now + delay;
    events++;
}


/* takes the earliest out; 0 where there is none */
static int
next_event(event_t *e)
{
    unsigned  i, first;

    if (events == 0) {
        return 0;
    }

    for (first = i = 0; i < events; i++) {
        if (event[i].at < event[first].at) {
            first = i;
        }
    }

    *e = event[first];
    event[first] = event[--events];

    return 1;
}


#endif /* AKA_NETWORK_H */

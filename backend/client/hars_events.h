
/*
 * Server-sent events (HTML, 9.2.6) out of bytes as they come: an event is its
 * data and the id that holds from its end on, so that one that is cut off
 * comes again.  Pure.
 */

#ifndef HARS_EVENTS_H
#define HARS_EVENTS_H


#include "hars_text.h"


#define HARS_EVENTS_ID    64              /* with its 0 */
#define HARS_EVENTS_LINE  1048576         /* bytes, and of an event */


typedef struct {
    /* of an event; HARS_ERROR: no more of them */
    int         (*take)(void *owner, const char *data, size_t len);
    void         *owner;

    char          id[HARS_EVENTS_ID];     /* "": none was said */
    char          held[HARS_EVENTS_ID];   /* of the event in hand, as id */
    hars_text_t   line;                   /* that is not at its end */
    hars_text_t   data;                   /* of the event in hand */
    unsigned      cr:1;                   /* the last byte was one */
} hars_events_t;


/* HARS_ERROR: take() said so, a line is too long, or there is no memory */
int hars_events_feed(hars_events_t *events, const char *p, size_t len);

/* a connection ended: what is not whole is dropped, the id stays */
void hars_events_reset(hars_events_t *events);


#endif /* HARS_EVENTS_H */


/*
 * Server-sent events out of bytes: an event is its data and the id that holds
 * from its end on, wherever the connection is cut (HTML, 9.2.6).
 *
 * link: backend/client/hars_events.c backend/common/hars_text.c
 */

#include "../../backend/client/hars_events.h"
#include "hars_record.h"

#include "tap.h"

#include <string.h>


static int take(void *owner, const char *data, size_t len);
static void begin(hars_events_t *events);
static int feed(hars_events_t *events, const char *text);
static void is(const char *got, const char *wanted, const char *name);
static void test_whole(void);
static void test_cut(void);
static void test_id(void);


static char  taken[256];


static int
take(void *owner, const char *data, size_t len)
{
    (void) owner;

    snprintf(taken + strlen(taken), sizeof(taken) - strlen(taken), "[%.*s]",
             (int) len, data);

    return HARS_OK;
}


static void
begin(hars_events_t *events)
{
    memset(events, 0, sizeof(hars_events_t));
    events->take = take;
    taken[0] = '\0';
}


static int
feed(hars_events_t *events, const char *text)
{
    return hars_events_feed(events, text, strlen(text));
}


static void
is(const char *got, const char *wanted, const char *name)
{
    if (!ok(strcmp(got, wanted) == 0, "%s", name)) {
        printf("# \"%s\" is not \"%s\"\n", got, wanted);
    }
}


static void
test_whole(void)
{
    hars_events_t  events;

    begin(&events);

    ok(feed(&events, "retry: 1000\n\n: a comment\n\nid: 7\nevent: activities"
            "\ndata: one\ndata:two\n\n") == HARS_OK, "an event");
    is(taken, "[one\ntwo]", "... is its data");
    is(events.id, "7", "... and its id");

    ok(feed(&events, "data: three\r\n\r\n") == HARS_OK, "one without");
    is(events.id, "7", "... has that of before");
    is(taken, "[one\ntwo][three]", "... and comes behind it");

    hars_events_reset(&events);
}


/* an id whose event did not come to its end is not the last one's */
static void
test_cut(void)
{
    hars_events_t  events;

    begin(&events);

    ok(feed(&events, "id: 7\ndata: seven\n\nid: 8\ndata: ei") == HARS_OK,
       "a second event is cut");
    is(events.id, "7", "the first one was the last");
    hars_events_reset(&events);
    is(events.id, "7", "... on the next connection, too");

    ok(feed(&events, "data: eight\n\n") == HARS_OK, "which says no id");
    is(events.id, "7", "... so that of the cut one is gone");
    is(taken, "[seven][eight]", "no event is shown twice");

    ok(feed(&events, "id: 8\ndata: x\n") == HARS_OK, "before its last line");
    is(events.id, "7", "... an event is not one");
    ok(feed(&events, "\n") == HARS_OK, "with it");
    is(events.id, "8", "... it is");

    hars_events_reset(&events);
}


/* what a stream begins with: where it stands, and nothing to show */
static void
test_id(void)
{
    hars_events_t  events;

    begin(&events);

    ok(feed(&events, "retry: 1000\nid: 0\n\n") == HARS_OK, "an id alone");
    is(events.id, "0", "... is the last event's");
    is(taken, "", "... of which nothing is shown");

    ok(feed(&events, "id: a b\ndata: x\n\n") == HARS_OK, "no such id");
    is(events.id, "0", "... is none");

    hars_events_reset(&events);
}


int
main(void)
{
    test_whole();
    test_cut();
    test_id();

    return tap_done();
}


/* See hars_events.h for what this is. */

#include "hars_events.h"
#include "hars_record.h"

#include <string.h>


static int hars_events_line(hars_events_t *events);
static void hars_events_field(hars_events_t *events, const char *name,
    size_t len, const char *value);
static void hars_events_id(hars_events_t *events, const char *value);


int
hars_events_feed(hars_events_t *events, const char *p, size_t len)
{
    size_t       n;
    const char  *end;

    end = p + len;

    while (p < end) {

        /* a line ends with CR, LF or both */

        if (*p == '\n' && events->cr) {
            events->cr = 0;
            p++;
            continue;
        }

        for (n = 0; p + n < end && p[n] != '\n' && p[n] != '\r'; n++) {
            /* void */
        }

        hars_text_add(&events->line, p, n);

        if (events->line.failed || events->line.len > HARS_EVENTS_LINE) {
            return HARS_ERROR;
        }

        p += n;
        events->cr = 0;

        if (p < end) {
            events->cr = (*p++ == '\r');

            if (hars_events_line(events) != HARS_OK) {
                return HARS_ERROR;
            }
        }
    }

    return HARS_OK;
}


static int
hars_events_line(hars_events_t *events)
{
    int          rc;
    size_t       len;
    const char  *line, *value;

    line = events->line.data;
    rc = HARS_OK;

    if (events->line.len == 0) {

        /* the event is whole: its id holds, whether it has data or not */

        strcpy(events->id, events->held);

        if (events->data.len) {

            /* without the line feed behind the last line */

            rc = events->take(events->owner, events->data.data,
                              events->data.len - 1);
            hars_text_free(&events->data);
        }

    } else if (memchr(line, '\0', events->line.len) == NULL) {
        len = strcspn(line, ":");
        value = line + len + (line[len] == ':');
        value += (*value == ' ');

        hars_events_field(events, line, len, value);
    }

    events->line.len = 0;

    return events->data.failed || events->data.len > HARS_EVENTS_LINE
           ? HARS_ERROR : rc;
}


/* a comment's name is empty */
static void
hars_events_field(hars_events_t *events, const char *name, size_t len,
    const char *value)
{
    if (len == 4 && strncmp(name, "data", len) == 0) {
        hars_text_puts(&events->data, value);
        hars_text_puts(&events->data, "\n");

    } else if (len == 2 && strncmp(name, "id", len) == 0) {
        hars_events_id(events, value);
    }
}


/* it goes into a header: what could not is none */
static void
hars_events_id(hars_events_t *events, const char *value)
{
    size_t  len;

    len = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789._-");

    if (value[len] == '\0' && len < HARS_EVENTS_ID) {
        strcpy(events->held, value);
    }
}


void
hars_events_reset(hars_events_t *events)
{
    hars_text_free(&events->line);
    hars_text_free(&events->data);
    strcpy(events->held, events->id);
    events->cr = 0;
}

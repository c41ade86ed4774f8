
/*
 * See hars_dcm_windows.h for what this is.  A block:
 *
 *      0  1  version: 1
 *      1  1  number of names
 *      2  .  each: its length, its characters
 *      .  2  number of windows, little-endian
 *      .  .  each: ms since the one before (the first: since the block's
 *            start) and length in ms, 7 bits to a byte, the lowest first;
 *            activity, smoothed: a byte each; confidence, heart rate: 2 each
 *
 * Some 10 bytes a window; what a general compressor would save of them is
 * the confidences', which are noise.
 */

#include "hars_dcm_windows.h"

#include <string.h>


#define HARS_WINDOWS_VERSION  1


static unsigned char *hars_windows_number(unsigned char *dst, uint64_t n);
static int hars_windows_names(const unsigned char **p,
    const unsigned char *end, hars_activities_t *activities, uint8_t *place);
static int hars_windows_window(const unsigned char **p,
    const unsigned char *end, unsigned names, const uint8_t *place,
    hars_window_t *window);
static int hars_windows_read(const unsigned char **p,
    const unsigned char *end, uint32_t *n);


int
hars_activity(hars_activities_t *activities, const char *name)
{
    unsigned  i;

    for (i = 0; i < activities->n; i++) {
        if (strcmp(activities->name[i], name) == 0) {
            return (int) i;
        }
    }

    if (i == HARS_ACTIVITIES || *name == '\0'
        || strlen(name) >= HARS_ACTIVITY)
    {
        return -1;
    }

    strcpy(activities->name[activities->n++], name);

    return (int) i;
}


unsigned
hars_windows_next(const hars_window_t *window, unsigned n)
{
    unsigned  i;

    for (i = 1; i < n && i < HARS_WINDOWS_BLOCK; i++) {
        if (window[i].start_ms - window[0].start_ms >= HARS_WINDOWS_SPAN) {
            break;
        }
    }

    return i;
}


size_t
hars_windows_encode(const hars_window_t *window, unsigned n,
    const hars_activities_t *activities, unsigned char *dst)
{
    size_t                len;
    int64_t               before;
    unsigned              i;
    unsigned char        *p;
    const hars_window_t  *w;

    p = dst;
    *p++ = HARS_WINDOWS_VERSION;
    *p++ = (unsigned char) activities->n;

    for (i = 0; i < activities->n; i++) {
        len = strlen(activities->name[i]);
        *p++ = (unsigned char) len;
        memcpy(p, activities->name[i], len);
        p += len;
    }

    *p++ = (unsigned char) n;
    *p++ = (unsigned char) (n >> 8);
    before = n ? window[0].start_ms : 0;

    for (i = 0; i < n; i++) {
        w = &window[i];

        p = hars_windows_number(p, (uint64_t) (w->start_ms - before));
        p = hars_windows_number(p, w->len_ms);
        *p++ = w->activity;
        *p++ = w->smoothed;
        *p++ = (unsigned char) w->confidence;
        *p++ = (unsigned char) (w->confidence >> 8);
        *p++ = (unsigned char) w->heart_rate;
        *p++ = (unsigned char) (w->heart_rate >> 8);

        before = w->start_ms;
    }

    return (size_t) (p - dst);
}


static unsigned char *
hars_windows_number(unsigned char *dst, uint64_t n)
{
    for ( /* void */ ; n > 0x7f; n >>= 7) {
        *dst++ = (unsigned char) (n | 0x80);
    }

    *dst++ = (unsigned char) n;

    return dst;
}


int
hars_windows_decode(const unsigned char *src, size_t len, int64_t start_ms,
    hars_window_t *window, hars_activities_t *activities)
{
    int                   names;
    uint8_t               place[256];
    unsigned              i, n;
    const unsigned char  *p, *end;

    p = src;
    end = src + len;

    if (len < 4 || *p++ != HARS_WINDOWS_VERSION) {
        return -1;
    }

    names = hars_windows_names(&p, end, activities, place);

    if (names < 0 || end - p < 2) {
        return -1;
    }

    n = (unsigned) p[0] | (unsigned) p[1] << 8;
    p += 2;

    if (n > HARS_WINDOWS_BLOCK) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        window[i].start_ms = start_ms;

        if (hars_windows_window(&p, end, (unsigned) names, place, &window[i])
            != 0)
        {
            return -1;
        }

        start_ms = window[i].start_ms;
    }

    return p == end ? (int) n : -1;
}


/* how many, and the place of each among all; -1: these are none */
static int
hars_windows_names(const unsigned char **p, const unsigned char *end,
    hars_activities_t *activities, uint8_t *place)
{
    int       at;
    char      name[HARS_ACTIVITY];
    unsigned  i, n, len;

    n = *(*p)++;

    for (i = 0; i < n; i++) {
        len = *p < end ? *(*p)++ : 0;

        if (len == 0 || len >= HARS_ACTIVITY || (size_t) (end - *p) < len) {
            return -1;
        }

        memcpy(name, *p, len);
        name[len] = '\0';
        *p += len;

        at = hars_activity(activities, name);

        if (at < 0) {
            return -1;
        }

        place[i] = (uint8_t) at;
    }

    return (int) n;
}


/* its start_ms is that of the one before */
static int
hars_windows_window(const unsigned char **p, const unsigned char *end,
    unsigned names, const uint8_t *place, hars_window_t *window)
{
    uint32_t              since;
    const unsigned char  *q;

    if (hars_windows_read(p, end, &since) != 0
        || hars_windows_read(p, end, &window->len_ms) != 0
        || end - *p < 6)
    {
        return -1;
    }

    q = *p;
    *p += 6;

    if (since > HARS_WINDOWS_SPAN || window->len_ms > HARS_WINDOW_MS
        || q[0] >= names || q[1] >= names)
    {
        return -1;
    }

    window->start_ms += since;
    window->activity = place[q[0]];
    window->smoothed = place[q[1]];
    window->confidence = (uint16_t) (q[2] | q[3] << 8);
    window->heart_rate = (uint16_t) (q[4] | q[5] << 8);

    return 0;
}


static int
hars_windows_read(const unsigned char **p, const unsigned char *end,
    uint32_t *n)
{
    unsigned  shift;

    *n = 0;

    for (shift = 0; shift < 28 && *p < end; shift += 7) {
        *n |= (uint32_t) (**p & 0x7f) << shift;

        if ((*(*p)++ & 0x80) == 0) {
            return 0;
        }
    }

    return -1;
}

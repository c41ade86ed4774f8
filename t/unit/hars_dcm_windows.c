
/* windows as bytes and back; whatever else these bytes could be is no block */

/* link: common/hars_record.c -lcrypto */

#include "../../backend/dcm/hars_dcm_windows.c"

#include "tap.h"


static hars_window_t      window[2000], got[HARS_WINDOWS_BLOCK];
static hars_activities_t  names, other;
static unsigned char      bytes[HARS_WINDOWS_SIZE(HARS_WINDOWS_BLOCK)];


static void
fill(unsigned n)
{
    unsigned  i;

    names.n = 0;
    hars_activity(&names, "walking");
    hars_activity(&names, "stairs_up");
    hars_activity(&names, "unknown");

    for (i = 0; i < n; i++) {
        window[i].start_ms = 1777895435120 + i * 1280LL + i % 3;
        window[i].len_ms = 2560;
        window[i].confidence = (uint16_t) (i * 37 % 10001);
        window[i].heart_rate = (uint16_t) (i % 5 ? 600 + i : 0);
        window[i].activity = (uint8_t) (i % 3);
        window[i].smoothed = (uint8_t) (i / 2 % 3);
    }
}


static unsigned
same(const hars_window_t *a, const hars_window_t *b)
{
    return a->start_ms == b->start_ms && a->len_ms == b->len_ms
           && a->confidence == b->confidence
           && a->heart_rate == b->heart_rate
           && strcmp(names.name[a->activity], other.name[b->activity]) == 0
           && strcmp(names.name[a->smoothed], other.name[b->smoothed]) == 0;
}


static void
forth_and_back(unsigned n)
{
    int       rc;
    size_t    len;
    unsigned  i, good;

    fill(n);
    len = hars_windows_encode(window, n, &names, bytes);
    ok(len <= HARS_WINDOWS_SIZE(n), "%u windows: %zu bytes", n, len);

    /* the reader has names of its own already */

    other.n = 0;
    hars_activity(&other, "jogging");
    hars_activity(&other, "unknown");

    rc = hars_windows_decode(bytes, len, window[0].start_ms, got, &other);
    ok(rc == (int) n, "... come back");

    for (i = good = 0; i < n; i++) {
        good += same(&window[i], &got[i]);
    }

    ok(good == n, "... as they were");
    ok(other.n == 4, "... with names that were new");
}


static void
damaged(void)
{
    size_t          i, len;
    unsigned        good, bit;
    unsigned char   copy[sizeof(bytes)];

    fill(40);
    len = hars_windows_encode(window, 40, &names, bytes);
    good = 0;

    for (i = 0; i < len; i++) {
        other.n = 0;
        good += hars_windows_decode(bytes, i, 0, got, &other) >= 0;
    }

    ok(good == 0, "a part of it is no block");

    /* what a flipped bit makes is a block or none, within bounds */

    for (i = 0; i < len; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(copy, bytes, len);
            copy[i] ^= (unsigned char) (1 << bit);
            other.n = 0;

            if (hars_windows_decode(copy, len, 0, got, &other) > 0) {
                good += got[0].activity >= other.n;
            }
        }
    }

    ok(good == 0, "a bit that flips leads nowhere");

    memcpy(copy, bytes, len);
    copy[len] = 0;
    other.n = 0;
    ok(hars_windows_decode(copy, len + 1, 0, got, &other) < 0,
       "a byte behind it is too much");
    copy[0] = 2;
    ok(hars_windows_decode(copy, len, 0, got, &other) < 0,
       "another version is not read");

    fill(2);
    window[1].len_ms = HARS_WINDOW_MS + 1;
    len = hars_windows_encode(window, 2, &names, bytes);
    ok(hars_windows_decode(bytes, len, 0, got, &other) < 0,
       "nor a window that is too long");

    fill(2);
    window[1].start_ms = window[0].start_ms + HARS_WINDOWS_SPAN + 1;
    len = hars_windows_encode(window, 2, &names, bytes);
    ok(hars_windows_decode(bytes, len, 0, got, &other) < 0,
       "... or too far from the one before");
}


static void
blocks(void)
{
    unsigned  i, n, most, span;

    fill(2000);
    most = span = 0;

    for (i = 0; i < 2000; i += n) {
        n = hars_windows_next(window + i, 2000 - i);
        most = n > most ? n : most;
        span |= window[i + n - 1].start_ms - window[i].start_ms
                >= HARS_WINDOWS_SPAN;
    }

    ok(most <= HARS_WINDOWS_BLOCK && !span, "a long recording is cut");
    ok(hars_windows_next(window, 1) == 1, "one window is a block");

    window[1].start_ms = window[0].start_ms + HARS_WINDOWS_SPAN;
    ok(hars_windows_next(window, 2) == 1, "a gap begins a new one");
    window[1].start_ms--;
    ok(hars_windows_next(window, 2) == 2, "... a shorter one does not");
}


static void
many_names(void)
{
    int       last;
    char      name[HARS_ACTIVITY + 8];
    unsigned  i;

    names.n = 0;
    last = 0;

    for (i = 0; i <= HARS_ACTIVITIES; i++) {
        snprintf(name, sizeof(name), "activity-%u", i);
        last = hars_activity(&names, name);
    }

    ok(last == -1 && names.n == HARS_ACTIVITIES, "names have an end");
    ok(hars_activity(&names, "activity-7") == 7, "... those there stay");

    names.n = 0;
    ok(hars_activity(&names, "") == -1, "an empty name is none");
    memset(name, 'a', HARS_ACTIVITY);
    name[HARS_ACTIVITY] = '\0';
    ok(hars_activity(&names, name) == -1, "nor is a long one");
}


int
main(void)
{
    forth_and_back(0);
    forth_and_back(1);
    forth_and_back(HARS_WINDOWS_BLOCK);
    damaged();
    blocks();
    many_names();

    return tap_done();
}

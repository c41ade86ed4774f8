
/* how long which activity was; every millisecond counts once */

/* link: backend/dcm/hars_dcm_windows.c -ljansson */

#include "../../backend/dcm/hars_dcm_totals.c"

#include "tap.h"


#define MOST  4000
#define DAY   2000


static hars_totals_window_t  list[MOST];
static hars_activities_t     names;
static size_t                n;


static void
add(int64_t seq, int64_t start, uint32_t len, const char *name,
    unsigned heart_rate)
{
    list[n].seq = seq;
    list[n].window.start_ms = start;
    list[n].window.len_ms = len;
    list[n].window.heart_rate = (uint16_t) heart_rate;
    list[n++].window.smoothed = (uint8_t) hars_activity(&names, name);
}


static int64_t
of(const hars_totals_t *totals, const char *name)
{
    return totals->activity_ms[hars_activity(&names, name)];
}


static void
plain(void)
{
    hars_totals_t  t;

    n = 0;
    add(1, 1000, 2560, "walking", 0);
    add(1, 2280, 2560, "walking", 0);
    add(1, 3560, 2560, "jogging", 0);

    hars_totals(list, n, 0, 100000, &t);
    ok(of(&t, "walking") == 2560, "a window counts until the next one");
    ok(of(&t, "jogging") == 2560, "... the last one to its end");
    ok(t.covered_ms == 5120, "... all of it");
    ok(t.heart_ms == 0, "... without a heart rate");

    hars_totals(list, n, 2000, 4000, &t);
    ok(of(&t, "walking") == 1560 && of(&t, "jogging") == 440,
       "what lies within counts");

    hars_totals(list, 0, 0, 1000, &t);
    ok(t.covered_ms == 0, "nothing is nothing");
}


static void
overlapping(void)
{
    hars_totals_t  t;

    n = 0;
    add(2, 0, 1000, "sitting", 0);
    add(1, 500, 1000, "walking", 0);

    hars_totals(list, n, 0, 10000, &t);
    ok(of(&t, "walking") == 1000 && of(&t, "sitting") == 500,
       "who was accepted first has the time");

    n = 0;
    add(1, 1000, 100, "walking", 0);
    add(1, 2000, 100, "walking", 0);
    add(2, 500, 2000, "sitting", 0);

    hars_totals(list, n, 0, 10000, &t);
    ok(of(&t, "walking") == 200 && of(&t, "sitting") == 1800,
       "... a longer one the rest");

    n = 0;
    add(1, 1000, 1000, "walking", 0);
    add(2, 1200, 100, "sitting", 0);
    add(3, 1000, 1000, "jogging", 0);
    hars_totals(list, n, 0, 10000, &t);
    ok(of(&t, "walking") == 1000 && t.covered_ms == 1000,
       "... what is within gets nothing");
}


static void
heart(void)
{
    char           *text;
    hars_totals_t   t;

    n = 0;
    add(1, 0, 1000, "walking", 900);
    add(1, 1000, 3000, "unknown", 1000);
    add(1, 4000, 1000, "walking", 0);

    hars_totals(list, n, 0, 10000, &t);
    text = hars_totals_json(&t, &names);

    ok(strstr(text, "\"heart_rate_bpm\":{\"max\":100.0,\"mean\":97.5,"
              "\"min\":90.0}") != NULL, "a heart rate by its time: %s", text);
    ok(strstr(text, "\"unknown_s\":3.0") != NULL, "... what is unknown");
    ok(strstr(text, "\"activities\":{\"walking\":2.0}") != NULL,
       "... what is known");
    free(text);
}


/* against a line of milliseconds */
static void
at_random(unsigned seed)
{
    int64_t        line[DAY], activity[HARS_ACTIVITIES], start, end, covered;
    unsigned       i, good, seq;
    uint32_t       len;
    hars_totals_t  t;

    static const char  *name[] = { "a", "b", "c", "unknown" };

    srand(seed);
    n = 0;
    memset(line, -1, sizeof(line));

    for (seq = 1; seq < 12; seq++) {
        /* one after the other, most of them, or all over each other */

        start = seed % 2 ? seq * 170 : (unsigned) rand() % 1500;
        end = seed % 2 ? start + 150 + rand() % 25 : 2200;

        for ( /* void */ ; start < end; start += 1 + rand() % 80)
        {
            add(seq, start, 1 + (uint32_t) rand() % 120, name[rand() % 4], 0);
        }
    }

    for (i = 0; i < n; i++) {
        start = list[i].window.start_ms;
        len = list[i].window.len_ms;

        for ( /* void */ ; len && start < DAY; len--, start++) {
            if (i + 1 < n && list[i + 1].seq == list[i].seq
                && start >= list[i + 1].window.start_ms)
            {
                break;
            }

            if (line[start] == -1) {
                line[start] = list[i].window.smoothed;
            }
        }
    }

    memset(activity, 0, sizeof(activity));
    covered = 0;

    for (i = 100; i < DAY; i++) {
        if (line[i] >= 0) {
            activity[line[i]]++;
            covered++;
        }
    }

    /* in another order than they came */

    for (i = 0; i < n; i++) {
        hars_totals_window_t  swap = list[i];
        size_t                with = (size_t) rand() % n;

        list[i] = list[with];
        list[with] = swap;
    }

    hars_totals(list, n, 100, DAY, &t);

    for (i = good = 0; i < HARS_ACTIVITIES; i++) {
        good += activity[i] == t.activity_ms[i];
    }

    ok(good == HARS_ACTIVITIES && covered == t.covered_ms,
       "%zu windows at random, seed %u", n, seed);
}


int
main(void)
{
    unsigned  seed;

    plain();
    overlapping();
    heart();

    for (seed = 1; seed <= 20; seed++) {
        at_random(seed);
    }

    return tap_done();
}

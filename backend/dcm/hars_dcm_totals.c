
/*
 * See hars_dcm_totals.h for what this is.  Recordings go by their order of
 * acceptance; what is covered so far is a list of stretches, in order of
 * time, which each recording is laid beside and then merged into.
 */

#include "hars_dcm_totals.h"
#include "hars_record.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>


typedef struct {
    int64_t     from;
    int64_t     to;
} hars_stretch_t;

typedef struct {
    hars_stretch_t   *covered;
    size_t            n;
    hars_stretch_t   *next;               /* covered after this recording */
    size_t            next_n;
    hars_totals_t    *totals;
} hars_totals_work_t;


static void hars_totals_swap(hars_totals_work_t *work);
static int hars_totals_order(const void *a, const void *b);
static void hars_totals_recording(hars_totals_work_t *work,
    const hars_totals_window_t *window, size_t n, int64_t from, int64_t to);
static void hars_totals_span(hars_totals_work_t *work, size_t *at,
    const hars_window_t *window, int64_t from, int64_t to);
static void hars_totals_add(hars_totals_t *totals,
    const hars_window_t *window, int64_t ms);
static void hars_totals_cover(hars_totals_work_t *work, int64_t from,
    int64_t to);
static json_t *hars_totals_heart(const hars_totals_t *totals);


int
hars_totals(hars_totals_window_t *window, size_t n, int64_t from_ms,
    int64_t to_ms, hars_totals_t *totals)
{
    size_t              i, end;
    hars_totals_work_t  work;

    memset(totals, 0, sizeof(hars_totals_t));
    memset(&work, 0, sizeof(work));

    work.totals = totals;
    work.covered = malloc((n + 1) * sizeof(hars_stretch_t));
    work.next = malloc((n + 1) * sizeof(hars_stretch_t));

    if (work.covered == NULL || work.next == NULL) {
        free(work.covered);
        free(work.next);
        return HARS_ERROR;
    }

    /* most days come in order */

    for (i = 1; i < n; i++) {
        if (hars_totals_order(&window[i - 1], &window[i]) > 0) {
            qsort(window, n, sizeof(hars_totals_window_t),
                  hars_totals_order);
            break;
        }
    }

    for (i = 0; i < n; i = end) {

        for (end = i + 1; end < n && window[end].seq == window[i].seq; end++)
        { /* void */ }

        work.next_n = 0;
        hars_totals_recording(&work, window + i, end - i, from_ms, to_ms);
        hars_totals_swap(&work);
    }

    free(work.covered);
    free(work.next);

    return HARS_OK;
}


static void
hars_totals_swap(hars_totals_work_t *work)
{
    size_t           n;
    hars_stretch_t  *list;

    list = work->covered;
    n = work->n;

    work->covered = work->next;
    work->n = work->next_n;

    work->next = list;
    work->next_n = n;
}


static int
hars_totals_order(const void *a, const void *b)
{
    const hars_totals_window_t  *x, *y;

    x = a;
    y = b;

    if (x->seq != y->seq) {
        return x->seq < y->seq ? -1 : 1;
    }

    return x->window.start_ms < y->window.start_ms ? -1
           : x->window.start_ms > y->window.start_ms;
}


static void
hars_totals_recording(hars_totals_work_t *work,
    const hars_totals_window_t *window, size_t n, int64_t from, int64_t to)
{
    size_t   i, at;
    int64_t  begin, end;

    at = 0;

    /* behind all that is covered: nothing of that has to be looked at */

    if (work->n
        && work->covered[work->n - 1].to <= window[0].window.start_ms)
    {
        hars_totals_swap(work);
    }

    for (i = 0; i < n; i++) {
        begin = window[i].window.start_ms;
        end = begin + window[i].window.len_ms;

        if (i + 1 < n && window[i + 1].window.start_ms < end) {
            end = window[i + 1].window.start_ms;
        }

        begin = begin < from ? from : begin;
        end = end > to ? to : end;

        if (begin < end) {
            hars_totals_span(work, &at, &window[i].window, begin, end);
        }
    }

    for ( /* void */ ; at < work->n; at++) {
        hars_totals_cover(work, work->covered[at].from,
                          work->covered[at].to);
    }
}


/* what of it is not covered yet; *at: the first stretch that may matter */
static void
hars_totals_span(hars_totals_work_t *work, size_t *at,
    const hars_window_t *window, int64_t from, int64_t to)
{
    hars_stretch_t  *c;

    while (from < to) {
        c = *at < work->n ? &work->covered[*at] : NULL;

        if (c && c->to <= from) {
            hars_totals_cover(work, c->from, c->to);
            (*at)++;
            continue;
        }

        if (c == NULL || c->from >= to) {
            hars_totals_add(work->totals, window, to - from);
            hars_totals_cover(work, from, to);
            return;
        }

        if (c->from > from) {
            hars_totals_add(work->totals, window, c->from - from);
            hars_totals_cover(work, from, c->from);
        }

        from = c->to;
    }
}


static void
hars_totals_add(hars_totals_t *totals, const hars_window_t *window,
    int64_t ms)
{
    unsigned  rate;

    totals->activity_ms[window->smoothed] += ms;
    totals->covered_ms += ms;

    rate = window->heart_rate;

    if (rate == 0) {
        return;
    }

    if (totals->heart_ms == 0 || rate < totals->heart_min) {
        totals->heart_min = rate;
    }

    if (rate > totals->heart_max) {
        totals->heart_max = rate;
    }

    totals->heart_ms += ms;
    totals->heart_sum += (double) rate * (double) ms;
}


/* they come in order of their beginnings; what touches becomes one */
static void
hars_totals_cover(hars_totals_work_t *work, int64_t from, int64_t to)
{
    hars_stretch_t  *last;

    last = work->next_n ? &work->next[work->next_n - 1] : NULL;

    if (last && last->to >= from) {
        last->to = last->to > to ? last->to : to;
        return;
    }

    work->next[work->next_n].from = from;
    work->next[work->next_n++].to = to;
}


char *
hars_totals_json(const hars_totals_t *totals,
    const hars_activities_t *activities)
{
    char      *text;
    json_t    *root, *list;
    int64_t    unknown;
    unsigned   i;

    list = json_object();
    unknown = 0;

    for (i = 0; i < activities->n; i++) {

        if (strcmp(activities->name[i], "unknown") == 0) {
            unknown += totals->activity_ms[i];

        } else if (totals->activity_ms[i]) {
            json_object_set_new(list, activities->name[i],
                                json_real((double) totals->activity_ms[i]
                                          / 1000));
        }
    }

    root = json_pack("{s:f, s:o, s:f, s:o}",
                     "covered_s", (double) totals->covered_ms / 1000,
                     "activities", list,
                     "unknown_s", (double) unknown / 1000,
                     "heart_rate_bpm", hars_totals_heart(totals));

    text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS
                             | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);

    return text;
}


static json_t *
hars_totals_heart(const hars_totals_t *totals)
{
    if (totals->heart_ms == 0) {
        return json_null();
    }

    return json_pack("{s:f, s:f, s:f}",
                     "min", totals->heart_min / 10.0,
                     "mean", (double) (int64_t) (totals->heart_sum
                              / (double) totals->heart_ms + 0.5) / 10,
                     "max", totals->heart_max / 10.0);
}

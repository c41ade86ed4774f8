
/*
 * What a session's samples come to.  The rows go through the same feed and
 * windows as a whole recording's do, one by one, and nothing is judged by
 * where a request began or ended: the windows are the same however the
 * stream was cut.
 *
 * A recording is judged as a whole before it is answered, a stream with its
 * first window: are these the declared units and rate?  Rows with a fault
 * leave the session as it was before the request.
 */


#include "hars_ml_service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


/* samples in a row that are all beyond a gap: times of another unit */
#define HARS_ALONE   32


typedef struct {
    hars_session_t     *session;
    hars_features_t    *features;
    hars_answers_t     *answers;
    hars_fault_t       *fault;
    int                 rc;
} hars_session_work_t;


static int hars_session_run(hars_session_t *session, const hars_rows_t *rows,
    hars_answers_t *answers, hars_fault_t *fault);
static void hars_session_sample(void *data, const hars_sample_t *sample);
static void hars_session_window(void *data, double start,
    const double (*row)[HARS_ML_AXES]);
static int hars_session_judge(const hars_session_work_t *work,
    const double (*row)[HARS_ML_AXES]);


void
hars_session_begin(hars_session_t *session)
{
    hars_progress_t  *p;

    p = &session->progress;

    memset(p, 0, sizeof(hars_progress_t));
    hars_feed_init(&p->feed, &session->options, hars_session_sample, NULL);
    hars_windows_init(&p->windows, session->options.rate, hars_session_window,
                      NULL);
}


int
hars_session_push(hars_session_t *session, const hars_rows_t *rows,
    hars_answers_t *answers, hars_fault_t *fault)
{
    return hars_session_run(session, rows, answers, fault);
}


int
hars_session_end(hars_session_t *session, hars_answers_t *answers,
    hars_fault_t *fault)
{
    return hars_session_run(session, NULL, answers, fault);
}


/* "rows" NULL: the end */
static int
hars_session_run(hars_session_t *session, const hars_rows_t *rows,
    hars_answers_t *answers, hars_fault_t *fault)
{
    int                   rc;
    hars_progress_t      *p, *before;
    hars_session_work_t   work;

    memset(answers, 0, sizeof(hars_answers_t));
    memset(&work, 0, sizeof(work));

    p = &session->progress;
    work.session = session;
    work.answers = answers;
    work.fault = fault;
    work.rc = HARS_OK;
    work.features = hars_features_create();
    before = malloc(sizeof(hars_progress_t));

    if (work.features == NULL || before == NULL) {
        rc = hars_fault(fault, NULL, -1, -1, "no memory");
        goto done;
    }

    memcpy(before, p, sizeof(hars_progress_t));

    /* its row is one of an earlier request */
    p->feed.outlier.field = NULL;
    p->feed.data = &work;
    p->windows.data = &work;

    if (rows) {
        p->feed.bare = rows->bare;
        rc = hars_feed_rows(&p->feed, rows, fault);

    } else {
        rc = hars_feed_end(&p->feed, fault);
        hars_windows_end(&p->windows);
    }

    rc = rc == HARS_OK ? work.rc : rc;

    if (rc != HARS_OK) {
        memcpy(p, before, sizeof(hars_progress_t));
        free(answers->answer);
        memset(answers, 0, sizeof(hars_answers_t));
    }

done:

    free(before);
    hars_features_free(work.features);

    return rc;
}


static void
hars_session_sample(void *data, const hars_sample_t *sample)
{
    hars_progress_t      *p;
    hars_session_work_t  *work = data;

    p = &work->session->progress;

    if (work->rc != HARS_OK) {
        return;
    }

    /* a gap completes the window before it, which is judged by its stretch */
    hars_windows_push(&p->windows, sample);
    p->feed.open = p->windows.n ? p->windows.start : NAN;

    if (p->samples == 0 || sample->t - p->last > HARS_ML_GAP) {
        p->alone++;
        p->samples = 0;
        p->first = sample->t;

    } else {
        p->alone = 0;
    }

    p->samples++;
    p->last = sample->t;

    if (work->rc == HARS_OK && p->alone == HARS_ALONE && !p->judged) {
        work->rc = hars_fault(work->fault, "samples", -1, 0,
                              "no two records are within %.2f s; if the times "
                              "are milliseconds, divide by 1000", HARS_ML_GAP);
    }
}


static void
hars_session_window(void *data, double start,
    const double (*row)[HARS_ML_AXES])
{
    hars_answer_t        *a;
    hars_session_t       *session;
    hars_progress_t      *p;
    hars_session_work_t  *work = data;

    session = work->session;
    p = &session->progress;

    if (work->rc == HARS_OK && !p->judged) {
        work->rc = hars_session_judge(work, row);
        p->judged = 1;
    }

    if (work->rc != HARS_OK) {
        return;
    }

    if (hars_answers_window(work->answers, &p->run, session->model,
                            work->features, start, row) != HARS_OK)
    {
        work->rc = hars_fault(work->fault, NULL, -1, -1, "no memory");
        return;
    }

    a = &work->answers->answer[work->answers->n - 1];
    a->heart = hars_feed_heart(&p->feed, a->start, a->end);
    p->made++;
}


/* a first window is a recording of the one clock, to be judged like any */
static int
hars_session_judge(const hars_session_work_t *work,
    const double (*row)[HARS_ML_AXES])
{
    double                  rate, declared;
    unsigned                i;
    hars_sample_t           sample[HARS_ML_WINDOW];
    hars_recording_t        rec;
    const hars_progress_t  *p;

    p = &work->session->progress;
    declared = work->session->options.rate;
    rate = (double) (p->samples - 1) / (p->last - p->first);

    /* packets' times have been steadied by the declared rate, and judged */

    if (!work->session->options.arrival
        && !(rate > 0.8 * declared && rate < 1.25 * declared))
    {
        return hars_fault(work->fault, "sampling_rate_hz", -1, -1,
                          "%g Hz, but the records come at %.4g Hz; declare "
                          "the rate of the times", declared, rate);
    }

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        sample[i].t = (double) i / HARS_ML_RATE;
        memcpy(sample[i].v, row[i], sizeof(sample[i].v));
    }

    memset(&rec, 0, sizeof(rec));
    rec.rate = HARS_ML_RATE;
    rec.sample = sample;
    rec.n = HARS_ML_WINDOW;

    return hars_recording_judge(&rec, work->fault);
}

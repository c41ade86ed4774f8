
/*
 * A stream's rows, as anybody with a token may send them, in one request and
 * in two: the first byte says which form and whether times are those of
 * packets, the second one where they are cut.  Windows come in order of time;
 * a request that is refused says why and changes nothing.  Rows in order of
 * time are the same windows, or refused, either way.
 */

#include "../backend/mlservice/hars_ml_clock.c"
#include "../backend/mlservice/hars_ml_drift.c"
#include "../backend/mlservice/hars_ml_feed.c"
#include "../backend/mlservice/hars_ml_packed.c"
#include "../backend/mlservice/hars_ml_recording.c"
#include "../backend/mlservice/hars_ml_rows.c"
#include "../backend/mlservice/hars_ml_session.c"
#include "../backend/mlservice/hars_ml_source.c"
#include "../backend/mlservice/hars_ml_text.c"


#define FUZZ_WINDOWS  4096


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct {
    unsigned  refused;
    size_t    n;
    double    start[FUZZ_WINDOWS];
    double    heart[FUZZ_WINDOWS];
} told_t;


static told_t  whole, cut;


hars_features_t *
hars_features_create(void)
{
    return malloc(1);
}


void
hars_features_free(hars_features_t *f)
{
    free(f);
}


/* what a window is called is no matter here */
int
hars_answers_window(hars_answers_t *answers, hars_run_t *run,
    const hars_model_t *model, hars_features_t *features, double start,
    const double (*row)[HARS_ML_AXES])
{
    void  *p;

    p = realloc(answers->answer, (answers->n + 1) * sizeof(hars_answer_t));

    answers->answer = p;
    memset(&answers->answer[answers->n], 0, sizeof(hars_answer_t));
    answers->answer[answers->n].start = start;
    answers->answer[answers->n].end = start + HARS_FEED_WINDOW;
    answers->n++;

    return HARS_OK;
}


static void
push(hars_session_t *session, const hars_rows_t *rows, told_t *told)
{
    int               rc;
    size_t            i;
    hars_fault_t      fault;
    hars_answers_t    answers;
    hars_progress_t   before;

    if (told->refused) {
        return;
    }

    fault.detail[0] = '\0';
    before = session->progress;

    rc = rows ? hars_session_push(session, rows, &answers, &fault)
              : hars_session_end(session, &answers, &fault);

    if (rc != HARS_OK
        && (fault.detail[0] == '\0' || answers.n
            || memcmp(&before, &session->progress, sizeof(before)) != 0))
    {
        __builtin_trap();
    }

    told->refused = rc != HARS_OK;

    for (i = 0; i < answers.n && told->n < FUZZ_WINDOWS; i++) {
        if (told->n && !(answers.answer[i].start > told->start[told->n - 1])) {
            __builtin_trap();
        }

        told->start[told->n] = answers.answer[i].start;
        told->heart[told->n++] = answers.answer[i].heart;
    }

    free(answers.answer);
}


/* as one request, or as two */
static void
stream(const hars_rows_t *rows, size_t at, unsigned arrival, told_t *told)
{
    hars_rows_t      part;
    hars_session_t  *session;

    session = calloc(1, sizeof(hars_session_t));
    session->options.rate = 50;
    session->options.arrival = arrival;
    hars_session_begin(session);

    memset(told, 0, sizeof(told_t));
    part = *rows;
    part.n = at;
    push(session, &part, told);
    part.row += at;
    part.n = rows->n - at;
    push(session, &part, told);
    push(session, NULL, told);

    free(session);
}


/* by time, and streams at one time as the service takes them */
static int
in_order(const hars_rows_t *rows)
{
    size_t             i;
    unsigned           lane, last;
    const hars_row_t  *row;

    last = 0;

    for (i = 0; i < rows->n; i++) {
        row = &rows->row[i];
        lane = row->stream == HARS_STREAM_HEART ? 0
               : row->stream == HARS_STREAM_ROTATION ? 2 : 1;

        if (i && !(row->t > row[-1].t || (row->t == row[-1].t
                                          && lane >= last)))
        {
            return 0;
        }

        last = lane;
    }

    return 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned       status, arrival;
    const char    *body;
    hars_rows_t    rows;
    hars_fault_t   fault;

    if (size < 2) {
        return 0;
    }

    memset(&rows, 0, sizeof(rows));
    rows.max = 4096;
    body = (const char *) data + 2;
    arrival = data[0] >> 1 & 1;

    status = data[0] & 1 ? hars_packed_rows(body, size - 2, &rows, &fault)
                         : hars_text_rows(body, size - 2, &rows, &fault);

    if (status == 0) {
        stream(&rows, rows.n, arrival, &whole);
        stream(&rows, rows.n * data[1] / 256, arrival, &cut);

        if (in_order(&rows)
            && (whole.refused != cut.refused
                || (!whole.refused
                    && (whole.n != cut.n
                        || memcmp(whole.start, cut.start,
                                  whole.n * sizeof(double)) != 0
                        || memcmp(whole.heart, cut.heart,
                                  whole.n * sizeof(double)) != 0))))
        {
            __builtin_trap();
        }
    }

    free(rows.row);

    return 0;
}


/*
 * The answer to a recording, as JSON or CSV, window by window: what is long
 * is written while it is sent, so that the text of many hours is never in
 * memory.  The reading and the models go with the last byte.
 */


#include "hars_ml_service.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* longest line: three numbers, two names, a heart rate */
#define HARS_ANSWER_LINE   (3 * 32 + 2 * HARS_ML_NAME + 32)

/* so many windows, some 20 minutes, are sent as one text of known length */
#define HARS_ANSWER_SHORT  1000


typedef struct {
    hars_ml_t          *ml;
    hars_shelf_t       *shelf;
    hars_reading_t     *reading;
    unsigned            csv:1;
    unsigned            probabilities:1;
    size_t              next;              /* 0: the top, then windows */
    char               *text;              /* on its way */
    size_t              at;
    size_t              len;
} hars_answering_t;


static void hars_answering_whole(hars_request_t *r, hars_answering_t *a,
    const char *type);
static long hars_answering_next(void *data, char *dst, size_t size);
static void hars_answering_done(void *data);
static char *hars_answering_text(hars_answering_t *a);
static char *hars_answering_json(const hars_answering_t *a);
static char *hars_answering_csv(const hars_answering_t *a);


void
hars_answer_send(hars_request_t *r, hars_shelf_t *shelf,
    hars_reading_t *reading, unsigned csv)
{
    const char        *type;
    hars_answering_t  *a;

    a = calloc(1, sizeof(hars_answering_t));

    if (a == NULL) {
        hars_reading_free(reading);
        hars_shelf_release(r->data, shelf);
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    a->ml = r->data;
    a->shelf = shelf;
    a->reading = reading;
    a->csv = csv != 0;
    a->probabilities = hars_body_scope(r, HARS_ML_PROBABILITIES) != 0;
    type = csv ? "text/csv; header=present" : "application/json";

    hars_reply_header(r, "Cache-Control", "no-store");

    if (reading->n <= HARS_ANSWER_SHORT) {
        hars_answering_whole(r, a, type);

    } else {
        hars_reply_flow(r, 200, type, hars_answering_next,
                        hars_answering_done, a);
    }
}


static void
hars_answering_whole(hars_request_t *r, hars_answering_t *a,
    const char *type)
{
    char     part[4096], *text;
    FILE    *fp;
    long     n;
    size_t   len;

    text = NULL;
    fp = open_memstream(&text, &len);
    n = fp ? 0 : -1;

    while (fp) {
        n = hars_answering_next(a, part, sizeof(part));

        if (n <= 0) {
            break;
        }

        fwrite(part, 1, (size_t) n, fp);
    }

    hars_answering_done(a);

    if ((fp && fclose(fp) != 0) || n < 0) {
        free(text);
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply(r, 200, type, text, len);
}


static long
hars_answering_next(void *data, char *dst, size_t size)
{
    size_t             n, done;
    hars_answering_t  *a = data;

    done = 0;

    while (done < size) {

        if (a->at == a->len) {
            free(a->text);
            a->text = NULL;
            a->at = 0;
            a->len = 0;

            if (a->next > a->reading->n + 1) {
                break;
            }

            a->text = hars_answering_text(a);
            if (a->text == NULL) {
                return -1;
            }

            a->len = strlen(a->text);
            a->next++;
        }

        n = a->len - a->at < size - done ? a->len - a->at : size - done;
        memcpy(dst + done, a->text + a->at, n);
        a->at += n;
        done += n;
    }

    return (long) done;
}


static void
hars_answering_done(void *data)
{
    hars_answering_t  *a = data;

    hars_reading_free(a->reading);
    hars_shelf_release(a->ml, a->shelf);
    free(a->text);
    free(a);
}


/* the top, a window, or the end; NULL: no memory */
static char *
hars_answering_text(hars_answering_t *a)
{
    if (a->next == 0) {
        return a->csv ? strdup("start_s,end_s,activity,confidence,smoothed,"
                               "heart_rate_bpm\r\n")
               : hars_json_told_top(a->reading->model, &a->reading->sift.feed);
    }

    if (a->next > a->reading->n) {
        return strdup(a->csv ? "" : HARS_JSON_TOLD_END);
    }

    return a->csv ? hars_answering_csv(a) : hars_answering_json(a);
}


static char *
hars_answering_json(const hars_answering_t *a)
{
    char    *text, *p;
    size_t   len;

    text = hars_json_told(a->reading->model, &a->reading->told[a->next - 1],
                          a->reading->sift.seen & 1u << HARS_STREAM_HEART,
                          a->probabilities);

    if (text == NULL || a->next == 1) {
        return text;
    }

    len = strlen(text);
    p = realloc(text, len + 2);

    if (p == NULL) {
        free(text);
        return NULL;
    }

    memmove(p + 1, p, len + 1);
    p[0] = ',';

    return p;
}


static char *
hars_answering_csv(const hars_answering_t *a)
{
    char                 *text, heart[32];
    const hars_told_t    *told;
    const hars_model_t   *model;

    text = malloc(HARS_ANSWER_LINE);
    if (text == NULL) {
        return NULL;
    }

    told = &a->reading->told[a->next - 1];
    model = a->reading->model;
    heart[0] = '\0';

    if (!isnan(told->heart)) {
        snprintf(heart, sizeof(heart), "%.5g", told->heart);
    }

    snprintf(text, HARS_ANSWER_LINE, "%.6f,%.6f,%s,%.4f,%s,%s\r\n",
             told->start,
             told->start + (double) HARS_ML_WINDOW / HARS_ML_RATE,
             hars_told_activity(model, told->activity),
             (double) told->confidence / HARS_TOLD_PLACES,
             hars_told_activity(model, told->smoothed), heart);

    return text;
}

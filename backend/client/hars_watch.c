
/*
 * hars watch: a line for each activity of a patient, as they are recognized.
 *
 *     2026-05-04T12:30:00Z  2.6 s  walking  93 %  84 bpm
 *
 * The stream ends after a minute, or with the token, and is taken up again
 * behind the last event, so that none is missed or shown twice.  Who is not
 * connected with the patient any more is told so, and it ends.
 */

#include "hars_bearer.h"
#include "hars_client.h"
#include "hars_events.h"
#include "hars_moment.h"
#include "hars_tls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>


#define HARS_WATCH_SECONDS  75            /* of a stream; the server has 60 */
#define HARS_WATCH_MOST     60000         /* ms, of a wait */
#define HARS_WATCH_FIRST    500
#define HARS_WATCH_ID       65            /* of a patient, with its 0 */
#define HARS_WATCH_WORD     32            /* of an activity, with its 0 */


typedef struct {
    const hars_options_t  *options;
    hars_bearer_t          bearer;
    hars_events_t          events;
    unsigned               left;          /* lines; 0: without an end */
    unsigned               done:1;
    unsigned               came:1;        /* something, of this stream */
    unsigned               renewed:1;     /* the token, and not used yet */
    unsigned               failed;        /* streams one after another */
} hars_watch_t;


static int hars_watch_patient(const char *id);
static int hars_watch_count(hars_watch_t *watch);
static int hars_watch_follow(hars_watch_t *watch);
static int hars_watch_stream(hars_watch_t *watch, hars_https_t *https);
static int hars_watch_call(hars_watch_t *watch, hars_https_t *https,
    hars_answer_t *answer);
static int hars_watch_answer(hars_watch_t *watch,
    const hars_answer_t *answer);
static void hars_watch_pause(hars_watch_t *watch,
    const hars_answer_t *answer);
static int hars_watch_bytes(void *data, const char *p, size_t len);
static int hars_watch_event(void *owner, const char *data, size_t len);
static void hars_watch_all(hars_watch_t *watch, json_t *value);
static void hars_watch_line(hars_watch_t *watch, json_t *window);
static const char *hars_watch_word(json_t *value,
    char word[HARS_WATCH_WORD]);


int
hars_watch(const hars_options_t *options)
{
    int           rc;
    hars_watch_t  watch;

    memset(&watch, 0, sizeof(hars_watch_t));

    watch.options = options;
    watch.bearer.options = options;
    watch.bearer.scope = "activities:read";
    watch.events.take = hars_watch_event;
    watch.events.owner = &watch;

    if (hars_watch_patient(options->patient) != HARS_OK
        || hars_bearer_check("watch", options) != HARS_OK
        || hars_watch_count(&watch) != HARS_OK)
    {
        return HARS_EXIT_USAGE;
    }

    rc = hars_watch_follow(&watch);

    hars_events_reset(&watch.events);
    hars_bearer_wipe(&watch.bearer);

    return rc;
}


static int
hars_watch_patient(const char *id)
{
    size_t  len;

    len = id ? strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
                          "xyz0123456789._-") : 0;

    if (len && len < HARS_WATCH_ID && id[len] == '\0') {
        return HARS_OK;
    }

    fprintf(stderr, "hars: watch needs --patient ID, as the patient's own "
            "/v1/me says it\n");

    return HARS_ERROR;
}


static int
hars_watch_count(hars_watch_t *watch)
{
    char           *end;
    unsigned long   n;

    if (watch->options->count == NULL) {
        return HARS_OK;
    }

    n = strtoul(watch->options->count, &end, 10);

    if (*end || watch->options->count[0] == '-' || n == 0 || n > 1000000000)
    {
        fprintf(stderr, "hars: --count has to be a number of lines\n");
        return HARS_ERROR;
    }

    watch->left = (unsigned) n;

    return HARS_OK;
}


/* one stream after another */
static int
hars_watch_follow(hars_watch_t *watch)
{
    int                rc;
    hars_https_t      *https;
    hars_https_conf_t  conf = { .url = watch->options->url };

    conf.cert = watch->options->cert;
    conf.key = watch->options->key;
    conf.cacert = watch->options->cacert;
    conf.connect_to = watch->options->connect_to;
    conf.shown = watch->options->show_tls ? hars_tls_show : NULL;

    https = hars_https_create(&conf);

    if (https == NULL) {
        fprintf(stderr, "hars: libcurl cannot be set up\n");
        return HARS_EXIT_REFUSED;
    }

    do {
        rc = hars_watch_stream(watch, https);

    } while (rc == HARS_EXIT_OK && !watch->done);

    hars_https_free(https);

    return rc;
}


/* HARS_EXIT_OK: on with the next one */
static int
hars_watch_stream(hars_watch_t *watch, hars_https_t *https)
{
    int            rc;
    hars_answer_t  answer;

    memset(&answer, 0, sizeof(hars_answer_t));
    hars_events_reset(&watch->events);
    watch->came = 0;

    rc = hars_bearer_get(&watch->bearer);

    if (rc == HARS_EXIT_OK) {
        rc = hars_watch_call(watch, https, &answer);
    }

    /* one that ends in its middle is nothing to talk about */

    if (watch->done || (rc == HARS_EXIT_CONNECT && watch->came)) {
        rc = HARS_EXIT_OK;
    }

    if (rc == HARS_EXIT_OK) {
        watch->failed = 0;

    } else if (rc == HARS_EXIT_CONNECT) {
        hars_watch_pause(watch, &answer);
        rc = HARS_EXIT_OK;
    }

    hars_text_free(&answer.body);

    return rc;
}


static int
hars_watch_call(hars_watch_t *watch, hars_https_t *https,
    hars_answer_t *answer)
{
    int          rc;
    char         header[32 + HARS_EVENTS_ID], path[64 + HARS_WATCH_ID];
    hars_call_t  call;

    memset(&call, 0, sizeof(hars_call_t));

    snprintf(header, sizeof(header), "Last-Event-ID: %s", watch->events.id);
    snprintf(path, sizeof(path), "/v1/patients/%s/events",
             watch->options->patient);

    call.path = path;
    call.accept = "Accept: text/event-stream";
    call.header = watch->events.id[0] ? header : NULL;
    call.token = watch->bearer.token;
    call.seconds = HARS_WATCH_SECONDS;
    call.get = 1;
    call.take = hars_watch_bytes;
    call.data = watch;

    rc = hars_https_call(https, &call, answer);

    return rc == HARS_OK ? hars_watch_answer(watch, answer)
           : rc == HARS_DECLINED ? HARS_EXIT_USAGE : HARS_EXIT_CONNECT;
}


static int
hars_watch_answer(hars_watch_t *watch, const hars_answer_t *answer)
{
    if (answer->status == 200) {
        watch->renewed = 0;
        return HARS_EXIT_OK;
    }

    if (answer->status == 429 || answer->status >= 500) {
        return HARS_EXIT_CONNECT;
    }

    if (answer->status == 401 && !watch->renewed
        && hars_bearer_refused(&watch->bearer) == HARS_OK)
    {
        watch->renewed = 1;
        return HARS_EXIT_OK;
    }

    fprintf(stderr, "hars: status %ld%s\n", answer->status,
            answer->status == 404
            ? ": there is no such patient, or you are not connected (any "
              "more)" : "");

    if (answer->challenge[0]) {
        fprintf(stderr, "WWW-Authenticate:%s\n", answer->challenge);
    }

    return HARS_EXIT_REFUSED;
}


static void
hars_watch_pause(hars_watch_t *watch, const hars_answer_t *answer)
{
    long             ms;
    struct timespec  ts;

    ms = HARS_WATCH_FIRST << (watch->failed < 7 ? watch->failed : 7);
    watch->failed++;

    if (answer->retry_after > 0) {
        ms = answer->retry_after < HARS_WATCH_MOST / 1000
             ? answer->retry_after * 1000 : HARS_WATCH_MOST;
    }

    if (ms > HARS_WATCH_MOST) {
        ms = HARS_WATCH_MOST;
    }

    if (answer->status) {
        fprintf(stderr, "hars: status %ld", answer->status);
    } else {
        fprintf(stderr, "hars: %s", answer->error[0] ? answer->error
                                                     : "no token");
    }

    fprintf(stderr, "; again in %.1f s\n", (double) ms / 1000);

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&ts, NULL);
}


static int
hars_watch_bytes(void *data, const char *p, size_t len)
{
    hars_watch_t  *watch;

    watch = data;

    if (p == NULL) {
        return watch->done ? HARS_ERROR : HARS_OK;
    }

    watch->came = 1;

    return hars_events_feed(&watch->events, p, len);
}


static int
hars_watch_event(void *owner, const char *data, size_t len)
{
    json_t        *root;
    hars_watch_t  *watch;

    watch = owner;

    if (watch->options->json) {
        printf("%.*s\n", (int) len, data);

    } else {
        root = json_loadb(data, len, 0, NULL);
        hars_watch_all(watch, root);
        json_decref(root);
    }

    if (watch->options->json && watch->left && --watch->left == 0) {
        watch->done = 1;
    }

    if (fflush(stdout) == EOF) {
        watch->done = 1;
    }

    return watch->done ? HARS_ERROR : HARS_OK;
}


/* an activity, a list of them, or an object that has the list */
static void
hars_watch_all(hars_watch_t *watch, json_t *value)
{
    size_t   i;
    json_t  *list, *window;

    list = json_object_get(value, "activities");

    if (json_is_array(list)) {
        value = list;
    }

    if (json_is_object(value)) {
        hars_watch_line(watch, value);
        return;
    }

    json_array_foreach(value, i, window) {
        if (!watch->done) {
            hars_watch_line(watch, window);
        }
    }
}


static void
hars_watch_line(hars_watch_t *watch, json_t *window)
{
    char     word[HARS_WATCH_WORD], at[HARS_MOMENT];
    double   start, end;
    json_t  *bpm;

    start = json_number_value(json_object_get(window, "start"));
    end = json_number_value(json_object_get(window, "end"));

    if (!(start >= 0 && start < 1e11 && end >= start && end < 1e11)) {
        return;
    }

    hars_moment_text(llround(start * 1e6), at);

    printf("%s  %.1f s  %-10s  %.0f %%", at, end - start,
           hars_watch_word(json_object_get(window, "activity"), word),
           100 * json_number_value(json_object_get(window, "confidence")));

    bpm = json_object_get(window, "heart_rate_bpm");

    if (json_is_number(bpm)) {
        printf("  %.0f bpm", json_number_value(bpm));
    }

    putchar('\n');

    if (watch->left && --watch->left == 0) {
        watch->done = 1;
    }
}


/* what a terminal could take for something else is not written to it */
static const char *
hars_watch_word(json_t *value, char word[HARS_WATCH_WORD])
{
    size_t       len;
    const char  *text;

    text = json_string_value(value);
    text = text ? text : "";
    len = strspn(text, "abcdefghijklmnopqrstuvwxyz_-0123456789");

    if (len == 0 || len >= HARS_WATCH_WORD || text[len]) {
        return "?";
    }

    memcpy(word, text, len + 1);

    return word;
}

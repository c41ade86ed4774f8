
/* See hars_sender.h for what this is. */

#include "hars_sender.h"
#include "hars_bearer.h"
#include "hars_tls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>


#define HARS_SENDER_TRIES  12             /* some minutes of it */
#define HARS_SENDER_FIRST  500            /* ms */
#define HARS_SENDER_MOST   60000          /* ms, of a wait */
#define HARS_SENDER_SCOPE  "recordings:write activities:read"


struct hars_sender_s {
    hars_https_t       *https;
    hars_https_conf_t   conf;
    hars_bearer_t       bearer;
    hars_text_t         query;            /* of all recordings */
    double              rate;
};


static int hars_sender_call(hars_sender_t *sender, hars_call_t *call,
    hars_answer_t *answer);
static int hars_sender_try(hars_sender_t *sender, hars_call_t *call,
    hars_answer_t *answer);
static int hars_sender_better(const hars_answer_t *answer);
static void hars_sender_pause(const hars_answer_t *answer, unsigned n);
static void hars_sender_forget(hars_answer_t *answer);
static int hars_sender_refused(const hars_answer_t *answer);


hars_sender_t *
hars_sender_create(const hars_options_t *options)
{
    hars_sender_t  *sender;

    sender = calloc(1, sizeof(hars_sender_t));

    if (sender == NULL) {
        return NULL;
    }

    sender->conf.url = options->url;
    sender->conf.cert = options->cert;
    sender->conf.key = options->key;
    sender->conf.cacert = options->cacert;
    sender->conf.connect_to = options->connect_to;
    sender->conf.shown = options->show_tls ? hars_tls_show : NULL;
    sender->bearer.options = options;
    sender->bearer.scope = HARS_SENDER_SCOPE;

    hars_text_form(&sender->query, "placement", options->placement);
    hars_text_form(&sender->query, "acceleration", options->acceleration);
    hars_text_form(&sender->query, "rotation", options->rotation);
    hars_text_form(&sender->query, "times", options->times);

    sender->https = hars_https_create(&sender->conf);

    if (sender->https == NULL || sender->query.failed) {
        hars_sender_free(sender);
        return NULL;
    }

    return sender;
}


void
hars_sender_free(hars_sender_t *sender)
{
    if (sender) {
        hars_https_free(sender->https);
        hars_bearer_wipe(&sender->bearer);
        hars_text_free(&sender->query);
        free(sender);
    }
}


void
hars_sender_rate(hars_sender_t *sender, double rate)
{
    sender->rate = rate;
}


int
hars_sender_there(hars_sender_t *sender, const char *id, int64_t *start_us)
{
    int            rc;
    char           path[32 + HARS_SENDER_ID];
    json_t        *root, *start;
    hars_call_t    call;
    hars_answer_t  answer;

    memset(&call, 0, sizeof(hars_call_t));
    memset(&answer, 0, sizeof(hars_answer_t));
    snprintf(path, sizeof(path), "/v1/recordings/%s", id);

    *start_us = -1;
    call.path = path;
    call.get = 1;

    rc = hars_sender_call(sender, &call, &answer);

    if (rc == HARS_EXIT_OK && answer.status == 200) {
        root = json_loadb(answer.body.data, answer.body.len, 0, NULL);
        start = json_object_get(root, "start");

        if (json_is_number(start) && json_number_value(start) >= 0) {
            *start_us = llround(json_number_value(start) * 1000) * 1000;
        }

        json_decref(root);

    } else if (rc == HARS_EXIT_OK && answer.status != 404
               && answer.status != 403)
    {
        rc = hars_sender_refused(&answer);
    }

    hars_sender_forget(&answer);

    return rc;
}


int
hars_sender_send(hars_sender_t *sender, const char *id,
    const hars_text_t *body)
{
    int            rc;
    hars_text_t    path;
    hars_call_t    call;
    hars_answer_t  answer;

    memset(&path, 0, sizeof(hars_text_t));
    memset(&call, 0, sizeof(hars_call_t));
    memset(&answer, 0, sizeof(hars_answer_t));

    hars_text_print(&path, "/v1/recordings?id=%s&sampling_rate_hz=%.6g&", id,
                    sender->rate);
    hars_text_add(&path, sender->query.data, sender->query.len);

    call.path = path.data;
    call.type = "text/csv";
    call.body = body->data;
    call.len = body->len;

    rc = path.failed ? HARS_EXIT_REFUSED
                     : hars_sender_call(sender, &call, &answer);

    if (rc == HARS_EXIT_OK && answer.status != 200 && answer.status != 201) {
        rc = hars_sender_refused(&answer);

        if (answer.status == 409) {
            fprintf(stderr, "hars: it was sent before with other times or "
                    "options; with --start it is another recording\n");
        }
    }

    hars_sender_forget(&answer);
    hars_text_free(&path);

    return rc;
}


/* an answer that is final: HARS_EXIT_OK, or what to exit with */
static int
hars_sender_call(hars_sender_t *sender, hars_call_t *call,
    hars_answer_t *answer)
{
    int       rc;
    unsigned  n, renewed;

    renewed = 0;

    for (n = 0; /* void */ ; n++) {
        rc = hars_sender_try(sender, call, answer);

        if (rc == HARS_EXIT_OK && answer->status == 401 && !renewed
            && hars_bearer_refused(&sender->bearer) == HARS_OK)
        {
            renewed = 1;
            continue;
        }

        if ((rc == HARS_EXIT_OK && !hars_sender_better(answer))
            || (rc != HARS_EXIT_OK && rc != HARS_EXIT_CONNECT))
        {
            return rc;
        }

        if (n == HARS_SENDER_TRIES) {
            return rc == HARS_EXIT_OK ? hars_sender_refused(answer) : rc;
        }

        hars_sender_pause(answer, n);
    }
}


static int
hars_sender_try(hars_sender_t *sender, hars_call_t *call,
    hars_answer_t *answer)
{
    int  rc;

    hars_sender_forget(answer);
    rc = hars_bearer_get(&sender->bearer);

    if (rc != HARS_EXIT_OK) {
        return rc;
    }

    call->token = sender->bearer.token;
    rc = hars_https_call(sender->https, call, answer);

    if (rc == HARS_OK) {
        return HARS_EXIT_OK;
    }

    fprintf(stderr, "hars: %s\n", answer->error);

    return rc == HARS_DECLINED ? HARS_EXIT_USAGE : HARS_EXIT_CONNECT;
}


static int
hars_sender_better(const hars_answer_t *answer)
{
    return answer->status == 429 || answer->status >= 500;
}


static void
hars_sender_pause(const hars_answer_t *answer, unsigned n)
{
    long             ms;
    struct timespec  ts;

    ms = HARS_SENDER_FIRST << (n < 7 ? n : 7);

    if (answer->retry_after > 0) {
        ms = answer->retry_after < HARS_SENDER_MOST / 1000
             ? answer->retry_after * 1000 : HARS_SENDER_MOST;
    }

    if (ms > HARS_SENDER_MOST) {
        ms = HARS_SENDER_MOST;
    }

    fprintf(stderr, "hars: %s%.0ld; again in %.1f s\n",
            answer->status ? "status " : "no answer", answer->status,
            (double) ms / 1000);

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&ts, NULL);
}


static void
hars_sender_forget(hars_answer_t *answer)
{
    hars_text_free(&answer->body);
    memset(answer, 0, sizeof(hars_answer_t));
}


static int
hars_sender_refused(const hars_answer_t *answer)
{
    fprintf(stderr, "hars: status %ld\n", answer->status);

    if (answer->challenge[0]) {
        fprintf(stderr, "WWW-Authenticate:%s\n", answer->challenge);
    }

    if (answer->body.len) {
        fprintf(stderr, "%.*s\n", (int) answer->body.len, answer->body.data);
    }

    return HARS_EXIT_REFUSED;
}


/* a page for Prometheus: what is written, what is counted, what is answered */

/* link: */

#include "../../backend/common/hars_metrics.c"

#include "tap.h"


static unsigned  status;
static char     *answer;
static size_t    answer_len;
static char      header[128];


void
hars_reply_header(hars_request_t *r, const char *name, const char *value)
{
    (void) r;

    snprintf(header, sizeof(header), "%s: %s", name, value);
}


void
hars_reply(hars_request_t *r, unsigned code, const char *type, char *body,
    size_t len)
{
    (void) r;
    (void) type;

    status = code;
    answer = body;
    answer_len = len;
}


void
hars_reply_problem(hars_request_t *r, unsigned code, const char *detail)
{
    (void) r;
    (void) detail;

    status = code;
    answer = NULL;
}


static int
has(const char *line)
{
    return answer && strstr(answer, line) != NULL;
}


static void
histograms(void)
{
    hars_metrics_page_t    page = { 0 };
    hars_metrics_times_t  *times;

    static char  b_again[] = "/b";

    static const hars_route_t  a = { .path = "/a", .method = "GET" };
    static const hars_route_t  b = { .path = "/b", .method = "GET" };
    static const hars_route_t  put = { .path = b_again, .method = "PUT" };

    times = calloc(1, sizeof(hars_metrics_times_t));

    hars_metrics_time(times, &a, 250);
    hars_metrics_time(times, &a, 251);
    hars_metrics_time(times, &a, 2500001);
    hars_metrics_time(times, &b, 0);
    hars_metrics_time(times, &put, 1000000);

    hars_metrics_times(&page, "x_seconds", "How long.", times);
    hars_metrics_reply(NULL, &page);

    ok(status == 200 && strcmp(header, "Cache-Control: no-store") == 0,
       "200, kept by nobody");
    ok(answer && strncmp(answer, "# HELP x_seconds How long.\n"
                         "# TYPE x_seconds histogram\n", 54) == 0,
       "a histogram begins with what it is");
    ok(has("x_seconds_bucket{path=\"/a\",le=\"0.00025\"} 1\n"),
       "an end of a bucket is in it");
    ok(has("x_seconds_bucket{path=\"/a\",le=\"0.0005\"} 2\n")
       && has("x_seconds_bucket{path=\"/a\",le=\"2.5\"} 2\n")
       && has("x_seconds_bucket{path=\"/a\",le=\"+Inf\"} 3\n"),
       "buckets have all of those below");
    ok(has("x_seconds_sum{path=\"/a\"} 2.500502\n")
       && has("x_seconds_count{path=\"/a\"} 3\n"), "sum and count");
    ok(has("x_seconds_count{path=\"/b\"} 2\n"),
       "the methods of a path are one series");
    ok(answer_len == strlen(answer), "the length is the text's");

    free(answer);
    free(times);
}


static void
paths(void)
{
    char                   name[HARS_METRICS_PATHS + 1][8];
    unsigned               i;
    hars_route_t           route = { .method = "GET" };
    hars_metrics_page_t    page = { 0 };
    hars_metrics_times_t  *times;

    times = calloc(1, sizeof(hars_metrics_times_t));

    for (i = 0; i <= HARS_METRICS_PATHS; i++) {
        snprintf(name[i], sizeof(name[i]), "/%u", i);
        route.path = name[i];
        hars_metrics_time(times, &route, 1);
    }

    hars_metrics_times(&page, "x_seconds", "X.", times);
    hars_metrics_reply(NULL, &page);

    ok(has("x_seconds_count{path=\"/31\"} 1\n") && !has("/32"),
       "as many paths as there are places");
    ok(answer_len > HARS_METRICS_PAGE && answer[answer_len - 1] == '\n',
       "a page as long as it needs to be: %zu bytes", answer_len);

    free(answer);
    free(times);
}


static void
numbers(void)
{
    hars_metrics_page_t  page = { 0 };

    hars_metrics_number(&page, "x_total", "counter", "Of x.",
                        18446744073709551615ull);
    hars_metrics_head(&page, "y", "gauge", "Of y.");
    hars_metrics_add(&page, "y{of=\"%s\"} %u\n", "a", 7);
    hars_metrics_reply(NULL, &page);

    ok(answer && strcmp(answer, "# HELP x_total Of x.\n"
                        "# TYPE x_total counter\n"
                        "x_total 18446744073709551615\n"
                        "# HELP y Of y.\n# TYPE y gauge\ny{of=\"a\"} 7\n")
                 == 0, "a page, word by word");
    ok(page.text == NULL && page.len == 0, "is not the caller's any more");

    free(answer);

    page.failed = 1;
    hars_metrics_reply(NULL, &page);
    ok(status == 503 && answer == NULL, "a line lost: no page at all");
}


int
main(void)
{
    numbers();
    histograms();
    paths();

    return tap_done();
}

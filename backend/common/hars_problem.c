
/*
 * Errors as RFC 9457 has them.  The problem type is always about:blank: the
 * status says what it is, the detail what to mend.
 */

#include "hars_http.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>


typedef struct {
    unsigned     status;
    const char  *title;
} hars_problem_title_t;


static const char *hars_problem_title(unsigned status);


/* RFC 9457, 4.2.1: with about:blank the title is the status phrase */
static const hars_problem_title_t  hars_problem_titles[] = {
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 409, "Conflict" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
    { 507, "Insufficient Storage" },
    { 0, NULL }
};


void
hars_reply_problem(hars_request_t *r, unsigned status, const char *detail)
{
    char    *body;
    json_t  *root;

    root = json_pack("{s:s, s:s, s:i, s:s}",
                     "type", "about:blank",
                     "title", hars_problem_title(status),
                     "status", (int) status,
                     "detail", detail);

    body = json_dumps(root, JSON_COMPACT);
    json_decref(root);

    /* no memory, or the detail is not UTF-8: no answer makes it a 500 */

    if (body) {
        hars_reply_header(r, "Cache-Control", "no-store");
        hars_reply(r, status, HARS_PROBLEM_TYPE, body, strlen(body));
    }
}


static const char *
hars_problem_title(unsigned status)
{
    const hars_problem_title_t  *t;

    for (t = hars_problem_titles; t->status; t++) {
        if (t->status == status) {
            return t->title;
        }
    }

    return "Error";
}

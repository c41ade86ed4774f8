
/*
 * A refusal of what was sent, as RFC 9457 has it, that names field, row and
 * column, the latter two from 0.
 */

#include "hars_dcm_endpoints.h"

#include <string.h>

#include <jansson.h>


static const char *hars_fault_title(unsigned status);


void
hars_reply_fault(hars_request_t *r, unsigned status,
    const hars_fault_t *fault)
{
    char    *text;
    json_t  *root;

    root = status == 503 ? NULL
           : json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank",
                       "title", hars_fault_title(status),
                       "status", (int) status, "detail", fault->detail);

    if (root && fault->field && fault->field[0]) {
        json_object_set_new(root, "field", json_string(fault->field));
    }

    if (root && fault->row >= 0) {
        json_object_set_new(root, "row", json_integer(fault->row));
    }

    if (root && fault->column >= 0) {
        json_object_set_new(root, "column", json_integer(fault->column));
    }

    text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);

    if (text == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, status, HARS_PROBLEM_TYPE, text, strlen(text));
}


static const char *
hars_fault_title(unsigned status)
{
    return status == 400 ? "Bad Request"
           : status == 413 ? "Content Too Large"
           : status == 415 ? "Unsupported Media Type"
           : "Unprocessable Content";
}

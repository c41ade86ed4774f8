
/* See hars_dcm_reply.h for what this is. */

#include "hars_dcm_reply.h"

#include <string.h>

#include <jansson.h>


void
hars_dcm_reply(hars_request_t *r, unsigned status, json_t *root,
    unsigned digits)
{
    char  *text;

    text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(digits))
                : NULL;
    json_decref(root);

    if (text == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, status, "application/json", text, strlen(text));
}

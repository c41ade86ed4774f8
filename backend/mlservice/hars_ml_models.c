
/*
 * GET /v1/models: which model answers, what it was made of and how well it
 * did with people that it had not seen.
 */


#include "hars_ml_service.h"

#include <string.h>


void
hars_models_get(hars_request_t *r)
{
    char  *body;

    body = hars_json_models(r->data);

    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply(r, 200, "application/json", body, strlen(body));
}

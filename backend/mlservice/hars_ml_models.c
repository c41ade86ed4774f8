
/*
 * GET /v1/models: which models answer, what they were made of and how well
 * they did with people that they had not seen.
 */


#include "hars_ml_service.h"

#include <string.h>


void
hars_models_get(hars_request_t *r)
{
    char          *body;
    hars_ml_t     *ml;
    hars_shelf_t  *shelf;

    ml = r->data;

    shelf = hars_shelf_hold(ml);
    body = hars_json_models(shelf);
    hars_shelf_release(ml, shelf);

    if (body == NULL) {
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply(r, 200, "application/json", body, strlen(body));
}

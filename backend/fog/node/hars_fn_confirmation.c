
/* See hars_fn_confirmation.h for what this is. */

#include "hars_fn_confirmation.h"
#include "hars_record.h"

#include <math.h>
#include <string.h>

#include <jansson.h>


#define HARS_CONFIRMATION_EVER  253402300800.0    /* s: the year 10000 */


static int hars_fn_confirmation_span(const json_t *root, int64_t *lasts);


int
hars_fn_confirmation(const unsigned char *body, size_t len, const char *sid,
    int64_t *lasts)
{
    int          rc;
    json_t      *root;
    const char  *own;

    root = json_loadb((const char *) body, len, JSON_REJECT_DUPLICATES, NULL);
    own = json_string_value(json_object_get(root, "sid"));

    rc = own && strcmp(own, sid) == 0 ? hars_fn_confirmation_span(root, lasts)
                                      : HARS_ERROR;
    json_decref(root);

    return rc;
}


static int
hars_fn_confirmation_span(const json_t *root, int64_t *lasts)
{
    double   start, end;
    json_t  *first, *last;

    first = json_object_get(root, "start");
    last = json_object_get(root, "end");

    if (!json_is_number(first) || !json_is_number(last)) {
        return HARS_ERROR;
    }

    start = json_number_value(first);
    end = json_number_value(last);

    if (!(start >= 0 && start <= end && end < HARS_CONFIRMATION_EVER)) {
        return HARS_ERROR;
    }

    *lasts = llround((end - start) * 1000);

    return HARS_OK;
}

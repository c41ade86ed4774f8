
/*
 * GET /v1/patients/{id}/export?format=json|csv: all data of a patient, for
 * the patient, or what a connected doctor may see of it.  JSON has all of it,
 * CSV the samples.
 */

#include "hars_dcm_endpoints.h"
#include "hars_dcm_export.h"
#include "hars_dcm_query.h"

#include <string.h>


static int hars_export_format(hars_request_t *r, unsigned *csv);


void
hars_dcm_export_get(hars_request_t *r)
{
    unsigned        csv;
    hars_dcm_t     *dcm;
    hars_look_t     look;
    hars_export_t  *export;

    dcm = r->data;

    if (hars_look(r, HARS_LOOK_EXPORT, &look) != HARS_OK
        || hars_export_format(r, &csv) != HARS_OK)
    {
        return;
    }

    if (atomic_fetch_add(&dcm->exports, 1) >= HARS_EXPORTS
        || (export = hars_export_create(dcm, &look, csv)) == NULL)
    {
        atomic_fetch_sub(&dcm->exports, 1);
        hars_reply_header(r, "Retry-After", "60");
        hars_reply_problem(r, 503, "Others are exporting now: ask again.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_header(r, "Content-Disposition", csv
                      ? "attachment; filename=\"export.csv\""
                      : "attachment; filename=\"export.json\"");
    hars_reply_flow(r, 200, csv ? "text/csv; charset=utf-8; header=present"
                    : "application/json", hars_export_next, hars_export_free,
                    export);
}


static int
hars_export_format(hars_request_t *r, unsigned *csv)
{
    int   rc;
    char  value[HARS_QUERY_VALUE];

    rc = hars_query_text(r, "format", value);
    *csv = strcmp(value, "csv") == 0;

    if (rc == HARS_DECLINED
        || (rc == HARS_OK && (*csv || strcmp(value, "json") == 0)))
    {
        return HARS_OK;
    }

    hars_reply_problem(r, 400, "The parameter format has to be json or csv.");

    return HARS_ERROR;
}

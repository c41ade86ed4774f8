
/*
 * GET /v1/patients/{id}/export?format=json|csv: all data of a patient, for
 * the patient, or what a connected doctor may see of it.  JSON has all of it,
 * CSV a table of it: what=samples (which it is without) or what=activities.
 */

#include "hars_dcm_endpoints.h"
#include "hars_dcm_export.h"
#include "hars_dcm_query.h"

#include <string.h>


typedef struct {
    const char                   *format;
    const char                   *what;   /* NULL: all */
    const hars_export_section_t  *section;
    const char                   *type;
    const char                   *disposition;
} hars_export_form_t;


static const hars_export_form_t *hars_export_form(hars_request_t *r);
static hars_export_t *hars_export_begin(hars_request_t *r,
    const hars_look_t *look, const hars_export_section_t *section);


#define HARS_EXPORT_CSV  "text/csv; charset=utf-8; header=present"

static const hars_export_form_t  hars_export_forms[] = {
    { "json", NULL, hars_export_json, "application/json",
      "attachment; filename=\"export.json\"" },
    { "csv", "samples", hars_export_csv, HARS_EXPORT_CSV,
      "attachment; filename=\"samples.csv\"" },
    { "csv", "activities", hars_export_csv_activities, HARS_EXPORT_CSV,
      "attachment; filename=\"activities.csv\"" },
    { NULL, NULL, NULL, NULL, NULL }
};


void
hars_dcm_export_get(hars_request_t *r)
{
    hars_look_t                look;
    hars_export_t             *export;
    const hars_export_form_t  *form;

    if (hars_look(r, HARS_LOOK_EXPORT, &look) != HARS_OK
        || (form = hars_export_form(r)) == NULL
        || (export = hars_export_begin(r, &look, form->section)) == NULL)
    {
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply_header(r, "Content-Disposition", form->disposition);
    hars_reply_flow(r, 200, form->type, hars_export_next, hars_export_free,
                    export);
}


/* NULL: it has been answered */
static const hars_export_form_t *
hars_export_form(hars_request_t *r)
{
    int                        formatted, named;
    char                       format[HARS_QUERY_VALUE];
    char                       what[HARS_QUERY_VALUE];
    const hars_export_form_t  *form;

    formatted = hars_query_text(r, "format", format);
    named = hars_query_text(r, "what", what);

    for (form = hars_export_forms; form->format; form++) {

        /* the first of a format is the one without a word */

        if (formatted != HARS_ERROR && named != HARS_ERROR
            && (formatted == HARS_DECLINED
                || strcmp(format, form->format) == 0)
            && (named == HARS_DECLINED
                || (form->what && strcmp(what, form->what) == 0)))
        {
            return form;
        }
    }

    hars_reply_problem(r, 400, "The parameter format has to be json or csv; "
                       "with csv, what may be samples or activities.");

    return NULL;
}


/* NULL: it has been answered */
static hars_export_t *
hars_export_begin(hars_request_t *r, const hars_look_t *look,
    const hars_export_section_t *section)
{
    int             rc;
    hars_dcm_t     *dcm;
    hars_export_t  *export;

    dcm = r->data;
    rc = hars_exports_begin(&dcm->exports, look->who.sub);

    if (rc == HARS_OK) {
        export = hars_export_create(dcm, look, section);

        if (export) {
            return export;
        }

        hars_exports_end(&dcm->exports, look->who.sub);
    }

    hars_reply_header(r, "Retry-After", "60");

    if (rc == HARS_DECLINED) {
        hars_reply_problem(r, 429, "Exports of yours are going on: read them "
                           "to their ends, or leave them, and ask again.");
    } else {
        hars_reply_problem(r, 503, "Others are exporting now: ask again.");
    }

    return NULL;
}

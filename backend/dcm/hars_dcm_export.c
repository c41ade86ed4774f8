
/* See hars_dcm_export.h for what this is; what is in it: ..._sections.c. */

#include "hars_dcm_export.h"
#include "hars_log.h"

#include <stdlib.h>
#include <string.h>


#define HARS_EXPORT_LOOKS  256            /* at a time */


static int hars_export_allowed(hars_export_t *export, int64_t now_ms);
static int hars_export_more(hars_export_t *export);
static int hars_export_fill(hars_export_t *export);


hars_export_t *
hars_export_create(hars_dcm_t *dcm, const hars_look_t *look,
    const hars_export_section_t *section)
{
    hars_export_t  *export;

    export = calloc(1, sizeof(hars_export_t));

    if (export == NULL) {
        return NULL;
    }

    export->dcm = dcm;
    export->look = *look;
    export->section = section;
    export->from_ms = look->access.since_ms > 0 ? look->access.since_ms : 0;
    export->to_ms = look->access.until_ms < HARS_SAMPLES_EVER
                    ? look->access.until_ms : HARS_SAMPLES_EVER;

    export->looks.minute_ms = INT64_MAX;
    export->looks.limit = HARS_EXPORT_LOOKS;

    hars_samples_begin(&export->samples, look->patient, export->from_ms,
                       export->to_ms);

    return export;
}


void
hars_export_free(void *data)
{
    hars_export_t  *export;

    export = data;
    hars_exports_end(&export->dcm->exports, export->look.who.sub);

    free(export->print.text);
    free(export);
}


long
hars_export_next(void *data, char *dst, size_t size)
{
    int             rc;
    size_t          len;
    hars_export_t  *export;

    export = data;
    rc = hars_export_allowed(export, hars_now());

    if (rc != HARS_OK) {
        hars_log_info("an export ended early: its reader may not see more");
        return -1;
    }

    while (rc == HARS_OK && export->sent == export->print.len) {
        rc = hars_export_more(export);
    }

    if (rc != HARS_OK) {
        return rc == HARS_DECLINED ? 0 : -1;
    }

    len = export->print.len - export->sent;
    len = len < size ? len : size;

    memcpy(dst, export->print.text + export->sent, len);
    export->sent += len;

    return (long) len;
}


/* may the one who reads it see all that it was begun with, by now? */
static int
hars_export_allowed(hars_export_t *export, int64_t now_ms)
{
    hars_look_t  *look;

    look = &export->look;

    /* all of one's own may take longer than a token lives */

    if (look->access.own) {
        return HARS_OK;
    }

    return now_ms < look->who.exp * 1000
           && hars_look_again(export->dcm, look) == HARS_OK
           && look->access.since_ms <= export->from_ms
           && look->access.until_ms >= export->to_ms
           ? HARS_OK : HARS_ERROR;
}


/* HARS_DECLINED: it is at its end */
static int
hars_export_more(hars_export_t *export)
{
    int                           rc;
    const hars_export_section_t  *section;

    section = export->section;
    export->print.len = 0;
    export->sent = 0;

    if (section->fill == NULL) {
        return HARS_DECLINED;
    }

    if (section->own && !export->look.access.own) {
        export->section++;
        return HARS_OK;
    }

    if (!export->begun && section->name) {
        hars_print_add(&export->print, ",\n\"%s\":[", section->name);
    }

    export->begun = 1;
    rc = hars_export_fill(export);

    if (rc == HARS_DECLINED) {

        if (section->name) {
            hars_print_add(&export->print, "]");
        }

        export->section++;
        export->begun = 0;
        export->items = 0;
        export->after[0] = '\0';
        rc = HARS_OK;
    }

    return export->print.failed ? HARS_ERROR : rc;
}


static int
hars_export_fill(hars_export_t *export)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(export->dcm->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    rc = export->section->fill(export, db);
    hars_store_reader_done(export->dcm->store, db);

    if (rc == HARS_ERROR) {
        hars_log_error("an export broke off");
    }

    return rc;
}


void
hars_export_item(hars_export_t *export)
{
    hars_print_add(&export->print, export->items++ ? ",\n" : "\n");
}


/*
 * What an export has in it.  A caregiver's or doctor's has the data of the
 * time that they are connected for; who is connected and who looked is in the
 * patient's own alone.
 */

#include "hars_dcm_export.h"
#include "hars_dcm_recording.h"
#include "hars_dcm_window_json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>


/* of a time in seconds: till 2286 with its milliseconds */
#define HARS_EXPORT_FLAGS                                                    \
    (JSON_COMPACT | JSON_REAL_PRECISION(HARS_WINDOW_DIGITS))


static int hars_export_heading(hars_export_t *export, hars_db_t *db);
static int hars_export_lines(hars_export_t *export, hars_db_t *db);
static int hars_export_columns(hars_export_t *export, hars_db_t *db);
static int hars_export_top(hars_export_t *export, hars_db_t *db);
static int hars_export_recording(hars_export_t *export, hars_db_t *db);
static json_t *hars_export_recorded(const hars_dcm_recording_t *recording);
static int hars_export_activities(hars_export_t *export, hars_db_t *db);
static int hars_export_windows(hars_export_t *export, hars_db_t *db,
    const hars_patient_key_t *key);
static int hars_export_window(hars_export_t *export, const hars_window_t *w);
static int hars_export_samples(hars_export_t *export, hars_db_t *db);
static int hars_export_caregivers(hars_export_t *export, hars_db_t *db);
static int hars_export_accesses(hars_export_t *export, hars_db_t *db);
static int hars_export_items(hars_export_t *export, json_t *list, int rc);
static int hars_export_bottom(hars_export_t *export, hars_db_t *db);
static int hars_export_put(hars_export_t *export, json_t *root);


const hars_export_section_t  hars_export_csv[] = {
    { .fill = hars_export_heading },
    { .fill = hars_export_lines },
    { .fill = NULL }
};

const hars_export_section_t  hars_export_csv_activities[] = {
    { .fill = hars_export_columns },
    { .fill = hars_export_activities },
    { .fill = NULL }
};

const hars_export_section_t  hars_export_json[] = {
    { .fill = hars_export_top },
    { .name = "recordings", .fill = hars_export_recording },
    { .name = "activities", .fill = hars_export_activities },
    { .name = "samples", .fill = hars_export_samples },
    { .name = "caregivers", .fill = hars_export_caregivers, .own = 1 },
    { .name = "accesses", .fill = hars_export_accesses, .own = 1 },
    { .fill = hars_export_bottom },
    { .fill = NULL }
};


static int
hars_export_heading(hars_export_t *export, hars_db_t *db)
{
    (void) db;

    hars_print_add(&export->print, "%s", HARS_PRINT_HEADING);

    return HARS_DECLINED;
}


static int
hars_export_lines(hars_export_t *export, hars_db_t *db)
{
    int  rc;

    rc = hars_samples_next(export->dcm, db, &export->samples, &export->block);

    if (rc == HARS_OK) {
        hars_print_csv(&export->print, &export->block,
                       export->samples.recording, export->from_ms,
                       export->to_ms);
    }

    return rc;
}


static int
hars_export_columns(hars_export_t *export, hars_db_t *db)
{
    (void) db;

    export->rows = 1;
    hars_print_add(&export->print, "start,end,activity,confidence,smoothed,"
                   "heart_rate_bpm,recording,model\n");

    return HARS_DECLINED;
}


static int
hars_export_top(hars_export_t *export, hars_db_t *db)
{
    int      rc;
    char     name[HARS_NAME_SIZE];
    json_t  *value;

    rc = hars_profile_name(export->dcm, db, export->look.patient, name);

    if (rc == HARS_ERROR) {
        return HARS_ERROR;
    }

    value = rc == HARS_OK ? hars_people_name(name) : json_null();

    hars_print_add(&export->print, "{\"exported_at\":%lld,\n\"patient\":",
                   (long long) (hars_now() / 1000));
    rc = hars_export_put(export, json_string(export->look.patient));

    hars_print_add(&export->print, ",\n\"name\":");

    if (hars_export_put(export, value) != HARS_OK) {
        rc = HARS_ERROR;
    }

    return rc == HARS_OK ? HARS_DECLINED : HARS_ERROR;
}


static int
hars_export_recording(hars_export_t *export, hars_db_t *db)
{
    int                   rc;
    hars_dcm_recording_t  recording;

    rc = hars_recording_after(db, export->look.patient, export->after,
                              &recording);

    if (rc != HARS_OK) {
        return rc;
    }

    strcpy(export->after, recording.id);

    if (recording.end_ms < export->from_ms
        || recording.start_ms >= export->to_ms)
    {
        return HARS_OK;
    }

    hars_export_item(export);

    return hars_export_put(export, hars_export_recorded(&recording));
}


static json_t *
hars_export_recorded(const hars_dcm_recording_t *recording)
{
    char     cert[HARS_B64_SHA256_LEN], digest[HARS_B64_SHA256_LEN];
    json_t  *root, *dropped;

    hars_b64url_sha256_encode(cert, recording->cert);
    hars_b64url_sha256_encode(digest, recording->digest);

    dropped = json_pack("{s:I, s:I, s:I, s:I}",
                        "empty", (json_int_t) recording->empty,
                        "duplicates", (json_int_t) recording->duplicates,
                        "outliers", (json_int_t) recording->outliers,
                        "unpaired", (json_int_t) recording->unpaired);

    root = json_pack("{s:s, s:I, s:s, s:s, s:s%, s:s%, s:s, s:s}",
                     "id", recording->id,
                     "seq", (json_int_t) recording->seq,
                     "uploader", recording->uploader_sub,
                     "client_id", recording->uploader_client,
                     "certificate_s256", cert, sizeof(cert),
                     "digest_s256", digest, sizeof(digest),
                     "placement", recording->placement,
                     "options", recording->options);

    json_object_set_new(root, "start", hars_people_time(recording->start_ms));
    json_object_set_new(root, "end", hars_people_time(recording->end_ms));
    json_object_set_new(root, "accepted_at",
                        hars_people_time(recording->accepted_ms));
    json_object_set_new(root, "received", json_integer(recording->received));
    json_object_set_new(root, "samples", json_integer(recording->samples));
    json_object_set_new(root, "dropped", dropped);
    json_object_set_new(root, "state",
                        json_string(hars_recording_state(recording->state)));
    json_object_set_new(root, "reason", hars_people_name(recording->reason));
    json_object_set_new(root, "model", hars_people_name(recording->model));
    json_object_set_new(root, "fog_session",
                        hars_people_name(recording->fog_session));
    json_object_set_new(root, "fog_device",
                        hars_people_name(recording->fog_device));

    return root;
}


/* a recording's at a time */
static int
hars_export_activities(hars_export_t *export, hars_db_t *db)
{
    int                   rc;
    hars_patient_key_t    key;
    hars_dcm_recording_t  recording;

    rc = hars_recording_after(db, export->look.patient, export->after,
                              &recording);

    if (rc != HARS_OK) {
        return rc;
    }

    strcpy(export->after, recording.id);
    rc = hars_patient_key(export->dcm, db, export->look.patient, &key);

    if (rc == HARS_OK) {
        rc = hars_export_windows(export, db, &key);
        hars_patient_key_wipe(&key);
    }

    return rc;
}


static int
hars_export_windows(hars_export_t *export, hars_db_t *db,
    const hars_patient_key_t *key)
{
    int                           rc;
    unsigned                      i;
    const hars_window_t          *w;
    const hars_timeline_block_t  *block;

    block = &export->windows;
    rc = hars_timeline_of(db, export->look.patient, export->after);

    while (rc == HARS_OK
           && (rc = hars_timeline_next(db, export->look.patient, key,
                                       &export->activities,
                                       &export->windows)) == HARS_OK)
    {
        for (i = 0; rc == HARS_OK && i < block->n; i++) {
            w = &block->window[i];

            if (w->start_ms >= export->from_ms && w->start_ms < export->to_ms)
            {
                rc = hars_export_window(export, w);
            }
        }
    }

    hars_db_done(db);

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


static int
hars_export_window(hars_export_t *export, const hars_window_t *w)
{
    const hars_timeline_block_t  *block;

    block = &export->windows;

    if (!export->rows) {
        hars_export_item(export);
        return hars_export_put(export,
                               hars_window_json(w, &export->activities,
                                                block->recording,
                                                block->model));
    }

    /* names have no comma (hars_ml_answer()) */

    hars_print_add(&export->print, "%.3f,%.3f,%s,%.4f,%s,",
                   (double) w->start_ms / 1000,
                   (double) (w->start_ms + w->len_ms) / 1000,
                   export->activities.name[w->activity],
                   w->confidence / 10000.0,
                   export->activities.name[w->smoothed]);

    if (w->heart_rate) {
        hars_print_add(&export->print, "%.1f", w->heart_rate / 10.0);
    }

    hars_print_add(&export->print, ",%s,%s\n", block->recording,
                   block->model);

    return HARS_OK;
}


static int
hars_export_samples(hars_export_t *export, hars_db_t *db)
{
    int     rc;
    size_t  items, len, rows;

    rc = hars_samples_next(export->dcm, db, &export->samples, &export->block);

    if (rc != HARS_OK) {
        return rc;
    }

    items = export->items;
    len = export->print.len;
    rows = export->print.rows;

    hars_export_item(export);
    hars_print_json(&export->print, &export->block,
                    export->samples.recording, export->from_ms,
                    export->to_ms);

    /* a block at the edge may have none of them */

    if (export->print.rows == rows) {
        export->print.len = len;
        export->items = items;
    }

    return HARS_OK;
}


static int
hars_export_caregivers(hars_export_t *export, hars_db_t *db)
{
    int                  rc;
    json_t              *list;
    hars_patient_key_t   key;

    rc = hars_patient_key(export->dcm, db, export->look.patient, &key);

    if (rc != HARS_OK) {
        return rc;
    }

    list = json_array();
    rc = hars_caregivers_rows(db, export->look.patient, &key, list);
    hars_patient_key_wipe(&key);

    return hars_export_items(export, list, rc);
}


static int
hars_export_accesses(hars_export_t *export, hars_db_t *db)
{
    int                  rc;
    json_t              *list;
    hars_patient_key_t   key;

    rc = hars_patient_key(export->dcm, db, export->look.patient, &key);

    if (rc != HARS_OK) {
        return rc;
    }

    list = json_array();
    rc = hars_accesses_rows(db, export->look.patient, &key, &export->looks,
                            list);
    hars_patient_key_wipe(&key);

    if (rc == HARS_DECLINED
        && json_array_size(list) == (size_t) export->looks.limit)
    {
        rc = HARS_OK;
    }

    return hars_export_items(export, list, rc);
}


/* takes the list; "rc" is what there is behind it */
static int
hars_export_items(hars_export_t *export, json_t *list, int rc)
{
    size_t  i;

    for (i = 0; rc != HARS_ERROR && i < json_array_size(list); i++) {
        hars_export_item(export);

        if (hars_export_put(export, json_incref(json_array_get(list, i)))
            != HARS_OK)
        {
            rc = HARS_ERROR;
        }
    }

    json_decref(list);

    return rc;
}


static int
hars_export_bottom(hars_export_t *export, hars_db_t *db)
{
    (void) db;

    hars_print_add(&export->print, "}\n");

    return HARS_DECLINED;
}


/* takes "root" */
static int
hars_export_put(hars_export_t *export, json_t *root)
{
    char  *text;

    text = root ? json_dumps(root, HARS_EXPORT_FLAGS | JSON_ENCODE_ANY) : NULL;
    json_decref(root);

    if (text == NULL) {
        return HARS_ERROR;
    }

    hars_print_add(&export->print, "%s", text);
    free(text);

    return HARS_OK;
}

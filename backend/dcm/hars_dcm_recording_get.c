
/*
 * GET /v1/recordings/{id} and GET /v1/recordings/{id}/activities: what became
 * of a recording, and the activities in it, for the patient and for the
 * client that sent it.  To all others there is none of that id.
 */

#include "hars_dcm_access.h"
#include "hars_dcm_endpoints.h"
#include "hars_dcm_patient.h"
#include "hars_dcm_recording.h"
#include "hars_dcm_reply.h"
#include "hars_dcm_timeline.h"
#include "hars_dcm_window_json.h"
#include "hars_route.h"

#include <stdlib.h>
#include <string.h>


#define HARS_RECORDING_SCOPES                                                \
    (HARS_SCOPE_RECORDINGS_WRITE | HARS_SCOPE_RECORDINGS_FOG                 \
     | HARS_SCOPE_ACTIVITIES_READ)


typedef struct {
    const hars_dcm_recording_t  *recording;
    json_t                      *list;
} hars_recording_windows_t;


static int hars_recording_find(hars_request_t *r, hars_who_t *who,
    hars_dcm_recording_t *recording);
static int hars_recording_own(hars_db_t *db, const hars_who_t *who,
    const char *id, hars_dcm_recording_t *recording);
static json_t *hars_recording_json(const hars_who_t *who,
    const hars_dcm_recording_t *recording);
static int hars_recording_windows(hars_db_t *db,
    const hars_patient_key_t *key, void *data);


void
hars_dcm_recording_get(hars_request_t *r)
{
    hars_who_t            who;
    hars_dcm_recording_t  recording;

    if (hars_recording_find(r, &who, &recording) == HARS_OK) {
        hars_dcm_reply(r, 200, hars_recording_json(&who, &recording),
                       HARS_WINDOW_DIGITS);
    }
}


void
hars_dcm_recording_activities(hars_request_t *r)
{
    json_t                    *root;
    hars_who_t                 who;
    hars_dcm_recording_t       recording;
    hars_recording_windows_t   windows;

    if (hars_recording_find(r, &who, &recording) != HARS_OK) {
        return;
    }

    root = hars_recording_json(&who, &recording);
    windows.recording = &recording;
    windows.list = json_array();

    if (hars_patient_read(r->data, recording.patient, hars_recording_windows,
                          &windows) == HARS_ERROR)
    {
        json_decref(windows.list);
        json_decref(root);
        hars_reply_problem(r, 503, "The activities cannot be read now: ask "
                           "again.");
        return;
    }

    json_object_set_new(root, "activities", windows.list);
    hars_dcm_reply(r, 200, root, HARS_WINDOW_DIGITS);
}


/* HARS_ERROR after it answered */
static int
hars_recording_find(hars_request_t *r, hars_who_t *who,
    hars_dcm_recording_t *recording)
{
    int          rc;
    char         id[HARS_DCM_ID];
    hars_db_t   *db;
    hars_dcm_t  *dcm;

    dcm = r->data;

    if (hars_who(r, who) != HARS_OK
        || hars_who_may(r, who, HARS_RECORDING_SCOPES) != HARS_OK)
    {
        return HARS_ERROR;
    }

    rc = HARS_DECLINED;

    if (hars_route_segment(r, 0, id, sizeof(id)) == HARS_OK) {
        db = hars_store_reader(dcm->store);
        rc = db ? hars_recording_own(db, who, id, recording) : HARS_ERROR;

        if (db) {
            hars_store_reader_done(dcm->store, db);
        }
    }

    if (rc == HARS_DECLINED) {
        hars_reply_problem(r, 404, "There is no recording of this id, or it "
                           "is of somebody else.");

    } else if (rc == HARS_ERROR) {
        hars_reply_problem(r, 503, "The store does not answer: ask again.");
    }

    return rc == HARS_OK ? HARS_OK : HARS_ERROR;
}


static int
hars_recording_own(hars_db_t *db, const hars_who_t *who, const char *id,
    hars_dcm_recording_t *recording)
{
    int  rc;

    rc = hars_recording_get(db, who->sub, id, recording);

    if (rc == HARS_DECLINED) {
        rc = hars_recording_sent(db, who->client, id, recording);
    }

    return rc == HARS_OK
           ? hars_access_upload(who, recording->patient,
                                recording->uploader_sub,
                                recording->uploader_client) : rc;
}


/* a fog node is not told whose wearable it was */
static json_t *
hars_recording_json(const hars_who_t *who,
    const hars_dcm_recording_t *recording)
{
    json_t    *root;
    unsigned   own;

    own = strcmp(who->sub, recording->patient) == 0;

    root = json_pack("{s:s, s:s*, s:s, s:f, s:f, s:I, s:{s:I, s:I, s:I, s:I},"
                     " s:s, s:I}",
                     "id", recording->id,
                     "patient", own ? recording->patient : NULL,
                     "placement", recording->placement,
                     "start", (double) recording->start_ms / 1000,
                     "end", (double) recording->end_ms / 1000,
                     "samples", (json_int_t) recording->samples,
                     "dropped",
                     "empty", (json_int_t) recording->empty,
                     "duplicates", (json_int_t) recording->duplicates,
                     "outliers", (json_int_t) recording->outliers,
                     "unpaired", (json_int_t) recording->unpaired,
                     "state", hars_recording_state(recording->state),
                     "windows", (json_int_t) recording->windows);

    if (own && recording->fog_device[0]) {
        json_object_set_new(root, "device",
                            json_string(recording->fog_device));
    }

    if (recording->reason[0]) {
        json_object_set_new(root, "reason", json_string(recording->reason));
    }

    if (recording->model[0]) {
        json_object_set_new(root, "model", json_string(recording->model));
    }

    return root;
}


static int
hars_recording_windows(hars_db_t *db, const hars_patient_key_t *key,
    void *data)
{
    int                        rc;
    unsigned                   i;
    hars_activities_t         *activities;
    hars_timeline_block_t     *block;
    hars_recording_windows_t  *windows = data;

    block = malloc(sizeof(hars_timeline_block_t));
    activities = calloc(1, sizeof(hars_activities_t));

    rc = block && activities
         ? hars_timeline_of(db, windows->recording->patient,
                            windows->recording->id)
         : HARS_ERROR;

    while (rc == HARS_OK) {
        rc = hars_timeline_next(db, windows->recording->patient, key,
                                activities, block);

        for (i = 0; rc == HARS_OK && i < block->n; i++) {
            json_array_append_new(windows->list,
                                  hars_window_json(&block->window[i],
                                                   activities, NULL, NULL));
        }
    }

    hars_db_done(db);
    free(activities);
    free(block);

    return rc;
}

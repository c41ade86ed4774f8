
/* See hars_dcm_recording.h for what this is. */

#include "hars_dcm_recording.h"
#include "hars_log.h"

#include <string.h>


#define HARS_RECORDING_COLUMNS                                               \
    "patient, id, seq, uploader_sub, uploader_client, cert, digest,"         \
    " fog_session, placement, options, start_ms, end_ms, samples, received," \
    " empty, duplicates, outliers, unpaired, accepted_ms, state, reason,"    \
    " model, windows, fog_device"


static int hars_recording_row(hars_db_t *db, int rc,
    hars_dcm_recording_t *recording);
static int hars_recording_texts(hars_db_t *db,
    hars_dcm_recording_t *recording);


int
hars_recording_get(hars_db_t *db, const char *patient, const char *id,
    hars_dcm_recording_t *recording)
{
    int  rc;

    hars_db_text(db, patient);
    hars_db_text(db, id);
    rc = hars_db_first(db, "SELECT " HARS_RECORDING_COLUMNS " FROM recording"
                       " WHERE patient = ?1 AND id = ?2");

    return hars_recording_row(db, rc, recording);
}


int
hars_recording_sent(hars_db_t *db, const char *client, const char *id,
    hars_dcm_recording_t *recording)
{
    int  rc;

    hars_db_text(db, client);
    hars_db_text(db, id);
    rc = hars_db_first(db, "SELECT " HARS_RECORDING_COLUMNS " FROM recording"
                       " WHERE uploader_client = ?1 AND id = ?2"
                       " ORDER BY accepted_ms DESC");

    return hars_recording_row(db, rc, recording);
}


int
hars_recording_after(hars_db_t *db, const char *patient, const char *id,
    hars_dcm_recording_t *recording)
{
    int  rc;

    hars_db_text(db, patient);
    hars_db_text(db, id);
    rc = hars_db_first(db, "SELECT " HARS_RECORDING_COLUMNS " FROM recording"
                       " WHERE patient = ?1 AND id > ?2"
                       " ORDER BY id LIMIT 1");

    return hars_recording_row(db, rc, recording);
}


static int
hars_recording_row(hars_db_t *db, int rc, hars_dcm_recording_t *recording)
{
    if (rc != HARS_OK) {
        return rc;
    }

    memset(recording, 0, sizeof(hars_dcm_recording_t));
    rc = hars_recording_texts(db, recording);

    recording->seq = hars_db_get_int(db, 2);
    recording->start_ms = hars_db_get_int(db, 10);
    recording->end_ms = hars_db_get_int(db, 11);
    recording->samples = hars_db_get_int(db, 12);
    recording->received = hars_db_get_int(db, 13);
    recording->empty = hars_db_get_int(db, 14);
    recording->duplicates = hars_db_get_int(db, 15);
    recording->outliers = hars_db_get_int(db, 16);
    recording->unpaired = hars_db_get_int(db, 17);
    recording->accepted_ms = hars_db_get_int(db, 18);
    recording->state = (hars_recording_state_e) hars_db_get_int(db, 19);
    recording->windows = hars_db_get_int(db, 22);

    hars_db_done(db);

    if (rc != HARS_OK) {
        hars_log_error("database: a recording's row is damaged");
    }

    return rc;
}


static int
hars_recording_texts(hars_db_t *db, hars_dcm_recording_t *recording)
{
    unsigned  i;

    const struct {
        unsigned   column;
        char      *dst;
        size_t     size;
    } text[] = {
        { 0, recording->patient, sizeof(recording->patient) },
        { 1, recording->id, sizeof(recording->id) },
        { 3, recording->uploader_sub, sizeof(recording->uploader_sub) },
        { 4, recording->uploader_client,
          sizeof(recording->uploader_client) },
        { 7, recording->fog_session, sizeof(recording->fog_session) },
        { 8, recording->placement, sizeof(recording->placement) },
        { 9, recording->options, sizeof(recording->options) },
        { 20, recording->reason, sizeof(recording->reason) },
        { 21, recording->model, sizeof(recording->model) },
        { 23, recording->fog_device, sizeof(recording->fog_device) }
    };

    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        if (hars_db_get_text(db, text[i].column, text[i].dst, text[i].size)
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return hars_db_get_blob(db, 5, recording->cert, HARS_SHA256_LEN) == HARS_OK
           && hars_db_get_blob(db, 6, recording->digest, HARS_SHA256_LEN)
              == HARS_OK
           ? HARS_OK : HARS_ERROR;
}


int
hars_recording_insert(hars_db_t *db, const hars_dcm_recording_t *recording)
{
    hars_db_text(db, recording->patient);
    hars_db_text(db, recording->id);
    hars_db_int(db, recording->seq);
    hars_db_text(db, recording->uploader_sub);
    hars_db_text(db, recording->uploader_client);
    hars_db_blob(db, recording->cert, HARS_SHA256_LEN);
    hars_db_blob(db, recording->digest, HARS_SHA256_LEN);
    hars_db_text(db, recording->fog_session);
    hars_db_text(db, recording->placement);
    hars_db_text(db, recording->options);
    hars_db_int(db, recording->start_ms);
    hars_db_int(db, recording->end_ms);
    hars_db_int(db, recording->samples);
    hars_db_int(db, recording->received);
    hars_db_int(db, recording->empty);
    hars_db_int(db, recording->duplicates);
    hars_db_int(db, recording->outliers);
    hars_db_int(db, recording->unpaired);
    hars_db_int(db, recording->accepted_ms);
    hars_db_int(db, recording->state);
    hars_db_text(db, recording->reason);
    hars_db_text(db, recording->model);
    hars_db_int(db, recording->windows);
    hars_db_text(db, recording->fog_device);

    return hars_db_do(db, "INSERT INTO recording (" HARS_RECORDING_COLUMNS ")"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                      " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,"
                      " ?22, ?23, ?24)", NULL);
}


const char *
hars_recording_state(hars_recording_state_e state)
{
    static const char  *name[] = { "queued", "running", "done", "failed" };

    return name[state];
}


unsigned
hars_recording_id(const char *id)
{
    size_t  len;

    len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789._-");

    /* a path with a segment of dots alone is another path */

    return len > 0 && len < HARS_DCM_ID && id[len] == '\0'
           && id[strspn(id, ".")] != '\0';
}

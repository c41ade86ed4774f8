
/* See hars_fc_session.h for what this is. */

#include "hars_fc_session.h"
#include "hars_fc_rows.h"
#include "hars_route.h"

#include <string.h>


typedef struct {
    hars_fc_t   *fc;
    int64_t      before_ms;
} hars_fc_purge_t;


static int hars_fc_session_next(hars_db_t *db, hars_fc_session_t *session);
static int hars_fc_session_purge_write(hars_db_t *db, void *data);


int
hars_fc_session_sid(hars_request_t *r, unsigned char sid[HARS_AKA_SID])
{
    char  text[2 * HARS_AKA_SID + 1];

    if (hars_route_segment(r, 0, text, sizeof(text)) == HARS_OK
        && hars_fc_unhex(text, sid, HARS_AKA_SID) == HARS_OK)
    {
        return HARS_OK;
    }

    hars_fc_session_none(r);

    return HARS_ERROR;
}


void
hars_fc_session_none(hars_request_t *r)
{
    hars_reply_problem(r, 404, "There is no such session; one that is not "
                       "confirmed ends after 30 s.");
}


int
hars_fc_session_insert(hars_db_t *db, hars_fc_session_t *session)
{
    if (hars_fc_session_next(db, session) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_db_int(db, session->start_ms);
    hars_db_int(db, (int64_t) session->device);
    hars_db_blob(db, session->sid, HARS_AKA_SID);

    if (hars_db_do(db, "UPDATE session SET end_ms = ?1 WHERE device = ?2 "
                   "AND start_ms <= ?1 AND end_ms > ?1 AND sid <> ?3", NULL)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    hars_db_blob(db, session->sid, HARS_AKA_SID);
    hars_db_int(db, (int64_t) session->device);
    hars_db_int(db, (int64_t) session->fog);
    hars_db_int(db, session->start_ms);
    hars_db_int(db, session->end_ms);

    return hars_db_do(db, "INSERT INTO session (sid, device, fog, start_ms, "
                      "end_ms) VALUES (?1, ?2, ?3, ?4, ?5) "
                      "ON CONFLICT (sid) DO NOTHING", NULL);
}


/* first records of two sessions may come in any order */
static int
hars_fc_session_next(hars_db_t *db, hars_fc_session_t *session)
{
    int  rc;

    hars_db_int(db, (int64_t) session->device);
    hars_db_int(db, session->start_ms);

    rc = hars_db_first(db, "SELECT start_ms FROM session WHERE device = ?1 "
                       "AND start_ms > ?2 ORDER BY start_ms LIMIT 1");

    if (rc == HARS_OK && hars_db_get_int(db, 0) < session->end_ms) {
        session->end_ms = hars_db_get_int(db, 0);
    }

    hars_db_done(db);

    return rc == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


int
hars_fc_session_find(hars_fc_t *fc, const unsigned char sid[HARS_AKA_SID],
    hars_fc_session_t *session)
{
    int         rc;
    hars_db_t  *db;

    db = hars_store_reader(fc->store);

    if (db == NULL) {
        return HARS_ERROR;
    }

    hars_db_blob(db, sid, HARS_AKA_SID);
    rc = hars_db_first(db, "SELECT device, fog, start_ms, end_ms "
                       "FROM session WHERE sid = ?1");

    if (rc == HARS_OK) {
        memcpy(session->sid, sid, HARS_AKA_SID);
        session->device = (uint64_t) hars_db_get_int(db, 0);
        session->fog = (uint64_t) hars_db_get_int(db, 1);
        session->start_ms = hars_db_get_int(db, 2);
        session->end_ms = hars_db_get_int(db, 3);
    }

    hars_store_reader_done(fc->store, db);

    return rc;
}


int
hars_fc_session_purge(hars_fc_t *fc, int64_t now)
{
    hars_fc_purge_t  purge = { fc, now - HARS_FC_KEPT_MS };

    return hars_store_write(fc->store, hars_fc_session_purge_write, &purge);
}


static int
hars_fc_session_purge_write(hars_db_t *db, void *data)
{
    hars_fc_purge_t  *purge = data;

    if (hars_fc_rows_held(purge->fc, db) != HARS_OK) {
        return HARS_ERROR;
    }

    hars_db_int(db, purge->before_ms);

    return hars_db_do(db, "DELETE FROM session WHERE end_ms < ?1", NULL);
}


void
hars_fc_session_answer(hars_request_t *r, const hars_fc_session_t *session)
{
    char         sid[2 * HARS_AKA_SID + 1];
    hars_text_t  text;

    memset(&text, 0, sizeof(hars_text_t));
    hars_hex(sid, session->sid, HARS_AKA_SID);
    sid[2 * HARS_AKA_SID] = '\0';

    hars_text_print(&text, "{\"sid\":\"%s\"", sid);
    hars_fc_time(&text, "start", session->start_ms);
    hars_fc_time(&text, "end", session->end_ms);
    hars_text_puts(&text, "}");

    hars_fc_answer(r, 200, &text);
}


/*
 * GET /v1/patients/{id}/accesses?limit=&after=: who looked at what, the latest
 * first, for the patient.  A line is the first look of one client at one
 * thing in that minute.
 *
 *     {"accesses":[{"at":1790000000.123,"by":"...","client_id":"...",
 *                   "kind":"doctor","what":"samples"}],"next":"..."}
 */

#include "hars_dcm_people.h"
#include "hars_dcm_query.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>


#define HARS_ACCESSES_PRESET  100
#define HARS_ACCESSES_MOST    1000
#define HARS_ACCESSES_LINE    1024        /* sealed */


static int hars_accesses_ask(hars_request_t *r, hars_accesses_t *page);
static int hars_accesses_number(const char **p, int64_t *n);
static json_t *hars_accesses_json(hars_dcm_t *dcm, const char *patient,
    hars_accesses_t *page);
static json_t *hars_accesses_line(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, const hars_accesses_t *page);


void
hars_dcm_accesses(hars_request_t *r)
{
    json_t           *root;
    hars_look_t       look;
    hars_accesses_t   page = { .limit = HARS_ACCESSES_PRESET,
                               .minute_ms = INT64_MAX };

    if (hars_look(r, HARS_LOOK_CONSENT, &look) != HARS_OK
        || hars_accesses_ask(r, &page) != HARS_OK)
    {
        return;
    }

    root = hars_accesses_json(r->data, look.patient, &page);

    if (root == NULL) {
        hars_reply_problem(r, 503, "The store does not answer; try again.");
        return;
    }

    hars_people_reply(r, 200, root);
}


/* HARS_ERROR after it answered 400 */
static int
hars_accesses_ask(hars_request_t *r, hars_accesses_t *page)
{
    char         value[HARS_QUERY_VALUE];
    const char  *p;

    if (hars_query_number(r, "limit", 1, HARS_ACCESSES_MOST, &page->limit)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    p = value;

    switch (hars_query_text(r, "after", value)) {

    case HARS_DECLINED:
        return HARS_OK;

    case HARS_OK:

        if (hars_accesses_number(&p, &page->minute_ms) == HARS_OK
            && *p++ == '-'
            && hars_accesses_number(&p, &page->n) == HARS_OK
            && *p == '\0')
        {
            return HARS_OK;
        }

        /* fall through */

    default:
        hars_reply_problem(r, 400, "after has to be the last answer's next.");
        return HARS_ERROR;
    }
}


/* digits, up to 17 of them */
static int
hars_accesses_number(const char **p, int64_t *n)
{
    const char  *s;

    *n = 0;

    for (s = *p; *s >= '0' && *s <= '9' && s - *p < 18; s++) {
        *n = *n * 10 + (*s - '0');
    }

    if (s == *p || s - *p == 18) {
        return HARS_DECLINED;
    }

    *p = s;

    return HARS_OK;
}


static json_t *
hars_accesses_json(hars_dcm_t *dcm, const char *patient,
    hars_accesses_t *page)
{
    int                  rc;
    char                 next[64];
    json_t              *list;
    hars_db_t           *db;
    hars_patient_key_t   key;

    db = hars_store_reader(dcm->store);

    if (db == NULL) {
        return NULL;
    }

    list = json_array();
    rc = list ? hars_patient_key(dcm, db, patient, &key) : HARS_ERROR;

    if (rc == HARS_OK) {
        rc = hars_accesses_rows(db, patient, &key, page, list);
        hars_patient_key_wipe(&key);
    }

    hars_store_reader_done(dcm->store, db);

    if (rc == HARS_ERROR) {
        json_decref(list);
        return NULL;
    }

    if ((int64_t) json_array_size(list) < page->limit) {
        return json_pack("{s:o, s:n}", "accesses", list, "next");
    }

    snprintf(next, sizeof(next), "%lld-%lld", (long long) page->minute_ms,
             (long long) page->n);

    return json_pack("{s:o, s:s}", "accesses", list, "next", next);
}


int
hars_accesses_rows(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, hars_accesses_t *page, json_t *list)
{
    int      rc;
    json_t  *line;

    hars_db_text(db, patient);
    hars_db_int(db, page->minute_ms);
    hars_db_int(db, page->n);
    hars_db_int(db, page->limit);

    rc = hars_db_run(db, "SELECT at_ms, n, data FROM access "
                     "WHERE patient = ?1 AND (at_ms, n) < (?2, ?3) "
                     "ORDER BY at_ms DESC, n DESC LIMIT ?4");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        page->minute_ms = hars_db_get_int(db, 0);
        page->n = hars_db_get_int(db, 1);

        line = hars_accesses_line(db, patient, key, page);

        if (line == NULL) {
            return HARS_ERROR;
        }

        json_array_append_new(list, line);
    }

    return rc;
}


static json_t *
hars_accesses_line(hars_db_t *db, const char *patient,
    const hars_patient_key_t *key, const hars_accesses_t *page)
{
    char                  name[HARS_VAULT_NAME];
    size_t                len;
    json_t               *line;
    json_int_t            at;
    unsigned char         text[HARS_ACCESSES_LINE];
    const unsigned char  *sealed;

    hars_seal_name(name, "access", patient, "%lld\n%lld",
                   (long long) page->minute_ms, (long long) page->n);

    if (hars_db_get_bytes(db, 2, &sealed, &len) != HARS_OK
        || len > sizeof(text)
        || hars_open_bytes(key, name, sealed, len, text) != HARS_OK)
    {
        return NULL;
    }

    line = json_loadb((char *) text, len - HARS_VAULT_SEAL, 0, NULL);

    if (json_unpack(line, "{s:I}", "at_ms", &at) != 0) {
        json_decref(line);
        return NULL;
    }

    json_object_del(line, "at_ms");
    json_object_set_new(line, "at", hars_people_time(at));

    return line;
}

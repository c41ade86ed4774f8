
/*
 * Answers in JSON, written without a library, since some of them are keys:
 * what this service puts into them needs no escapes, and is wiped.
 */

#include "aka_cloud.h"
#include "hars_fc_endpoints.h"

#include <inttypes.h>
#include <string.h>


static void hars_fc_hex(hars_text_t *text, const char *name,
    const unsigned char *bytes, size_t len);


void
hars_fc_answer(hars_request_t *r, unsigned status, hars_text_t *text)
{
    if (text->failed) {
        hars_text_free(text);
        hars_reply_problem(r, 503, "The service is short of memory.");
        return;
    }

    hars_reply_header(r, "Cache-Control", "no-store");
    hars_reply(r, status, "application/json", text->data, text->len);
}


void
hars_fc_failed(hars_request_t *r, unsigned full)
{
    if (full) {
        hars_reply_problem(r, 507, "The disk is full: nothing was stored.");

    } else {
        hars_reply_problem(r, 503, "The store does not answer; try again.");
    }
}


void
hars_fc_given(hars_request_t *r, unsigned status,
    const hars_fc_party_t *party, const hars_aka_row_t *row)
{
    int             rc;
    char            alias[HARS_FC_ALIAS];
    hars_fc_t      *fc = r->data;
    hars_text_t     text;
    unsigned char   key[HARS_AKA_KEY];

    memset(&text, 0, sizeof(hars_text_t));
    rc = hars_aka_cloud_key(&fc->cloud, row, key);

    if (rc != HARS_AKA_OK) {
        hars_reply_problem(r, 503, "The service cannot compute.");
        return;
    }

    hars_fc_alias(party->name, alias);

    if (row->kind == HARS_AKA_DEVICE) {
        hars_text_print(&text, "{\"alias\":\"%s\",\"patient\":\"%s\","
                        "\"suite\":%u", alias, party->who, row->suite);
    } else {
        hars_text_print(&text, "{\"client_id\":\"%s\"", party->who);
    }

    hars_text_print(&text, ",\"gen\":%" PRIu32, row->gen);
    hars_fc_hex(&text, "key", key, sizeof(key));
    hars_fc_hex(&text, "seed", row->seed[HARS_AKA_CUR], HARS_AKA_SEED);

    if (row->kind == HARS_AKA_DEVICE) {
        hars_fc_hex(&text, "pk_cs", fc->cloud.pk, sizeof(fc->cloud.pk));
    }

    hars_text_puts(&text, "}");
    hars_aka_wipe(key, sizeof(key));

    hars_fc_answer(r, status, &text);
}


static void
hars_fc_hex(hars_text_t *text, const char *name, const unsigned char *bytes,
    size_t len)
{
    char  hex[2 * HARS_AKA_KEY];

    hars_hex(hex, bytes, len);
    hars_text_print(text, ",\"%s\":\"", name);
    hars_text_add(text, hex, 2 * len);
    hars_text_puts(text, "\"");
    hars_aka_wipe(hex, sizeof(hex));
}


void
hars_fc_time(hars_text_t *text, const char *name, int64_t ms)
{
    hars_text_print(text, ",\"%s\":%" PRId64 ".%03d", name, ms / 1000,
                    (int) (ms % 1000));
}

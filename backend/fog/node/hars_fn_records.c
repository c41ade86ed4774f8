
/*
 * Records of an open session: opened, none missing (KEPT says that all up to
 * a number are here), read, rows that go back in time left out, and put into
 * the recording in hand as the data collecting mechanism takes them
 * (application/vnd.hars.samples, hars_ml_packed.c).  A recording is of a
 * minute and one placement, of HARS_RECORDS_ROWS at most.  KEPT is said at the
 * end of a turn of the loop, after a sync.
 */

#include "hars_fn.h"
#include "hars_fn_spool.h"
#include "aka_crypto.h"
#include "hars_log.h"

#include <string.h>


#define HARS_RECORDS_US     60000000      /* of a recording */
#define HARS_RECORDS_ROWS   30000         /* a minute of 400 Hz has 24,000 */
#define HARS_RECORDS_HEAD   32            /* of a block */


static void hars_fn_samples(hars_fn_t *fn, hars_fn_link_t *link,
    hars_fog_text_t *text);
static unsigned hars_fn_filter(hars_fn_link_t *link, hars_fog_text_t *text);
static int hars_fn_recording(hars_fn_t *fn, hars_fn_link_t *link,
    const hars_fog_text_t *text);
static int hars_fn_recording_end(hars_fn_link_t *link);
static size_t hars_fn_block(const hars_fog_text_t *text,
    unsigned char *dst);
static void hars_fn_little(unsigned char *dst, const void *value,
    size_t len);


void
hars_fn_record(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *record, size_t len)
{
    int            rc;
    uint64_t       number;
    unsigned char  bytes[HARS_FRAME_MAX];

    rc = hars_aka_record_open(&link->up, record, len, bytes, &number);

    if (rc == HARS_AKA_SEEN) {
        hars_fn_count(&fn->metrics, HARS_FN_RECORD_AGAIN);
        link->unsaid = 1;
        return;
    }

    if (rc != HARS_AKA_OK) {
        hars_fn_count(&fn->metrics, HARS_FN_RECORD_BAD);
        return;
    }

    /* one was lost on the way: the wearable has it, and comes again */

    if (number != link->number + 1) {
        hars_fn_count(&fn->metrics, HARS_FN_RECORD_MISSING);
        hars_log_warn("a record of a session is missing: its link is closed");
        hars_fn_link_close(fn, link);

    } else {
        link->number = number;
        link->touched = hars_clock();
        hars_fn_text(fn, link, bytes, len - HARS_AKA_RECORD);
    }

    hars_aka_wipe(bytes, sizeof(bytes));
}


void
hars_fn_text(hars_fn_t *fn, hars_fn_link_t *link,
    const unsigned char *bytes, size_t len)
{
    int              rc;
    hars_fog_text_t  text, refused;

    rc = hars_fog_text_take(&text, bytes, len);
    link->unsaid = 1;
    hars_fn_count(&fn->metrics, HARS_FN_RECORD_TAKEN);

    if (rc == HARS_OK && text.type == HARS_FOG_SAMPLES) {
        hars_fn_samples(fn, link, &text);

    } else if (rc == HARS_OK && text.type == HARS_FOG_END) {

        if (hars_fn_recording_end(link) != HARS_OK) {
            hars_fn_link_close(fn, link);
        }

    } else {
        memset(&refused, 0, sizeof(refused));
        refused.type = HARS_FOG_REFUSED;
        hars_fn_count(&fn->metrics, HARS_FN_RECORD_REFUSED);
        refused.number = link->number;
        hars_fn_say(fn, link, &refused);
    }

    hars_aka_wipe(&text, sizeof(text));
}


static void
hars_fn_samples(hars_fn_t *fn, hars_fn_link_t *link, hars_fog_text_t *text)
{
    int            rc;
    size_t         len;
    unsigned char  block[HARS_RECORDS_HEAD + HARS_FOG_ROWS * HARS_FOG_ROW];

    if (hars_fn_filter(link, text) == 0) {
        return;
    }

    len = hars_fn_block(text, block);

    /* what cannot be kept is not said to be: the wearable comes again */

    rc = hars_fn_recording(fn, link, text);
    rc = rc == HARS_OK ? hars_spool_append(link->spooled, block, len) : rc;

    if (rc == HARS_OK) {
        link->last = text->time + text->row[text->rows - 1].us;
        link->rows += text->rows;
        atomic_fetch_add(&fn->metrics.count[HARS_FN_ROWS], text->rows);

    } else {
        if (rc == HARS_DECLINED) {
            hars_fn_count(&fn->metrics, HARS_FN_SPOOL_FULL);
        }

        hars_fn_link_close(fn, link);
    }

    hars_aka_wipe(block, sizeof(block));
}


/* the rows that are left: those behind the last one of before */
static unsigned
hars_fn_filter(hars_fn_link_t *link, hars_fog_text_t *text)
{
    unsigned  i, n;

    for (i = n = 0; i < text->rows; i++) {
        if (text->time + text->row[i].us > link->last) {
            text->row[n++] = text->row[i];
        }
    }

    text->rows = n;

    return n;
}


/* the recording that these rows belong to is in hand */
static int
hars_fn_recording(hars_fn_t *fn, hars_fn_link_t *link,
    const hars_fog_text_t *text)
{
    if (link->spooled
        && (text->placement != link->placement
            || text->time >= link->begin + HARS_RECORDS_US
            || link->rows + text->rows > HARS_RECORDS_ROWS)
        && hars_fn_recording_end(link) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (link->spooled == NULL) {
        link->begin = text->time;
        link->placement = text->placement;
        link->rows = 0;
        link->spooled = hars_spool_begin(fn->spool, link->sid,
                            link->recordings++,
                            hars_fog_placement_name(text->placement));
    }

    return link->spooled ? HARS_OK : HARS_ERROR;
}


static int
hars_fn_recording_end(hars_fn_link_t *link)
{
    int  rc;

    if (link->spooled == NULL) {
        return HARS_OK;
    }

    rc = hars_spool_end(link->spooled);
    link->spooled = NULL;

    return rc;
}


/* all numbers little-endian */
static size_t
hars_fn_block(const hars_fog_text_t *text, unsigned char *dst)
{
    float           one;
    double          time;
    unsigned        i, j;
    uint32_t        rows;
    unsigned char  *p;

    memset(dst, 0, HARS_RECORDS_HEAD);
    memcpy(dst, "HARS\1", 5);
    rows = text->rows;
    one = 1;
    time = (double) text->time / 1e6;
    hars_fn_little(dst + 8, &rows, 4);
    hars_fn_little(dst + 12, &one, 4);
    hars_fn_little(dst + 16, &one, 4);
    hars_fn_little(dst + 24, &time, 8);
    p = dst + HARS_RECORDS_HEAD;

    for (i = 0; i < text->rows; i++) {
        hars_fn_little(p, &text->row[i].us, 4);
        p += 4;

        for (j = 0; j < 6; j++) {
            hars_fn_little(p, &text->row[i].value[j], 4);
            p += 4;
        }
    }

    return (size_t) (p - dst);
}


static void
hars_fn_little(unsigned char *dst, const void *value, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        dst[i] = ((const unsigned char *) value)[i];
#else
        dst[i] = ((const unsigned char *) value)[len - 1 - i];
#endif
    }
}


void
hars_fn_say(hars_fn_t *fn, hars_fn_link_t *link, const hars_fog_text_t *text)
{
    size_t         len;
    unsigned char  bytes[HARS_FOG_TEXT];
    unsigned char  record[HARS_FOG_TEXT + HARS_AKA_RECORD];

    len = hars_fog_text_put(text, bytes);

    if (link->fd != -1 && len
        && hars_aka_record_seal(&link->down, bytes, len, record)
           == HARS_AKA_OK)
    {
        hars_fn_link_send(fn, link, record, len + HARS_AKA_RECORD);
    }

    hars_aka_wipe(bytes, sizeof(bytes));
}


void
hars_fn_kept(hars_fn_t *fn)
{
    unsigned         i;
    hars_fn_link_t  *link;
    hars_fog_text_t  kept;

    for (i = 0; i < HARS_FN_LINKS; i++) {
        link = &fn->link[i];

        if (link->fd == -1 || !link->unsaid
            || link->state != HARS_LINK_OPEN)
        {
            continue;
        }

        link->unsaid = 0;

        if (link->spooled && hars_spool_sync(link->spooled) != HARS_OK) {
            hars_fn_link_close(fn, link);
            continue;
        }

        memset(&kept, 0, sizeof(kept));
        kept.type = HARS_FOG_KEPT;
        kept.number = link->number;
        hars_fn_say(fn, link, &kept);
    }
}

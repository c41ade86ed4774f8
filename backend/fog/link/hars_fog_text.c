
/* See hars_fog_text.h for what this is. */

#include "hars_fog_text.h"
#include "hars_record.h"

#include <math.h>
#include <string.h>


static size_t hars_fog_put_samples(const hars_fog_text_t *text,
    unsigned char *dst);
static int hars_fog_take_samples(hars_fog_text_t *text,
    const unsigned char *p, size_t len);
static int hars_fog_take_row(hars_fog_row_t *row, const unsigned char *p);
static int hars_fog_take_activity(hars_fog_text_t *text,
    const unsigned char *p, size_t len);
static int hars_fog_is_name(const char *name, size_t len);
static void hars_fog_put(unsigned char *p, unsigned size, uint64_t v);
static uint64_t hars_fog_get(const unsigned char *p, unsigned size);


static const char  *hars_fog_placements[HARS_FOG_PLACEMENTS + 1] = {
    NULL, "pocket", "wrist-left", "wrist-right"
};


size_t
hars_fog_text_put(const hars_fog_text_t *text, unsigned char *dst)
{
    size_t  len;

    dst[0] = (unsigned char) text->type;

    switch (text->type) {

    case HARS_FOG_SAMPLES:
        return hars_fog_put_samples(text, dst);

    case HARS_FOG_END:
        return 1;

    case HARS_FOG_KEPT:
    case HARS_FOG_REFUSED:
        hars_fog_put(dst + 1, 8, text->number);
        return 9;

    case HARS_FOG_ACTIVITY:
        len = strnlen(text->name, HARS_FOG_NAME);

        if (!hars_fog_is_name(text->name, len)) {
            return 0;
        }

        hars_fog_put(dst + 1, 8, text->from);
        hars_fog_put(dst + 9, 8, text->to);
        memcpy(dst + 17, text->name, len);
        return 17 + len;
    }

    return 0;
}


static size_t
hars_fog_put_samples(const hars_fog_text_t *text, unsigned char *dst)
{
    unsigned        i, j;
    uint32_t        bits;
    unsigned char  *p;

    if (text->rows == 0 || text->rows > HARS_FOG_ROWS) {
        return 0;
    }

    dst[1] = (unsigned char) text->placement;
    hars_fog_put(dst + 2, 2, text->rows);
    hars_fog_put(dst + 4, 8, text->time);
    p = dst + HARS_FOG_HEAD;

    for (i = 0; i < text->rows; i++) {
        hars_fog_put(p, 4, text->row[i].us);
        p += 4;

        for (j = 0; j < 6; j++) {
            memcpy(&bits, &text->row[i].value[j], 4);
            hars_fog_put(p, 4, bits);
            p += 4;
        }
    }

    return (size_t) (p - dst);
}


int
hars_fog_text_take(hars_fog_text_t *text, const unsigned char *p, size_t len)
{
    memset(text, 0, sizeof(hars_fog_text_t));

    if (len == 0) {
        return HARS_ERROR;
    }

    text->type = p[0];

    switch (text->type) {

    case HARS_FOG_SAMPLES:
        return hars_fog_take_samples(text, p, len);

    case HARS_FOG_END:
        return len == 1 ? HARS_OK : HARS_ERROR;

    case HARS_FOG_KEPT:
    case HARS_FOG_REFUSED:
        if (len != 9) {
            return HARS_ERROR;
        }

        text->number = hars_fog_get(p + 1, 8);
        return HARS_OK;

    case HARS_FOG_ACTIVITY:
        return hars_fog_take_activity(text, p, len);
    }

    return HARS_ERROR;
}


static int
hars_fog_take_samples(hars_fog_text_t *text, const unsigned char *p,
    size_t len)
{
    unsigned  i;

    if (len < HARS_FOG_HEAD) {
        return HARS_ERROR;
    }

    text->placement = p[1];
    text->rows = (unsigned) hars_fog_get(p + 2, 2);
    text->time = hars_fog_get(p + 4, 8);

    if (hars_fog_placement_name(text->placement) == NULL
        || text->rows == 0 || text->rows > HARS_FOG_ROWS
        || len != HARS_FOG_HEAD + (size_t) text->rows * HARS_FOG_ROW
        || text->time > INT64_MAX)
    {
        return HARS_ERROR;
    }

    for (i = 0; i < text->rows; i++) {

        if (hars_fog_take_row(&text->row[i], p + HARS_FOG_HEAD
                                             + i * HARS_FOG_ROW)
            != HARS_OK
            || (i && text->row[i].us <= text->row[i - 1].us))
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_fog_take_row(hars_fog_row_t *row, const unsigned char *p)
{
    float     most;
    unsigned  j;
    uint32_t  bits;

    row->us = (uint32_t) hars_fog_get(p, 4);

    for (j = 0; j < 6; j++) {
        bits = (uint32_t) hars_fog_get(p + 4 + 4 * j, 4);
        memcpy(&row->value[j], &bits, 4);
        most = j < 3 ? HARS_FOG_ACCEL : HARS_FOG_ROTATION;

        /* a NaN is not within */

        if (!(fabsf(row->value[j]) <= most)) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_fog_take_activity(hars_fog_text_t *text, const unsigned char *p,
    size_t len)
{
    if (len < 17 || !hars_fog_is_name((const char *) p + 17, len - 17)) {
        return HARS_ERROR;
    }

    text->from = hars_fog_get(p + 1, 8);
    text->to = hars_fog_get(p + 9, 8);
    memcpy(text->name, p + 17, len - 17);

    return text->from <= text->to ? HARS_OK : HARS_ERROR;
}


/* it is printed: letters, digits, "_" and "-" */
static int
hars_fog_is_name(const char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", name[i]) == NULL
            || name[i] == '\0')
        {
            return 0;
        }
    }

    return len > 0 && len < HARS_FOG_NAME;
}


unsigned
hars_fog_placement(const char *name)
{
    unsigned  i;

    for (i = 1; i <= HARS_FOG_PLACEMENTS; i++) {
        if (strcmp(hars_fog_placements[i], name) == 0) {
            return i;
        }
    }

    return 0;
}


const char *
hars_fog_placement_name(unsigned placement)
{
    return placement <= HARS_FOG_PLACEMENTS ? hars_fog_placements[placement]
                                            : NULL;
}


static void
hars_fog_put(unsigned char *p, unsigned size, uint64_t v)
{
    while (size) {
        p[--size] = (unsigned char) v;
        v >>= 8;
    }
}


static uint64_t
hars_fog_get(const unsigned char *p, unsigned size)
{
    uint64_t  v;

    for (v = 0; size; size--) {
        v = v << 8 | *p++;
    }

    return v;
}

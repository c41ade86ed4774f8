
/*
 * What wearable and fog node say to each other: frames that come in pieces,
 * texts that come back as they went out, and each byte too much or too few.
 */

/* link: backend/fog/link/hars_fog_frame.c -lm */

#include "../../backend/fog/link/hars_fog_text.c"
#include "../../backend/fog/link/hars_fog_frame.h"

#include "tap.h"


static void frames(void);
static void samples(void);
static void values(void);
static void others(void);
static void fill(hars_fog_text_t *text, unsigned rows);
static int lengths(const unsigned char *bytes, size_t len);


int
main(void)
{
    frames();
    samples();
    values();
    others();

    return tap_done();
}


static void
frames(void)
{
    int            right;
    size_t         i, size, len;
    unsigned char  bytes[HARS_FRAME_HEAD + HARS_FRAME_MAX + 1];
    unsigned char  message[HARS_FRAME_MAX];

    memset(message, 7, sizeof(message));
    size = hars_frame_put(bytes, message, HARS_FRAME_MAX);
    right = size == HARS_FRAME_MAX + 2;

    for (i = 0; i < size; i++) {
        right = right && hars_frame_take(bytes, i, &len) == HARS_DECLINED;
    }

    ok(right, "a frame that is not whole is waited for");
    ok(hars_frame_take(bytes, size, &len) == HARS_OK
       && len == HARS_FRAME_MAX, "the longest frame");
    ok(hars_frame_take(bytes, size + 1, &len) == HARS_OK
       && len == HARS_FRAME_MAX, "... with the next one behind it");
    ok(hars_frame_take((unsigned char *) "\0\0", 2, &len) == HARS_ERROR,
       "an empty frame is none");
    ok(hars_frame_take((unsigned char *) "\x10\x01", 2, &len) == HARS_ERROR,
       "4097 bytes are too many, before they come");
    ok(hars_frame_is_record((unsigned char *) "\0")
       && !hars_frame_is_record((unsigned char *) "\1"),
       "records and the key exchange are told apart");
}


static void
samples(void)
{
    size_t                  len;
    unsigned char           bytes[HARS_FOG_TEXT + 1];
    static hars_fog_text_t  text, back;

    fill(&text, HARS_FOG_ROWS);
    len = hars_fog_text_put(&text, bytes);
    ok(len == HARS_FOG_TEXT && hars_fog_text_take(&back, bytes, len)
       == HARS_OK && memcmp(&text, &back, sizeof(text)) == 0,
       "128 rows come back as they went");
    ok(lengths(bytes, len), "no other length");

    fill(&text, 1);
    len = hars_fog_text_put(&text, bytes);
    ok(len == 40 && hars_fog_text_take(&back, bytes, len) == HARS_OK,
       "one row");
    bytes[1] = 0;
    ok(hars_fog_text_take(&back, bytes, len) == HARS_ERROR, "placement 0");
    bytes[1] = 4;
    ok(hars_fog_text_take(&back, bytes, len) == HARS_ERROR, "placement 4");
    bytes[1] = 3;
    bytes[4] = 0x80;
    ok(hars_fog_text_take(&back, bytes, len) == HARS_ERROR,
       "a time beyond int64");

    fill(&text, 0);
    ok(hars_fog_text_put(&text, bytes) == 0, "no rows: no text");
    fill(&text, 2);
    text.row[1].us = text.row[0].us;
    len = hars_fog_text_put(&text, bytes);
    ok(hars_fog_text_take(&back, bytes, len) == HARS_ERROR,
       "two rows of one time");
}


static void
values(void)
{
    size_t                  len;
    unsigned                i;
    unsigned char           bytes[HARS_FOG_TEXT];
    static hars_fog_text_t  text, back;
    static const float      bad[] = { NAN, INFINITY, -INFINITY, 400.5f,
                                      -400.5f };

    for (i = 0; i < 5; i++) {
        fill(&text, 2);
        text.row[1].value[2] = bad[i];
        len = hars_fog_text_put(&text, bytes);
        ok(hars_fog_text_take(&back, bytes, len) == HARS_ERROR,
           "an acceleration of %g", (double) bad[i]);
    }

    fill(&text, 2);
    text.row[0].value[5] = 81;
    len = hars_fog_text_put(&text, bytes);
    ok(hars_fog_text_take(&back, bytes, len) == HARS_ERROR,
       "a rotation of 81 rad/s");
}


static void
others(void)
{
    size_t                  len;
    unsigned char           bytes[HARS_FOG_TEXT];
    static hars_fog_text_t  text, back;

    memset(&text, 0, sizeof(text));
    text.type = HARS_FOG_END;
    len = hars_fog_text_put(&text, bytes);
    ok(len == 1 && hars_fog_text_take(&back, bytes, 1) == HARS_OK
       && hars_fog_text_take(&back, bytes, 2) == HARS_ERROR, "END");

    text.type = HARS_FOG_KEPT;
    text.number = 0x0102030405060708;
    len = hars_fog_text_put(&text, bytes);
    ok(len == 9 && lengths(bytes, 9)
       && hars_fog_text_take(&back, bytes, 9) == HARS_OK
       && back.number == text.number, "KEPT");

    text.type = HARS_FOG_ACTIVITY;
    text.number = 0;
    text.from = 5;
    text.to = 6;
    strcpy(text.name, "upstairs");
    len = hars_fog_text_put(&text, bytes);
    ok(len == 25 && hars_fog_text_take(&back, bytes, len) == HARS_OK
       && memcmp(&back, &text, sizeof(text)) == 0, "ACTIVITY");
    ok(hars_fog_text_take(&back, bytes, 17) == HARS_ERROR, "... no name");
    bytes[20] = '\n';
    ok(hars_fog_text_take(&back, bytes, len) == HARS_ERROR,
       "... a name that a terminal would take as something else");

    ok(hars_fog_text_take(&back, bytes, 0) == HARS_ERROR, "no bytes");
    bytes[0] = 0x55;
    ok(hars_fog_text_take(&back, bytes, 9) == HARS_ERROR, "no such type");
    ok(hars_fog_placement("wrist-right") == 3
       && hars_fog_placement("ankle") == 0
       && strcmp(hars_fog_placement_name(1), "pocket") == 0, "placements");
}


static void
fill(hars_fog_text_t *text, unsigned rows)
{
    unsigned  i, j;

    memset(text, 0, sizeof(*text));
    text->type = HARS_FOG_SAMPLES;
    text->placement = 1;
    text->rows = rows;
    text->time = 1800000000123456;

    for (i = 0; i < rows; i++) {
        text->row[i].us = 20000 * i;

        for (j = 0; j < 6; j++) {
            text->row[i].value[j] = (float) i / 2 - (float) j * 3;
        }
    }
}


static int
lengths(const unsigned char *bytes, size_t len)
{
    size_t                  i;
    unsigned char           more[HARS_FOG_TEXT + 1];
    static hars_fog_text_t  back;

    memcpy(more, bytes, len);
    more[len] = 0;

    for (i = 0; i <= len + 1; i++) {
        if (i != len && hars_fog_text_take(&back, more, i) == HARS_OK) {
            return 0;
        }
    }

    return 1;
}

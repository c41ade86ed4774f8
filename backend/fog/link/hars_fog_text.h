
/*
 * What records say between wearable and fog node, big-endian:
 *
 *   SAMPLES   01 | placement 1 | rows be16 | time be64 (us, UTC) | rows
 *             a row: be32 us since the time | ax ay az (m/s2) gx gy gz
 *             (rad/s), 6 float32
 *   END       02                            no more samples for now
 *   KEPT      81 | number be64              records up to it are on disk
 *   ACTIVITY  82 | from be64 | to be64 (ms, UTC) | name
 *   REFUSED   83 | number be64              this record was no good
 *
 * 01 and 02 come from the wearable, the others from the fog node.  A text is
 * one of these to its last byte, or none; times of rows grow; values are
 * finite and what a body can do (HARS_FOG_ACCEL, HARS_FOG_ROTATION).
 */

#ifndef HARS_FOG_TEXT_H
#define HARS_FOG_TEXT_H


#include <stddef.h>
#include <stdint.h>


#define HARS_FOG_SAMPLES     0x01
#define HARS_FOG_END         0x02
#define HARS_FOG_KEPT        0x81
#define HARS_FOG_ACTIVITY    0x82
#define HARS_FOG_REFUSED     0x83

#define HARS_FOG_ROWS        128          /* most in a text */
#define HARS_FOG_ROW         28           /* bytes of one */
#define HARS_FOG_HEAD        12           /* of SAMPLES, before its rows */
#define HARS_FOG_TEXT        (HARS_FOG_HEAD + HARS_FOG_ROWS * HARS_FOG_ROW)
#define HARS_FOG_NAME        32           /* of an activity, with its 0 */
#define HARS_FOG_ACCEL       400.0f       /* most, m/s2 */
#define HARS_FOG_ROTATION    80.0f        /* most, rad/s */
#define HARS_FOG_PLACEMENTS  3            /* 1 pocket, 2 wrist-left, 3 .. */


typedef struct {
    uint32_t         us;                  /* since the text's time */
    float            value[6];
} hars_fog_row_t;


typedef struct {
    unsigned         type;
    unsigned         placement;
    unsigned         rows;
    uint64_t         time;                /* us */
    uint64_t         number;              /* of KEPT, REFUSED */
    uint64_t         from;                /* of ACTIVITY, ms */
    uint64_t         to;
    char             name[HARS_FOG_NAME];
    hars_fog_row_t   row[HARS_FOG_ROWS];
} hars_fog_text_t;


/* "dst" has HARS_FOG_TEXT bytes; the bytes written, 0: this is no text */
size_t hars_fog_text_put(const hars_fog_text_t *text, unsigned char *dst);

/* HARS_OK, or HARS_ERROR: these bytes are none */
int hars_fog_text_take(hars_fog_text_t *text, const unsigned char *p,
    size_t len);

/* 1.., 0: no such placement; the name of one, NULL: there is none */
unsigned hars_fog_placement(const char *name);
const char *hars_fog_placement_name(unsigned placement);


#endif /* HARS_FOG_TEXT_H */

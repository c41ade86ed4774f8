
/*
 * A block: up to a minute of rows of one stream, as bytes.  Pure functions,
 * without clock, memory or keys.
 *
 *     rows -> whole numbers of a fixed step -> differences -> Rice codes
 *
 * The steps are finer than a sensor's: 1/2048 m/s^2 (16 bits over +-2 g are
 * 1/1670), 1/8192 rad/s (16 bits over +-250 deg/s are 1/7510), 1/16 beat and
 * 1 us.  What such a sensor said comes out again; what was computed from it
 * to more digits is rounded to the step.
 */

#ifndef HARS_DCM_BLOCK_H
#define HARS_DCM_BLOCK_H


#include "hars_ml_rows.h"


#define HARS_BLOCK_ROWS   4096
#define HARS_BLOCK_SPAN   60000000        /* us */

/* so much at most has a block of n rows */
#define HARS_BLOCK_SIZE(n)  (64 + (size_t) (n) * 90)


typedef struct {
    unsigned     stream;                  /* hars_stream_e */
    unsigned     n;
    int64_t      t[HARS_BLOCK_ROWS];      /* us since 1970, as they were sent */
    int32_t      v[HARS_ML_AXES][HARS_BLOCK_ROWS];
    uint8_t      missing[HARS_BLOCK_ROWS];     /* 1: the row has no values */
} hars_block_t;


/*
 * Puts a row behind the others; its t is in s since 1970, its values in
 * m/s^2, rad/s and beats per minute.  HARS_DECLINED: it is for another block,
 * of another stream or time, or this one is full.
 */
int hars_block_add(hars_block_t *block, const hars_row_t *row);

/* the time of its first row, by time, us */
int64_t hars_block_start(const hars_block_t *block);
int64_t hars_block_end(const hars_block_t *block);

/* a row again; its index is its place in the block */
void hars_block_row(const hars_block_t *block, unsigned i, hars_row_t *row);

/* dst[HARS_BLOCK_SIZE(block->n)]; how many bytes these are */
size_t hars_block_encode(const hars_block_t *block, unsigned char *dst);

/* HARS_ERROR: this is no block */
int hars_block_decode(hars_block_t *block, const unsigned char *src,
    size_t len);

/* in which columns of v the stream's values are: [*from, *to) */
void hars_block_columns(unsigned stream, unsigned *from, unsigned *to);


#endif /* HARS_DCM_BLOCK_H */

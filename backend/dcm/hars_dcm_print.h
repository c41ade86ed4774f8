
/*
 * Samples as text, as they are looked at and exported: one line, or one
 * array, for each row that was sent, in the units of docs/dcm.md.
 */

#ifndef HARS_DCM_PRINT_H
#define HARS_DCM_PRINT_H


#include "hars_dcm_block.h"


/* text that grows; zeroed: empty */
typedef struct {
    char       *text;                     /* from malloc() */
    size_t      len;
    size_t      size;
    size_t      rows;                     /* of samples in it */
    unsigned    failed:1;                 /* no memory */
} hars_print_t;


void hars_print_add(hars_print_t *print, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define HARS_PRINT_HEADING  "t_s,ax,ay,az,gx,gy,gz,bpm,recording\n"

/* the rows of [from, to), ms since 1970 */
void hars_print_csv(hars_print_t *print, const hars_block_t *block,
    const char *recording, int64_t from_ms, int64_t to_ms);

/* the same: {"recording":..., "stream":"samples", "rows":[[t_s, ...], ...]} */
void hars_print_json(hars_print_t *print, const hars_block_t *block,
    const char *recording, int64_t from_ms, int64_t to_ms);


#endif /* HARS_DCM_PRINT_H */


/*
 * Samples as CSV, as they are looked at and exported: one line for each row
 * that was sent, times and values in units of docs/dcm.md.
 */

#ifndef HARS_DCM_CSV_H
#define HARS_DCM_CSV_H


#include "hars_dcm_block.h"


/* zeroed: empty */
typedef struct {
    char       *text;                     /* from malloc() */
    size_t      len;
    size_t      size;
    size_t      rows;
    unsigned    failed:1;                 /* no memory */
} hars_csv_t;


void hars_csv_heading(hars_csv_t *csv);

/* the rows of [from, to), ms since 1970 */
void hars_csv_block(hars_csv_t *csv, const hars_block_t *block,
    const char *recording, int64_t from_ms, int64_t to_ms);


#endif /* HARS_DCM_CSV_H */

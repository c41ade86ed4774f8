
/*
 * A long recording in parts, so that neither here nor at the ML service all
 * of it is in memory at a time.
 *
 *     |----- part 0 -----|~~
 *                      ~~|----- part 1 -----|~~
 *
 * A part takes some seconds of its neighbours along: those before warm up
 * what is smoothed, those behind complete its last windows.  Of its answer
 * the windows count that begin in the part itself, so each does once.  Parts
 * begin where windows do, and part between two of them.
 */

#ifndef HARS_DCM_PARTS_H
#define HARS_DCM_PARTS_H


#include <stdint.h>


#define HARS_PARTS_ROWS  100000           /* of a part, about, at most */
#define HARS_PARTS_HOP   1280             /* ms from window to window */
#define HARS_PARTS_LEAD  (12 * HARS_PARTS_HOP)
#define HARS_PARTS_TAIL  4000


typedef struct {
    int64_t    from_ms;                   /* rows: [from, to) */
    int64_t    to_ms;
    int64_t    first_ms;                  /* windows begin in [first, next) */
    int64_t    next_ms;
} hars_part_t;


/*
 * How many parts a recording has, of one or two streams of this rate (Hz),
 * both times in ms, the last one included.
 */
unsigned hars_parts(double rate, int64_t start_ms, int64_t end_ms);

/* one of them, from 0 */
void hars_part(double rate, int64_t start_ms, int64_t end_ms, unsigned i,
    hars_part_t *part);


#endif /* HARS_DCM_PARTS_H */

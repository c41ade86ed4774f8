
/*
 * How often something took how long, without an end of the scale: below 256
 * each microsecond counts for itself, above each power of two is divided into
 * 128 buckets, so that what is read from it is at most 1 % too high.
 *
 * Pieces are so many after each other, each with percentiles of its own.  A
 * machine that stands still for a moment spoils the percentiles of all that
 * came in a second, but only one piece or two: the median of the pieces is
 * what it is like between the stalls.
 */

#ifndef TLSLOAD_TIMES_H
#define TLSLOAD_TIMES_H


#include <stdint.h>


#define HARS_TIMES_DIVISION  128
#define HARS_TIMES_BUCKETS   (58 * HARS_TIMES_DIVISION)


typedef struct {
    uint64_t  n;                          /* all of them */
    uint64_t  bucket[HARS_TIMES_BUCKETS];
} hars_times_t;


typedef struct {
    uint64_t      n;                      /* of one; 0: there are none */
    hars_times_t  one;                    /* that is going on */
    hars_times_t  p99;                    /* of each that is complete */
    hars_times_t  p999;
} hars_pieces_t;


void hars_times_add(hars_times_t *times, uint64_t us);

/* the microseconds that this part (0 to 1) of them took at most; 0: none */
uint64_t hars_times_part(const hars_times_t *times, double part);

void hars_pieces_add(hars_pieces_t *pieces, uint64_t us);

/* all but how many make one */
void hars_pieces_clear(hars_pieces_t *pieces);


#endif /* TLSLOAD_TIMES_H */

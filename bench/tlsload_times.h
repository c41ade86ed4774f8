
/*
 * How often something took how long, without an end of the scale: below 256
 * each microsecond counts for itself, above each power of two is divided into
 * 128 buckets, so that what is read from it is at most 1 % too high.
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


void hars_times_add(hars_times_t *times, uint64_t us);

/* the microseconds that this part (0 to 1) of them took at most; 0: none */
uint64_t hars_times_part(const hars_times_t *times, double part);


#endif /* TLSLOAD_TIMES_H */


/* When something is done again: pure functions of time and randomness. */

#ifndef HARS_PACE_H
#define HARS_PACE_H


#include <stdint.h>


/* s; nothing is put off for longer */
#define HARS_PACE_AFTER  3600

/*
 * ms after which a token that lives so many seconds is renewed: at two thirds
 * of that, up to a tenth earlier by "random".
 */
int64_t hars_pace_token(long expires_in, unsigned char random);

/*
 * ms to wait after the n-th failure in a row, from 1: doubled from a second up
 * to a minute, down to half of it by "random"; not before "retry_after", s,
 * of at most HARS_PACE_AFTER.
 */
int64_t hars_pace_again(int64_t n, long retry_after, unsigned char random);

/*
 * Is a certificate to be renewed that lasts from one second to another?  Yes
 * from when a third of its life is left.
 */
unsigned hars_pace_certificate(int64_t from, int64_t to, int64_t now);


#endif /* HARS_PACE_H */

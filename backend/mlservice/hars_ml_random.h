
/*
 * What chance there is in training: the same numbers for the same seed on
 * every machine (splitmix64).  Not for secrets.
 */

#ifndef HARS_ML_RANDOM_H
#define HARS_ML_RANDOM_H


#include <stdint.h>


uint64_t hars_random_next(uint64_t *state);


#endif /* HARS_ML_RANDOM_H */

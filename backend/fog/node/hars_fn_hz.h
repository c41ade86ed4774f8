
/*
 * How many rows a second a recording has, of its blocks as hars_fn_records.c
 * makes them: the data collecting mechanism wants it said, and compares.
 */

#ifndef HARS_FN_HZ_H
#define HARS_FN_HZ_H


#include <stddef.h>


/* Hz, pauses left out; 0: there are no two rows, or these are no blocks */
double hars_fn_hz(const char *body, size_t len);


#endif /* HARS_FN_HZ_H */

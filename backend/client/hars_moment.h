
/* Moments as people write them.  Pure. */

#ifndef HARS_MOMENT_H
#define HARS_MOMENT_H


#include <stdint.h>


#define HARS_MOMENT  32                   /* of a text, with its 0 */


/*
 * Microseconds since 1970 of "now", of seconds since 1970, or of RFC 3339 in
 * UTC (2026-05-04T12:30:00Z); in whole milliseconds.  HARS_ERROR: none of it.
 */
int hars_moment(const char *text, int64_t now_us, int64_t *us);

/* 2026-05-04T12:30:00Z */
void hars_moment_text(int64_t us, char text[HARS_MOMENT]);


#endif /* HARS_MOMENT_H */

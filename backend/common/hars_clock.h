
/*
 * The time, as those who serve ask for it; whoever decides by it takes it as
 * an argument.
 */

#ifndef HARS_CLOCK_H
#define HARS_CLOCK_H


#include <stdint.h>


int64_t hars_clock(void);                 /* ms, monotonic */
int64_t hars_now(void);                   /* ms since 1970 */


#endif /* HARS_CLOCK_H */

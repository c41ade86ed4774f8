
/*
 * The time, as those who serve ask for it, and how a thread waits for it;
 * whoever decides by it takes it as an argument.
 */

#ifndef HARS_CLOCK_H
#define HARS_CLOCK_H


#include <pthread.h>
#include <stdint.h>


int64_t hars_clock(void);                 /* ms, monotonic */
int64_t hars_now(void);                   /* ms since 1970 */

/*
 * A condition that is waited for until hars_clock() says "until": who sets the
 * clock of the day back makes nobody wait longer.  hars_cond_wait() returns 0,
 * or ETIMEDOUT, and may return earlier, as pthread_cond_timedwait() does.
 */
void hars_cond_init(pthread_cond_t *cond);
int hars_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
    int64_t until);


#endif /* HARS_CLOCK_H */

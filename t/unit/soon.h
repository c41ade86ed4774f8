
/* What another thread has to bring about: waited for, but not for ever */

#ifndef SOON_H
#define SOON_H


#include <sched.h>
#include <stdatomic.h>
#include <time.h>


#define DEADLINE  10                      /* s */


/* until it is as much, or too long */
static unsigned
soon(atomic_uint *what, unsigned n)
{
    time_t  end;

    for (end = time(NULL) + DEADLINE; time(NULL) < end; sched_yield()) {
        if (atomic_load(what) >= n) {
            return 1;
        }
    }

    return 0;
}


#endif /* SOON_H */

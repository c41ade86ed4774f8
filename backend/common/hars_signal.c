
/* See hars_signal.h for what this is. */

#include "hars_signal.h"
#include "hars_record.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>


static void hars_signal_set(sigset_t *set);


static int  hars_signal_other;


void
hars_signal_also(int signo)
{
    hars_signal_other = signo;
}


int
hars_signal_init(void)
{
    sigset_t  set;

    hars_signal_set(&set);

    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0
        || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    {
        return HARS_ERROR;
    }

    return HARS_OK;
}


int
hars_signal_wait(long ms)
{
    int              rc;
    sigset_t         set;
    struct timespec  ts;

    hars_signal_set(&set);

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = (ms % 1000) * 1000000;

    for ( ;; ) {
        rc = (ms < 0) ? sigwaitinfo(&set, NULL)
                      : sigtimedwait(&set, NULL, &ts);

        if (rc > 0) {
            return rc;
        }

        if (errno == EAGAIN) {
            return 0;
        }

        /* EINTR: stopped and continued, or traced; a tick more or less */

        if (ms >= 0) {
            return 0;
        }
    }
}


static void
hars_signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);

    if (hars_signal_other) {
        sigaddset(set, hars_signal_other);
    }
}

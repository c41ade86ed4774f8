
/* See hars_process.h for what this is. */

#include "hars_process.h"
#include "hars_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>


void
hars_process_close(void)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) {
        hars_log_warn("core dumps cannot be switched off: %s",
                      strerror(errno));
    }
}


int
hars_process_end(int rc, int failed)
{
    errno = 0;

    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return rc;
    }

    hars_log_error("standard output cannot be written: %s; what was to be "
                   "said there is lost", errno ? strerror(errno)
                                               : "it failed before");

    return rc ? rc : failed;
}


unsigned
hars_process_threads(unsigned most)
{
    long  n;

    n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 2 ? 2 : n > (long) most ? most : (unsigned) n;
}

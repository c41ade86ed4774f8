
/* See hars_log.h for what this is. */

#include "hars_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define HARS_LOG_LINE  1024


static void hars_log_write(const char *level, const char *fmt, va_list args);


static const char  *hars_log_program = "hars";


void
hars_log_init(const char *program)
{
    hars_log_program = program;
}


void
hars_log_error(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    hars_log_write("error", fmt, args);
    va_end(args);
}


void
hars_log_warn(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    hars_log_write("warning", fmt, args);
    va_end(args);
}


void
hars_log_info(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    hars_log_write("info", fmt, args);
    va_end(args);
}


static void
hars_log_write(const char *level, const char *fmt, va_list args)
{
    int        n, saved;
    char       line[HARS_LOG_LINE], *p, *last;
    time_t     now;
    ssize_t    rc;
    struct tm  tm;

    saved = errno;
    last = line + sizeof(line) - 1;

    now = time(NULL);
    gmtime_r(&now, &tm);

    p = line + strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ ", &tm);

    n = snprintf(p, (size_t) (last - p), "%s[%ld] %s: ", hars_log_program,
                 (long) getpid(), level);
    if (n > 0) {
        p = (n < last - p) ? p + n : last - 1;
    }

    n = vsnprintf(p, (size_t) (last - p), fmt, args);

    if (n > 0) {
        last = (n < last - p) ? p + n : last - 1;

        for ( /* void */ ; p < last; p++) {
            if ((unsigned char) *p < 0x20 || (unsigned char) *p == 0x7f) {
                *p = '?';
            }
        }
    }

    *p++ = '\n';

    /* there is nobody to tell that standard error is gone */

    rc = write(STDERR_FILENO, line, (size_t) (p - line));
    (void) rc;

    errno = saved;
}

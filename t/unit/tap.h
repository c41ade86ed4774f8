
/* TAP for the C unit tests: one line per question */

#ifndef TAP_H
#define TAP_H


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


static int  tap_count, tap_failed;


__attribute__((format(printf, 2, 3)))
static int
ok(int good, const char *fmt, ...)
{
    va_list  args;

    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');

    tap_failed += !good;

    return good;
}


static inline int
tap_done(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}


#endif /* TAP_H */


/* See hars_moment.h for what this is. */

#include "hars_moment.h"
#include "hars_record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_MOMENT_LAST  4102444800.0    /* 2100, s */


int
hars_moment(const char *text, int64_t now_us, int64_t *us)
{
    char       *end;
    double      s;
    struct tm   tm;

    if (strcmp(text, "now") == 0) {
        *us = now_us - now_us % 1000;
        return HARS_OK;
    }

    memset(&tm, 0, sizeof(struct tm));
    end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

    if (end && *end == '\0') {
        s = (double) timegm(&tm);

    } else {

        if (text[strspn(text, "0123456789.")] || text[0] == '\0') {
            return HARS_ERROR;
        }

        s = strtod(text, &end);

        if (*end) {
            return HARS_ERROR;
        }
    }

    if (!(s >= 0 && s < HARS_MOMENT_LAST)) {
        return HARS_ERROR;
    }

    *us = llround(s * 1000) * 1000;

    return HARS_OK;
}


void
hars_moment_text(int64_t us, char text[HARS_MOMENT])
{
    time_t     s;
    struct tm  tm;

    s = (time_t) (us / 1000000);

    if (gmtime_r(&s, &tm) == NULL
        || strftime(text, HARS_MOMENT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    {
        snprintf(text, HARS_MOMENT, "%lld", (long long) s);
    }
}

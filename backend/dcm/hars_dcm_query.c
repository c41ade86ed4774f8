
/* See hars_dcm_query.h for what this is. */

#include "hars_dcm_query.h"
#include "hars_record.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define HARS_QUERY_LATEST  253402300799   /* s: the end of the year 9999 */


typedef struct {
    const char  *name;
    char        *value;
    int          rc;
} hars_query_find_t;


static void hars_query_take(void *data, const char *name, const char *value);
static int hars_query_decode(const char *src, char *dst);
static int hars_query_hex(int c);
static int hars_query_refuse(hars_request_t *r, const char *name,
    const char *wanted);
static int hars_query_seconds(const char *text, int64_t *ms);
static int hars_query_digits(const char *text, unsigned n, int *number);


int
hars_query_text(hars_request_t *r, const char *name,
    char value[HARS_QUERY_VALUE])
{
    hars_query_find_t  find = { .name = name, .value = value,
                                .rc = HARS_DECLINED };

    value[0] = '\0';
    hars_request_query(r, hars_query_take, &find);

    return find.rc;
}


static void
hars_query_take(void *data, const char *name, const char *value)
{
    hars_query_find_t  *find;

    find = data;

    if (strcmp(name, find->name) == 0) {
        find->rc = find->rc == HARS_DECLINED
                   ? hars_query_decode(value, find->value) : HARS_ERROR;
    }
}


static int
hars_query_decode(const char *src, char *dst)
{
    int     c;
    size_t  n;

    for (n = 0; *src; n++) {
        c = (unsigned char) *src++;

        if (c == '%') {
            if (hars_query_hex(src[0]) < 0 || hars_query_hex(src[1]) < 0) {
                return HARS_ERROR;
            }

            c = hars_query_hex(src[0]) << 4 | hars_query_hex(src[1]);
            src += 2;
        }

        if (c < 0x20 || c == 0x7f || n == HARS_QUERY_VALUE - 1) {
            return HARS_ERROR;
        }

        dst[n] = (char) c;
    }

    dst[n] = '\0';

    return HARS_OK;
}


static int
hars_query_hex(int c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


int
hars_query_time(hars_request_t *r, const char *name, int64_t *ms)
{
    int   rc;
    char  value[HARS_QUERY_VALUE];

    rc = hars_query_text(r, name, value);

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    if (rc == HARS_OK && hars_query_moment(value, ms) == HARS_OK) {
        return HARS_OK;
    }

    return hars_query_refuse(r, name, "seconds since 1970, or UTC as "
                             "2026-05-04T12:30:00Z");
}


int
hars_query_number(hars_request_t *r, const char *name, int64_t min,
    int64_t max, int64_t *number)
{
    int    rc;
    char   value[HARS_QUERY_VALUE], wanted[96], *end;

    rc = hars_query_text(r, name, value);

    if (rc == HARS_DECLINED) {
        return HARS_OK;
    }

    if (rc == HARS_OK && isdigit((unsigned char) value[0])
        && strlen(value) < 19)
    {
        *number = strtoll(value, &end, 10);

        if (*end == '\0' && *number >= min && *number <= max) {
            return HARS_OK;
        }
    }

    snprintf(wanted, sizeof(wanted), "a whole number from %lld to %lld",
             (long long) min, (long long) max);

    return hars_query_refuse(r, name, wanted);
}


/* "name" and "wanted" are words of ours */
static int
hars_query_refuse(hars_request_t *r, const char *name, const char *wanted)
{
    char  detail[256];

    snprintf(detail, sizeof(detail), "The parameter %s has to be %s, once.",
             name, wanted);
    hars_reply_problem(r, 400, detail);

    return HARS_ERROR;
}


int
hars_query_moment(const char *text, int64_t *ms)
{
    int        year, month, day, hour, minute, second;
    struct tm  tm;

    if (strlen(text) != 20 || text[4] != '-' || text[7] != '-'
        || text[10] != 'T' || text[13] != ':' || text[16] != ':'
        || text[19] != 'Z')
    {
        return hars_query_seconds(text, ms);
    }

    if (hars_query_digits(text, 4, &year) != HARS_OK
        || hars_query_digits(text + 5, 2, &month) != HARS_OK
        || hars_query_digits(text + 8, 2, &day) != HARS_OK
        || hars_query_digits(text + 11, 2, &hour) != HARS_OK
        || hars_query_digits(text + 14, 2, &minute) != HARS_OK
        || hars_query_digits(text + 17, 2, &second) != HARS_OK
        || year < 1970 || hour > 23 || minute > 59 || second > 59)
    {
        return HARS_ERROR;
    }

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_hour = hour;
    tm.tm_min = minute;
    tm.tm_sec = second;

    *ms = (int64_t) timegm(&tm) * 1000;

    /* there is no 31st of April: it became the first of May */

    return tm.tm_mon == month - 1 && tm.tm_mday == day ? HARS_OK : HARS_ERROR;
}


/* digits, and up to 6 of a fraction */
static int
hars_query_seconds(const char *text, int64_t *ms)
{
    size_t   whole, part;
    int64_t  seconds;

    whole = strspn(text, "0123456789");
    part = 0;

    if (text[whole] == '.') {
        part = strspn(text + whole + 1, "0123456789");

        if (part == 0 || part > 6 || text[whole + 1 + part]) {
            return HARS_ERROR;
        }

    } else if (text[whole]) {
        return HARS_ERROR;
    }

    if (whole == 0 || whole > 12) {
        return HARS_ERROR;
    }

    seconds = strtoll(text, NULL, 10);

    if (seconds > HARS_QUERY_LATEST) {
        return HARS_ERROR;
    }

    *ms = seconds * 1000;

    if (part > 0) {
        *ms += (text[whole + 1] - '0') * 100;
        *ms += part > 1 ? (text[whole + 2] - '0') * 10 : 0;
        *ms += part > 2 ? text[whole + 3] - '0' : 0;
    }

    return HARS_OK;
}


static int
hars_query_digits(const char *text, unsigned n, int *number)
{
    for (*number = 0; n; n--, text++) {

        if (!isdigit((unsigned char) *text)) {
            return HARS_ERROR;
        }

        *number = 10 * *number + *text - '0';
    }

    return HARS_OK;
}

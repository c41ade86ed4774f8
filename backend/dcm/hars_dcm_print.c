
/* See hars_dcm_print.h for what this is. */

#include "hars_dcm_print.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_PRINT_LINE  256                /* at most */


static char *hars_print_room(hars_print_t *print, size_t len);
static char *hars_print_row(char *p, const hars_block_t *block, unsigned i);
static char *hars_print_array(char *p, const hars_block_t *block, unsigned i);
static char *hars_print_time(char *p, int64_t us);
static char *hars_print_value(char *p, double value);
static char *hars_print_whole(char *p, uint64_t n, unsigned digits);


void
hars_print_add(hars_print_t *print, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    p = n < 0 ? NULL : hars_print_room(print, (size_t) n + 1);

    if (p) {
        va_start(args, fmt);
        vsnprintf(p, (size_t) n + 1, fmt, args);
        va_end(args);

        print->len += (size_t) n;
    }
}


void
hars_print_csv(hars_print_t *print, const hars_block_t *block,
    const char *recording, int64_t from_ms, int64_t to_ms)
{
    char      *p, *begin;
    size_t     len;
    unsigned   i;

    len = strlen(recording);

    for (i = 0; i < block->n; i++) {

        if (block->t[i] < from_ms * 1000 || block->t[i] >= to_ms * 1000) {
            continue;
        }

        begin = hars_print_room(print, HARS_PRINT_LINE);

        if (begin == NULL) {
            return;
        }

        p = hars_print_row(begin, block, i);
        *p++ = ',';
        memcpy(p, recording, len);
        p += len;
        *p++ = '\n';

        print->len += (size_t) (p - begin);
        print->rows++;
    }
}


void
hars_print_json(hars_print_t *print, const hars_block_t *block,
    const char *recording, int64_t from_ms, int64_t to_ms)
{
    char      *p, *begin;
    size_t     rows;
    unsigned   i;

    static const char  *stream[HARS_STREAMS] = {
        "samples", "acceleration", "rotation", "heart_rate"
    };

    rows = 0;
    hars_print_add(print, "{\"recording\":\"%s\",\"stream\":\"%s\","
                   "\"rows\":[", recording, stream[block->stream]);

    for (i = 0; i < block->n; i++) {

        if (block->t[i] < from_ms * 1000 || block->t[i] >= to_ms * 1000) {
            continue;
        }

        begin = hars_print_room(print, HARS_PRINT_LINE);

        if (begin == NULL) {
            return;
        }

        p = begin;

        if (rows++) {
            *p++ = ',';
        }

        p = hars_print_array(p, block, i);
        print->len += (size_t) (p - begin);
        print->rows++;
    }

    hars_print_add(print, "]}");
}


static char *
hars_print_array(char *p, const hars_block_t *block, unsigned i)
{
    unsigned     axis, from, to;
    hars_row_t   row;

    hars_block_row(block, i, &row);
    hars_block_columns(block->stream, &from, &to);

    *p++ = '[';
    p = hars_print_time(p, block->t[i]);

    for (axis = from; axis < to; axis++) {
        *p++ = ',';

        if (block->missing[i]) {
            memcpy(p, "null", 4);
            p += 4;

        } else {
            p = hars_print_value(p, row.v[axis]);
        }
    }

    *p++ = ']';

    return p;
}


static char *
hars_print_room(hars_print_t *print, size_t len)
{
    char    *text;
    size_t   size;

    if (print->failed) {
        return NULL;
    }

    if (print->size - print->len < len) {
        size = print->size ? 2 * print->size : 65536;
        size = size - print->len < len ? print->len + len : size;
        text = realloc(print->text, size);

        if (text == NULL) {
            print->failed = 1;
            return NULL;
        }

        print->text = text;
        print->size = size;
    }

    return print->text + print->len;
}


static char *
hars_print_row(char *p, const hars_block_t *block, unsigned i)
{
    unsigned     axis, from, to;
    hars_row_t   row;

    hars_block_row(block, i, &row);
    hars_block_columns(block->stream, &from, &to);

    p = hars_print_time(p, block->t[i]);

    for (axis = 0; axis < HARS_ML_AXES; axis++) {
        *p++ = ',';

        if (axis >= from && axis < to && block->stream != HARS_STREAM_HEART) {
            p = hars_print_value(p, row.v[axis]);
        }
    }

    *p++ = ',';

    return block->stream == HARS_STREAM_HEART ? hars_print_value(p, row.v[0])
                                              : p;
}


static char *
hars_print_time(char *p, int64_t us)
{
    p = hars_print_whole(p, (uint64_t) us / 1000000, 1);
    *p++ = '.';

    return hars_print_whole(p, (uint64_t) us % 1000000, 6);
}


/* four digits are finer than the steps of hars_dcm_block.h */
static char *
hars_print_value(char *p, double value)
{
    uint64_t  n;

    if (isnan(value)) {
        return p;
    }

    n = (uint64_t) llrint(fabs(value) * 10000);

    if (value < 0 && n) {
        *p++ = '-';
    }

    p = hars_print_whole(p, n / 10000, 1);
    *p++ = '.';

    return hars_print_whole(p, n % 10000, 4);
}


/* with at least so many digits */
static char *
hars_print_whole(char *p, uint64_t n, unsigned digits)
{
    char      text[24];
    unsigned  i;

    for (i = 0; i < digits || n; i++) {
        text[i] = (char) ('0' + n % 10);
        n /= 10;
    }

    while (i) {
        *p++ = text[--i];
    }

    return p;
}

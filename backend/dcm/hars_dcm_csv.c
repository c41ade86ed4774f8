
/* See hars_dcm_csv.h for what this is. */

#include "hars_dcm_csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_CSV_LINE  256                /* at most */


static char *hars_csv_room(hars_csv_t *csv);
static char *hars_csv_row(char *p, const hars_block_t *block, unsigned i);
static char *hars_csv_value(char *p, double value);
static char *hars_csv_whole(char *p, uint64_t n, unsigned digits);


void
hars_csv_heading(hars_csv_t *csv)
{
    static const char  heading[] = "t_s,ax,ay,az,gx,gy,gz,bpm,recording\n";

    char  *p;

    p = hars_csv_room(csv);

    if (p) {
        memcpy(p, heading, sizeof(heading));
        csv->len += sizeof(heading) - 1;
    }
}


void
hars_csv_block(hars_csv_t *csv, const hars_block_t *block,
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

        begin = hars_csv_room(csv);

        if (begin == NULL) {
            return;
        }

        p = hars_csv_row(begin, block, i);
        *p++ = ',';
        memcpy(p, recording, len);
        p += len;
        *p++ = '\n';

        csv->len += (size_t) (p - begin);
        csv->rows++;
    }
}


/* for a line */
static char *
hars_csv_room(hars_csv_t *csv)
{
    char    *text;
    size_t   size;

    if (csv->failed) {
        return NULL;
    }

    if (csv->size - csv->len < HARS_CSV_LINE) {
        size = csv->size ? 2 * csv->size : 65536;
        text = realloc(csv->text, size);

        if (text == NULL) {
            csv->failed = 1;
            return NULL;
        }

        csv->text = text;
        csv->size = size;
    }

    return csv->text + csv->len;
}


static char *
hars_csv_row(char *p, const hars_block_t *block, unsigned i)
{
    unsigned     axis, from, to;
    hars_row_t   row;

    hars_block_row(block, i, &row);
    hars_block_columns(block->stream, &from, &to);

    p = hars_csv_whole(p, (uint64_t) block->t[i] / 1000000, 1);
    *p++ = '.';
    p = hars_csv_whole(p, (uint64_t) block->t[i] % 1000000, 6);

    for (axis = 0; axis < HARS_ML_AXES; axis++) {
        *p++ = ',';

        if (axis >= from && axis < to && block->stream != HARS_STREAM_HEART) {
            p = hars_csv_value(p, row.v[axis]);
        }
    }

    *p++ = ',';

    return block->stream == HARS_STREAM_HEART ? hars_csv_value(p, row.v[0])
                                              : p;
}


/* four digits are finer than the steps of hars_dcm_block.h */
static char *
hars_csv_value(char *p, double value)
{
    uint64_t  n;

    if (isnan(value)) {
        return p;
    }

    n = (uint64_t) llrint(fabs(value) * 10000);

    if (value < 0 && n) {
        *p++ = '-';
    }

    p = hars_csv_whole(p, n / 10000, 1);
    *p++ = '.';

    return hars_csv_whole(p, n % 10000, 4);
}


/* with at least so many digits */
static char *
hars_csv_whole(char *p, uint64_t n, unsigned digits)
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

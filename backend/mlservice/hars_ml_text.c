
/*
 * Rows as CSV (RFC 4180, without quotes).  A heading says what they are:
 *
 *     t_s,ax,ay,az,gx,gy,gz             all six at one time
 *     t_s,ax,ay,az                      a stream of acceleration
 *     t_s,gx,gy,gz                      a stream of rotation
 *     t_s,bpm                           a stream of heart rates
 *     stream,t_s,x,y,z                  streams mixed: a, g or h; h,t_s,bpm
 *
 * timestamp_s is t_s, too; epoch_ms are milliseconds.  A missing value is an
 * empty field or nan.  Rows count from 0 behind the heading.
 *
 * A body comes in pieces that end anywhere: what is behind the last line feed
 * is kept for the next one.
 */


#include "hars_ml_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_TEXT_FIELD    40             /* longest number */
#define HARS_TEXT_COLUMNS  8


static unsigned hars_text_lines(hars_text_t *text, const char *pos,
    const char *end, hars_rows_t *rows, hars_fault_t *fault);
static unsigned hars_text_keep(hars_text_t *text, const char *data,
    size_t len, hars_fault_t *fault);
static int hars_text_heading(hars_text_t *text, hars_fault_t *fault);
static int hars_text_unknown(hars_fault_t *fault);
static int hars_text_row(hars_text_t *text, hars_rows_t *rows,
    hars_fault_t *fault);
static unsigned hars_text_line(hars_text_t *text, const char **field,
    size_t *len);
static int hars_text_stream(const char *field, size_t len,
    hars_stream_e *stream);
static int hars_text_values(const hars_text_t *text, hars_row_t *row,
    const char **field, const size_t *len, hars_fault_t *fault);
static int hars_text_number(const char *field, size_t len, double *number);
static unsigned hars_text_count(hars_stream_e stream);


static const struct {
    const char     *line;                 /* behind the time's name */
    hars_stream_e   stream;
    unsigned        mixed;
} hars_text_headings[] = {
    { "ax,ay,az,gx,gy,gz", HARS_STREAM_JOINED, 0 },
    { "ax,ay,az", HARS_STREAM_ACCELERATION, 0 },
    { "gx,gy,gz", HARS_STREAM_ROTATION, 0 },
    { "bpm", HARS_STREAM_HEART, 0 },
    { "x,y,z", HARS_STREAM_JOINED, 1 },
    { NULL, HARS_STREAM_JOINED, 0 }
};


unsigned
hars_text_rows(const char *body, size_t len, hars_rows_t *rows,
    hars_fault_t *fault)
{
    unsigned     status;
    hars_text_t  text;

    memset(&text, 0, sizeof(text));
    status = hars_text_piece(&text, body, len, rows, fault);

    return status ? status : hars_text_end(&text, rows, fault);
}


unsigned
hars_text_piece(hars_text_t *text, const char *data, size_t len,
    hars_rows_t *rows, hars_fault_t *fault)
{
    size_t       n;
    unsigned     status;
    const char  *first, *last;

    rows->bare = 1;
    first = text->kept ? memchr(data, '\n', len) : NULL;

    if (first) {
        n = (size_t) (first - data) + 1;
        status = hars_text_keep(text, data, n, fault);

        if (status == 0) {
            n = text->kept;
            text->kept = 0;
            status = hars_text_lines(text, text->line, text->line + n, rows,
                                     fault);
        }

        if (status) {
            return status;
        }

        len -= (size_t) (first - data) + 1;
        data = first + 1;
    }

    last = text->kept ? NULL : memrchr(data, '\n', len);

    if (last) {
        n = (size_t) (last - data) + 1;
        status = hars_text_lines(text, data, data + n, rows, fault);

        if (status) {
            return status;
        }

        len -= n;
        data = last + 1;
    }

    return hars_text_keep(text, data, len, fault);
}


/* no line that we know is longer than there is room for */
static unsigned
hars_text_keep(hars_text_t *text, const char *data, size_t len,
    hars_fault_t *fault)
{
    if (len > sizeof(text->line) - text->kept) {

        if (!text->headed) {
            hars_text_unknown(fault);
            return 400;
        }

        hars_fault(fault, "samples", (long) text->row, -1,
                   "the row is longer than %zu bytes", sizeof(text->line));
        return 422;
    }

    memcpy(text->line + text->kept, data, len);
    text->kept += len;

    return 0;
}


unsigned
hars_text_end(hars_text_t *text, hars_rows_t *rows, hars_fault_t *fault)
{
    unsigned  status;

    rows->bare = 1;

    if (text->kept || !text->headed) {
        status = hars_text_lines(text, text->line, text->line + text->kept,
                                 rows, fault);
        if (status) {
            return status;
        }
    }

    if (text->row == 0) {
        hars_fault(fault, "samples", -1, -1, "there is no row");
        return 422;
    }

    return 0;
}


/* whole lines; the last one of a body may lack its line feed */
static unsigned
hars_text_lines(hars_text_t *text, const char *pos, const char *end,
    hars_rows_t *rows, hars_fault_t *fault)
{
    text->pos = pos;
    text->end = end;

    if (!text->headed && hars_text_heading(text, fault) != HARS_OK) {
        return 400;
    }

    text->headed = 1;

    while (text->pos < text->end) {
        if (hars_text_row(text, rows, fault) != HARS_OK) {
            return hars_rows_status(rows, fault);
        }
    }

    return 0;
}


static int
hars_text_heading(hars_text_t *text, hars_fault_t *fault)
{
    size_t       len, name;
    unsigned     i;
    const char  *p;

    p = text->pos;
    len = (size_t) (text->end - p);
    p = len ? memchr(p, '\n', len) : NULL;

    if (p) {
        len = (size_t) (p - text->pos);
    }

    p = text->pos;
    text->pos = text->end - p > (long) len ? p + len + 1 : text->end;

    if (len && p[len - 1] == '\r') {
        len--;
    }

    if (len > 7 && memcmp(p, "stream,", 7) == 0) {
        text->mixed = 1;
        p += 7;
        len -= 7;
    }

    name = 0;
    while (name < len && p[name] != ',') {
        name++;
    }

    text->unit = name == 8 && memcmp(p, "epoch_ms", 8) == 0 ? 1e-3
                 : (name == 3 && memcmp(p, "t_s", 3) == 0)
                 || (name == 11 && memcmp(p, "timestamp_s", 11) == 0) ? 1 : 0;

    for (i = 0; text->unit > 0 && name < len && hars_text_headings[i].line;
         i++)
    {
        if (strlen(hars_text_headings[i].line) == len - name - 1
            && memcmp(p + name + 1, hars_text_headings[i].line,
                      len - name - 1) == 0
            && hars_text_headings[i].mixed == text->mixed)
        {
            text->stream = hars_text_headings[i].stream;
            return HARS_OK;
        }
    }

    return hars_text_unknown(fault);
}


static int
hars_text_unknown(hars_fault_t *fault)
{
    return hars_fault(fault, "samples", -1, -1,
                      "the heading of the CSV is not known; there are "
                      "t_s,ax,ay,az,gx,gy,gz; t_s,ax,ay,az; t_s,gx,gy,gz; "
                      "t_s,bpm; stream,t_s,x,y,z");
}


static int
hars_text_row(hars_text_t *text, hars_rows_t *rows, hars_fault_t *fault)
{
    size_t          len[HARS_TEXT_COLUMNS];
    unsigned        n, want;
    const char     *field[HARS_TEXT_COLUMNS];
    hars_row_t     *row;
    hars_stream_e   stream;

    n = hars_text_line(text, field, len);

    /* nothing stands behind an empty line */

    if (n == 1 && len[0] == 0 && !text->blank) {
        text->blank = 1;
        return HARS_OK;
    }

    stream = text->stream;

    if (text->mixed && hars_text_stream(field[0], len[0], &stream) != HARS_OK)
    {
        return hars_fault(fault, "samples", (long) text->row, 0,
                          "the stream is a, g or h");
    }

    want = text->mixed + 1 + hars_text_count(stream);

    /* h,t_s,bpm may be filled up to the heading's columns */
    while (text->mixed && n > want && n <= 5 && len[n - 1] == 0) {
        n--;
    }

    if (n != want || text->blank) {
        return hars_fault(fault, "samples", (long) text->row, -1,
                          "the row needs %u columns", want);
    }

    row = hars_rows_add(rows, stream, text->row, fault);
    if (row == NULL) {
        return HARS_ERROR;
    }

    if (hars_text_values(text, row, field + text->mixed, len + text->mixed,
                         fault) != HARS_OK)
    {
        return HARS_ERROR;
    }

    text->row++;

    return HARS_OK;
}


/* the fields of the next line; more than HARS_TEXT_COLUMNS are one more */
static unsigned
hars_text_line(hars_text_t *text, const char **field, size_t *len)
{
    unsigned     n;
    const char  *p, *last;

    last = memchr(text->pos, '\n', (size_t) (text->end - text->pos));
    last = last ? last : text->end;
    p = text->pos;
    text->pos = last < text->end ? last + 1 : last;

    if (last > p && last[-1] == '\r') {
        last--;
    }

    n = 0;

    for ( ;; ) {
        field[n] = p;

        while (p < last && *p != ',') {
            p++;
        }

        len[n] = (size_t) (p - field[n]);
        n++;

        if (p == last) {
            return n;
        }

        if (n == HARS_TEXT_COLUMNS) {
            return n + 1;
        }

        p++;
    }
}


static int
hars_text_stream(const char *field, size_t len, hars_stream_e *stream)
{
    if (len != 1) {
        return HARS_ERROR;
    }

    switch (*field) {
    case 'a':
        *stream = HARS_STREAM_ACCELERATION;
        return HARS_OK;
    case 'g':
        *stream = HARS_STREAM_ROTATION;
        return HARS_OK;
    case 'h':
        *stream = HARS_STREAM_HEART;
        return HARS_OK;
    default:
        return HARS_ERROR;
    }
}


static unsigned
hars_text_count(hars_stream_e stream)
{
    return stream == HARS_STREAM_HEART ? 1
           : stream == HARS_STREAM_JOINED ? HARS_ML_AXES : 3;
}


static int
hars_text_values(const hars_text_t *text, hars_row_t *row, const char **field,
    const size_t *len, hars_fault_t *fault)
{
    int        missing;
    double    *v;
    unsigned   i, n;

    if (hars_text_number(field[0], len[0], &row->t) != HARS_OK
        || isnan(row->t))
    {
        return hars_fault(fault, "samples", (long) text->row,
                          (int) text->mixed, "the time is no number");
    }

    row->t *= text->unit;
    n = hars_text_count((hars_stream_e) row->stream);
    v = row->v + (row->stream == HARS_STREAM_ROTATION ? 3 : 0);
    missing = -1;

    for (i = 0; i < n; i++) {
        if (hars_text_number(field[i + 1], len[i + 1], &v[i]) != HARS_OK) {
            return hars_fault(fault, "samples", (long) text->row,
                              (int) (i + 1 + text->mixed),
                              "a number is needed, or nothing");
        }

        missing = isnan(v[i]) ? (int) (i + 1 + text->mixed) : missing;
    }

    for (i = 0; missing >= 0 && i < n; i++) {
        if (!isnan(v[i])) {
            return hars_fault(fault, "samples", (long) text->row, missing,
                              "the value is missing: a record has all, or "
                              "none and is dropped");
        }
    }

    return HARS_OK;
}


static int
hars_text_number(const char *field, size_t len, double *number)
{
    char   text[HARS_TEXT_FIELD + 1], *end;

    *number = NAN;

    if (len == 0 || (len == 3 && memcmp(field, "nan", 3) == 0)) {
        return HARS_OK;
    }

    /* neither inf, nor hexadecimal numbers, nor blanks */

    if (len > HARS_TEXT_FIELD) {
        return HARS_ERROR;
    }

    memcpy(text, field, len);
    text[len] = '\0';

    if (strspn(text, "0123456789+-.eE") != len) {
        return HARS_ERROR;
    }

    *number = strtod(text, &end);

    return *end == '\0' && isfinite(*number) ? HARS_OK : HARS_ERROR;
}


/*
 * Rows as CSV, packed or compressed, as anybody with a token may send them.
 * The first byte says which form and whether times are those of packets.  What
 * is taken comes out of the feed finite, within the range and in growing order
 * of time, and no other when the feed is copied in between, as a session's is;
 * what is refused says why.  In pieces a body has the same rows.
 */

#include "../backend/mlservice/hars_ml_drift.c"
#include "../backend/mlservice/hars_ml_feed.c"
#include "../backend/mlservice/hars_ml_inflate.c"
#include "../backend/mlservice/hars_ml_packed.c"
#include "../backend/mlservice/hars_ml_recording.c"
#include "../backend/mlservice/hars_ml_rows.c"
#include "../backend/mlservice/hars_ml_source.c"
#include "../backend/mlservice/hars_ml_text.c"


#define FUZZ_INFLATED  65536


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static hars_sample_t  last;
static size_t         samples;


static void
judge(void *data, const hars_sample_t *sample)
{
    unsigned  i;

    (void) data;

    for (i = 0; i < HARS_ML_AXES; i++) {
        if (!(fabs(sample->v[i]) <= HARS_ML_ACCELERATION_MAX)) {
            __builtin_trap();
        }
    }

    if (!isfinite(sample->t) || (samples++ && !(sample->t > last.t))) {
        __builtin_trap();
    }

    last = *sample;
}


static unsigned
rows_of(const uint8_t *data, size_t size, hars_rows_t *rows,
    hars_fault_t *fault)
{
    char      *body;
    size_t     len;
    unsigned   status;

    switch (data[0] & 3) {

    case 0:
        return hars_text_rows((const char *) data + 1, size - 1, rows, fault);

    case 1:
        return hars_packed_rows((const char *) data + 1, size - 1, rows,
                                fault);

    default:
        status = hars_inflate((const char *) data + 1, size - 1,
                              FUZZ_INFLATED, &body, &len, fault);

        if (len > FUZZ_INFLATED + 1) {
            __builtin_trap();
        }

        if (status == 0) {
            status = hars_text_rows(body, len, rows, fault);
        }

        free(body);
        return status;
    }
}


/* the same body in pieces of 1 to 255 bytes, as the bytes say */
static unsigned
pieces_of(const uint8_t *data, size_t size, hars_rows_t *rows,
    hars_fault_t *fault)
{
    size_t         at, n;
    unsigned       status;
    const char    *p;
    hars_text_t    text;
    hars_unpack_t  packed;

    memset(&text, 0, sizeof(text));
    memset(&packed, 0, sizeof(packed));
    status = 0;

    for (at = 1; status == 0 && at < size; at += n) {
        n = data[at] ? data[at] : 1;
        n = n < size - at ? n : size - at;
        p = (const char *) data + at;

        status = data[0] & 1
                 ? hars_packed_piece(&packed, p, n, rows, fault)
                 : hars_text_piece(&text, p, n, rows, fault);
    }

    return status ? status
           : data[0] & 1 ? hars_packed_end(&packed, rows, fault)
                         : hars_text_end(&text, rows, fault);
}


/* in pieces, a line that is longer than any is refused by its length */
static int
is_long(const uint8_t *data, size_t size)
{
    size_t  i, n;

    n = 0;

    for (i = 1; i < size; i++) {
        n = data[i] == '\n' ? 0 : n + 1;

        if (n >= sizeof(((hars_text_t *) 0)->line)) {
            return !(data[0] & 1);
        }
    }

    return 0;
}


/* a row's values may be NaN: bits are compared */
static void
compare(const uint8_t *data, size_t size, unsigned status,
    const hars_rows_t *rows)
{
    size_t        i;
    unsigned      again;
    hars_rows_t   other;
    hars_fault_t  fault;

    memset(&other, 0, sizeof(other));
    other.max = rows->max;
    again = pieces_of(data, size, &other, &fault);

    if ((again != status || other.n != rows->n) && !is_long(data, size)) {
        __builtin_trap();
    }

    for (i = 0; i < other.n && i < rows->n; i++) {
        if (memcmp(&other.row[i], &rows->row[i], sizeof(hars_row_t)) != 0) {
            __builtin_trap();
        }
    }

    free(other.row);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            i;
    unsigned          status;
    hars_rows_t       rows;
    hars_feed_t      *feed, copy;
    hars_fault_t      fault;
    hars_options_t    options;

    if (size == 0) {
        return 0;
    }

    memset(&rows, 0, sizeof(rows));
    memset(&options, 0, sizeof(options));
    rows.max = 4096;
    options.rate = 50;
    options.arrival = data[0] >> 2 & 1;
    fault.detail[0] = '\0';
    samples = 0;

    feed = malloc(sizeof(hars_feed_t));
    hars_feed_init(feed, &options, judge, NULL);

    status = rows_of(data, size, &rows, &fault);

    if (!(data[0] & 2)) {
        compare(data, size, status, &rows);
    }

    for (i = 0; status == 0 && i < rows.n; i++) {
        copy = *feed;
        *feed = copy;

        if (hars_feed_push(feed, &rows.row[i], &fault) != HARS_OK) {
            status = 422;
        }
    }

    if (status == 0 && hars_feed_end(feed, &fault) != HARS_OK) {
        status = 422;
    }

    if (status && fault.detail[0] == '\0') {
        __builtin_trap();
    }

    free(rows.row);
    free(feed);

    return 0;
}

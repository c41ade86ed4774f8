
/*
 * Rows as CSV, packed or compressed, as anybody with a token may send them.
 * The first byte says which form and whether times are those of packets.  What
 * is taken comes out of the feed finite, within the range and in growing order
 * of time, and no other when the feed is copied in between, as a session's is;
 * what is refused says why.
 */

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

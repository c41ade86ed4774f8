
/*
 * A stored recording as the ML service takes it (docs/mlservice.md, Packed).
 * Streams are merged by time, as a device that sends as it goes would, so
 * that the other side needs no more than a moment of each.
 */

#include "hars_dcm_packed.h"
#include "hars_dcm_samples.h"
#include "hars_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define HARS_PACKED_LANES    3
#define HARS_PACKED_EVER     253402300800000     /* ms: the year 10000 */
#define HARS_PACKED_SPAN     60           /* s, of one header */


typedef struct {
    hars_block_t   *block;                /* room for one */
    hars_rows_t     rows;                 /* all of the recording */
    const char     *patient;
    const char     *recording;
    int64_t         from_ms;
    int64_t         to_ms;
} hars_packing_read_t;

typedef struct {
    unsigned char  *dst;
    unsigned char  *header;               /* of the rows being written */
    unsigned        stream;
    uint32_t        n;
    double          t;
} hars_packing_t;


static int hars_packed_read(hars_db_t *db, const hars_patient_key_t *key,
    hars_packing_read_t *read);
static int hars_packed_take(hars_db_t *db, const hars_patient_key_t *key,
    hars_packing_read_t *read);
static int hars_packed_merge(const hars_rows_t *rows, char **body,
    size_t *len);
static const hars_row_t *hars_packed_next(const hars_rows_t *rows, size_t *at,
    unsigned lane);
static void hars_packed_put(hars_packing_t *packed, const hars_row_t *row);
static void hars_packed_begin(hars_packing_t *packed, const hars_row_t *row);
static void hars_packed_number(unsigned char *dst, const void *src,
    unsigned n);


int
hars_samples_packed(hars_dcm_t *dcm, hars_db_t *db, const char *patient,
    const char *recording, char **body, size_t *len)
{
    return hars_samples_packed_part(dcm, db, patient, recording, 0,
                                    HARS_PACKED_EVER, body, len);
}


int
hars_samples_packed_part(hars_dcm_t *dcm, hars_db_t *db,
    const char *patient, const char *recording, int64_t from_ms,
    int64_t to_ms, char **body, size_t *len)
{
    int                 rc;
    hars_patient_key_t  key;
    hars_packing_read_t  read;

    *body = NULL;
    memset(&read, 0, sizeof(hars_packing_read_t));

    rc = hars_patient_key(dcm, db, patient, &key);

    if (rc != HARS_OK) {
        return rc;
    }

    read.patient = patient;
    read.recording = recording;
    read.from_ms = from_ms;
    read.to_ms = to_ms;
    read.rows.max = SIZE_MAX;
    read.block = malloc(sizeof(hars_block_t));

    rc = read.block ? hars_packed_read(db, &key, &read) : HARS_ERROR;
    hars_patient_key_wipe(&key);
    free(read.block);

    if (rc == HARS_OK) {
        rc = read.rows.n ? hars_packed_merge(&read.rows, body, len)
                         : HARS_DECLINED;
    }

    free(read.rows.row);

    return rc;
}


static int
hars_packed_read(hars_db_t *db, const hars_patient_key_t *key,
    hars_packing_read_t *read)
{
    int  rc;

    hars_db_text(db, read->patient);
    hars_db_text(db, read->recording);
    hars_db_int(db, read->from_ms - HARS_BLOCK_SPAN / 1000 - 1);
    hars_db_int(db, read->to_ms);
    rc = hars_db_run(db, "SELECT start_ms, n, data FROM block"
                     " WHERE patient = ?1 AND recording = ?2"
                     " AND start_ms >= ?3 AND start_ms < ?4 ORDER BY n");

    while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) {
        rc = hars_packed_take(db, key, read);
    }

    hars_db_done(db);

    return rc == HARS_DECLINED ? HARS_OK : HARS_ERROR;
}


static int
hars_packed_take(hars_db_t *db, const hars_patient_key_t *key,
    hars_packing_read_t *read)
{
    char           name[HARS_VAULT_NAME];
    unsigned       i;
    hars_row_t    *row, one;
    hars_fault_t   fault;

    hars_samples_name(name, read->patient, hars_db_get_int(db, 0),
                      read->recording, hars_db_get_int(db, 1));

    if (hars_samples_block(db, 2, key, name, read->block) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0; i < read->block->n; i++) {
        hars_block_row(read->block, i, &one);

        if (one.t * 1000 < (double) read->from_ms
            || one.t * 1000 >= (double) read->to_ms)
        {
            continue;
        }

        row = hars_rows_add(&read->rows,
                            (hars_stream_e) read->block->stream, 0, &fault);

        if (row == NULL) {
            hars_log_error("no memory");
            return HARS_ERROR;
        }

        *row = one;
    }

    return HARS_OK;
}


/* a header for each row at most */
static int
hars_packed_merge(const hars_rows_t *rows, char **body, size_t *len)
{
    size_t             at[HARS_PACKED_LANES] = { 0 };
    unsigned           lane, first;
    hars_packing_t      packed;
    const hars_row_t  *next[HARS_PACKED_LANES];

    memset(&packed, 0, sizeof(hars_packing_t));
    *body = malloc(rows->n * (HARS_PACKED_HEADER + 4 + 4 * HARS_ML_AXES));

    if (*body == NULL) {
        hars_log_error("no memory");
        return HARS_ERROR;
    }

    packed.dst = (unsigned char *) *body;

    for (lane = 0; lane < HARS_PACKED_LANES; lane++) {
        next[lane] = hars_packed_next(rows, &at[lane], lane);
    }

    for ( ;; ) {
        first = HARS_PACKED_LANES;

        for (lane = 0; lane < HARS_PACKED_LANES; lane++) {
            if (next[lane] && (first == HARS_PACKED_LANES
                               || next[lane]->t < next[first]->t))
            {
                first = lane;
            }
        }

        if (first == HARS_PACKED_LANES) {
            break;
        }

        hars_packed_put(&packed, next[first]);
        next[first] = hars_packed_next(rows, &at[first], first);
    }

    *len = (size_t) (packed.dst - (unsigned char *) *body);

    return HARS_OK;
}


/* heart rates; joined rows and acceleration; rotation */
static const hars_row_t *
hars_packed_next(const hars_rows_t *rows, size_t *at, unsigned lane)
{
    unsigned           is;
    const hars_row_t  *row;

    while (*at < rows->n) {
        row = &rows->row[(*at)++];
        is = row->stream == HARS_STREAM_HEART ? 0
             : row->stream == HARS_STREAM_ROTATION ? 2 : 1;

        if (is == lane) {
            return row;
        }
    }

    return NULL;
}


static void
hars_packed_put(hars_packing_t *packed, const hars_row_t *row)
{
    float     value;
    uint32_t  us;
    unsigned  i, from, to;

    if (packed->header == NULL || packed->stream != row->stream
        || !(row->t >= packed->t && row->t - packed->t < HARS_PACKED_SPAN))
    {
        hars_packed_begin(packed, row);
    }

    us = (uint32_t) llrint((row->t - packed->t) * 1e6);
    hars_packed_number(packed->dst, &us, sizeof(us));
    packed->dst += sizeof(us);

    hars_block_columns(row->stream, &from, &to);

    for (i = from; i < to; i++) {
        value = (float) row->v[i];
        hars_packed_number(packed->dst, &value, sizeof(value));
        packed->dst += sizeof(value);
    }

    packed->n++;
    hars_packed_number(packed->header + 8, &packed->n, sizeof(packed->n));
}


static void
hars_packed_begin(hars_packing_t *packed, const hars_row_t *row)
{
    packed->header = packed->dst;
    packed->stream = row->stream;
    packed->t = row->t;
    packed->n = 0;

    memset(packed->dst, 0, HARS_PACKED_HEADER);
    memcpy(packed->dst, HARS_PACKED_MAGIC, 4);
    packed->dst[4] = 1;
    packed->dst[5] = (unsigned char) row->stream;
    hars_packed_number(packed->dst + 24, &row->t, sizeof(row->t));

    packed->dst += HARS_PACKED_HEADER;
}


/* little-endian, whatever this machine is */
static void
hars_packed_number(unsigned char *dst, const void *src, unsigned n)
{
    unsigned   i;
    uint32_t   n4;
    uint64_t   value;

    if (n == sizeof(value)) {
        memcpy(&value, src, n);

    } else {
        memcpy(&n4, src, n);
        value = n4;
    }

    for (i = 0; i < n; i++) {
        dst[i] = (unsigned char) (value >> 8 * i);
    }
}

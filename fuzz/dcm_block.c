
/*
 * A block of samples as bytes: what decodes encodes again to something that
 * decodes to the same, and is no larger than a block may be.  The same bytes
 * as rows: whatever they are, they come back to the step.
 */

#include "../backend/dcm/hars_dcm_block.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static hars_block_t   block, again;
static unsigned char  bytes[HARS_BLOCK_SIZE(HARS_BLOCK_ROWS)];


static void
there_and_back(void)
{
    size_t    len;
    unsigned  axis, from, to;

    len = hars_block_encode(&block, bytes);

    if (len > HARS_BLOCK_SIZE(block.n)
        || hars_block_decode(&again, bytes, len) != HARS_OK
        || again.n != block.n || again.stream != block.stream
        || memcmp(again.t, block.t, block.n * sizeof(int64_t)) != 0
        || memcmp(again.missing, block.missing, block.n) != 0)
    {
        __builtin_trap();
    }

    hars_block_columns(block.stream, &from, &to);

    for (axis = from; axis < to; axis++) {
        if (memcmp(again.v[axis], block.v[axis], block.n * sizeof(int32_t)))
        {
            __builtin_trap();
        }
    }
}


static void
rows(const uint8_t *data, size_t size)
{
    float        value;
    int32_t      step;
    unsigned     i;
    hars_row_t   row;

    memset(&row, 0, sizeof(row));
    block.n = 0;
    row.stream = size ? data[0] % HARS_STREAMS : 0;
    row.t = 1.8e9;

    for ( /* void */ ; size >= 8; data += 8, size -= 8) {
        memcpy(&step, data, sizeof(step));
        memcpy(&value, data + 4, sizeof(value));
        row.t += step * 1e-6;

        for (i = 0; i < HARS_ML_AXES; i++) {
            row.v[i] = (double) value * (i + 1);
        }

        if (hars_block_add(&block, &row) != HARS_OK) {
            if (block.n == 0) {
                __builtin_trap();
            }

            there_and_back();
            block.n = 0;
            (void) hars_block_add(&block, &row);
        }
    }

    if (block.n) {
        there_and_back();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (hars_block_decode(&block, data, size) == HARS_OK) {
        there_and_back();
    }

    rows(data, size);

    return 0;
}

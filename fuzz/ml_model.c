
/*
 * The model file, as another program or a broken disk may write it.  The
 * checksum is made right first, or nothing behind it would ever be reached:
 * what decodes encodes to the same bytes and can be asked.
 */

#include "../backend/mlservice/hars_ml_classify.c"
#include "../backend/mlservice/hars_ml_encode.c"
#include "../backend/mlservice/hars_ml_forest.c"
#include "../backend/mlservice/hars_ml_knn.c"
#include "../backend/mlservice/hars_ml_model.c"
#include "../backend/mlservice/hars_ml_model_forest.c"
#include "../backend/mlservice/hars_ml_model_knn.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char              error[256];
    float             input[HARS_ML_INPUTS];
    size_t            len;
    hars_vote_t       vote;
    hars_model_t     *m;
    unsigned char    *src, *again;

    src = malloc(size ? size : 1);
    memcpy(src, data, size);

    if (size >= HARS_ML_HEADER + HARS_ML_DIGEST) {
        src[12] = (unsigned char) size;
        src[13] = (unsigned char) (size >> 8);
        hars_model_digest(src, size - HARS_ML_DIGEST,
                          src + size - HARS_ML_DIGEST);
    }

    error[0] = '\0';
    m = hars_model_decode(src, size, error, sizeof(error));

    if (m == NULL) {
        if (error[0] == '\0') {
            __builtin_trap();
        }

        free(src);
        return 0;
    }

    again = hars_model_encode(m, &len);

    if (again == NULL || len != size || memcmp(again, src, len) != 0) {
        __builtin_trap();
    }

    memset(input, 0, sizeof(input));
    hars_model_classify(m, input, &vote);

    if (vote.class >= m->nclasses || !(vote.confidence >= 0)) {
        __builtin_trap();
    }

    free(again);
    free(src);
    hars_model_free(m);

    return 0;
}

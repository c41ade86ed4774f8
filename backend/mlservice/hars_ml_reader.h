
/*
 * What the readers of a model file's sections share: the place in the file,
 * and numbers from bytes.  A reader takes what its section may have, and
 * HARS_ERROR is a wrong length or value; what it allocated is the model's.
 */

#ifndef HARS_ML_READER_H
#define HARS_ML_READER_H


#include "hars_ml.h"


typedef struct {
    const unsigned char  *pos;
    const unsigned char  *end;           /* of the section */
    char                 *error;
    size_t                size;          /* of error */
} hars_reader_t;


uint32_t hars_get_u32(const unsigned char *p);

/* HARS_ERROR: one is no number or beyond +-limit; there must be n of them */
int hars_get_floats(hars_reader_t *r, float *dst, size_t n, float limit);

int hars_scale_read(hars_model_t *model, hars_reader_t *r);
int hars_axes_read(hars_model_t *model, hars_reader_t *r);
int hars_knn_read(hars_model_t *model, hars_reader_t *r);
int hars_forest_read(hars_forest_t *forest, const hars_model_t *model,
    hars_reader_t *r);


#endif /* HARS_ML_READER_H */

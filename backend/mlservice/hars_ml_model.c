
/*
 * Is this file a model, whole and sound?  All numbers are little-endian,
 * floats IEEE 754.
 *
 *     magic[8]  version:32  length of the file:32
 *     "META" length:32   lines name=value, printable ASCII
 *     "CLAS" length:32   names, each ended by a zero
 *     "STDZ" length:32   hars_ml_model_knn.c
 *     "PCA " length:32   the same
 *     "KNN " length:32   the same
 *     "FRST" length:32   hars_ml_model_forest.c
 *     "BOOS" length:32   the same
 *     "VOTE" length:32   floats: weights of k-NN, forest and boosted
 *                        trees, exponent of calibration, weights of 5
 *                        signs, constant, limit
 *     SHA-256 of everything before
 *
 * The checksum finds damage, not malice; every length and value is judged
 * all the same, because a file may be made by another program.  An unknown
 * section or version is an error: what it means for the answer is unknown.
 */


#include "hars_ml_reader.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>


#define HARS_SHARPEN_MAX   16
#define HARS_SIGN_MAX      1e6f


typedef int (*hars_section_pt)(hars_model_t *model, hars_reader_t *r);

typedef struct {
    char                  tag[5];
    hars_section_pt       read;
} hars_section_t;


static int hars_model_error(hars_reader_t *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int hars_model_frame(hars_model_t *model, const unsigned char *src,
    size_t len, hars_reader_t *r);
static int hars_model_sections(hars_model_t *model, hars_reader_t *r);
static int hars_model_read_meta(hars_model_t *model, hars_reader_t *r);
static int hars_model_read_classes(hars_model_t *model, hars_reader_t *r);
static int hars_model_read_forest(hars_model_t *model, hars_reader_t *r);
static int hars_model_read_boost(hars_model_t *model, hars_reader_t *r);
static int hars_model_read_vote(hars_model_t *model, hars_reader_t *r);


static const hars_section_t  hars_model_section[] = {
    { "META", hars_model_read_meta },
    { "CLAS", hars_model_read_classes },
    { "STDZ", hars_scale_read },
    { "PCA ", hars_axes_read },
    { "KNN ", hars_knn_read },
    { "FRST", hars_model_read_forest },
    { "BOOS", hars_model_read_boost },
    { "VOTE", hars_model_read_vote }
};


uint32_t
hars_get_u32(const unsigned char *p)
{
    return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
           | (uint32_t) p[3] << 24;
}


int
hars_get_floats(hars_reader_t *r, float *dst, size_t n, float limit)
{
    size_t    i;
    uint32_t  bits;

    for (i = 0; i < n; i++) {
        bits = hars_get_u32(r->pos);
        memcpy(&dst[i], &bits, sizeof(bits));
        r->pos += sizeof(bits);

        if (!(fabsf(dst[i]) <= limit)) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


int
hars_model_digest(const unsigned char *src, size_t len,
    unsigned char digest[HARS_ML_DIGEST])
{
    unsigned  n;

    return EVP_Digest(src, len, digest, &n, EVP_sha256(), NULL) == 1
           && n == HARS_ML_DIGEST ? HARS_OK : HARS_ERROR;
}


static int
hars_model_error(hars_reader_t *r, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(r->error, r->size, fmt, args);
    va_end(args);

    return HARS_ERROR;
}


hars_model_t *
hars_model_load(const char *path, char *error, size_t size)
{
    FILE           *f;
    size_t          len;
    hars_model_t   *model;
    unsigned char  *src;

    model = NULL;
    src = NULL;

    f = fopen(path, "rb");
    if (f == NULL) {
        snprintf(error, size, "%s", strerror(errno));
        return NULL;
    }

    /* one byte more than is allowed tells a file that is too long */
    src = malloc(HARS_ML_MODEL_SIZE + 1);
    if (src == NULL) {
        snprintf(error, size, "no memory");
        goto done;
    }

    len = fread(src, 1, HARS_ML_MODEL_SIZE + 1, f);

    if (ferror(f)) {
        snprintf(error, size, "%s", strerror(errno));
        goto done;
    }

    model = hars_model_decode(src, len, error, size);

done:

    free(src);
    fclose(f);

    return model;
}


hars_model_t *
hars_model_decode(const unsigned char *src, size_t len, char *error,
    size_t size)
{
    char           placement[HARS_ML_NAME / 2];
    hars_model_t  *model;
    hars_reader_t  r;

    r.pos = src;
    r.end = src;
    r.error = error;
    r.size = size;

    model = calloc(1, sizeof(hars_model_t));
    if (model == NULL) {
        snprintf(error, size, "no memory");
        return NULL;
    }

    if (hars_model_frame(model, src, len, &r) != HARS_OK
        || hars_model_sections(model, &r) != HARS_OK)
    {
        hars_model_free(model);
        return NULL;
    }

    hars_model_meta(model, "placement", placement, sizeof(placement));
    snprintf(model->id, sizeof(model->id), "%s-vote-%02x%02x%02x%02x",
             placement, model->digest[0], model->digest[1], model->digest[2],
             model->digest[3]);

    return model;
}


/* what stands around the sections: whose file, whole, undamaged? */
static int
hars_model_frame(hars_model_t *model, const unsigned char *src, size_t len,
    hars_reader_t *r)
{
    if (len < HARS_ML_MAGIC_LEN
        || memcmp(src, HARS_ML_MAGIC, HARS_ML_MAGIC_LEN) != 0)
    {
        return hars_model_error(r, "is no model file of HARS; make one with "
                                "hars-train train");
    }

    if (len < HARS_ML_HEADER + HARS_ML_DIGEST) {
        return hars_model_error(r, "is cut off after %zu bytes; copy it "
                                "again", len);
    }

    if (hars_get_u32(src + 8) != HARS_ML_VERSION) {
        return hars_model_error(r, "has format version %u, this program "
                                "reads version %u; train it anew",
                                hars_get_u32(src + 8), HARS_ML_VERSION);
    }

    if (hars_get_u32(src + 12) != len) {
        return hars_model_error(r, "has %zu%s bytes, but says %u; copy it "
                                "again", len,
                                len > HARS_ML_MODEL_SIZE ? " or more" : "",
                                hars_get_u32(src + 12));
    }

    len -= HARS_ML_DIGEST;

    if (hars_model_digest(src, len, model->digest) != HARS_OK) {
        return hars_model_error(r, "cannot be checked: SHA-256 failed");
    }

    if (memcmp(src + len, model->digest, HARS_ML_DIGEST) != 0) {
        return hars_model_error(r, "is damaged: its SHA-256 is another; copy "
                                "it again");
    }

    model->size = len + HARS_ML_DIGEST;
    r->pos = src + HARS_ML_HEADER;
    r->end = src + len;

    return HARS_OK;
}


static int
hars_model_sections(hars_model_t *model, hars_reader_t *r)
{
    uint32_t               len;
    unsigned               i, n;
    hars_reader_t          part;
    const hars_section_t  *s;

    n = sizeof(hars_model_section) / sizeof(hars_model_section[0]);

    for (i = 0; i < n; i++) {
        s = &hars_model_section[i];

        if (r->end - r->pos < 8 || memcmp(r->pos, s->tag, 4) != 0) {
            return hars_model_error(r, "has no section %s where it belongs",
                                    s->tag);
        }

        len = hars_get_u32(r->pos + 4);
        r->pos += 8;

        if (len > (size_t) (r->end - r->pos)) {
            return hars_model_error(r, "has a section %s longer than the "
                                    "file", s->tag);
        }

        part = *r;
        part.end = r->pos + len;

        if (s->read(model, &part) != HARS_OK || part.pos != part.end) {
            return hars_model_error(r, "has a wrong length or value in "
                                    "section %s", s->tag);
        }

        r->pos = part.end;
    }

    if (r->pos != r->end) {
        return hars_model_error(r, "has a section that this program does not "
                                "know");
    }

    return HARS_OK;
}


static int
hars_model_read_meta(hars_model_t *model, hars_reader_t *r)
{
    size_t  len;

    len = (size_t) (r->end - r->pos);

    if (len >= sizeof(model->meta)) {
        return HARS_ERROR;
    }

    for ( /* void */ ; r->pos < r->end; r->pos++) {
        if (*r->pos != '\n' && (*r->pos < ' ' || *r->pos > '~')) {
            return HARS_ERROR;
        }
    }

    memcpy(model->meta, r->end - len, len);

    return HARS_OK;
}


static int
hars_model_read_classes(hars_model_t *model, hars_reader_t *r)
{
    size_t                len;
    const unsigned char  *zero, *p;

    while (r->pos < r->end) {
        zero = memchr(r->pos, '\0', (size_t) (r->end - r->pos));
        len = zero ? (size_t) (zero - r->pos) : 0;

        if (len == 0 || len >= HARS_ML_NAME
            || model->nclasses == HARS_ML_CLASSES)
        {
            return HARS_ERROR;
        }

        for (p = r->pos; p < zero; p++) {
            if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\') {
                return HARS_ERROR;
            }
        }

        memcpy(model->class[model->nclasses++], r->pos, len + 1);
        r->pos = zero + 1;
    }

    return model->nclasses ? HARS_OK : HARS_ERROR;
}


static int
hars_model_read_forest(hars_model_t *model, hars_reader_t *r)
{
    return hars_forest_read(&model->forest, model, r);
}


static int
hars_model_read_boost(hars_model_t *model, hars_reader_t *r)
{
    return hars_forest_read(&model->boost, model, r);
}


static int
hars_model_read_vote(hars_model_t *model, hars_reader_t *r)
{
    unsigned  k;

    if (r->end - r->pos != (ptrdiff_t) ((HARS_ML_VOTERS + HARS_ML_SIGNS + 3)
                                 * sizeof(float))
        || hars_get_floats(r, model->weight, HARS_ML_VOTERS, 1) != HARS_OK
        || hars_get_floats(r, &model->sharpen, 1, HARS_SHARPEN_MAX)
           != HARS_OK
        || hars_get_floats(r, model->sign, HARS_ML_SIGNS + 1,
                           HARS_SIGN_MAX)
           != HARS_OK
        || hars_get_floats(r, &model->unknown, 1, 1) != HARS_OK)
    {
        return HARS_ERROR;
    }

    for (k = 0; k < HARS_ML_VOTERS; k++) {
        if (model->weight[k] < 0) {
            return HARS_ERROR;
        }
    }

    return model->sharpen > 0 && model->unknown >= 0 ? HARS_OK : HARS_ERROR;
}


void
hars_model_free(hars_model_t *model)
{
    if (model == NULL) {
        return;
    }

    free(model->axis);
    free(model->stored);
    free(model->label);
    free(model->block);
    hars_forest_free(&model->forest);
    hars_forest_free(&model->boost);
    free(model);
}


void
hars_model_meta(const hars_model_t *model, const char *name, char *value,
    size_t size)
{
    size_t       len;
    const char  *line, *end;

    len = strlen(name);
    value[0] = '\0';

    for (line = model->meta; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");

        if (strncmp(line, name, len) == 0 && line[len] == '=') {
            snprintf(value, size, "%.*s", (int) (end - line - (ptrdiff_t) len
                                                 - 1), line + len + 1);
            return;
        }
    }
}

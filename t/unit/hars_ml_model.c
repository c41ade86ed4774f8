
/*
 * Model files: what encode makes decodes to the same; what is cut off,
 * damaged, foreign or, with a right checksum, senseless is refused with a
 * text, hundreds of times, under a sanitizer too.
 */

/* link: -lm -lcrypto */


#include "../../backend/mlservice/hars_ml_encode.c"
#include "../../backend/mlservice/hars_ml_knn.c"
#include "../../backend/mlservice/hars_ml_model.c"

#include <unistd.h>

#include "tap.h"


#define DIMS  5
#define N     37


static void round_trip(void);
static void shortened(void);
static void flipped(void);
static void resigned(void);
static void senseless(const char *what, size_t at, uint32_t value);
static void files(void);
static hars_model_t *build(void);
static int sound(const hars_model_t *m);
static int refused(const unsigned char *src, size_t len, const char *words);
static size_t section(const char *tag);


static unsigned char  *bytes;
static size_t          len;
static uint32_t        state = 1;


static uint32_t
next(void)
{
    state = state * 1664525 + 1013904223;

    return state >> 8;
}


int
main(void)
{
    hars_model_t  *m;

    m = build();
    bytes = hars_model_encode(m, &len);
    hars_model_free(m);

    if (bytes == NULL) {
        return 1;
    }

    round_trip();
    shortened();
    flipped();
    resigned();
    files();

    free(bytes);

    return tap_done();
}


static hars_model_t *
build(void)
{
    unsigned       i, d;
    hars_model_t  *m;

    m = calloc(1, sizeof(hars_model_t));
    m->dims = DIMS;
    m->width = 16;
    m->k = 3;
    m->n = N;
    m->nclasses = 2;
    strcpy(m->class[0], "sitting");
    strcpy(m->class[1], "walking");
    strcpy(m->meta, "placement=pocket\nsubjects=1 2\n");

    m->axis = calloc(HARS_ML_FEATURES * m->width, sizeof(float));
    m->stored = malloc(N * DIMS * sizeof(int16_t));
    m->label = malloc(N);

    for (i = 0; i < HARS_ML_FEATURES; i++) {
        m->mean[i] = (float) i;
        m->inverse[i] = 1 / (float) (i + 1);

        for (d = 0; d < DIMS; d++) {
            m->axis[i * m->width + d] = (float) next() / (1 << 24);
        }
    }

    for (d = 0; d < DIMS; d++) {
        m->scale[d] = 0.01f * (float) (d + 1);
    }

    for (i = 0; i < N * DIMS; i++) {
        m->stored[i] = (int16_t) next();
        m->label[i / DIMS] = i / DIMS % 2;
    }

    return m;
}


static void
round_trip(void)
{
    char            error[256], value[HARS_ML_NAME];
    size_t          n;
    hars_model_t   *one, *two;
    unsigned char  *again;

    one = build();
    two = hars_model_decode(bytes, len, error, sizeof(error));

    if (!ok(two != NULL, "a model decodes")) {
        exit(1);
    }

    again = hars_model_encode(two, &n);
    ok(n == len && memcmp(again, bytes, n) == 0, "and encodes to the same");
    free(again);

    ok(memcmp(two->stored, bytes + len - HARS_ML_DIGEST - N * DIMS * 2,
              N * DIMS * 2)
       == 0 && two->nclasses == 2 && strcmp(two->class[1], "walking") == 0,
       "prototypes and classes are there");

    hars_model_meta(two, "subjects", value, sizeof(value));
    ok(strcmp(value, "1 2") == 0, "a line of the meta text");
    hars_model_meta(two, "subject", value, sizeof(value));
    ok(strcmp(value, "") == 0, "a line that is not there");
    ok(strncmp(two->id, "pocket-knn-", 11) == 0 && strlen(two->id) == 19,
       "its id: %s", two->id);

    hars_model_free(one);
    hars_model_free(two);
}


static void
shortened(void)
{
    size_t          i, bad;
    unsigned char  *copy;

    bad = 0;

    for (i = 0; i < len; i += i < 256 ? 1 : 61) {

        /* a block of its own, so that a sanitizer sees the end */
        copy = malloc(i ? i : 1);
        memcpy(copy, bytes, i);
        bad += !refused(copy, i, "");
        free(copy);
    }

    ok(bad == 0, "cut off anywhere: refused");

    copy = malloc(len + 1);
    memcpy(copy, bytes, len);
    copy[len] = 0;
    ok(refused(copy, len + 1, "bytes, but says"),
       "one byte too many: refused");
    free(copy);
}


static void
flipped(void)
{
    size_t    at, bad;
    unsigned  i, bit;

    bad = 0;

    for (i = 0; i < 2000; i++) {
        at = i < 64 ? i : next() % len;
        bit = 1u << next() % 8;

        bytes[at] ^= (unsigned char) bit;
        bad += !refused(bytes, len, "");
        bytes[at] ^= (unsigned char) bit;
    }

    ok(bad == 0, "2000 flipped bits: refused");

    bytes[len / 2] ^= 1;
    ok(refused(bytes, len, "damaged"), "damage is called that");
    bytes[len / 2] ^= 1;

    bytes[0] ^= 1;
    ok(refused(bytes, len, "no model file"), "a foreign file is called that");
    bytes[0] ^= 1;

    bytes[8] = 2;
    ok(refused(bytes, len, "version 2"), "a later version is called that");
    bytes[8] = 1;
}


/* as another program might write them: the checksum is right */
static void
resigned(void)
{
    char            error[256];
    size_t          at, taken, n;
    unsigned        i, k;
    hars_model_t   *m;
    unsigned char  *copy;

    senseless("more prototypes than there are", section("KNN ") + 4, N + 1);
    senseless("2^32 - 1 prototypes", section("KNN ") + 4, UINT32_MAX);
    senseless("no prototypes", section("KNN ") + 4, 0);
    senseless("no neighbours", section("KNN "), 0);
    senseless("more neighbours than prototypes", section("KNN "), N + 1);
    senseless("no dimensions", section("PCA "), 0);
    senseless("65 dimensions", section("PCA "), 65);
    senseless("a mean that is NaN", section("STDZ"), 0x7fc00000);
    senseless("an infinite axis", section("PCA ") + 4, 0x7f800000);
    senseless("an axis of 10^7", section("PCA ") + 4, 0x4b18967f);
    senseless("a label without a class", section("KNN ") + 8 + DIMS * 4,
              0x01000201);
    senseless("a class without a name", section("CLAS"), 0);
    senseless("a quote in a class", section("CLAS"), 0x22222222);
    senseless("a control character in the meta text", section("META"), 7);
    senseless("a section of 4 GB", section("STDZ") - 4, UINT32_MAX);
    senseless("a section that is not known", section("STDZ") - 8, 0x58585858);

    copy = malloc(len);
    taken = 0;
    n = len - HARS_ML_DIGEST;

    for (i = 0; i < 3000; i++) {
        memcpy(copy, bytes, len);

        for (k = 0; k <= i % 3; k++) {
            at = i % 2 ? HARS_ML_HEADER + next() % 120
                       : HARS_ML_HEADER + next() % (n - HARS_ML_HEADER);
            copy[at] = (unsigned char) next();
        }

        hars_model_digest(copy, n, copy + n);
        m = hars_model_decode(copy, len, error, sizeof(error));

        if (m != NULL) {
            taken += (size_t) sound(m);
            hars_model_free(m);

        } else {
            taken++;
        }
    }

    ok(taken == 3000, "3000 signed mutations: refused, or a model that "
       "answers");

    free(copy);
}


static void
senseless(const char *what, size_t at, uint32_t value)
{
    unsigned char  *copy;

    copy = malloc(len);
    memcpy(copy, bytes, len);
    hars_put_u32(copy + at, value);
    hars_model_digest(copy, len - HARS_ML_DIGEST,
                      copy + len - HARS_ML_DIGEST);
    ok(refused(copy, len, "section"), "%s: refused", what);
    free(copy);
}


/* can it be asked, and is the answer one? */
static int
sound(const hars_model_t *m)
{
    float             query[HARS_ML_DIMS];
    hars_vote_t       vote;
    hars_neighbour_t  near[HARS_ML_K];

    memset(query, 0, sizeof(query));
    hars_knn_search(m, query, near);
    hars_knn_vote(m, near, &vote);

    return vote.class < m->nclasses && vote.confidence >= 0
           && vote.confidence <= 1.00001f;
}


static int
refused(const unsigned char *src, size_t n, const char *words)
{
    char           error[256];
    hars_model_t  *m;

    error[0] = '\0';
    m = hars_model_decode(src, n, error, sizeof(error));
    hars_model_free(m);

    return m == NULL && error[0] != '\0' && strstr(error, words) != NULL;
}


/* where the section's content begins */
static size_t
section(const char *tag)
{
    unsigned char  *p;

    p = memmem(bytes, len, tag, 4);

    return (size_t) (p - bytes) + 8;
}


static void
files(void)
{
    int            fd;
    char           error[256], path[] = "/tmp/hars_ml_model.XXXXXX";
    hars_model_t  *m;

    ok(hars_model_load("/nonexistent/model", error, sizeof(error)) == NULL
       && strstr(error, "No such file") != NULL, "no file: %s", error);
    ok(hars_model_load("/", error, sizeof(error)) == NULL, "a folder: %s",
       error);

    fd = mkstemp(path);
    ok(hars_model_load(path, error, sizeof(error)) == NULL
       && strstr(error, "no model file") != NULL, "an empty file: %s", error);

    if (write(fd, bytes, len) != (ssize_t) len) {
        exit(1);
    }

    m = hars_model_load(path, error, sizeof(error));
    ok(m != NULL, "a file with a model");
    hars_model_free(m);

    close(fd);
    unlink(path);

    m = hars_model_load("backend/mlservice/model.hars", error,
                        sizeof(error));
    ok(m != NULL && m->nclasses == 6 && sound(m), "the model that is shipped");
    hars_model_free(m);
}

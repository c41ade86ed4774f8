
/*
 * Model files: what encode makes decodes to the same; what is cut off,
 * damaged, foreign or, with a right checksum, senseless is refused with a
 * text, thousands of times, under a sanitizer too.
 */

/* link: -lm -lcrypto */


#include "../../backend/mlservice/hars_ml_classify.c"
#include "../../backend/mlservice/hars_ml_encode.c"
#include "../../backend/mlservice/hars_ml_forest.c"
#include "../../backend/mlservice/hars_ml_knn.c"
#include "../../backend/mlservice/hars_ml_model.c"
#include "../../backend/mlservice/hars_ml_model_forest.c"
#include "../../backend/mlservice/hars_ml_model_knn.c"

#include <unistd.h>

#include "tap.h"


#define DIMS  5
#define N     37
#define TREES 4


static void round_trip(void);
static void shortened(void);
static void flipped(void);
static void resigned(void);
static void taken(void);
static void senseless(const char *what, size_t at, uint32_t value);
static void files(void);
static hars_model_t *build(unsigned inputs);
static void plant(hars_forest_t *f);
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

    m = build(HARS_ML_OF_WINDOW);
    bytes = hars_model_encode(m, &len);
    hars_model_free(m);

    if (bytes == NULL) {
        return 1;
    }

    round_trip();
    shortened();
    flipped();
    resigned();
    taken();
    files();

    free(bytes);

    return tap_done();
}


static hars_model_t *
build(unsigned inputs)
{
    unsigned       i, d;
    hars_model_t  *m;

    m = calloc(1, sizeof(hars_model_t));
    m->inputs = inputs;
    m->dims = DIMS;
    m->width = 16;
    m->k = 3;
    m->n = N;
    m->nclasses = 2;
    strcpy(m->class[0], "sitting");
    strcpy(m->class[1], "walking");
    strcpy(m->meta, "placement=pocket\nsubjects=1 2\n");

    m->axis = calloc(m->inputs * m->width, sizeof(float));
    m->stored = malloc(N * DIMS * sizeof(int16_t));
    m->label = malloc(N);

    for (i = 0; i < m->inputs; i++) {
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

    m->weight[0] = 0.5f;
    m->weight[1] = 0.25f;
    m->weight[2] = 0.25f;
    m->sharpen = 2;
    m->sign[0] = 3;
    m->sign[HARS_ML_SIGNS] = -1;
    m->unknown = 0.2f;
    plant(&m->forest);
    plant(&m->boost);

    return m;
}


/* three trees of seven nodes, and one that is a leaf */
static void
plant(hars_forest_t *f)
{
    unsigned  i, k;

    f->trees = TREES;
    f->nodes = 3 * 7 + 1;
    f->leaves = 3;
    f->node = calloc(f->nodes, sizeof(hars_node_t));
    f->leaf = calloc(f->nodes, sizeof(uint16_t));
    f->share = calloc(f->leaves, sizeof(f->share[0]));

    for (i = 0; i < f->leaves; i++) {
        f->share[i][0] = (int16_t) (80 * i);
        f->share[i][1] = (int16_t) (255 - 80 * i);
    }

    for (i = 0; i < f->nodes; i++) {
        k = i % 7;
        f->root[i / 7] = i - k;
        f->leaf[i] = (uint16_t) (i % 3);
        f->node[i].input = (uint16_t) (next() % HARS_ML_OF_WINDOW);
        f->node[i].left = (uint16_t) (k < 3 && i < 21 ? 2 * k + 1 : k);
        f->node[i].threshold = k < 3 && i < 21
                               ? (float) next() / (1 << 24) : INFINITY;
    }

    f->root[TREES] = f->nodes;
}


static void
round_trip(void)
{
    char            error[256], value[HARS_ML_NAME];
    size_t          n;
    hars_model_t   *one, *two;
    unsigned char  *again;

    one = build(HARS_ML_OF_WINDOW);
    two = hars_model_decode(bytes, len, error, sizeof(error));

    if (!ok(two != NULL, "a model decodes")) {
        exit(1);
    }

    again = hars_model_encode(two, &n);
    ok(n == len && memcmp(again, bytes, n) == 0, "and encodes to the same");
    free(again);

    ok(memcmp(two->stored, bytes + section("KNN ") + 8 + DIMS * 4 + N,
              N * DIMS * 2)
       == 0 && two->nclasses == 2 && strcmp(two->class[1], "walking") == 0,
       "prototypes and classes are there");

    hars_model_meta(two, "subjects", value, sizeof(value));
    ok(strcmp(value, "1 2") == 0, "a line of the meta text");
    hars_model_meta(two, "subject", value, sizeof(value));
    ok(strcmp(value, "") == 0, "a line that is not there");
    ok(strncmp(two->id, "pocket-vote-", 12) == 0 && strlen(two->id) == 20,
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

    for (i = 0; i < 10000; i++) {
        at = i < 64 ? i : next() % len;
        bit = 1u << next() % 8;

        bytes[at] ^= (unsigned char) bit;
        bad += !refused(bytes, len, "");
        bytes[at] ^= (unsigned char) bit;
    }

    ok(bad == 0, "10000 flipped bits: refused");

    bytes[len / 2] ^= 1;
    ok(refused(bytes, len, "damaged"), "damage is called that");
    bytes[len / 2] ^= 1;

    bytes[0] ^= 1;
    ok(refused(bytes, len, "no model file"), "a foreign file is called that");
    bytes[0] ^= 1;

    bytes[8] = HARS_ML_VERSION + 1;
    ok(refused(bytes, len, "format version"),
       "a later version is called that");
    bytes[8] = HARS_ML_VERSION;
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
    senseless("means of 199 inputs", section("STDZ") - 4, 199 * 8);
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

    senseless("no trees", section("FRST"), 0);
    senseless("4097 trees", section("FRST"), 4097);
    senseless("no leaves", section("FRST") + 4, 0);
    senseless("a tree without nodes", section("FRST") + 8, 0);
    senseless("an input that there is not",
              section("FRST") + 8 + 4 * TREES + 12 + 4, 200 | 1 << 16);
    senseless("a walk that goes round",
              section("FRST") + 8 + 4 * TREES + 12 + 8 + 4, 1 << 16);
    senseless("a walk out of the tree",
              section("FRST") + 8 + 4 * TREES + 12 + 4, 6 << 16);
    senseless("a leaf that there is not",
              section("FRST") + 8 + 4 * TREES + 12 + 8 * 6, 3);
    senseless("a threshold that is NaN",
              section("FRST") + 8 + 4 * TREES + 12, 0x7fc00000);
    senseless("boosted trees that go round",
              section("BOOS") + 8 + 4 * TREES + 12 + 8 + 4, 1 << 16);
    senseless("a weight above 1", section("VOTE"), 0x3f800001);
    senseless("a weight below 0", section("VOTE"), 0xbf800000);
    senseless("an exponent of 0", section("VOTE") + 12, 0);
    senseless("a sign that is infinite", section("VOTE") + 16, 0x7f800000);
    senseless("a limit above 1", section("VOTE") + 40, 0x3f800001);

    copy = malloc(len);
    taken = 0;
    n = len - HARS_ML_DIGEST;

    for (i = 0; i < 10000; i++) {
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

    ok(taken == 10000, "10000 signed mutations: refused, or a model that "
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


/* of a window, those with their means of late, and nothing else */
static void
taken(void)
{
    char            error[256];
    size_t          n;
    unsigned        i;
    hars_model_t   *m;
    unsigned char  *src;

    static const unsigned  wrong[] = { 1, 199, 201, 399 };

    for (i = 0; i < sizeof(wrong) / sizeof(unsigned); i++) {
        m = build(wrong[i]);
        src = hars_model_encode(m, &n);
        ok(refused(src, n, "STDZ"), "%u inputs: refused", wrong[i]);
        hars_model_free(m);
        free(src);
    }

    m = build(HARS_ML_INPUTS);
    src = hars_model_encode(m, &n);
    hars_model_free(m);

    m = hars_model_decode(src, n, error, sizeof(error));
    ok(m && m->inputs == HARS_ML_INPUTS && sound(m),
       "with means of late: a model");
    hars_model_free(m);
    free(src);
}


/* can it be asked, and is the answer one? */
static int
sound(const hars_model_t *m)
{
    float        input[2][HARS_ML_INPUTS];
    unsigned     i;
    hars_vote_t  vote, trees[2];

    for (i = 0; i < HARS_ML_INPUTS; i++) {
        input[0][i] = (float) i / 64 - 1;
        input[1][i] = i % 2 ? NAN : INFINITY;
    }

    hars_model_classify(m, input[0], &vote);
    hars_forest_classify(m, (const float (*)[HARS_ML_INPUTS]) input, 2,
                         trees);

    return vote.class < m->nclasses && vote.confidence >= 0
           && vote.known >= 0 && vote.known <= 1
           && vote.confidence <= 1.00001f
           && trees[0].class < m->nclasses && trees[0].confidence <= 1
           && trees[1].class < m->nclasses && trees[1].confidence <= 1;
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

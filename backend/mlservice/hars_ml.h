
/*
 * The data structures of activity recognition in pipeline order:
 *
 *     recording -> clean, judge -> one clock of 50 Hz, low-passed
 *               -> windows of 128 samples, every 64 -> 200 inputs, and
 *                  200 more for the wrist, their mean of late
 *               -> standardized -> principal components -> k-NN -+-> answer
 *               -> forest ---------------------------------------|
 *               -> boosted trees --------------------------------+
 *
 * Everything up to the answer is plain C without clock, randomness, files or
 * locks, shared by the service and the trainer, so that a model never meets
 * at work what it did not meet in training.  The stream objects take samples
 * one by one and hold a bounded state: what comes out does not depend on how
 * the samples were cut into calls.  Features are double precision; from
 * standardization on all is float, in one fixed order of operations, so that
 * a window has one answer whoever asks.
 */

#ifndef HARS_ML_H
#define HARS_ML_H


#include <stddef.h>
#include <stdint.h>

#include "hars_ml_four.h"
#include "hars_record.h"                   /* HARS_OK, HARS_ERROR */


#define HARS_ML_RATE          50           /* Hz, of the one clock */
#define HARS_ML_AXES          6            /* ax ay az gx gy gz */
#define HARS_ML_WINDOW        128          /* samples: 2.56 s */
#define HARS_ML_HOP           64
#define HARS_ML_GAP           0.25         /* s; a longer one is not bridged */

#define HARS_ML_RATE_MIN      10           /* Hz, of a source */
#define HARS_ML_RATE_MAX      400
#define HARS_ML_ROWS_MAX      30000        /* 10 minutes at 50 Hz */

#define HARS_ML_GRAVITY       9.80665      /* m/s^2 in one g */

/* the clock's low-pass: taps each side and grid steps, both per output */
#define HARS_ML_TAPS          8
#define HARS_ML_STEPS         8            /* HARS_ML_RATE_MAX / HARS_ML_RATE */
#define HARS_ML_RING          256          /* > 2 * TAPS * STEPS, power of 2 */

/* features: signals by four; the last two groups are the device's axes */
#define HARS_ML_SIGNALS       13
#define HARS_ML_GROUPS        4
#define HARS_ML_TAIL          8            /* zeros behind a window */
#define HARS_ML_GROUP_JERK    1
#define HARS_ML_GROUP_AXES    2
#define HARS_ML_FEATURES      305
#define HARS_ML_GAIT          53           /* of the person's own frame */
#define HARS_ML_OF_WINDOW     200          /* inputs of a window */
#define HARS_ML_INPUTS        400          /* and their means of late */
#define HARS_ML_LATE          3            /* windows, about */
#define HARS_ML_FFT           256          /* longest transform */

/* bounds of what a model may have */
#define HARS_ML_CLASSES       16
#define HARS_ML_DIMS          64           /* principal components */
#define HARS_ML_K             64           /* neighbours */
#define HARS_ML_PROTOTYPES    262144
#define HARS_ML_MODEL_SIZE    (16 * 1024 * 1024)
#define HARS_ML_NAME          64
#define HARS_ML_META          4096
#define HARS_ML_BLOCK         32           /* prototypes side by side */
#define HARS_ML_TREES         4096
#define HARS_ML_LOGIT         2048
#define HARS_ML_OWN           512          /* windows of a person's own */
#define HARS_ML_VOTERS        3            /* k-NN, forest, boosted trees */
#define HARS_ML_SIGNS         5            /* of an activity unknown */
#define HARS_ML_SMOOTH        5            /* windows of a smoothed vote */
#define HARS_ML_NODES         65535        /* of one tree */
#define HARS_ML_LEAVES        65535        /* different ones of a forest */

/* a model file */
#define HARS_ML_MAGIC         "\x89HARSML\n"
#define HARS_ML_MAGIC_LEN     8
#define HARS_ML_VERSION       2
#define HARS_ML_HEADER        16           /* magic, version, length */
#define HARS_ML_DIGEST        32           /* SHA-256, at the end */


/*
 * Of functions whose loops go over lanes: a version for processors with
 * AVX2 besides.  Its lanes are computed as without it, without fused
 * products, so that both answer the same bits.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) \
    && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HARS_ML_WIDE  __attribute__((flatten, target_clones("avx2", "default")))
#else
#define HARS_ML_WIDE
#endif


/* one record of a sensor; a value that is missing is NaN */
typedef struct {
    double             t;                  /* s */
    double             v[HARS_ML_AXES];    /* m/s^2 with gravity, rad/s */
} hars_sample_t;


/* why a recording is refused; made for a person who has to mend it */
typedef struct {
    const char        *field;              /* of the request; NULL: memory */
    long               row;                /* of samples, from 0; -1: none */
    int                column;             /* of the row, from 0; -1: none */
    char               detail[240];
} hars_fault_t;


typedef struct {
    double             rate;               /* Hz, as declared */
    hars_sample_t     *sample;
    size_t             n;

    size_t             empty;              /* dropped: all zero or missing */
    size_t             duplicates;         /* dropped: sent twice */
} hars_recording_t;


/* what a recording is judged by */
typedef struct {
    double             declared;           /* Hz */
    size_t             n;                  /* samples */
    double             span;               /* s, from the first to the last */
    double             step;               /* s, median between two samples */
    double             gravity;            /* median of |a| */
    double             turning;            /* median of |g| */
} hars_measures_t;


/* takes one sample of the clock; t in seconds of the recording's time */
typedef void (*hars_clock_pt)(void *data, double t, const double *v);

/* takes one window of HARS_ML_WINDOW rows; "start" is its first row's time */
typedef void (*hars_window_pt)(void *data, double start,
    const double (*row)[HARS_ML_AXES]);


/* from a source's times to the one clock */
typedef struct {
    unsigned           steps;              /* grid steps per output */
    unsigned           half;               /* taps each side */
    double             tap[2 * HARS_ML_TAPS * HARS_ML_STEPS + 1];

    hars_clock_pt      emit;
    void              *data;

    unsigned           open:1;             /* a stretch has begun */
    hars_sample_t      last;
    double             start;              /* the stretch's first time */
    int64_t            made;               /* grid points of the stretch */
    int64_t            sent;               /* outputs of the stretch */
    double             ring[HARS_ML_RING][HARS_ML_AXES];
} hars_clock_t;


/* from samples of any rate to windows */
typedef struct {
    hars_clock_t       clock;
    hars_window_pt     take;
    void              *data;

    unsigned           n;                  /* rows held */
    double             start;              /* time of row[0] */
    double             last;               /* time of the last row */
    double             row[HARS_ML_WINDOW][HARS_ML_AXES];
} hars_windows_t;


/* tables of one transform length */
typedef struct {
    unsigned           n;
    double             cos[HARS_ML_FFT / 2];
    double             sin[HARS_ML_FFT / 2];
    uint16_t           reversed[HARS_ML_FFT];
} hars_fft_t;

/* four signals of a window, and sums over it */
typedef struct {
    hars_four_t        x[HARS_ML_WINDOW];
    hars_four_t        c[HARS_ML_WINDOW + HARS_ML_TAIL];  /* without their
                                              means, then zeros */
    hars_four_t        mean;
    hars_four_t        std;
    hars_four_t        square;             /* of c */
    hars_four_t        third;              /* powers of c */
    hars_four_t        fourth;
    hars_four_t        energy;             /* squares of x */
    hars_four_t        changes;            /* of c's sign */
} hars_signals_t;


/* tables and working room of the feature extraction; one per thread */
typedef struct {
    hars_fft_t         fft;                /* half a window, complex */
    double             hann[HARS_ML_WINDOW];
    double             turn_cos[HARS_ML_WINDOW / 2 + 1];
    double             turn_sin[HARS_ML_WINDOW / 2 + 1];
    double             up[3];              /* where gravity points, unit */
    unsigned           groups;             /* that are described; features of
                                              others stay */

    double             axis[HARS_ML_AXES][HARS_ML_WINDOW + 4];
    hars_signals_t     group[HARS_ML_GROUPS];

    hars_four_t        sorted[HARS_ML_WINDOW];   /* of one group */
    hars_four_t        re[HARS_ML_WINDOW / 2];
    hars_four_t        im[HARS_ML_WINDOW / 2];
    hars_four_t        power[HARS_ML_WINDOW / 2];  /* bins 1 to n/2, then
                                              their shares */
} hars_features_t;


typedef struct {
    unsigned           class;              /* index of the most likely one */
    float              confidence;         /* its share, 0 to 1 */
    float              known;              /* is it one of them? 0 to 1 */
    float              share[HARS_ML_CLASSES];
    float              sign[HARS_ML_SIGNS];  /* what "known" was made of */
} hars_vote_t;


/* the last votes of a recording or a session; zeroed: none yet */
typedef struct {
    unsigned           n;                  /* votes so far */
    hars_vote_t        vote[HARS_ML_SMOOTH];
} hars_smooth_t;


typedef struct {
    float              distance;           /* squared */
    uint32_t           index;              /* of the prototype */
} hars_neighbour_t;


/* the next node is left, or left + 1 if the input is above the threshold */
typedef struct {
    float              threshold;          /* of a leaf: none is above it */
    uint16_t           input;
    uint16_t           left;               /* within the tree; leaf: itself */
} hars_node_t;


/*
 * Trees and the shares of their leaves: of an activity, of 255, in a forest
 * that votes; of its logarithm, in 1 / HARS_ML_LOGIT, in boosted trees.  They
 * are whole numbers: a sum is the same in any order of trees.
 */
typedef struct {
    unsigned           trees;
    unsigned           nodes;              /* of all trees */
    unsigned           leaves;
    uint32_t           root[HARS_ML_TREES + 1];  /* first nodes, the end */
    hars_node_t       *node;
    uint16_t          *leaf;               /* [nodes], index of share */
    int16_t          (*share)[HARS_ML_CLASSES];  /* [leaves] */
} hars_forest_t;


/* a person's labelled windows, on the axes of a model */
typedef struct {
    unsigned           n;
    unsigned           size;               /* points there is room for */
    float            (*point)[HARS_ML_DIMS];
    uint8_t            class[HARS_ML_OWN];
} hars_person_t;


/* read-only once loaded: any number of threads may ask it */
typedef struct {
    char               id[HARS_ML_NAME];   /* placement-vote-checksum */
    char               meta[HARS_ML_META]; /* lines name=value */
    unsigned char      digest[HARS_ML_DIGEST];  /* of the file */
    size_t             size;               /* of the file */

    unsigned           nclasses;
    char               class[HARS_ML_CLASSES][HARS_ML_NAME];

    unsigned           inputs;             /* taken: of the window, or all */
    float              mean[HARS_ML_INPUTS];
    float              inverse[HARS_ML_INPUTS];     /* 1 / deviation */

    unsigned           dims;
    unsigned           width;              /* dims, rounded up to the lanes */
    float             *axis;               /* [input][width] */

    unsigned           k;
    unsigned           n;                  /* prototypes */
    float              scale[HARS_ML_DIMS];  /* of one step of 16 bits */
    int16_t           *stored;             /* [n][dims], as in the file */
    uint8_t           *label;              /* [n] */
    float             *block;              /* by hars_knn_place() */

    float              weight[HARS_ML_VOTERS];   /* sum 1, or about */
    float              sharpen;            /* exponent of calibration */
    float              sign[HARS_ML_SIGNS + 1];  /* weights, the constant */
    float              unknown;            /* answered below this "known" */
    hars_forest_t      forest;
    hars_forest_t      boost;
} hars_model_t;


typedef struct {
    double             start;              /* s, in the recording's time */
    double             end;
    double             heart;              /* 1/min; NaN: not measured */
    hars_vote_t        vote;
    hars_vote_t        smooth;             /* of the last windows */
} hars_answer_t;


/* inputs' means of late; zeroed: no window yet */
typedef struct {
    unsigned           n;                  /* windows, up to HARS_ML_LATE */
    float              mean[HARS_ML_OF_WINDOW];
} hars_late_t;


/* what one window leaves for the next */
typedef struct {
    hars_smooth_t      smooth;
    hars_late_t        late;
    double             start;
} hars_run_t;

typedef struct {
    hars_answer_t     *answer;
    size_t             n;
    size_t             size;               /* answers that there is room for */
} hars_answers_t;


/*
 * Cleans in place: drops empty records and duplicates, counts them, refuses
 * time that goes back and values no sensor gives.  The fault's row is the
 * row before cleaning.
 */
int hars_recording_clean(hars_recording_t *rec, hars_fault_t *fault);

/* of a clean recording: is the declared rate its own, are the units right? */
int hars_recording_judge(const hars_recording_t *rec, hars_fault_t *fault);

int hars_measures_judge(const hars_measures_t *m, hars_fault_t *fault);

/* is it over before a window could end? */
int hars_recording_is_short(const hars_recording_t *rec);

/* of a clean one of 2 records or more, the middle rate in Hz; "room": n */
double hars_recording_rate(const hars_recording_t *rec, double *room);

int hars_fault(hars_fault_t *fault, const char *field, long row, int column,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* "rate" in Hz, within HARS_ML_RATE_MIN and _MAX */
void hars_clock_init(hars_clock_t *clock, double rate, hars_clock_pt emit,
    void *data);
void hars_clock_push(hars_clock_t *clock, const hars_sample_t *sample);

/* ends the stretch: sends what the low-pass still holds */
void hars_clock_end(hars_clock_t *clock);

void hars_windows_init(hars_windows_t *win, double rate, hars_window_pt take,
    void *data);
void hars_windows_push(hars_windows_t *win, const hars_sample_t *sample);
void hars_windows_end(hars_windows_t *win);

/* a complex transform in place of "n" (a power of 2) points, lane by lane */
void hars_fft_init(hars_fft_t *fft, unsigned n);
void hars_fft(const hars_fft_t *fft, hars_four_t *restrict re,
    hars_four_t *restrict im);

/* sorts HARS_ML_WINDOW rows, lane by lane */
void hars_fours_sort(hars_four_t *row);

hars_features_t *hars_features_create(void);
void hars_features_free(hars_features_t *f);

/* the features of baseline.py, in its order, of one window */
void hars_features(hars_features_t *f, const double (*row)[HARS_ML_AXES],
    double *out);


/* HARS_ML_GAIT values of a window, that do not change with the device */
void hars_features_gait(const double (*row)[HARS_ML_AXES], double *out);

/* what the classifiers take of a window, HARS_ML_OF_WINDOW */
void hars_inputs(hars_features_t *f, const double (*row)[HARS_ML_AXES],
    float *out);

/*
 * The same and their means of late, HARS_ML_INPUTS in all: means of the first
 * windows, then a third of each new one.  "run" is then this window's; a
 * window behind a gap has no window before it.
 */
void hars_inputs_run(hars_run_t *run, hars_features_t *f, double start,
    const double (*row)[HARS_ML_AXES], float *out);

/*
 * The parts of it: what is computed of the signals of a group, each put to its
 * place in "out", which are all features.  hars_features_lane has the signals
 * by group and lane; HARS_ML_SIGNALS: there is none.
 */
extern const uint8_t  hars_features_lane[HARS_ML_GROUPS][4];
void hars_features_time(hars_features_t *f, unsigned group, double *out);
void hars_features_lag(hars_features_t *f, unsigned group, double *out);
void hars_features_spectrum(hars_features_t *f, unsigned group, double *out);

/* the name that baseline.py gives to feature "i" */
void hars_feature_name(unsigned i, char name[HARS_ML_NAME]);

/* from the stored prototypes to the layout that the search reads */
int hars_knn_layout(hars_model_t *model);

/* where in model->block dimension "d" of prototype "i" is */
size_t hars_knn_place(const hars_model_t *model, size_t i, size_t d);

/* the k nearest of a query of model->dims floats, nearest first */
void hars_knn_search(const hars_model_t *model, const float *query,
    hars_neighbour_t *near);
void hars_knn_vote(const hars_model_t *model, const hars_neighbour_t *near,
    hars_vote_t *vote);

/* each one's answers to "n" windows; one by one they are the same */
void hars_knn_classify(const hars_model_t *model,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_vote_t *vote);
void hars_forest_classify(const hars_model_t *model,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_vote_t *vote);
void hars_boost_classify(const hars_model_t *model,
    const float (*input)[HARS_ML_INPUTS], size_t n, hars_vote_t *vote);
void hars_forest_free(hars_forest_t *forest);

/* a standardized value, held within what the training saw */
float hars_model_standard(const hars_model_t *model, const float *input,
    unsigned i);

/* a window's inputs, standardized and projected: model->width floats */
void hars_model_project(const hars_model_t *model, const float *input,
    float *point);

/* the soft vote of both, calibrated */
void hars_model_classify(const hars_model_t *model, const float *input,
    hars_vote_t *vote);

/* calibrates a vote whose shares are not yet, and says how far it is known */
void hars_vote_finish(const hars_model_t *model, hars_vote_t *vote);

/*
 * Calibration to a person: windows of a known activity are learnt, votes of
 * hars_model_classify() then mixed with what the person's own windows say.
 * A zeroed one knows nothing.  HARS_DECLINED: there are HARS_ML_OWN already,
 * or the model has no such activity; HARS_ERROR: no memory.
 */
int hars_person_learn(hars_person_t *person, const hars_model_t *model,
    const float *input, unsigned class);
void hars_person_vote(const hars_person_t *person, const hars_model_t *model,
    const float *input, hars_vote_t *vote);
void hars_person_free(hars_person_t *person);

/* is a vote's activity to be answered, or "unknown"? */
int hars_vote_is_unknown(const hars_model_t *model, const hars_vote_t *vote);

/*
 * A vote becomes the mean of the last HARS_ML_SMOOTH ones, itself among
 * them: causal, so that a stream has the answers that a recording has.
 * After a gap begin anew with a zeroed one.
 */
void hars_smooth(hars_smooth_t *smooth, unsigned nclasses, hars_vote_t *vote);

/*
 * A model to bytes and back.  Decode takes only what encode makes and says
 * in "error" what is wrong otherwise; NULL then, and without memory.
 */
unsigned char *hars_model_encode(const hars_model_t *model, size_t *len);
hars_model_t *hars_model_decode(const unsigned char *src, size_t len,
    char *error, size_t size);
hars_model_t *hars_model_load(const char *path, char *error, size_t size);
void hars_model_free(hars_model_t *model);
int hars_model_digest(const unsigned char *src, size_t len,
    unsigned char digest[HARS_ML_DIGEST]);

/* the value of a line of the model's meta text; "" where there is none */
void hars_model_meta(const hars_model_t *model, const char *name,
    char *value, size_t size);

/* a window's answer; "run" is zeroed before the first */
void hars_answer_window(hars_answer_t *answer, hars_run_t *run,
    const hars_model_t *model, hars_features_t *features, double start,
    const double (*row)[HARS_ML_AXES]);

/* one window more, with its answer */
int hars_answers_window(hars_answers_t *answers, hars_run_t *run,
    const hars_model_t *model, hars_features_t *features, double start,
    const double (*row)[HARS_ML_AXES]);


#endif /* HARS_ML_H */

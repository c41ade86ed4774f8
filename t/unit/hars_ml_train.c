
/*
 * From files to a model: CSV as it may come, eigenvectors, folds that leave
 * whole people out, and training twice that makes the same bytes.
 */

/* link: -lm -lcrypto -lz */


#include "../../backend/mlservice/hars_ml_boost.c"
#include "../../backend/mlservice/hars_ml_boost_tree.c"
#include "../../backend/mlservice/hars_ml_calibrate.c"
#include "../../backend/mlservice/hars_ml_classify.c"
#include "../../backend/mlservice/hars_ml_clock.c"
#include "../../backend/mlservice/hars_ml_csv.c"
#include "../../backend/mlservice/hars_ml_dataset.c"
#include "../../backend/mlservice/hars_ml_encode.c"
#include "../../backend/mlservice/hars_ml_evaluate.c"
#include "../../backend/mlservice/hars_ml_features.c"
#include "../../backend/mlservice/hars_ml_fft.c"
#include "../../backend/mlservice/hars_ml_fit.c"
#include "../../backend/mlservice/hars_ml_forest.c"
#include "../../backend/mlservice/hars_ml_gait.c"
#include "../../backend/mlservice/hars_ml_grow.c"
#include "../../backend/mlservice/hars_ml_inputs.c"
#include "../../backend/mlservice/hars_ml_knn.c"
#include "../../backend/mlservice/hars_ml_model.c"
#include "../../backend/mlservice/hars_ml_model_forest.c"
#include "../../backend/mlservice/hars_ml_model_knn.c"
#include "../../backend/mlservice/hars_ml_person.c"
#include "../../backend/mlservice/hars_ml_random.c"
#include "../../backend/mlservice/hars_ml_recognize.c"
#include "../../backend/mlservice/hars_ml_recording.c"
#include "../../backend/mlservice/hars_ml_report.c"
#include "../../backend/mlservice/hars_ml_spectrum.c"
#include "../../backend/mlservice/hars_ml_sort.c"
#include "../../backend/mlservice/hars_ml_time.c"

#include <unistd.h>

#include "tap.h"


#define X10      "0000000000"
#define X100     X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000    X100 X100 X100 X100 X100 X100 X100 X100 X100 X100
#define HEADING  "subject,activity,trial,timestamp_s,ax,ay,az,gx,gy,gz\n"


typedef struct {
    unsigned       n;
    size_t         records;
    char           name[8][HARS_ML_NAME];
    hars_sample_t  first;
} trials_t;


static void eigen(void);
static void csv(void);
static void csv_bad(const char *what, const char *text, const char *words);
static int note(void *data, hars_trial_t *trial, char *error, size_t size);
static void training(void);
static void person(const char *file, const char *name, double hz);
static void folds(const hars_dataset_t *set);
static void reported(void);
static void calibrated(void);
static void smoothed(void);
static void twice(const hars_dataset_t *set);
static void late(const hars_model_t *model);
static void own(const hars_dataset_t *set, const hars_model_t *model);
static void own_left(const hars_dataset_t *set);
static void standard(void);
static void alike(const hars_model_t *model);
static void put(const char *file, const char *text);


static char      dir[] = "/tmp/hars_ml_train.XXXXXX";
static char      path[128];
static uint32_t  state = 1;


static double
noise(void)
{
    state = state * 1664525 + 1013904223;

    return (double) (state >> 8) / (1 << 24) - 0.5;
}


int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    eigen();
    standard();
    reported();
    calibrated();
    smoothed();
    csv();
    training();

    rmdir(dir);

    return tap_done();
}


static void
eigen(void)
{
    enum { n = 24 };

    double    a[n * n], b[n * n], value[n], vector[n * n], sum, dot, worst;
    unsigned  i, j, k, order;

    for (i = 0; i < n; i++) {
        for (j = 0; j <= i; j++) {
            a[i * n + j] = a[j * n + i] = noise();
        }
    }

    memcpy(b, a, sizeof(a));
    hars_eigen(a, n, value, vector);

    worst = 0;
    order = 1;

    for (k = 0; k < n; k++) {
        order &= k == 0 || value[k] <= value[k - 1];

        for (i = 0; i < n; i++) {
            sum = 0;
            dot = 0;

            for (j = 0; j < n; j++) {
                sum += b[i * n + j] * vector[k * n + j];
                dot += vector[k * n + j] * vector[i * n + j];
            }

            worst = fmax(worst, fabs(sum - value[k] * vector[k * n + i]));
            worst = fmax(worst, fabs(dot - (i == k)));
        }
    }

    ok(worst < 1e-10, "eigen: A v = l v, v orthonormal (%.1e)", worst);
    ok(order, "eigen: largest first");
}


static void
csv(void)
{
    char      error[HARS_ML_ERROR];
    gzFile    gz;
    trials_t  t;

    memset(&t, 0, sizeof(t));
    put("a.csv", "gz,t_s,trial,ax,ay,az,gx,gy,subject,activity,more\r\n"
        "6,0.5,1,1,2,3,4,5,anna,walking,\r\n"
        "6,0.52,1,1,2,,4,nan,anna,walking,x\r\n"
        "6,0.5,2,1,2,3,4,5,anna,walking,\r\n"
        "6,0.5,2,1,2,3,4,5,anna,sitting,\r\n"
        "6,0.5,2,1,2,3,4,5,bert,sitting,");

    ok(hars_csv_read(path, note, &t, error, sizeof(error)) == HARS_OK
       && t.n == 4 && t.records == 5,
       "csv: 4 trials, columns in any order, no last line feed");
    ok(t.first.t == 0.5 && t.first.v[0] == 1 && t.first.v[5] == 6,
       "csv: the values are where they belong");
    ok(strcmp(t.name[0], "anna/walking/1") == 0
       && strcmp(t.name[3], "bert/sitting/2") == 0,
       "csv: %s to %s", t.name[0], t.name[3]);
    unlink(path);

    memset(&t, 0, sizeof(t));
    snprintf(path, sizeof(path), "%s/a.csv.gz", dir);
    gz = gzopen(path, "wb");
    gzputs(gz, HEADING "1,walking,1,0,1,2,3,4,5,6\n");
    gzclose(gz);
    ok(hars_csv_read(path, note, &t, error, sizeof(error)) == HARS_OK
       && t.records == 1, "csv: gzip");

    if (truncate(path, 60) != 0) {
        exit(1);
    }

    ok(hars_csv_read(path, note, &t, error, sizeof(error)) == HARS_ERROR,
       "csv: gzip cut off: %s", error + strlen(dir));
    ok(strstr(error, "cut off") != NULL, "csv: and it says so");
    unlink(path);

    csv_bad("a line of 2000 characters",
            HEADING "1,w,1,0,1,2,3,4,5," X1000 X1000 "\n", "too long");
    csv_bad("an empty file", "", "empty");
    csv_bad("no column ay", "subject,activity,trial,t_s,ax,az,gx,gy,gz\n",
            ":1: the heading has no column ay");
    csv_bad("no number", HEADING "1,w,1,0,1,x,3,4,5,6\n",
            ":2: no number in column ay");
    csv_bad("no time", HEADING "1,w,1,,1,2,3,4,5,6\n",
            ":2: no number in column timestamp_s");
    csv_bad("too few fields", HEADING "1,w,1,0,1,2,3,4,5,6\n1,w,1\n",
            ":3: not as many");
    csv_bad("too many fields", HEADING "1,w,1,0,1,2,3,4,5,6,7\n",
            ":2: not as many");
}


static void
csv_bad(const char *what, const char *text, const char *words)
{
    char      error[HARS_ML_ERROR];
    trials_t  t;

    memset(&t, 0, sizeof(t));
    put("a.csv", text);

    ok(hars_csv_read(path, note, &t, error, sizeof(error)) == HARS_ERROR
       && strstr(error, words) != NULL, "csv: %s: %s", what,
       error + strlen(dir));
    unlink(path);
}


static int
note(void *data, hars_trial_t *trial, char *error, size_t size)
{
    trials_t  *t = data;

    (void) error;
    (void) size;

    if (t->n == 0) {
        t->first = trial->rec.sample[0];
    }

    snprintf(t->name[t->n++], HARS_ML_NAME, "%.20s/%.20s/%.20s",
             trial->subject, trial->activity, trial->trial);
    t->records += trial->rec.n;

    return HARS_OK;
}


/* six people who shake, turn or rest, each at a pace of their own */
static void
training(void)
{
    char             file[16], name[16], error[HARS_ML_ERROR];
    unsigned         i;
    hars_dataset_t  *set;

    for (i = 0; i < 6; i++) {
        snprintf(file, sizeof(file), "p%u.csv", i);
        snprintf(name, sizeof(name), "p%u", 5 - i);
        person(file, name, 1.5 + 0.2 * i);
    }

    put("subjects.csv", "not,a,recording\n");

    set = hars_dataset_read(dir, 0, error, sizeof(error));

    ok(set && set->n == 6 * 3 * 10 && set->npeople == 6
       && set->nclasses == 3 && set->trials == 18,
       "dataset: 180 windows of 6 people doing 3 things");

    if (set == NULL) {
        printf("Bail out! %s\n", error);
        exit(1);
    }

    ok(strcmp(set->class_name[0], "rest") == 0
       && strcmp(set->person_name[0], "p0") == 0 && set->person[0] == 5
       && set->class[0] == 1,
       "dataset: numbered in order of names, not of files");
    ok(set->empty == 6, "dataset: empty records are dropped");

    folds(set);
    twice(set);

    hars_dataset_free(set);

    for (i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), "%s/p%u.csv", dir, i);
        unlink(path);
    }

    snprintf(path, sizeof(path), "%s/subjects.csv", dir);
    unlink(path);
}


static void
person(const char *file, const char *name, double hz)
{
    FILE      *f;
    double     t, s;
    unsigned   i, k;

    static const char  *activity[] = { "shake", "rest", "turn" };

    put(file, HEADING);
    f = fopen(path, "a");

    for (k = 0; k < 3; k++) {
        for (i = 0; i < 128 + 9 * 64; i++) {
            t = i / 50.0;
            s = sin(2 * M_PI * hz * t);

            fprintf(f, "%s,%s,1,%.2f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f\n", name,
                    activity[k], t, 0.1 * noise() + (k == 0 ? 3 * s : 0),
                    0.1 * noise(), 9.8 + 0.1 * noise(), 0.01 * noise(),
                    0.01 * noise() + (k == 2 ? s : 0), 0.01 * noise());
        }

        if (k == 1) {
            fprintf(f, "%s,%s,1,99,0,0,0,0,0,0\n", name, activity[k]);
        }
    }

    fclose(f);
}


static void
folds(const hars_dataset_t *set)
{
    size_t         i, bad, load[4];
    uint8_t        fold[180], of[6];
    hars_fit_t     fit = {
        .dims = 8, .k = 5, .trees = 10, .leaf = 2, .tries = 20, .rounds = 5,
        .depth = 3, .drawn = 20, .rate = 300, .inputs = HARS_ML_OF_WINDOW,
        .weight = { 0.4f, 0.3f, 0.3f }
    };
    hars_vote_t    votes[180];
    hars_report_t  report;

    memset(of, 255, sizeof(of));
    memset(load, 0, sizeof(load));
    bad = 0;

    hars_folds(set, 4, fold);

    for (i = 0; i < set->n; i++) {
        bad += fold[i] > 3 || (of[set->person[i]] != 255
                               && of[set->person[i]] != fold[i]);
        of[set->person[i]] = fold[i];
        load[fold[i] & 3]++;
    }

    ok(bad == 0, "folds: no person is in two");
    ok(load[0] == 60 && load[1] == 60 && load[2] == 30 && load[3] == 30,
       "folds: about as many windows in each");

    ok(hars_evaluate_folds(set, &fit, 3, 0, votes) == HARS_OK,
       "folds: people are left out");
    hars_report(set, votes, &report);
    ok(report.window.n == 180 && report.window.accuracy > 0.99
       && report.window.macro_f1 > 0.99 && report.smooth.accuracy > 0.99
       && report.auroc < 0,
       "folds: three things that are easy to tell are told");

    memset(&report, 0, sizeof(report));
    report.window.n = 180;
    report.window.confusion[0][0] = 30;
    report.window.confusion[0][1] = 30;
    report.window.confusion[1][1] = 60;
    report.window.confusion[2][2] = 60;
    hars_score_finish(set, &report.window);

    ok(fabs(report.window.accuracy - 150 / 180.0) < 1e-12
       && fabs(report.window.recall[0] - 0.5) < 1e-12
       && fabs(report.window.precision[1] - 60 / 90.0) < 1e-12
       && fabs(report.window.macro_f1 - (2 / 3.0 + 0.8 + 1) / 3) < 1e-12,
       "report: accuracy, recall, precision and macro F1 by hand");
}


/* 4 windows of two activities and 2 of another, one recording after one */
static void
reported(void)
{
    unsigned         i;
    uint8_t          class[] = { 0, 0, 1, 1, 2, 3 };
    uint16_t         person[] = { 0, 0, 1, 1, 0, 1 };
    uint32_t         trial[] = { 1, 1, 2, 2, 3, 4 };
    hars_vote_t      votes[6];
    hars_report_t    report;
    hars_dataset_t  *set;

    static const float  first[] = { 0.9f, 0.4f, 0.45f, 0.1f, 0.5f, 0.5f };
    static const float  known[] = { 0.9f, 0.3f, 0.8f, 0.7f, 0.3f, 0.1f };

    set = calloc(1, sizeof(hars_dataset_t));
    set->n = 6;
    set->nclasses = 2;
    set->nothers = 2;
    set->npeople = 2;
    set->class = class;
    set->person = person;
    set->trial = trial;

    memset(votes, 0, sizeof(votes));

    for (i = 0; i < 6; i++) {
        votes[i].share[0] = first[i];
        votes[i].share[1] = 1 - first[i];
        votes[i].class = first[i] < 0.5f;
        votes[i].confidence = votes[i].share[votes[i].class];
        votes[i].known = known[i];
    }

    hars_report(set, votes, &report);
    ok(report.window.n == 4 && report.others == 2
       && fabs(report.window.accuracy - 0.75) < 1e-12
       && fabs(report.smooth.accuracy - 1) < 1e-12,
       "report: smoothed within a recording, others apart");
    ok(fabs(report.auroc - 7.5 / 8) < 1e-12,
       "report: area under the curve, a tie is a half: %g", report.auroc);
    ok(fabs(report.ece - (0.1 * 2 + 0.6 + 0.45) / 4) < 1e-6,
       "report: expected calibration error: %g", report.ece);

    free(set);
}


/* too unsure by half, and others that are told by the fifth sign alone */
static void
calibrated(void)
{
    unsigned         i;
    uint8_t         *class;
    hars_vote_t     *votes;
    hars_model_t    *model;
    hars_dataset_t  *set;

    enum { n = 4000 };

    set = calloc(1, sizeof(hars_dataset_t));
    model = calloc(1, sizeof(hars_model_t));
    votes = calloc(n, sizeof(hars_vote_t));
    class = calloc(n, 1);
    set->person = calloc(n, sizeof(uint16_t));
    set->n = n;
    set->nclasses = 2;
    set->nothers = 4;
    set->class = class;
    model->nclasses = 2;

    for (i = 0; i < n; i++) {
        set->person[i] = (uint16_t) (i / 8 % 7);
        class[i] = (uint8_t) (i % 4 ? noise() > 0.4 : 2 + i / 4 % 4);
        votes[i].share[0] = 0.75f;
        votes[i].share[1] = 0.25f;
        votes[i].sign[0] = (float) noise();
        votes[i].sign[4] = (float) (noise() + (i % 4 ? 0 : 0.8));
    }

    ok(fabs(hars_calibrate_auroc(set, votes) - 0.98) < 0.01,
       "calibration: other kinds and people are told (%.3f)",
       hars_calibrate_auroc(set, votes));

    hars_calibrate(set, model, votes);
    ok(model->sharpen == 2 && fabsf(votes[0].confidence - 0.9f) < 1e-6f,
       "calibration: right in 9 of 10, said so");
    ok(model->sign[4] < -5 && fabsf(model->sign[0]) < 2,
       "calibration: the sign that tells is found");

    for (i = 1; i < n; i += 4) {
        class[0] += hars_vote_is_unknown(model, &votes[i]) && class[0] < 200;
    }

    ok(class[0] > 30 && class[0] < 70,
       "calibration: about 5 of 100 known ones are lost");

    free(set->person);
    free(set);
    free(model);
    free(votes);
    free(class);
}


/* the mean of at most five, the same however it is begun */
static void
smoothed(void)
{
    unsigned       i;
    hars_vote_t    v;
    hars_smooth_t  smooth;

    memset(&smooth, 0, sizeof(smooth));

    for (i = 0; i < 12; i++) {
        memset(&v, 0, sizeof(v));
        v.share[i < 6 ? 0 : 1] = 1;
        v.class = i >= 6;
        hars_smooth(&smooth, 2, &v);

        if (i == 7) {
            ok(v.class == 0 && fabsf(v.confidence - 0.6f) < 1e-6f,
               "smooth: three of five");
        }

        if (i == 8) {
            ok(v.class == 1 && fabsf(v.share[0] - 0.4f) < 1e-6f,
               "smooth: two of five");
        }
    }

    ok(v.share[0] == 0 && v.class == 1, "smooth: what is long ago is gone");
}


static void
twice(const hars_dataset_t *set)
{
    char             error[HARS_ML_ERROR];
    size_t           i, one, two, worst;
    uint8_t          use[180];
    hars_fit_t       fit = {
        .dims = 8, .k = 5, .trees = 10, .leaf = 2, .tries = 20, .rounds = 5,
        .depth = 3, .drawn = 20, .rate = 300, .inputs = HARS_ML_INPUTS,
        .weight = { 0.4f, 0.3f, 0.3f }
    };
    hars_vote_t      a, b;
    hars_model_t    *first, *second, *read;
    unsigned char   *x, *y;

    memset(use, 1, sizeof(use));

    first = hars_fit(set, use, &fit);
    second = hars_fit(set, use, &fit);
    strcpy(first->meta, "placement=test\n");
    strcpy(second->meta, "placement=test\n");
    x = hars_model_encode(first, &one);
    y = hars_model_encode(second, &two);

    ok(one == two && memcmp(x, y, one) == 0, "trained twice: the same bytes");

    read = hars_model_decode(x, one, error, sizeof(error));
    worst = 0;

    for (i = 0; i < set->n; i++) {
        hars_model_classify(first, set->input[i], &a);
        hars_model_classify(read, set->input[i], &b);
        worst += memcmp(&a, &b, sizeof(a)) != 0;
    }

    ok(worst == 0, "written and read: the same answers, bit by bit");
    late(read);

    alike(read);
    own(set, read);
    own_left(set);

    use[0] = 0;
    memset(use, 0, 179);
    ok(hars_fit(set, use, &fit) == NULL, "one window is no training");

    hars_model_free(first);
    hars_model_free(second);
    hars_model_free(read);
    free(x);
    free(y);
}


/* a mean of late that is another one is another point */
static void
late(const hars_model_t *model)
{
    float     input[HARS_ML_INPUTS], point[2][HARS_ML_DIMS];
    unsigned  i, moved;

    memcpy(input, model->mean, sizeof(input));
    hars_model_project(model, input, point[0]);
    moved = 0;

    for (i = HARS_ML_OF_WINDOW; i < HARS_ML_INPUTS; i++) {
        input[i] += 1;
        hars_model_project(model, input, point[1]);
        input[i] -= 1;
        moved += memcmp(point[0], point[1], model->dims * sizeof(float))
                 != 0;
    }

    ok(moved > 150, "late: %u of the means move the point", moved);
}


/* a person who calls things by other names than all the others */
static void
own(const hars_dataset_t *set, const hars_model_t *model)
{
    size_t         i, other, n;
    hars_vote_t    before, after;
    hars_person_t  p;

    memset(&p, 0, sizeof(p));
    hars_model_classify(model, set->input[0], &before);
    after = before;
    hars_person_vote(&p, model, set->input[0], &after);
    ok(memcmp(&before, &after, sizeof(after)) == 0,
       "own windows: none, nothing changes");

    for (i = 0; i < set->n; i += 2) {
        hars_person_learn(&p, model, set->input[i], (set->class[i] + 1) % 3);
    }

    other = 0;
    n = 0;

    for (i = 1; i < set->n; i += 2, n++) {
        hars_model_classify(model, set->input[i], &before);
        after = before;
        hars_person_vote(&p, model, set->input[i], &after);
        other += after.share[(set->class[i] + 1) % 3] > 0.2f
                 && fabsf(after.share[0] + after.share[1] + after.share[2]
                          - 1) < 1e-5f;
    }

    ok(n == 90 && other == n, "own windows: what they say is a quarter of it");
    ok(hars_person_learn(&p, model, set->input[0], 3) == HARS_DECLINED,
       "own windows: no such activity");

    while (p.n < HARS_ML_OWN) {
        hars_person_learn(&p, model, set->input[0], 0);
    }

    ok(hars_person_learn(&p, model, set->input[0], 0) == HARS_DECLINED
       && p.n == HARS_ML_OWN, "own windows: no more than %d", HARS_ML_OWN);

    hars_person_free(&p);
}


/* three windows of each activity are learnt, one overlaps: six are left */
static void
own_left(const hars_dataset_t *set)
{
    size_t           i, left;
    hars_fit_t       fit = {
        .dims = 8, .k = 5, .trees = 10, .leaf = 2, .tries = 20, .rounds = 5,
        .depth = 3, .drawn = 20, .rate = 300, .own = 3,
        .inputs = HARS_ML_OF_WINDOW,
        .weight = { 0.4f, 0.3f, 0.3f }
    };
    hars_vote_t      votes[180];
    hars_report_t    report;
    hars_dataset_t   part;

    part = *set;
    part.class = malloc(set->n);
    part.person = malloc(set->n * sizeof(uint16_t));
    part.trial = malloc(set->n * sizeof(uint32_t));
    memcpy(part.class, set->class, set->n);
    memcpy(part.person, set->person, set->n * sizeof(uint16_t));
    memcpy(part.trial, set->trial, set->n * sizeof(uint32_t));

    left = 0;
    ok(hars_evaluate_folds(&part, &fit, 3, 0, votes) == HARS_OK,
       "own windows: folds");

    for (i = 0; i < set->n; i++) {
        left += votes[i].class != HARS_ML_NONE;
    }

    hars_evaluate_drop(&part, votes);
    hars_report(&part, votes, &report);
    ok(left == 6 * 3 * 6 && part.n == left && report.window.n == left
       && report.window.accuracy > 0.99,
       "own windows: they and the next are not counted");

    free(part.class);
    free(part.person);
    free(part.trial);
}


/* within 4 deviations, whatever comes */
static void
standard(void)
{
    float                features[3];
    static hars_model_t  model;

    model.mean[1] = 10;
    model.inverse[1] = 0.5f;

    features[1] = 13;
    ok(hars_model_standard(&model, features, 1) == 1.5f,
       "standard: deviations from the mean");

    features[1] = 1e30f;
    ok(hars_model_standard(&model, features, 1) == 4, "standard: far above");

    features[1] = -INFINITY;
    ok(hars_model_standard(&model, features, 1) == -4, "standard: far below");

    features[1] = NAN;
    ok(hars_model_standard(&model, features, 1) == -4,
       "standard: NaN gets no further");
}


typedef struct {
    const hars_model_t  *model;
    hars_features_t     *features;
    hars_answers_t      *answers;
    int                  rc;
    hars_run_t           run;
} recognizer_t;


static void
answer_window(void *data, double start,
    const double (*row)[HARS_ML_AXES])
{
    recognizer_t  *r = data;

    if (r->rc == HARS_OK) {
        r->rc = hars_answers_window(r->answers, &r->run, r->model,
                                    r->features, start, row);
    }
}


static int
recognize(const hars_model_t *model, const hars_recording_t *rec,
    hars_answers_t *answers)
{
    size_t             i;
    hars_windows_t    *windows;
    recognizer_t  r;

    memset(answers, 0, sizeof(hars_answers_t));

    r.model = model;
    r.answers = answers;
    r.rc = HARS_OK;
    memset(&r.run, 0, sizeof(r.run));
    r.features = hars_features_create();
    windows = malloc(sizeof(hars_windows_t));

    if (r.features == NULL || windows == NULL) {
        r.rc = HARS_ERROR;
        goto done;
    }

    hars_windows_init(windows, rec->rate, answer_window, &r);

    for (i = 0; i < rec->n; i++) {
        hars_windows_push(windows, &rec->sample[i]);
    }

    hars_windows_end(windows);

done:

    if (r.rc != HARS_OK) {
        free(answers->answer);
        memset(answers, 0, sizeof(hars_answers_t));
    }

    free(windows);
    hars_features_free(r.features);

    return r.rc;
}


/* a window's answer is its own, whatever stands around it */
static void
alike(const hars_model_t *model)
{
    size_t             i, bad;
    hars_answers_t     all, part;
    hars_recording_t   rec;
    hars_sample_t      sample[512];

    for (i = 0; i < 512; i++) {
        sample[i].t = (double) i / 50;
        memset(sample[i].v, 0, sizeof(sample[i].v));
        sample[i].v[0] = 3 * sin(0.2 * (double) i) + noise();
        sample[i].v[2] = 9.8 + noise();
    }

    memset(&rec, 0, sizeof(rec));
    rec.rate = 50;
    rec.sample = sample;
    rec.n = 512;

    ok(recognize(model, &rec, &all) == HARS_OK && all.n == 7,
       "recognize: 7 windows of 512 samples");

    rec.n = 300;
    ok(recognize(model, &rec, &part) == HARS_OK && part.n == 3,
       "recognize: 3 windows of the first 300");

    bad = 0;

    for (i = 0; i < 3; i++) {
        bad += memcmp(&all.answer[i], &part.answer[i], sizeof(part.answer[i]))
               != 0;
    }

    ok(bad == 0, "recognize: the same answers to the same windows");

    free(all.answer);
    free(part.answer);

    rec.n = 100;
    ok(recognize(model, &rec, &part) == HARS_OK && part.n == 0,
       "recognize: no window, no answer");
    free(part.answer);
}


static void
put(const char *file, const char *text)
{
    FILE  *f;

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    f = fopen(path, "w");

    if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0) {
        exit(1);
    }
}

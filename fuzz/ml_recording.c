
/*
 * The body of POST /v1/recognitions, as anybody with a token may send it: a
 * recording that is taken has finite samples in growing order of time, and
 * what is refused says why.  Answers of a small model are a class and a share.
 */

#include "../backend/mlservice/hars_ml_answers.c"
#include "../backend/mlservice/hars_ml_classify.c"
#include "../backend/mlservice/hars_ml_clock.c"
#include "../backend/mlservice/hars_ml_features.c"
#include "../backend/mlservice/hars_ml_feed.c"
#include "../backend/mlservice/hars_ml_fft.c"
#include "../backend/mlservice/hars_ml_forest.c"
#include "../backend/mlservice/hars_ml_gait.c"
#include "../backend/mlservice/hars_ml_inputs.c"
#include "../backend/mlservice/hars_ml_json.c"
#include "../backend/mlservice/hars_ml_json_rows.c"
#include "../backend/mlservice/hars_ml_knn.c"
#include "../backend/mlservice/hars_ml_recognize.c"
#include "../backend/mlservice/hars_ml_recording.c"
#include "../backend/mlservice/hars_ml_options.c"
#include "../backend/mlservice/hars_ml_rows.c"
#include "../backend/mlservice/hars_ml_source.c"
#include "../backend/mlservice/hars_ml_spectrum.c"
#include "../backend/mlservice/hars_ml_sort.c"
#include "../backend/mlservice/hars_ml_time.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* hars_ml_model.c has it with all of the file format */
void
hars_model_meta(const hars_model_t *model, const char *name, char *value,
    size_t size)
{
    (void) model;
    (void) name;

    snprintf(value, size, "pocket");
}


static hars_model_t *
small_model(void)
{
    unsigned       i;
    hars_model_t  *m;

    m = calloc(1, sizeof(hars_model_t));
    m->nclasses = 2;
    m->dims = 1;
    m->width = 16;
    m->k = 1;
    m->n = 2;
    m->scale[0] = 1;
    m->sharpen = 1;
    m->weight[0] = 1;
    m->axis = calloc(HARS_ML_INPUTS * m->width, sizeof(float));
    m->stored = calloc(2, sizeof(int16_t));
    m->label = calloc(2, 1);
    m->stored[1] = 100;
    m->label[1] = 1;

    for (i = 0; i < HARS_ML_INPUTS; i++) {
        m->inverse[i] = 1;
        m->axis[i * m->width] = 1;
    }

    if (hars_knn_layout(m) != HARS_OK) {
        abort();
    }

    return m;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                i;
    hars_feed_t          *feed;
    hars_rows_t           rows;
    hars_fault_t          fault;
    hars_answers_t        answers;
    hars_options_t        options;
    hars_recording_t      rec;
    static hars_model_t  *model;

    if (model == NULL) {
        model = small_model();
    }

    feed = malloc(sizeof(hars_feed_t));
    memset(&rec, 0, sizeof(rec));
    memset(&rows, 0, sizeof(rows));
    rows.max = HARS_ML_ROWS_MAX;
    hars_options_init(&options);
    fault.detail[0] = '\0';

    if (hars_json_rows((const char *) data, size, &options, &rows, &fault)
        || hars_options_judge(&options, &fault) != HARS_OK)
    {
        goto refused;
    }

    hars_rows_scale(&rows, &options);

    if (hars_rows_recording(&rows, &options, &rec, feed, &fault) != HARS_OK
        || hars_recording_judge(&rec, &fault) != HARS_OK)
    {
        goto refused;
    }

    for (i = 1; i < rec.n; i++) {
        if (!(rec.sample[i].t > rec.sample[i - 1].t)) {
            __builtin_trap();
        }
    }

    if (hars_recognize(model, &rec, &answers) == HARS_OK) {
        for (i = 0; i < answers.n; i++) {
            if (answers.answer[i].vote.class > 1
                || !(answers.answer[i].vote.confidence >= 0)
                || answers.answer[i].vote.confidence > 1)
            {
                __builtin_trap();
            }
        }

        free(hars_json_answers(model, feed, &answers, 1));
        free(answers.answer);
    }

    goto done;

refused:

    if (fault.detail[0] == '\0') {
        __builtin_trap();
    }

    free(hars_json_fault(422, &fault));

done:

    free(rec.sample);
    free(rows.row);
    free(feed);

    return 0;
}

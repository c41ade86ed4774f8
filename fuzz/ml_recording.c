
/*
 * The body of POST /v1/recognitions, as anybody with a token may send it: a
 * recording that is taken has finite samples in growing order of time, and
 * what is refused says why.  Answers of a small model are a class and a share.
 */

#include "../backend/mlservice/hars_ml_classify.c"
#include "../backend/mlservice/hars_ml_clock.c"
#include "../backend/mlservice/hars_ml_features.c"
#include "../backend/mlservice/hars_ml_drift.c"
#include "../backend/mlservice/hars_ml_feed.c"
#include "../backend/mlservice/hars_ml_fft.c"
#include "../backend/mlservice/hars_ml_forest.c"
#include "../backend/mlservice/hars_ml_gait.c"
#include "../backend/mlservice/hars_ml_inputs.c"
#include "../backend/mlservice/hars_ml_json.c"
#include "../backend/mlservice/hars_ml_json_rows.c"
#include "../backend/mlservice/hars_ml_knn.c"
#include "../backend/mlservice/hars_ml_middle.c"
#include "../backend/mlservice/hars_ml_reading.c"
#include "../backend/mlservice/hars_ml_sift.c"
#include "../backend/mlservice/hars_ml_recognize.c"
#include "../backend/mlservice/hars_ml_recording.c"
#include "../backend/mlservice/hars_ml_options.c"
#include "../backend/mlservice/hars_ml_rows.c"
#include "../backend/mlservice/hars_ml_source.c"
#include "../backend/mlservice/hars_ml_spectrum.c"
#include "../backend/mlservice/hars_ml_sort.c"
#include "../backend/mlservice/hars_ml_time.c"
#include "../backend/mlservice/hars_ml_told.c"


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
    m->inputs = HARS_ML_INPUTS;
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


static int
hold(void *data, size_t size)
{
    (void) data;
    (void) size;

    return HARS_OK;
}


static void
told(const hars_model_t *model, const hars_reading_t *reading)
{
    size_t              i;
    const hars_told_t  *t;

    for (i = 0; i < reading->n; i++) {
        t = &reading->told[i];

        if ((t->activity > 1 && t->activity != HARS_TOLD_UNKNOWN)
            || t->confidence > HARS_TOLD_PLACES
            || (i && !(t->start > t[-1].start)))
        {
            __builtin_trap();
        }

        free(hars_json_told(model, t, 1, 1));
    }

    free(hars_json_told_top(model, &reading->sift.feed));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hars_rows_t           rows;
    hars_fault_t          fault;
    hars_options_t        options;
    hars_reading_t       *reading;
    static hars_model_t  *model;

    if (model == NULL) {
        model = small_model();
    }

    memset(&rows, 0, sizeof(rows));
    rows.max = HARS_ML_ROWS_MAX;
    hars_options_init(&options);
    fault.detail[0] = '\0';
    reading = NULL;

    if (hars_json_rows((const char *) data, size, &options, &rows, &fault)
        || hars_options_judge(&options, &fault) != HARS_OK)
    {
        goto refused;
    }

    hars_rows_scale(&rows, &options);
    reading = hars_reading_create(&options, model, hold, NULL);

    if (hars_reading_rows(reading, &rows, &fault)
        || hars_reading_end(reading, &fault))
    {
        goto refused;
    }

    told(model, reading);
    goto done;

refused:

    if (fault.detail[0] == '\0') {
        __builtin_trap();
    }

    free(hars_json_fault(422, &fault));

done:

    hars_reading_free(reading);
    free(rows.row);

    return 0;
}


/*
 * Requests and answers as JSON; the only file here that knows jansson.
 *
 *     {"sampling_rate_hz": 50,
 *      "placement": "pocket",                                   optional
 *      "units": {"acceleration": "m/s^2", "rotation": "rad/s"},  optional
 *      "samples": [[t_s, ax, ay, az, gx, gy, gz], ...]}
 *
 * 400 is for what is no JSON object, 422 for an object that is no recording;
 * a fault names member, row and column and never repeats a text of the
 * client.  Members that are not known are refused: one that was meant to
 * change the answer must not be passed over.
 */


#include "hars_ml_service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>


#define HARS_JSON_FLAGS   (JSON_COMPACT | JSON_REAL_PRECISION(15))


/* what a unit's name makes of a number */
typedef struct {
    const char  *name;
    double       factor;
} hars_unit_t;


static int hars_json_members(const json_t *root, hars_fault_t *fault);
static int hars_json_placement(const json_t *root, const hars_model_t *model,
    hars_fault_t *fault);
static int hars_json_units(const json_t *root, double factor[2],
    hars_fault_t *fault);
static int hars_json_unit(const json_t *value, const hars_unit_t *unit,
    const char *field, double *factor, hars_fault_t *fault);
static int hars_json_samples(const json_t *root, const double factor[2],
    hars_recording_t *rec, hars_fault_t *fault);
static int hars_json_row(const json_t *row, long i, const double factor[2],
    hars_sample_t *sample, hars_fault_t *fault);
static json_t *hars_json_windows(const hars_model_t *model,
    const hars_answers_t *answers);
static json_t *hars_json_meta(const hars_model_t *model, const char *name);


static const char  *hars_json_known[] = {
    "sampling_rate_hz", "samples", "placement", "units", NULL
};

static const hars_unit_t  hars_unit_acceleration[] = {
    { "m/s^2", 1 }, { "g", HARS_ML_GRAVITY }, { NULL, 0 }
};

static const hars_unit_t  hars_unit_rotation[] = {
    { "rad/s", 1 }, { "deg/s", M_PI / 180 }, { NULL, 0 }
};


unsigned
hars_json_recording(const char *body, size_t len, const hars_model_t *model,
    hars_recording_t *rec, hars_fault_t *fault)
{
    double         factor[2];
    json_t        *root, *rate;
    unsigned       status;
    json_error_t   error;

    memset(rec, 0, sizeof(hars_recording_t));

    root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object(root)) {
        hars_fault(fault, "", -1, -1,
                   root ? "the body is no JSON object"
                   : "the body is no JSON: line %d, column %d",
                   error.line, error.column);
        json_decref(root);
        return 400;
    }

    rate = json_object_get(root, "sampling_rate_hz");
    rec->rate = json_number_value(rate);
    status = 422;

    if (hars_json_members(root, fault) != HARS_OK) {
        goto done;
    }

    if (!json_is_number(rate)) {
        hars_fault(fault, "sampling_rate_hz", -1, -1,
                   "a number of Hz is needed");
        goto done;
    }

    if (hars_json_placement(root, model, fault) == HARS_OK
        && hars_json_units(root, factor, fault) == HARS_OK
        && hars_json_samples(root, factor, rec, fault) == HARS_OK)
    {
        status = 0;

    } else if (fault->field == NULL) {
        status = 503;
    }

done:

    json_decref(root);

    return status;
}


static int
hars_json_members(const json_t *root, hars_fault_t *fault)
{
    void         *it;
    unsigned      i;
    const char   *key;

    for (it = json_object_iter((json_t *) root); it;
         it = json_object_iter_next((json_t *) root, it))
    {
        key = json_object_iter_key(it);

        for (i = 0; hars_json_known[i]; i++) {
            if (strcmp(key, hars_json_known[i]) == 0) {
                break;
            }
        }

        if (hars_json_known[i] == NULL) {
            return hars_fault(fault, "", -1, -1,
                              "the object has a member that is not known; "
                              "there are sampling_rate_hz, samples, "
                              "placement, units");
        }
    }

    return HARS_OK;
}


/* a model for one place of the body says nonsense at another: no guessing */
static int
hars_json_placement(const json_t *root, const hars_model_t *model,
    hars_fault_t *fault)
{
    char     placement[HARS_ML_NAME];
    json_t  *value;

    value = json_object_get(root, "placement");
    if (value == NULL) {
        return HARS_OK;
    }

    hars_model_meta(model, "placement", placement, sizeof(placement));

    if (json_is_string(value)
        && strcmp(json_string_value(value), placement) == 0)
    {
        return HARS_OK;
    }

    return hars_fault(fault, "placement", -1, -1,
                      "there is no model for this placement; there is one "
                      "for \"%s\"", placement);
}


static int
hars_json_units(const json_t *root, double factor[2], hars_fault_t *fault)
{
    size_t   known;
    json_t  *units, *acceleration, *rotation;

    factor[0] = 1;
    factor[1] = 1;

    units = json_object_get(root, "units");
    if (units == NULL) {
        return HARS_OK;
    }

    acceleration = json_object_get(units, "acceleration");
    rotation = json_object_get(units, "rotation");
    known = (acceleration != NULL) + (rotation != NULL);

    if (!json_is_object(units) || json_object_size(units) != known) {
        return hars_fault(fault, "units", -1, -1,
                          "an object of acceleration and rotation is needed");
    }

    if (hars_json_unit(acceleration, hars_unit_acceleration,
                       "units.acceleration", &factor[0], fault)
        != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_json_unit(rotation, hars_unit_rotation, "units.rotation",
                          &factor[1], fault);
}


static int
hars_json_unit(const json_t *value, const hars_unit_t *unit,
    const char *field, double *factor, hars_fault_t *fault)
{
    unsigned  i;

    if (value == NULL) {
        return HARS_OK;
    }

    for (i = 0; unit[i].name; i++) {
        if (json_is_string(value)
            && strcmp(json_string_value(value), unit[i].name) == 0)
        {
            *factor = unit[i].factor;
            return HARS_OK;
        }
    }

    return hars_fault(fault, field, -1, -1, "\"%s\" or \"%s\" is needed",
                      unit[0].name, unit[1].name);
}


static int
hars_json_samples(const json_t *root, const double factor[2],
    hars_recording_t *rec, hars_fault_t *fault)
{
    size_t   i, n;
    json_t  *samples;

    samples = json_object_get(root, "samples");
    n = json_array_size(samples);

    if (!json_is_array(samples) || n == 0) {
        return hars_fault(fault, "samples", -1, -1,
                          "an array of rows [t_s, ax, ay, az, gx, gy, gz] is "
                          "needed");
    }

    if (n > HARS_ML_ROWS_MAX) {
        return hars_fault(fault, "samples", HARS_ML_ROWS_MAX, -1,
                          "more than %d rows; send them in parts",
                          HARS_ML_ROWS_MAX);
    }

    rec->sample = malloc(n * sizeof(hars_sample_t));
    if (rec->sample == NULL) {
        return hars_fault(fault, NULL, -1, -1, "no memory");
    }

    for (i = 0; i < n; i++) {
        if (hars_json_row(json_array_get(samples, i), (long) i, factor,
                          &rec->sample[i], fault)
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    rec->n = n;

    return HARS_OK;
}


static int
hars_json_row(const json_t *row, long i, const double factor[2],
    hars_sample_t *sample, hars_fault_t *fault)
{
    int      axis, missing;
    json_t  *value;

    if (!json_is_array(row) || json_array_size(row) != 1 + HARS_ML_AXES) {
        return hars_fault(fault, "samples", i, -1,
                          "a row is an array of %d: t_s, ax, ay, az, gx, gy, "
                          "gz", 1 + HARS_ML_AXES);
    }

    value = json_array_get(row, 0);

    if (!json_is_number(value)) {
        return hars_fault(fault, "samples", i, 0,
                          "the time is no number of seconds");
    }

    sample->t = json_number_value(value);
    missing = -1;

    for (axis = 0; axis < HARS_ML_AXES; axis++) {
        value = json_array_get(row, (size_t) axis + 1);

        if (json_is_null(value)) {
            sample->v[axis] = NAN;
            missing = axis;
            continue;
        }

        if (!json_is_number(value)) {
            return hars_fault(fault, "samples", i, axis + 1,
                              "a number is needed, or null in all six");
        }

        sample->v[axis] = json_number_value(value) * factor[axis / 3];
    }

    for (axis = 0; missing >= 0 && axis < HARS_ML_AXES; axis++) {
        if (!isnan(sample->v[axis])) {
            return hars_fault(fault, "samples", i, missing + 1,
                              "the value is missing: a record has all six, "
                              "or null in all six and is dropped");
        }
    }

    return HARS_OK;
}


char *
hars_json_answers(const hars_model_t *model, const hars_recording_t *rec,
    size_t received, const hars_answers_t *answers)
{
    char    *text;
    json_t  *root;

    root = json_pack("{s:s, s:o, s:f, s:f, s:{s:I, s:I, s:I}, s:o}",
                     "model", model->id,
                     "placement", hars_json_meta(model, "placement"),
                     "window_s", (double) HARS_ML_WINDOW / HARS_ML_RATE,
                     "hop_s", (double) HARS_ML_HOP / HARS_ML_RATE,
                     "records",
                     "received", (json_int_t) received,
                     "empty", (json_int_t) rec->empty,
                     "duplicates", (json_int_t) rec->duplicates,
                     "windows", hars_json_windows(model, answers));

    text = json_dumps(root, HARS_JSON_FLAGS);
    json_decref(root);

    return text;
}


static json_t *
hars_json_windows(const hars_model_t *model, const hars_answers_t *answers)
{
    json_t               *list, *window;
    size_t                i;
    const hars_answer_t  *a;

    list = json_array();

    for (i = 0; list && i < answers->n; i++) {
        a = &answers->answer[i];

        /* times to the microsecond, confidence to four places */
        window = json_pack("{s:f, s:f, s:s, s:f}",
                           "start_s", round(a->start * 1e6) / 1e6,
                           "end_s", round(a->end * 1e6) / 1e6,
                           "activity", model->class[a->vote.class],
                           "confidence",
                           round((double) a->vote.confidence * 1e4) / 1e4);

        if (json_array_append_new(list, window) != 0) {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


static json_t *
hars_json_meta(const hars_model_t *model, const char *name)
{
    char  value[HARS_ML_META];

    hars_model_meta(model, name, value, sizeof(value));

    return json_string(value);
}


char *
hars_json_models(const hars_model_t *model)
{
    char      *text, digest[2 * HARS_ML_DIGEST], value[HARS_ML_NAME];
    json_t    *root, *classes;
    unsigned   i;

    hars_hex(digest, model->digest, HARS_ML_DIGEST);

    classes = json_array();

    for (i = 0; i < model->nclasses; i++) {
        json_array_append_new(classes, json_string(model->class[i]));
    }

    root = json_pack("{s:[{s:s, s:s, s:o, s:o, s:i, s:i, s:f, s:f, s:i, s:o,"
                     " s:s#}]}",
                     "models",
                     "id", model->id,
                     "classifier", "k-NN",
                     "placement", hars_json_meta(model, "placement"),
                     "activities", classes,
                     "prototypes", (int) model->n,
                     "neighbours", (int) model->k,
                     "window_s", (double) HARS_ML_WINDOW / HARS_ML_RATE,
                     "hop_s", (double) HARS_ML_HOP / HARS_ML_RATE,
                     "sampling_rate_hz", HARS_ML_RATE,
                     "data", hars_json_meta(model, "data"),
                     "checksum", digest, (int) sizeof(digest));

    /* measured with people left out, when the model was made */
    if (root) {
        hars_model_meta(model, "accuracy", value, sizeof(value));
        json_object_set_new(json_array_get(json_object_get(root, "models"),
                                           0),
                            "accuracy", json_real(strtod(value, NULL)));

        hars_model_meta(model, "macro_f1", value, sizeof(value));
        json_object_set_new(json_array_get(json_object_get(root, "models"),
                                           0),
                            "macro_f1", json_real(strtod(value, NULL)));
    }

    text = json_dumps(root, HARS_JSON_FLAGS);
    json_decref(root);

    return text;
}


char *
hars_json_fault(unsigned status, const hars_fault_t *fault)
{
    char    *text;
    json_t  *root;

    root = json_pack("{s:s, s:s, s:i, s:s}",
                     "type", "about:blank",
                     "title", status == 400 ? "Bad Request"
                                            : "Unprocessable Content",
                     "status", (int) status,
                     "detail", fault->detail);

    if (root && fault->field && fault->field[0]) {
        json_object_set_new(root, "field", json_string(fault->field));
    }

    if (root && fault->row >= 0) {
        json_object_set_new(root, "row", json_integer(fault->row));
    }

    if (root && fault->column >= 0) {
        json_object_set_new(root, "column", json_integer(fault->column));
    }

    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);

    return text;
}

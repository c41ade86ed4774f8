
/*
 * Rows and options as JSON.
 *
 *     {"sampling_rate_hz": 50,
 *      "samples": [[t_s, ax, ay, az, gx, gy, gz], ...]}
 *
 * or, as streams with a clock each,
 *
 *      "acceleration": [[t_s, ax, ay, az], ...],
 *      "rotation": [[t_s, gx, gy, gz], ...]
 *
 * and with either, "heart_rate": [[t_s, bpm], ...].
 *
 * 400 is for what is no JSON object, 422 for an object that is no recording;
 * a fault names member, row and column and never repeats a text of the
 * client.  Members that are not known are refused: one that was meant to
 * change the answer must not be passed over.
 */


#include "hars_ml_rows.h"

#include <math.h>
#include <string.h>

#include <jansson.h>


static int hars_json_members(const json_t *root, unsigned options,
    unsigned rows, hars_fault_t *fault);
static int hars_json_options(const json_t *root, hars_options_t *options,
    hars_fault_t *fault);
static int hars_json_rate(const json_t *root, const char *name, double *rate,
    hars_fault_t *fault);
static void hars_json_name(const json_t *root, const char *name,
    char text[HARS_ML_NAME]);
static int hars_json_units(const json_t *root, hars_options_t *options,
    hars_fault_t *fault);
static int hars_json_stream(const json_t *root, unsigned stream,
    hars_rows_t *rows, hars_fault_t *fault);
static int hars_json_row(const json_t *row, long i, unsigned stream,
    hars_row_t *dst, hars_fault_t *fault);


/* the streams first, in the order of hars_stream_e */
static const char  *hars_json_known[] = {
    "samples", "acceleration", "rotation", "heart_rate",
    "sampling_rate_hz", "rotation_rate_hz", "placement", "model", "units",
    "times", NULL
};

static const struct {
    size_t       columns;
    const char  *what;
} hars_json_rows_of[HARS_STREAMS] = {
    { 7, "t_s, ax, ay, az, gx, gy, gz" },
    { 4, "t_s, ax, ay, az" },
    { 4, "t_s, gx, gy, gz" },
    { 2, "t_s, bpm" }
};


unsigned
hars_json_rows(const char *body, size_t len, hars_options_t *options,
    hars_rows_t *rows, hars_fault_t *fault)
{
    int            rc;
    json_t        *root;
    unsigned       i, status;
    json_error_t   error;

    root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object(root)) {
        hars_fault(fault, "", -1, -1,
                   root ? "the body is no JSON object"
                   : "the body is no JSON: line %d, column %d",
                   error.line, error.column);
        json_decref(root);
        return 400;
    }

    rc = hars_json_members(root, options != NULL, rows != NULL, fault);

    if (rc == HARS_OK && options) {
        rc = hars_json_options(root, options, fault);
    }

    for (i = 0; rc == HARS_OK && rows && i < HARS_STREAMS; i++) {
        rc = hars_json_stream(root, i, rows, fault);
    }

    if (rc == HARS_OK && rows && rows->n == 0) {
        rc = hars_fault(fault, "samples", -1, -1,
                        "an array of rows [t_s, ax, ay, az, gx, gy, gz] is "
                        "needed");
    }

    status = rc == HARS_OK ? 0 : rows ? hars_rows_status(rows, fault)
             : fault->field ? 422 : 503;
    json_decref(root);

    return status;
}


/* may there be options, and rows? */
static int
hars_json_members(const json_t *root, unsigned options, unsigned rows,
    hars_fault_t *fault)
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

        if (hars_json_known[i] && !(i < HARS_STREAMS ? rows : options)) {
            return hars_fault(fault, hars_json_known[i], -1, -1,
                              rows ? "this was settled when the stream was "
                              "made" : "rows are sent to the stream itself");
        }

        if (hars_json_known[i] == NULL) {
            return hars_fault(fault, "", -1, -1,
                              "the object has a member that is not known; "
                              "there are samples, acceleration, rotation, "
                              "heart_rate%s", !options ? "" : ", "
                              "sampling_rate_hz, rotation_rate_hz, "
                              "placement, model, units, times");
        }
    }

    return HARS_OK;
}


static int
hars_json_options(const json_t *root, hars_options_t *options,
    hars_fault_t *fault)
{
    json_t  *value;

    hars_json_name(root, "placement", options->placement);
    hars_json_name(root, "model", options->model);

    if (hars_json_rate(root, "sampling_rate_hz", &options->rate, fault)
        != HARS_OK
        || hars_json_rate(root, "rotation_rate_hz", &options->rotation_rate,
                          fault)
        != HARS_OK
        || hars_json_units(root, options, fault) != HARS_OK)
    {
        return HARS_ERROR;
    }

    value = json_object_get(root, "times");

    return value ? hars_options_times(options, json_string_value(value),
                                      fault)
                 : HARS_OK;
}


static int
hars_json_rate(const json_t *root, const char *name, double *rate,
    hars_fault_t *fault)
{
    json_t  *value;

    value = json_object_get(root, name);

    if (value == NULL) {
        return HARS_OK;
    }

    if (!json_is_number(value)) {
        return hars_fault(fault, name, -1, -1, "a number of Hz is needed");
    }

    *rate = json_number_value(value);

    if (*rate <= 0) {
        return hars_fault(fault, name, -1, -1,
                          "%g is not within %d and %d Hz", *rate,
                          HARS_ML_RATE_MIN, HARS_ML_RATE_MAX);
    }

    return HARS_OK;
}


/* what is no name is the name of nothing: "?" */
static void
hars_json_name(const json_t *root, const char *name, char text[HARS_ML_NAME])
{
    json_t      *value;
    const char  *string;

    value = json_object_get(root, name);

    if (value) {
        string = json_string_value(value);

        strcpy(text, "?");

        if (string && string[0] && strlen(string) < HARS_ML_NAME) {
            strcpy(text, string);
        }
    }
}


static int
hars_json_units(const json_t *root, hars_options_t *options,
    hars_fault_t *fault)
{
    size_t   known;
    json_t  *units, *acceleration, *rotation;

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

    if (acceleration
        && hars_options_unit(options, 0, json_string_value(acceleration),
                             fault) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return rotation ? hars_options_unit(options, 1,
                                        json_string_value(rotation), fault)
                    : HARS_OK;
}


static int
hars_json_stream(const json_t *root, unsigned stream, hars_rows_t *rows,
    hars_fault_t *fault)
{
    size_t       i, n;
    json_t      *list;
    hars_row_t  *row;

    list = json_object_get(root, hars_json_known[stream]);
    n = json_array_size(list);

    if (list == NULL) {
        return HARS_OK;
    }

    if (!json_is_array(list) || n == 0) {
        return hars_fault(fault, hars_json_known[stream], -1, -1,
                          "an array of rows [%s] is needed",
                          hars_json_rows_of[stream].what);
    }

    for (i = 0; i < n; i++) {
        row = hars_rows_add(rows, stream, (uint32_t) i, fault);

        if (row == NULL
            || hars_json_row(json_array_get(list, i), (long) i, stream, row,
                             fault)
            != HARS_OK)
        {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_json_row(const json_t *row, long i, unsigned stream, hars_row_t *dst,
    hars_fault_t *fault)
{
    int          missing, there;
    size_t       column, n;
    double      *v;
    json_t      *value;
    const char  *field;

    field = hars_json_known[stream];
    n = hars_json_rows_of[stream].columns;

    if (!json_is_array(row) || json_array_size(row) != n) {
        return hars_fault(fault, field, i, -1,
                          "a row is an array of %zu: %s", n,
                          hars_json_rows_of[stream].what);
    }

    value = json_array_get(row, 0);

    if (!json_is_number(value)) {
        return hars_fault(fault, field, i, 0,
                          "the time is no number of seconds");
    }

    dst->t = json_number_value(value);
    v = dst->v + (stream == HARS_STREAM_ROTATION ? 3 : 0);
    missing = -1;
    there = 0;

    for (column = 1; column < n; column++, v++) {
        value = json_array_get(row, column);

        if (json_is_null(value)) {
            *v = NAN;
            missing = (int) column;
            continue;
        }

        if (!json_is_number(value)) {
            return hars_fault(fault, field, i, (int) column,
                              "a number is needed, or null in all");
        }

        *v = json_number_value(value);
        there = 1;
    }

    if (missing >= 0 && there) {
        return hars_fault(fault, field, i, missing,
                          "the value is missing: a record has all, or null "
                          "in all and is dropped");
    }

    return HARS_OK;
}

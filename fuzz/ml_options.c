
/*
 * The options of a recording, as its query has them and anybody with a token
 * may send it, "name=value&...": what is taken is within its bounds and ends,
 * what is refused says why.
 */

#include "../backend/mlservice/hars_ml_options.c"
#include "../backend/mlservice/hars_ml_recording.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
bounded(const hars_options_t *options)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        if (!(options->factor[i] > 0 && options->factor[i] < 10)) {
            return 0;
        }
    }

    return options->rate >= HARS_ML_RATE_MIN
           && options->rate <= HARS_ML_RATE_MAX
           && (options->rotation_rate == 0
               || (options->rotation_rate >= HARS_ML_RATE_MIN
                   && options->rotation_rate <= HARS_ML_RATE_MAX))
           && memchr(options->placement, '\0', HARS_ML_NAME)
           && memchr(options->model, '\0', HARS_ML_NAME);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              rc;
    char            *query, *name, *value, *next;
    hars_fault_t     fault;
    hars_options_t   options;

    query = malloc(size + 1);
    memcpy(query, data, size);
    query[size] = '\0';

    fault.detail[0] = '\0';
    hars_options_init(&options);
    rc = HARS_OK;

    for (name = query; rc == HARS_OK && name; name = next) {
        next = strchr(name, '&');

        if (next) {
            *next++ = '\0';
        }

        value = strchr(name, '=');

        if (value) {
            *value++ = '\0';
        }

        rc = hars_options_set(&options, name, value ? value : "", &fault);
    }

    if (rc == HARS_OK) {
        rc = hars_options_judge(&options, &fault);
    }

    if (rc == HARS_OK ? !bounded(&options) : fault.detail[0] == '\0') {
        __builtin_trap();
    }

    free(query);

    return 0;
}

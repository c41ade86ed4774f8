
/*
 * The options of a recording: rate, units, placement, model, kind of times.
 * JSON has them as members, the other forms in the query by the same names.
 * Nothing is guessed: what is not known is refused, and so is a rate outside
 * of HARS_ML_RATE_MIN and _MAX.
 */


#include "hars_ml_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


/* what a unit's name makes of a number */
typedef struct {
    const char  *name;
    double       factor;
} hars_unit_t;


static int hars_options_value(const char *src, char dst[HARS_ML_NAME]);
static int hars_options_number(const char *field, const char *value,
    double *number, hars_fault_t *fault);
static int hars_options_hex(char c);


static const hars_unit_t  hars_unit[2][2] = {
    { { "m/s^2", 1 }, { "g", HARS_ML_GRAVITY } },
    { { "rad/s", 1 }, { "deg/s", M_PI / 180 } }
};

static const char  *hars_unit_field[2] = {
    "units.acceleration", "units.rotation"
};


void
hars_options_init(hars_options_t *options)
{
    memset(options, 0, sizeof(hars_options_t));
    options->factor[0] = 1;
    options->factor[1] = 1;
}


int
hars_options_set(hars_options_t *options, const char *name,
    const char *value, hars_fault_t *fault)
{
    char  text[HARS_ML_NAME];

    if (hars_options_value(value, text) != HARS_OK) {
        return hars_fault(fault, "", -1, -1,
                          "a parameter of the query is empty, too long or "
                          "badly encoded");
    }

    if (strcmp(name, "sampling_rate_hz") == 0) {
        return hars_options_number("sampling_rate_hz", text, &options->rate,
                                   fault);
    }

    if (strcmp(name, "rotation_rate_hz") == 0) {
        return hars_options_number("rotation_rate_hz", text,
                                   &options->rotation_rate, fault);
    }

    if (strcmp(name, "acceleration") == 0) {
        return hars_options_unit(options, 0, text, fault);
    }

    if (strcmp(name, "rotation") == 0) {
        return hars_options_unit(options, 1, text, fault);
    }

    if (strcmp(name, "times") == 0) {
        return hars_options_times(options, text, fault);
    }

    if (strcmp(name, "placement") == 0) {
        strcpy(options->placement, text);
        return HARS_OK;
    }

    if (strcmp(name, "model") == 0) {
        strcpy(options->model, text);
        return HARS_OK;
    }

    return hars_fault(fault, "", -1, -1,
                      "the query has a parameter that is not known; there "
                      "are sampling_rate_hz, rotation_rate_hz, placement, "
                      "model, acceleration, rotation, times");
}


/* RFC 3986, 2.1 */
static int
hars_options_value(const char *src, char dst[HARS_ML_NAME])
{
    int     c, high, low;
    size_t  n;

    n = 0;

    while (src && *src) {
        c = (unsigned char) *src++;

        if (c == '%') {
            high = hars_options_hex(src[0]);
            low = high < 0 ? -1 : hars_options_hex(src[1]);

            if (low < 0) {
                return HARS_ERROR;
            }

            c = 16 * high + low;
            src += 2;
        }

        if (c < ' ' || c > '~' || n == HARS_ML_NAME - 1) {
            return HARS_ERROR;
        }

        dst[n++] = (char) c;
    }

    dst[n] = '\0';

    return n ? HARS_OK : HARS_ERROR;
}


static int
hars_options_hex(char c)
{
    static const char  digit[] = "0123456789abcdef";

    const char  *p;

    p = c ? strchr(digit, c | 0x20) : NULL;

    return p ? (int) (p - digit) : -1;
}


static int
hars_options_number(const char *field, const char *value, double *number,
    hars_fault_t *fault)
{
    char  *end;

    *number = strtod(value, &end);

    if (*end || !isfinite(*number) || *number <= 0) {
        return hars_fault(fault, field, -1, -1, "a number of Hz is needed");
    }

    return HARS_OK;
}


int
hars_options_unit(hars_options_t *options, unsigned which, const char *name,
    hars_fault_t *fault)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        if (name && strcmp(name, hars_unit[which][i].name) == 0) {
            options->factor[which] = hars_unit[which][i].factor;
            return HARS_OK;
        }
    }

    return hars_fault(fault, hars_unit_field[which], -1, -1,
                      "\"%s\" or \"%s\" is needed", hars_unit[which][0].name,
                      hars_unit[which][1].name);
}


int
hars_options_times(hars_options_t *options, const char *name,
    hars_fault_t *fault)
{
    if (name && strcmp(name, "arrival") == 0) {
        options->arrival = 1;
        return HARS_OK;
    }

    if (name && strcmp(name, "sample") == 0) {
        options->arrival = 0;
        return HARS_OK;
    }

    return hars_fault(fault, "times", -1, -1,
                      "\"sample\" or \"arrival\" is needed");
}


int
hars_options_judge(hars_options_t *options, hars_fault_t *fault)
{
    if (options->rate == 0) {
        return hars_fault(fault, "sampling_rate_hz", -1, -1,
                          "a number of Hz is needed");
    }

    if (!(options->rate >= HARS_ML_RATE_MIN
          && options->rate <= HARS_ML_RATE_MAX))
    {
        return hars_fault(fault, "sampling_rate_hz", -1, -1,
                          "%g is not within %d and %d Hz", options->rate,
                          HARS_ML_RATE_MIN, HARS_ML_RATE_MAX);
    }

    if (options->rotation_rate != 0
        && !(options->rotation_rate >= HARS_ML_RATE_MIN
             && options->rotation_rate <= HARS_ML_RATE_MAX))
    {
        return hars_fault(fault, "rotation_rate_hz", -1, -1,
                          "%g is not within %d and %d Hz",
                          options->rotation_rate, HARS_ML_RATE_MIN,
                          HARS_ML_RATE_MAX);
    }

    return HARS_OK;
}

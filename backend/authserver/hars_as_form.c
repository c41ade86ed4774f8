
/* See hars_as_form.h for what this is. */

#include "hars_as_form.h"
#include "hars_record.h"

#include <string.h>


static int hars_form_add(hars_form_t *form, char *name, char *value,
    const char *repeated, const char **error);
static int hars_form_digit(char c);


int
hars_form_parse(hars_form_t *form, char *body, size_t len,
    const char *repeated, const char **error)
{
    char  *p, *next, *value;

    form->n = 0;

    if (memchr(body, '\0', len)) {
        *error = "The body has a zero byte.";
        return HARS_ERROR;
    }

    for (p = body; p; p = next) {

        next = strchr(p, '&');
        if (next) {
            *next++ = '\0';
        }

        if (*p == '\0') {
            continue;
        }

        value = strchr(p, '=');

        if (value) {
            *value++ = '\0';

        } else {
            value = p + strlen(p);
        }

        if (hars_form_decode(p) != HARS_OK
            || hars_form_decode(value) != HARS_OK)
        {
            *error = "The body is not form-urlencoded.";
            return HARS_ERROR;
        }

        if (hars_form_add(form, p, value, repeated, error) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_form_add(hars_form_t *form, char *name, char *value,
    const char *repeated, const char **error)
{
    unsigned  i;

    if (repeated == NULL || strcmp(name, repeated) != 0) {

        for (i = 0; i < form->n; i++) {
            if (strcmp(form->param[i].name, name) == 0) {
                *error = "A parameter stands more than once.";
                return HARS_ERROR;
            }
        }
    }

    if (form->n == HARS_FORM_PARAMS) {
        *error = "There are too many parameters.";
        return HARS_ERROR;
    }

    form->param[form->n].name = name;
    form->param[form->n].value = value;
    form->n++;

    return HARS_OK;
}


int
hars_form_decode(char *s)
{
    int    high, low;
    char  *d;

    for (d = s; *s; s++) {

        if (*s == '+') {
            *d++ = ' ';
            continue;
        }

        if (*s != '%') {
            *d++ = *s;
            continue;
        }

        high = hars_form_digit(s[1]);
        low = (high < 0) ? -1 : hars_form_digit(s[2]);

        /* %00 would end the value for us and not for others */

        if (low < 0 || (high == 0 && low == 0)) {
            return HARS_ERROR;
        }

        *d++ = (char) (high << 4 | low);
        s += 2;
    }

    *d = '\0';

    return HARS_OK;
}


static int
hars_form_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


const char *
hars_form_get(const hars_form_t *form, const char *name)
{
    unsigned  i;

    for (i = 0; i < form->n; i++) {
        if (strcmp(form->param[i].name, name) == 0 && *form->param[i].value) {
            return form->param[i].value;
        }
    }

    return NULL;
}

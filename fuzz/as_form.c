
/*
 * A form, as anybody may send it: no name stands twice, no name or value is
 * longer than the body, and what is found by its name has a value.
 */

#include "../backend/authserver/hars_as_form.c"

#include <stdint.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         *body;
    unsigned      i, k;
    const char   *error;
    hars_form_t   form;

    body = malloc(size + 1);
    if (size) {
        memcpy(body, data, size);
    }
    body[size] = '\0';

    error = NULL;

    if (hars_form_parse(&form, body, size, NULL, &error) != HARS_OK) {

        if (error == NULL) {
            abort();
        }

        form.n = 0;
    }

    for (i = 0; i < form.n; i++) {

        for (k = 0; k < i; k++) {
            if (strcmp(form.param[i].name, form.param[k].name) == 0) {
                abort();
            }
        }

        if (strlen(form.param[i].name) + strlen(form.param[i].value) > size
            || (*form.param[i].value != '\0')
               != (hars_form_get(&form, form.param[i].name) != NULL))
        {
            abort();
        }
    }

    free(body);

    return 0;
}

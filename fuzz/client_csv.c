
/*
 * A file for "hars recognize": what it makes of CSV is JSON with a rate and
 * rows of seven, and what it refuses it says why.
 */

#include "../backend/client/hars_columns.c"
#include "../backend/client/hars_recording.c"
#include "../backend/common/hars_text.c"

#include <stdint.h>

#include <jansson.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           rc, given;
    char          error[160];
    json_t       *root, *row;
    size_t        i;
    hars_text_t   text;

    memset(&text, 0, sizeof(text));
    hars_text_add(&text, (const char *) data, size);

    given = text.data[strspn(text.data, " \t\r\n")] == '{';
    error[0] = '\0';
    rc = hars_recording_body(&text, error, sizeof(error));

    if (rc != HARS_OK && error[0] == '\0') {
        abort();
    }

    if (rc == HARS_OK && !given) {
        root = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);

        if (json_number_value(json_object_get(root, "sampling_rate_hz")) <= 0)
        {
            abort();
        }

        json_array_foreach(json_object_get(root, "samples"), i, row) {
            if (json_array_size(row) != 7) {
                abort();
            }
        }

        json_decref(root);
    }

    hars_text_free(&text);

    return 0;
}


/* See hars_columns.h for what this is. */

#include "hars_columns.h"
#include "hars_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


static int hars_columns_find(hars_columns_t *columns, const char *name,
    int field);


static const char *const  hars_columns_names[HARS_COLUMNS] = {
    "t_s", "ax", "ay", "az", "gx", "gy", "gz"
};


unsigned
hars_columns_split(char *line, char *field[HARS_COLUMNS_MAX])
{
    unsigned  n;

    for (n = 0; n < HARS_COLUMNS_MAX; n++) {
        field[n] = line;
        line += strcspn(line, ",;\t");

        if (*line == '\0') {
            return n + 1;
        }

        *line++ = '\0';
    }

    return n;
}


int
hars_columns_head(hars_columns_t *columns, char *line)
{
    char      *name, *field[HARS_COLUMNS_MAX];
    unsigned   i, n;

    columns->epoch_ms = 0;

    for (i = 0; i < HARS_COLUMNS; i++) {
        columns->at[i] = -1;
    }

    n = hars_columns_split(line, field);

    for (i = 0; i < n; i++) {
        name = field[i] + strspn(field[i], " \"");
        name[strcspn(name, " \"")] = '\0';

        if (hars_columns_find(columns, name, (int) i) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    for (i = 0; i < HARS_COLUMNS; i++) {
        if (columns->at[i] == -1) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_columns_find(hars_columns_t *columns, const char *name, int field)
{
    unsigned  i;

    if (strcmp(name, "epoch_ms") == 0) {
        columns->epoch_ms = 1;
        name = "t_s";

    } else if (strcmp(name, "timestamp_s") == 0) {
        name = "t_s";
    }

    for (i = 0; i < HARS_COLUMNS; i++) {

        if (strcmp(name, hars_columns_names[i]) == 0) {

            if (columns->at[i] != -1) {
                return HARS_ERROR;
            }

            columns->at[i] = field;
        }
    }

    return HARS_OK;
}


int
hars_columns_number(const char *field, double *value)
{
    char  *end;

    field += strspn(field, " ");

    if (*field == '\0') {
        *value = NAN;
        return HARS_OK;
    }

    *value = strtod(field, &end);
    end += strspn(end, " ");

    return (*end == '\0' && isfinite(*value)) ? HARS_OK : HARS_ERROR;
}


const char *
hars_columns_name(unsigned i)
{
    return hars_columns_names[i];
}

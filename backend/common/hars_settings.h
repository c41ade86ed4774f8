
/*
 * The settings file: lines "name = value", blank lines, comment lines that
 * begin with "#".  A table says which names there are; everything else is an
 * error that names file, line and mend, on standard error, as are the errors
 * that a service finds later about a value (hars_settings_fail()).
 *
 * Values reach from the first to the last character that is not a blank;
 * there are no quotes, escapes or continued lines.
 */

#ifndef HARS_SETTINGS_H
#define HARS_SETTINGS_H


#include <stddef.h>


#define HARS_SETTINGS_LINE   1024         /* longest line, bytes */
#define HARS_SETTINGS_LIST   8            /* most values of one name */


typedef struct hars_settings_s  hars_settings_t;


typedef enum {
    HARS_SETTING_STR = 0,                 /* char *; NULL: not set */
    HARS_SETTING_UINT,                    /* unsigned long */
    HARS_SETTING_LIST                     /* hars_setting_list_t */
} hars_setting_type_e;


typedef struct {
    unsigned              n;
    char                 *value[HARS_SETTINGS_LIST];
} hars_setting_list_t;


/* a table of these ends with the name NULL */
typedef struct {
    const char           *name;
    hars_setting_type_e   type;
    size_t                offset;         /* in the service's own struct */
    const char           *preset;         /* as text; NULL: stays zero */
    unsigned              required:1;
    unsigned              unsaid:1;       /* its value is in no message */
    unsigned long         min;            /* of a number */
    unsigned long         max;
} hars_setting_t;


/*
 * Reads "file" into "conf", a zeroed struct laid out as "table" says.
 * Returns NULL after all that is wrong has been said; "conf" is then empty.
 * Strings in "conf" live as long as the result.
 */
hars_settings_t *hars_settings_read(const char *file,
    const hars_setting_t *table, void *conf);
void hars_settings_free(hars_settings_t *st);

/* says on standard error: file:line: name "value" text; text tells the mend */
void hars_settings_fail(hars_settings_t *st, const char *name,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));


#endif /* HARS_SETTINGS_H */

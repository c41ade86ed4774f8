
/*
 * See hars_settings.h for what this is.  All that is wrong in a file is said
 * in one go: who mends a file should not have to start five times.
 */

#include "hars_settings.h"
#include "hars_record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_SETTINGS_TABLE  64           /* most names of a table */


typedef struct {
    unsigned               line;          /* 0: not in the file */
    char                  *value;         /* as written, the last one */
} hars_settings_seen_t;


struct hars_settings_s {
    char                  *file;
    const hars_setting_t  *table;
    char                  *conf;
    unsigned               line;          /* the one being read */
    unsigned               errors;
    unsigned               nstrings;
    char                  *string[HARS_SETTINGS_TABLE * HARS_SETTINGS_LIST];
    hars_settings_seen_t   seen[HARS_SETTINGS_TABLE];
};


static int hars_settings_lines(hars_settings_t *st);
static void hars_settings_take(hars_settings_t *st, char *line);
static void hars_settings_set(hars_settings_t *st, unsigned i,
    const char *value);
static void hars_settings_uint(hars_settings_t *st, unsigned i,
    const char *value);
static void hars_settings_list(hars_settings_t *st, unsigned i, char *value);
static void hars_settings_absent(hars_settings_t *st);
static char *hars_settings_keep(hars_settings_t *st, const char *value);
static void hars_settings_wrong(hars_settings_t *st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static char *hars_settings_trim(char *p);


hars_settings_t *
hars_settings_read(const char *file, const hars_setting_t *table, void *conf)
{
    hars_settings_t  *st;

    st = calloc(1, sizeof(hars_settings_t));
    if (st == NULL) {
        fprintf(stderr, "%s: no memory\n", file);
        return NULL;
    }

    st->table = table;
    st->conf = conf;
    st->file = strdup(file);

    if (st->file == NULL || hars_settings_lines(st) != HARS_OK) {
        hars_settings_free(st);
        return NULL;
    }

    hars_settings_absent(st);

    if (st->errors) {
        hars_settings_free(st);
        return NULL;
    }

    return st;
}


void
hars_settings_free(hars_settings_t *st)
{
    unsigned               i;
    const hars_setting_t  *s;

    if (st == NULL) {
        return;
    }

    for (i = 0; i < st->nstrings; i++) {
        free(st->string[i]);
    }

    /* nothing may point at what is gone */

    for (s = st->table; s->name; s++) {
        switch (s->type) {

        case HARS_SETTING_STR:
            *(char **) (void *) (st->conf + s->offset) = NULL;
            break;

        case HARS_SETTING_UINT:
            break;

        case HARS_SETTING_LIST:
            memset(st->conf + s->offset, 0, sizeof(hars_setting_list_t));
            break;
        }
    }

    free(st->file);
    free(st);
}


static int
hars_settings_lines(hars_settings_t *st)
{
    int     rc;
    FILE   *fp;
    char    line[HARS_SETTINGS_LINE + 2];
    size_t  len;

    fp = fopen(st->file, "re");
    if (fp == NULL) {
        fprintf(stderr, "%s: cannot be read: %s\n", st->file,
                strerror(errno));
        return HARS_ERROR;
    }

    while (fgets(line, sizeof(line), fp)) {
        st->line++;
        len = strlen(line);

        if (len && line[len - 1] == '\n') {
            line[len - 1] = '\0';

        } else if (!feof(fp)) {
            hars_settings_wrong(st, "the line is longer than %d bytes or has "
                                "a zero byte", HARS_SETTINGS_LINE);
            break;
        }

        hars_settings_take(st, line);
    }

    rc = HARS_OK;

    if (ferror(fp)) {
        fprintf(stderr, "%s: cannot be read: %s\n", st->file,
                strerror(errno));
        rc = HARS_ERROR;
    }

    fclose(fp);

    return rc;
}


static void
hars_settings_take(hars_settings_t *st, char *line)
{
    char      *name, *value;
    unsigned   i;

    name = hars_settings_trim(line);

    if (*name == '\0' || *name == '#') {
        return;
    }

    value = strchr(name, '=');
    if (value == NULL) {
        hars_settings_wrong(st, "has no \"=\", write \"name = value\"");
        return;
    }

    *value++ = '\0';
    name = hars_settings_trim(name);
    value = hars_settings_trim(value);

    for (i = 0; st->table[i].name && i < HARS_SETTINGS_TABLE; i++) {
        if (strcmp(st->table[i].name, name) == 0) {
            hars_settings_set(st, i, value);
            return;
        }
    }

    hars_settings_wrong(st, "\"%s\" is no setting, see --help", name);
}


static void
hars_settings_set(hars_settings_t *st, unsigned i, const char *value)
{
    char                  *copy;
    const hars_setting_t  *s;

    s = &st->table[i];

    if (st->seen[i].line && s->type != HARS_SETTING_LIST) {
        hars_settings_wrong(st, "%s is set in line %u already, remove one",
                            s->name, st->seen[i].line);
        return;
    }

    if (*value == '\0') {
        hars_settings_wrong(st, "%s has no value, give one or remove the "
                            "line", s->name);
        return;
    }

    copy = hars_settings_keep(st, value);
    if (copy == NULL) {
        return;
    }

    st->seen[i].line = st->line;
    st->seen[i].value = copy;

    switch (s->type) {

    case HARS_SETTING_STR:
        *(char **) (void *) (st->conf + s->offset) = copy;
        break;

    case HARS_SETTING_UINT:
        hars_settings_uint(st, i, value);
        break;

    case HARS_SETTING_LIST:
        hars_settings_list(st, i, copy);
        break;
    }
}


static void
hars_settings_uint(hars_settings_t *st, unsigned i, const char *value)
{
    char                  *end;
    unsigned long          n;
    const hars_setting_t  *s;

    s = &st->table[i];

    /* strtoul() takes signs and blanks */

    errno = 0;
    n = strtoul(value, &end, 10);

    if (*value < '0' || *value > '9' || *end != '\0' || errno
        || n < s->min || n > s->max)
    {
        hars_settings_wrong(st, "%s \"%s\" has to be a number from %lu to "
                            "%lu", s->name, value, s->min, s->max);
        return;
    }

    *(unsigned long *) (void *) (st->conf + s->offset) = n;
}


static void
hars_settings_list(hars_settings_t *st, unsigned i, char *value)
{
    hars_setting_list_t   *list;
    const hars_setting_t  *s;

    s = &st->table[i];
    list = (hars_setting_list_t *) (void *) (st->conf + s->offset);

    if (list->n == HARS_SETTINGS_LIST) {
        hars_settings_wrong(st, "%s stands more than %d times, remove the "
                            "oldest", s->name, HARS_SETTINGS_LIST);
        return;
    }

    list->value[list->n++] = value;
}


/* the names that the file did not have: the table's values, or an error */
static void
hars_settings_absent(hars_settings_t *st)
{
    unsigned               i;
    const hars_setting_t  *s;

    for (i = 0; st->table[i].name && i < HARS_SETTINGS_TABLE; i++) {
        s = &st->table[i];

        if (st->seen[i].line) {
            continue;
        }

        if (s->required) {
            fprintf(stderr, "%s: %s is missing, add a line \"%s = ...\"\n",
                    st->file, s->name, s->name);
            st->errors++;
            continue;
        }

        if (s->preset) {
            st->line = 0;
            hars_settings_set(st, i, s->preset);
        }
    }
}


static char *
hars_settings_keep(hars_settings_t *st, const char *value)
{
    char  *copy;

    if (st->nstrings == sizeof(st->string) / sizeof(st->string[0])) {
        hars_settings_wrong(st, "too many settings");
        return NULL;
    }

    copy = strdup(value);
    if (copy == NULL) {
        hars_settings_wrong(st, "no memory");
        return NULL;
    }

    st->string[st->nstrings++] = copy;

    return copy;
}


static void
hars_settings_wrong(hars_settings_t *st, const char *fmt, ...)
{
    va_list  args;

    fprintf(stderr, "%s:%u: ", st->file, st->line);

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);

    st->errors++;
}


void
hars_settings_fail(hars_settings_t *st, const char *name, const char *fmt,
    ...)
{
    va_list   args;
    unsigned  i;

    for (i = 0; st->table[i].name; i++) {
        if (strcmp(st->table[i].name, name) == 0) {
            break;
        }
    }

    if (st->table[i].name && st->seen[i].line) {
        fprintf(stderr, "%s:%u: ", st->file, st->seen[i].line);

    } else {
        fprintf(stderr, "%s: ", st->file);
    }

    fputs(name, stderr);

    if (st->table[i].name && st->seen[i].value && !st->table[i].unsaid) {
        fprintf(stderr, " \"%s\"", st->seen[i].value);
    }

    fputc(' ', stderr);

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);
}


static char *
hars_settings_trim(char *p)
{
    char  *end;

    p += strspn(p, " \t\r");
    end = p + strlen(p);

    while (end > p && strchr(" \t\r", end[-1])) {
        end--;
    }

    *end = '\0';

    return p;
}

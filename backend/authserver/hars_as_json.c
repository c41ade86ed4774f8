
/* See hars_as_json.h for what this is. */

#include "hars_as_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_JSON_SIZE    1024            /* bytes, of most answers */
#define HARS_JSON_NUMBER  24


static void hars_json_name(hars_json_t *json, const char *name);
static void hars_json_quoted(hars_json_t *json, const char *text, size_t len);
static void hars_json_add(hars_json_t *json, const char *text, size_t len);
static int hars_json_room(hars_json_t *json, size_t len);


void
hars_json_init(hars_json_t *json)
{
    json->len = 0;
    json->size = HARS_JSON_SIZE;
    json->text = malloc(json->size);

    if (json->text == NULL) {
        json->size = 0;
    }
}


void
hars_json_open(hars_json_t *json, const char *name, char bracket)
{
    hars_json_name(json, name);
    hars_json_add(json, &bracket, 1);
}


void
hars_json_close(hars_json_t *json, char bracket)
{
    hars_json_add(json, &bracket, 1);
}


void
hars_json_text(hars_json_t *json, const char *name, const char *text,
    size_t len)
{
    hars_json_name(json, name);
    hars_json_quoted(json, text, len);
}


void
hars_json_int(hars_json_t *json, const char *name, int64_t n)
{
    int   len;
    char  text[HARS_JSON_NUMBER];

    len = snprintf(text, sizeof(text), "%" PRId64, n);

    hars_json_name(json, name);
    hars_json_add(json, text, (size_t) len);
}


void
hars_json_bool(hars_json_t *json, const char *name, unsigned value)
{
    hars_json_name(json, name);
    hars_json_add(json, value ? "true" : "false", value ? 4 : 5);
}


char *
hars_json_done(hars_json_t *json)
{
    hars_json_add(json, "", 1);

    return json->text;
}


/* what is not the first behind a bracket follows a comma */
static void
hars_json_name(hars_json_t *json, const char *name)
{
    if (json->len && memchr("{[", json->text[json->len - 1], 2) == NULL) {
        hars_json_add(json, ",", 1);
    }

    if (name) {
        hars_json_quoted(json, name, strlen(name));
        hars_json_add(json, ":", 1);
    }
}


/* RFC 8259, 7 */
static void
hars_json_quoted(hars_json_t *json, const char *text, size_t len)
{
    char    escaped[8];
    size_t  i, from;

    hars_json_add(json, "\"", 1);

    for (i = 0, from = 0; i < len; i++) {
        if ((unsigned char) text[i] >= 0x20 && text[i] != '"'
            && text[i] != '\\')
        {
            continue;
        }

        snprintf(escaped, sizeof(escaped), "\\u%04x",
                 (unsigned) (unsigned char) text[i]);

        hars_json_add(json, text + from, i - from);
        hars_json_add(json, escaped, 6);
        from = i + 1;
    }

    hars_json_add(json, text + from, len - from);
    hars_json_add(json, "\"", 1);
}


static void
hars_json_add(hars_json_t *json, const char *text, size_t len)
{
    if (hars_json_room(json, len)) {
        memcpy(json->text + json->len, text, len);
        json->len += len;
    }
}


static int
hars_json_room(hars_json_t *json, size_t len)
{
    char    *text;
    size_t   size;

    if (json->size - json->len >= len) {
        return json->size != 0;
    }

    size = (json->size != 0) ? 2 * (json->size + len) : 0;
    text = size ? realloc(json->text, size) : NULL;

    if (text == NULL) {
        free(json->text);
        memset(json, 0, sizeof(hars_json_t));
        return 0;
    }

    json->text = text;
    json->size = size;

    return 1;
}

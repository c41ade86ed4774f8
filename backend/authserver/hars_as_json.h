
/*
 * JSON of the answers that are given for every token (RFC 8259), written
 * straight into one text: a tree of jansson's for each of them cost as much
 * as the database.  All else of this server is jansson's.
 *
 *     hars_json_init(&json);
 *     hars_json_open(&json, NULL, '{');
 *     hars_json_text(&json, "client_id", id, strlen(id));
 *     hars_json_close(&json, '}');
 *     return hars_json_done(&json);
 *
 * A name of NULL is a value in an array, or the whole.  Texts are UTF-8 and
 * escaped as needed.  A lack of memory shows at the end.
 */

#ifndef HARS_AS_JSON_H
#define HARS_AS_JSON_H


#include <stddef.h>
#include <stdint.h>


typedef struct {
    char      *text;
    size_t     len;
    size_t     size;                      /* 0: there was no memory */
} hars_json_t;


void hars_json_init(hars_json_t *json);

/* "{" or "[", and "}" or "]" */
void hars_json_open(hars_json_t *json, const char *name, char bracket);
void hars_json_close(hars_json_t *json, char bracket);

void hars_json_text(hars_json_t *json, const char *name, const char *text,
    size_t len);
void hars_json_int(hars_json_t *json, const char *name, int64_t n);
void hars_json_bool(hars_json_t *json, const char *name, unsigned value);

/* zero-terminated, of malloc(); NULL: no memory */
char *hars_json_done(hars_json_t *json);


#endif /* HARS_AS_JSON_H */

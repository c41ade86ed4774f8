
/* See hars_token.h for what this is. */

#include "hars_record.h"
#include "hars_token.h"

#include <stdint.h>
#include <string.h>

#include <jansson.h>


static int hars_token_copy(const char *value, size_t len,
    char token[HARS_TOKEN_SIZE]);


int
hars_token_value(const hars_text_t *text, char token[HARS_TOKEN_SIZE])
{
    char    *p;
    long     expires_in;
    size_t   len;

    p = text->data + strspn(text->data, " \t\r\n");
    len = strlen(p);

    if (*p == '{') {
        return hars_token_response(text, token, &expires_in);
    }

    while (len && strchr(" \t\r\n", p[len - 1])) {
        len--;
    }

    return hars_token_copy(p, len, token);
}


int
hars_token_response(const hars_text_t *text, char token[HARS_TOKEN_SIZE],
    long *expires_in)
{
    int          rc;
    json_t      *root;
    json_int_t   seconds;
    const char  *value;

    root = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, NULL);
    value = json_string_value(json_object_get(root, "access_token"));
    seconds = json_integer_value(json_object_get(root, "expires_in"));

    rc = value ? hars_token_copy(value, strlen(value), token) : HARS_ERROR;
    *expires_in = (seconds > 0 && seconds < INT32_MAX) ? (long) seconds : 0;

    json_decref(root);

    return rc;
}


static int
hars_token_copy(const char *value, size_t len, char token[HARS_TOKEN_SIZE])
{
    /* RFC 6750, 2.1: b64token */

    if (len == 0
        || len >= HARS_TOKEN_SIZE
        || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "abcdefghijklmnopqrstuvwxyz0123456789-._~+/=") < len)
    {
        return HARS_ERROR;
    }

    memcpy(token, value, len);
    token[len] = '\0';

    return HARS_OK;
}


/*
 * The token for a call, out of a file or of what "hars token" printed.  A
 * token goes into a header: only RFC 6750's characters pass.  The only user
 * of jansson here.
 */

#include "hars_client.h"

#include <string.h>

#include <jansson.h>


static int hars_token_copy(const char *value, size_t len,
    char token[HARS_TOKEN_SIZE]);


int
hars_token_value(const hars_text_t *text, char token[HARS_TOKEN_SIZE])
{
    int          rc;
    char        *p;
    size_t       len;
    json_t      *root;
    const char  *value;

    p = text->data + strspn(text->data, " \t\r\n");
    len = strlen(p);

    if (*p != '{') {
        while (len && strchr(" \t\r\n", p[len - 1])) {
            len--;
        }

        return hars_token_copy(p, len, token);
    }

    root = json_loadb(p, len, JSON_REJECT_DUPLICATES, NULL);
    value = json_string_value(json_object_get(root, "access_token"));

    rc = value ? hars_token_copy(value, strlen(value), token) : HARS_ERROR;

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

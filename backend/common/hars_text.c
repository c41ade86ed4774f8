
/* See hars_text.h for what this is. */

#include "hars_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


void
hars_text_add(hars_text_t *text, const char *data, size_t len)
{
    char    *p;
    size_t   size;

    if (text->failed) {
        return;
    }

    if (text->len + len + 1 > text->size) {
        size = 2 * text->size + len + 256;
        p = malloc(size);

        if (p == NULL) {
            text->failed = 1;
            return;
        }

        /* not realloc(): it would leave what was there behind */

        if (text->size) {
            memcpy(p, text->data, text->len);
            explicit_bzero(text->data, text->size);
            free(text->data);
        }

        text->data = p;
        text->size = size;
    }

    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}


void
hars_text_puts(hars_text_t *text, const char *s)
{
    hars_text_add(text, s, strlen(s));
}


/* short ones: what is longer than 1 KB fails */
void
hars_text_print(hars_text_t *text, const char *fmt, ...)
{
    int      n;
    char     buf[1024];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(buf, sizeof(buf), fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= sizeof(buf)) {
        text->failed = 1;
        return;
    }

    hars_text_add(text, buf, (size_t) n);
}


void
hars_text_free(hars_text_t *text)
{
    if (text->size) {
        explicit_bzero(text->data, text->size);
        free(text->data);
    }

    memset(text, 0, sizeof(hars_text_t));
}


void
hars_text_form(hars_text_t *text, const char *name, const char *value)
{
    char                  hex[4];
    const unsigned char  *p;

    if (value == NULL) {
        return;
    }

    if (text->len) {
        hars_text_puts(text, "&");
    }

    hars_text_puts(text, name);
    hars_text_puts(text, "=");

    for (p = (const unsigned char *) value; *p; p++) {

        if (*p == ' ') {
            hars_text_puts(text, "+");

        } else if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "abcdefghijklmnopqrstuvwxyz0123456789*-._", *p))
        {
            hars_text_add(text, (const char *) p, 1);

        } else {
            snprintf(hex, sizeof(hex), "%%%02X", *p);
            hars_text_puts(text, hex);
        }
    }
}

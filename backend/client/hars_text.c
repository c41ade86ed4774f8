
/* Growing texts, files into them, and forms; see hars_client.h. */

#include "hars_client.h"

#include <errno.h>
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


int
hars_text_read(hars_text_t *text, const char *file, size_t max)
{
    FILE    *fp;
    char     buf[4096];
    size_t   n;
    int      rc;

    fp = (strcmp(file, "-") == 0) ? stdin : fopen(file, "re");

    if (fp == NULL) {
        fprintf(stderr, "hars: %s: %s\n", file, strerror(errno));
        return HARS_ERROR;
    }

    hars_text_add(text, "", 0);

    while (text->len <= max && (n = fread(buf, 1, sizeof(buf), fp)) > 0) {
        hars_text_add(text, buf, n);
    }

    explicit_bzero(buf, sizeof(buf));

    rc = HARS_ERROR;

    if (ferror(fp)) {
        fprintf(stderr, "hars: %s: %s\n", file, strerror(errno));

    } else if (text->len > max) {
        fprintf(stderr, "hars: %s: is larger than %zu bytes\n", file, max);

    } else if (text->failed) {
        fprintf(stderr, "hars: %s: no memory\n", file);

    } else {
        rc = HARS_OK;
    }

    if (fp != stdin) {
        fclose(fp);
    }

    return rc;
}

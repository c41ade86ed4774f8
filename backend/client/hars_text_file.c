
/* A file, or standard input, as a text; see hars_client.h. */

#include "hars_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>


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

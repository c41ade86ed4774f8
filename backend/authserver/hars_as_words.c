
/* See hars_as_words.h for what this is. */

#include "hars_as_words.h"
#include "hars_as.h"

#include <string.h>


const char *
hars_words_next(const char **p, char sep, size_t *len)
{
    const char  *word;

    while (**p == sep) {
        (*p)++;
    }

    if (**p == '\0') {
        return NULL;
    }

    word = *p;

    while (**p != sep && **p != '\0') {
        (*p)++;
    }

    *len = (size_t) (*p - word);

    return word;
}


int
hars_words_has(const char *list, char sep, const char *word, size_t len)
{
    size_t       n;
    const char  *w;

    while ((w = hars_words_next(&list, sep, &n)) != NULL) {
        if (n == len && memcmp(w, word, len) == 0) {
            return 1;
        }
    }

    return 0;
}


int
hars_words_within(const char *part, const char *whole, char sep)
{
    size_t       len;
    const char  *word;

    while ((word = hars_words_next(&part, sep, &len)) != NULL) {
        if (!hars_words_has(whole, sep, word, len)) {
            return 0;
        }
    }

    return 1;
}


int
hars_words_meet(const char *a, const char *b, char sep)
{
    size_t       len;
    const char  *word;

    while ((word = hars_words_next(&a, sep, &len)) != NULL) {
        if (hars_words_has(b, sep, word, len)) {
            return 1;
        }
    }

    return 0;
}


int
hars_words_add(char *list, size_t size, char sep, const char *word,
    size_t len)
{
    size_t  used;

    if (len == 0 || hars_words_has(list, sep, word, len)) {
        return HARS_OK;
    }

    used = strlen(list);

    if (used + len + 2 > size) {
        return HARS_ERROR;
    }

    if (used) {
        list[used++] = sep;
    }

    memcpy(list + used, word, len);
    list[used + len] = '\0';

    return HARS_OK;
}


int
hars_words_scope(const char *scope)
{
    unsigned char  c, last;

    last = ' ';

    for ( /* void */ ; *scope; scope++) {
        c = (unsigned char) *scope;

        if (c == ' ' && last == ' ') {
            return 0;
        }

        /* RFC 6749, 3.3: %x21 / %x23-5B / %x5D-7E */

        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            return 0;
        }

        last = c;
    }

    return last != ' ';
}


int
hars_words_resource(const char *uri)
{
    const char  *p;

    if (strncmp(uri, "https://", 8) != 0
        || uri[8] == '\0'
        || uri[8] == '/'
        || strlen(uri) >= HARS_AS_AUD_SIZE)
    {
        return 0;
    }

    for (p = uri; *p; p++) {
        if (*p <= 0x20 || *p > 0x7e || strchr("\"<>\\^`{|}#", *p)) {
            return 0;
        }
    }

    return 1;
}


int
hars_words_id(const char *id)
{
    size_t  len;

    len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789._-");

    /* a path with a segment of dots alone is another path */

    return len > 0 && len < HARS_AS_ID_SIZE && id[len] == '\0'
           && id[strspn(id, ".")] != '\0';
}

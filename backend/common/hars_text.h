
/*
 * A text that grows as it is written, for bodies and forms: what was in its
 * memory before is wiped, since it may be a token's.
 */

#ifndef HARS_TEXT_H
#define HARS_TEXT_H


#include <stddef.h>


/* zeroed: empty; zero-terminated once something was added */
typedef struct {
    char         *data;
    size_t        len;
    size_t        size;
    unsigned      failed:1;               /* there was no memory */
} hars_text_t;


void hars_text_add(hars_text_t *text, const char *data, size_t len);
void hars_text_puts(hars_text_t *text, const char *s);
void hars_text_print(hars_text_t *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void hars_text_free(hars_text_t *text);   /* wiped: it may be a token's */

/* name=value, form-urlencoded, RFC 6749 appendix B; NULL: nothing */
void hars_text_form(hars_text_t *text, const char *name, const char *value);


#endif /* HARS_TEXT_H */

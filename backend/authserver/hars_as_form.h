
/*
 * application/x-www-form-urlencoded, RFC 6749 appendix B and section 3.2:
 * parameters without a value count as absent, none may stand twice, unknown
 * ones are nobody's business.  Decodes in place; pure.
 */

#ifndef HARS_AS_FORM_H
#define HARS_AS_FORM_H


#include <stddef.h>


#define HARS_FORM_PARAMS  32


typedef struct {
    char               *name;
    char               *value;
} hars_form_param_t;


typedef struct {
    unsigned            n;
    hars_form_param_t   param[HARS_FORM_PARAMS];
} hars_form_t;


/*
 * "body" has a zero byte behind its "len" bytes and is changed.  "repeated"
 * names the one parameter that may stand several times, NULL: none may.
 * Returns HARS_OK, or HARS_ERROR and a constant text for the client.
 */
int hars_form_parse(hars_form_t *form, char *body, size_t len,
    const char *repeated, const char **error);

/* "+" and %XX in place; HARS_ERROR: it is malformed */
int hars_form_decode(char *s);

/* the (first) value, or NULL where it is absent or empty */
const char *hars_form_get(const hars_form_t *form, const char *name);


#endif /* HARS_AS_FORM_H */

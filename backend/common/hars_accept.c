
/* See hars_accept.h for what this is. */

#include "hars_accept.h"
#include "hars_record.h"

#include <string.h>
#include <strings.h>


/* how precisely a range names a type, in this order */
typedef enum {
    HARS_ACCEPT_NOT = 0,
    HARS_ACCEPT_ANY,                      /* all types */
    HARS_ACCEPT_TYPE,                     /* all of a type */
    HARS_ACCEPT_EXACT
} hars_accept_e;


typedef struct {
    const char  *type;
    size_t       type_len;
    const char  *subtype;
    size_t       subtype_len;
    unsigned     params:1;                /* other ones than q */
    int          q;
} hars_accept_range_t;


static int hars_accept_range(const char **p, hars_accept_range_t *range);
static int hars_accept_param(const char **p, hars_accept_range_t *range);
static int hars_accept_value(const char **p);
static size_t hars_accept_token(const char *p);
static int hars_accept_q(const char *p, size_t len);
static hars_accept_e hars_accept_match(const hars_accept_range_t *range,
    const char *type);
static unsigned hars_accept_star(const char *p, size_t len);


int
hars_accept(const char *accept, const char *type)
{
    int                  q;
    hars_accept_e        match, best;
    hars_accept_range_t  range;

    q = 0;
    best = HARS_ACCEPT_NOT;

    for ( ;; ) {

        /* RFC 9110, 5.6.1.2: empty elements are skipped */

        accept += strspn(accept, " \t,");

        if (*accept == '\0') {
            return q;
        }

        if (hars_accept_range(&accept, &range) != HARS_OK) {
            return HARS_ERROR;
        }

        match = hars_accept_match(&range, type);

        if (match > best || (match == best && match && range.q > q)) {
            best = match;
            q = range.q;
        }
    }
}


static int
hars_accept_range(const char **p, hars_accept_range_t *range)
{
    memset(range, 0, sizeof(hars_accept_range_t));
    range->q = HARS_ACCEPT_FULL;

    range->type = *p;
    range->type_len = hars_accept_token(*p);
    *p += range->type_len;

    if (range->type_len == 0 || **p != '/') {
        return HARS_ERROR;
    }

    (*p)++;

    range->subtype = *p;
    range->subtype_len = hars_accept_token(*p);
    *p += range->subtype_len;

    if (range->subtype_len == 0
        || (hars_accept_star(range->type, range->type_len)
            && !hars_accept_star(range->subtype, range->subtype_len)))
    {
        return HARS_ERROR;
    }

    for ( ;; ) {
        *p += strspn(*p, " \t");

        if (**p == '\0' || **p == ',') {
            return HARS_OK;
        }

        if (*(*p)++ != ';' || hars_accept_param(p, range) != HARS_OK) {
            return HARS_ERROR;
        }
    }
}


/* RFC 9110, 5.6.6: none at all between two semicolons is allowed */
static int
hars_accept_param(const char **p, hars_accept_range_t *range)
{
    size_t       len;
    const char  *name, *value;

    *p += strspn(*p, " \t");

    name = *p;
    len = hars_accept_token(name);
    *p += len;

    if (len == 0) {
        return (**p == ';' || **p == ',' || **p == '\0') ? HARS_OK
                                                         : HARS_ERROR;
    }

    if (*(*p)++ != '=') {
        return HARS_ERROR;
    }

    value = *p;

    if (hars_accept_value(p) != HARS_OK) {
        return HARS_ERROR;
    }

    if (len != 1 || strncasecmp(name, "q", 1) != 0) {
        range->params = 1;
        return HARS_OK;
    }

    range->q = hars_accept_q(value, (size_t) (*p - value));

    return range->q == HARS_ERROR ? HARS_ERROR : HARS_OK;
}


/* a token or a quoted string */
static int
hars_accept_value(const char **p)
{
    size_t  len;

    if (**p != '"') {
        len = hars_accept_token(*p);
        *p += len;
        return len ? HARS_OK : HARS_ERROR;
    }

    for ((*p)++; **p && **p != '"'; (*p)++) {
        if (**p == '\\' && *++(*p) == '\0') {
            return HARS_ERROR;
        }
    }

    return *(*p) && *(*p)++ == '"' ? HARS_OK : HARS_ERROR;
}


/* RFC 9110, 5.6.2; its length */
static size_t
hars_accept_token(const char *p)
{
    return strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789!#$%&'*+-.^_`|~");
}


/* RFC 9110, 12.4.2: 0 to 1 with three digits; thousandths */
static int
hars_accept_q(const char *p, size_t len)
{
    int     q, unit;
    size_t  i;

    if (len == 0 || len > 5 || (p[0] != '0' && p[0] != '1')
        || (len > 1 && p[1] != '.'))
    {
        return HARS_ERROR;
    }

    q = (p[0] - '0') * HARS_ACCEPT_FULL;
    unit = HARS_ACCEPT_FULL / 10;

    for (i = 2; i < len; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return HARS_ERROR;
        }

        q += (p[i] - '0') * unit;
        unit /= 10;
    }

    return q > HARS_ACCEPT_FULL ? HARS_ERROR : q;
}


static hars_accept_e
hars_accept_match(const hars_accept_range_t *range, const char *type)
{
    size_t       len;
    const char  *subtype;

    len = strcspn(type, "/");
    subtype = type + len + 1;

    if (range->params) {
        return HARS_ACCEPT_NOT;
    }

    if (hars_accept_star(range->type, range->type_len)) {
        return HARS_ACCEPT_ANY;
    }

    if (range->type_len != len || strncasecmp(range->type, type, len) != 0) {
        return HARS_ACCEPT_NOT;
    }

    if (hars_accept_star(range->subtype, range->subtype_len)) {
        return HARS_ACCEPT_TYPE;
    }

    return range->subtype_len == strlen(subtype)
           && strncasecmp(range->subtype, subtype, range->subtype_len) == 0
           ? HARS_ACCEPT_EXACT : HARS_ACCEPT_NOT;
}


static unsigned
hars_accept_star(const char *p, size_t len)
{
    return len == 1 && *p == '*';
}

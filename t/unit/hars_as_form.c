
/* form-urlencoded bodies: RFC 6749, appendix B and 3.2 */

/* link: */

#include "../../backend/authserver/hars_as_form.c"

#include "tap.h"


static hars_form_t  form;
static char         body[4096];


static int
parse(const char *text, size_t len, const char *repeated)
{
    const char  *error;

    memcpy(body, text, len);
    body[len] = '\0';

    return hars_form_parse(&form, body, len, repeated, &error);
}

#define PARSE(text)  parse(text, sizeof(text) - 1, "resource")


static int
is(const char *name, const char *value)
{
    const char  *got;

    got = hars_form_get(&form, name);

    return value ? got && strcmp(got, value) == 0 : got == NULL;
}


int
main(void)
{
    char      many[HARS_FORM_PARAMS * 8 + 16], *p;
    size_t    i;
    unsigned  n;

    static const struct {
        const char  *text;
        size_t       len;
        const char  *why;
    } bad[] = {
#define CASE(text, why)  { text, sizeof(text) - 1, why }
        CASE("a=1&a=1", "a parameter twice"),
        CASE("a=1&%61=2", "twice, once escaped"),
        CASE("a=&a=1", "twice, once empty"),
        CASE("x=1&x=2&a=1", "an unknown one twice"),
        CASE("a=%", "a lone percent"),
        CASE("a=%4", "half an escape"),
        CASE("a=%g0", "an escape that is not hexadecimal"),
        CASE("a=b%00c", "an escaped zero"),
        CASE("%00=c", "an escaped zero in a name"),
        CASE("a=b\0&c=d", "a zero byte"),
#undef CASE
    };

    ok(PARSE("grant_type=client_credentials&scope=a+b%20c&e=") == HARS_OK,
       "a form");
    ok(is("grant_type", "client_credentials"), "a value");
    ok(is("scope", "a b c"), "blanks in both forms");
    ok(is("e", NULL), "an empty value is absent");
    ok(is("nothing", NULL), "absent");

    ok(PARSE("") == HARS_OK && form.n == 0, "an empty body");
    ok(PARSE("&&a=1&") == HARS_OK && form.n == 1, "empty pairs");
    ok(PARSE("a&b=2") == HARS_OK && is("a", NULL) && is("b", "2"),
       "a name alone");
    ok(PARSE("a=b=c") == HARS_OK && is("a", "b=c"), "\"=\" in a value");
    ok(PARSE("a=%2B%26%3d%C3%a9") == HARS_OK && is("a", "+&=\xc3\xa9"),
       "escapes in both cases");
    ok(PARSE("resource=x&resource=y") == HARS_OK && form.n == 2
       && is("resource", "x"), "what may be repeated is");
    ok(parse("resource=x&resource=y", 21, NULL) == HARS_ERROR,
       "and only where it may");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(parse(bad[i].text, bad[i].len, NULL) == HARS_ERROR, "refused: %s",
           bad[i].why);
    }

    for (p = many, n = 0; n < HARS_FORM_PARAMS; n++) {
        p += sprintf(p, "p%u=1&", n);
    }

    ok(parse(many, (size_t) (p - many), NULL) == HARS_OK,
       "as many parameters as there may be");
    p += sprintf(p, "last=1");
    ok(parse(many, (size_t) (p - many), NULL) == HARS_ERROR,
       "one parameter more");

    return tap_done();
}


/* lists of values, the syntax of values from outside, the table of kinds */

/* link: */

#include "../../backend/authserver/hars_as_words.c"
#include "../../backend/authserver/hars_as_kind.c"

#include "tap.h"


static void
lists(void)
{
    char  list[16];

    ok(hars_words_has("a bc d", ' ', "bc", 2), "has");
    ok(!hars_words_has("a bcd", ' ', "bc", 2), "has not the beginning");
    ok(!hars_words_has("a xbc", ' ', "bc", 2), "has not the end");
    ok(!hars_words_has("", ' ', "bc", 2), "the empty list has nothing");

    ok(hars_words_within("b a", "a b c", ' '), "within");
    ok(!hars_words_within("a d", "a b c", ' '), "not within");
    ok(hars_words_within("", "", ' '), "nothing is within nothing");

    ok(hars_words_meet("x\ny", "y\nz", '\n'), "meet");
    ok(!hars_words_meet("x\ny", "z", '\n'), "do not meet");
    ok(!hars_words_meet("", "", '\n'), "nothing does not meet nothing");

    list[0] = '\0';
    ok(hars_words_add(list, sizeof(list), ' ', "one", 3) == HARS_OK
       && hars_words_add(list, sizeof(list), ' ', "two", 3) == HARS_OK
       && hars_words_add(list, sizeof(list), ' ', "one", 3) == HARS_OK
       && strcmp(list, "one two") == 0, "add, once each");
    ok(hars_words_add(list, sizeof(list), ' ', "1234567", 7) == HARS_OK
       && strlen(list) == 15, "add up to the size");
    ok(hars_words_add(list, sizeof(list), ' ', "x", 1) == HARS_ERROR
       && strlen(list) == 15, "not beyond");
}


static void
syntax(void)
{
    char  id[80];

    ok(hars_words_scope("a"), "scope: one");
    ok(hars_words_scope("ml:recognize !#[]~"), "scope: all characters");
    ok(!hars_words_scope(""), "scope: empty");
    ok(!hars_words_scope(" a"), "scope: leading blank");
    ok(!hars_words_scope("a "), "scope: trailing blank");
    ok(!hars_words_scope("a  b"), "scope: two blanks");
    ok(!hars_words_scope("a\tb"), "scope: tab");
    ok(!hars_words_scope("a\"b"), "scope: quote");
    ok(!hars_words_scope("a\\b"), "scope: backslash");
    ok(!hars_words_scope("\xc3\xa9"), "scope: beyond ASCII");

    ok(hars_words_resource("https://ml.hars.localhost/"), "resource");
    ok(!hars_words_resource("http://ml.hars.localhost/"), "resource: http");
    ok(!hars_words_resource("https:///x"), "resource: no host");
    ok(!hars_words_resource("https://x/#f"), "resource: fragment");
    ok(!hars_words_resource("https://x/\n"), "resource: line feed");
    ok(!hars_words_resource("https://x/ y"), "resource: blank");
    ok(!hars_words_resource("/x"), "resource: relative");

    memset(id, 'a', sizeof(id));
    id[64] = '\0';
    ok(hars_words_id(id), "id: 64 characters");
    id[64] = 'a';
    id[65] = '\0';
    ok(!hars_words_id(id), "id: 65 characters");
    ok(!hars_words_id(""), "id: empty");
    ok(!hars_words_id("."), "id: a path's dot");
    ok(!hars_words_id(".."), "id: a path's dots");
    ok(hars_words_id("..a"), "id: dots and more");
    ok(!hars_words_id("a b"), "id: blank");
    ok(!hars_words_id("a\r\nb"), "id: line end");
    ok(hars_words_id("dcm-1_x.Y"), "id: all kinds of characters");
}


int
main(void)
{
    const hars_kind_t  *kind;

    lists();
    syntax();

    for (kind = hars_kinds; kind->name; kind++) {
        ok((kind->scope[0] == '\0' || hars_words_scope(kind->scope))
           && hars_kind_find(kind->name) == kind
           && kind->grant != kind->introspect, "kind %s", kind->name);
    }

    ok(hars_kind_find("admin") == NULL && hars_kind_find("") == NULL,
       "no other kind");

    return tap_done();
}


/*
 * Lists of values in one string, parted by one character, and the syntax of
 * the values that come from outside.  Pure.
 */

#ifndef HARS_AS_WORDS_H
#define HARS_AS_WORDS_H


#include <stddef.h>


#define HARS_WORDS_SCOPE     ' '
#define HARS_WORDS_RESOURCE  '\n'


/*
 * The next value from *p on, its length in *len; NULL: there is none.  Begin
 * with *p at the list's first character.  Empty values are skipped.
 */
const char *hars_words_next(const char **p, char sep, size_t *len);

int hars_words_has(const char *list, char sep, const char *word, size_t len);

/* is each value of the one list in the other? */
int hars_words_within(const char *part, const char *whole, char sep);

/* have the two lists a value in common? */
int hars_words_meet(const char *a, const char *b, char sep);

/* appends unless it is there; HARS_ERROR: does not fit into "size" */
int hars_words_add(char *list, size_t size, char sep, const char *word,
    size_t len);

/* RFC 6749, 3.3: is this a scope, values parted by single spaces? */
int hars_words_scope(const char *scope);

/* RFC 8707, 2: an absolute URI without fragment; ours are https */
int hars_words_resource(const char *uri);

/* a client_id or sub: 1 to 64 of A-Z a-z 0-9 . _ - */
int hars_words_id(const char *id);


#endif /* HARS_AS_WORDS_H */

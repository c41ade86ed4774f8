
/*
 * The bearer tokens of tlsload: lines of a file, or N that are made from a
 * prefix and their number, so that a million takes no file; and which of them
 * the next request brings.
 */

#ifndef TLSLOAD_TOKENS_H
#define TLSLOAD_TOKENS_H


#include <stdint.h>


typedef enum {
    HARS_TOKENS_RANDOM = 0,               /* uniform */
    HARS_TOKENS_ZIPF,                     /* the k-th has 1/k of the first's */
    HARS_TOKENS_EACH,                     /* a connection its own */
    HARS_TOKENS_ONCE                      /* in order, each one once */
} hars_tokens_draw_e;


typedef struct {
    unsigned             n;               /* 0: requests bring none */
    char               **line;            /* NULL: made from the prefix */
    const char          *prefix;
    hars_tokens_draw_e   draw;
    uint64_t             random;          /* state, never 0 */
    unsigned             drawn;           /* of HARS_TOKENS_ONCE */
    char                 made[256];
} hars_tokens_t;


/* the lines of a file; NULL, or what is wrong */
const char *hars_tokens_read(hars_tokens_t *tokens, const char *file);

/* -1: no such way to draw */
int hars_tokens_draw(hars_tokens_t *tokens, const char *name);

/* each one was drawn once */
int hars_tokens_over(const hars_tokens_t *tokens);

/* good until the next call; NULL: there are none */
const char *hars_tokens_next(hars_tokens_t *tokens, unsigned connection);


#endif /* TLSLOAD_TOKENS_H */

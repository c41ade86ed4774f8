
/*
 * See tlsload_tokens.h for what this is.  Zipf's law with s = 1 is drawn by
 * rejection-inversion (Hoermann and Derflinger, 1996), which is exact and
 * needs no table: the integral of 1/x is inverted, and what the steps of the
 * histogram lack of it is rejected.  Ranks are spread over the tokens, so that
 * those that are frequent were not stored one beside the other.
 */

#include "tlsload_tokens.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_TOKENS_SPREAD  2654435761u   /* a prime */


static const char *hars_tokens_one(hars_tokens_t *tokens, unsigned i);
static unsigned hars_tokens_zipf(hars_tokens_t *tokens);
static uint64_t hars_tokens_random(uint64_t *state);


const char *
hars_tokens_read(hars_tokens_t *tokens, const char *file)
{
    char    *line;
    FILE    *f;
    size_t   size;

    f = fopen(file, "r");
    if (f == NULL) {
        return strerror(errno);
    }

    for (line = NULL, size = 0; getline(&line, &size, f) > 0;
         line = NULL, size = 0)
    {
        line[strcspn(line, "\r\n")] = '\0';

        /* doubled where it is full: at 0, 1, 2, 4, ... */
        if ((tokens->n & (tokens->n - 1)) == 0) {
            tokens->line = realloc(tokens->line, (tokens->n ? tokens->n * 2
                                                  : 1) * sizeof(char *));
        }

        if (tokens->line == NULL) {
            fclose(f);
            return "no memory";
        }

        tokens->line[tokens->n++] = line;
    }

    free(line);
    fclose(f);

    return tokens->n ? NULL : "has no tokens";
}


int
hars_tokens_draw(hars_tokens_t *tokens, const char *name)
{
    unsigned            i;
    static const char  *names[] = { "random", "zipf", "each", "once" };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            tokens->draw = i;
            return 0;
        }
    }

    return -1;
}


int
hars_tokens_over(const hars_tokens_t *tokens)
{
    return tokens->draw == HARS_TOKENS_ONCE && tokens->drawn == tokens->n;
}


const char *
hars_tokens_next(hars_tokens_t *tokens, unsigned connection)
{
    if (tokens->n == 0) {
        return NULL;
    }

    switch (tokens->draw) {

    case HARS_TOKENS_RANDOM:
        return hars_tokens_one(tokens, hars_tokens_random(&tokens->random)
                                       % tokens->n);

    case HARS_TOKENS_ZIPF:
        return hars_tokens_one(tokens, (uint64_t) hars_tokens_zipf(tokens)
                                       * HARS_TOKENS_SPREAD % tokens->n);

    case HARS_TOKENS_EACH:
        return hars_tokens_one(tokens, connection);

    default: /* HARS_TOKENS_ONCE */
        return hars_tokens_one(tokens, tokens->drawn++);
    }
}


static const char *
hars_tokens_one(hars_tokens_t *tokens, unsigned i)
{
    if (tokens->line) {
        return tokens->line[i];
    }

    snprintf(tokens->made, sizeof(tokens->made),
             "%.200s-%08u-Zx93kQpL0aVbN7cTyUeR2wKd5s", tokens->prefix, i);

    return tokens->made;
}


/* a rank: 1 to n */
static unsigned
hars_tokens_zipf(hars_tokens_t *tokens)
{
    double  u, x, k, first, last;

    first = log(1.5) - 1;
    last = log(tokens->n + 0.5);

    for ( ;; ) {
        u = last + (double) (uint32_t) hars_tokens_random(&tokens->random)
                   / 4294967296.0 * (first - last);
        x = exp(u);
        k = floor(x + 0.5);
        k = k < 1 ? 1 : k > tokens->n ? tokens->n : k;

        if (u >= log(k + 0.5) - 1 / k) {
            return (unsigned) k;
        }
    }
}


/* xorshift64*: the same seed draws the same tokens; 32 bits of it */
static uint64_t
hars_tokens_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;

    return (*state * 0x2545f4914f6cdd1dull) >> 32;
}


/*
 * Which tokens are drawn: uniformly, by Zipf's law, each its own, each once.
 */

/* link: -lm */

#include "../../bench/tlsload_tokens.c"

#include "tap.h"

#define N      1000
#define DRAWS  2000000


static unsigned number(const char *token);
static void draw(hars_tokens_draw_e how);
static int rank_order(const void *a, const void *b);
static int near(double have, double want, double part);


static unsigned  seen[N];


int
main(void)
{
    unsigned       i, low, high;
    double         harmonic;
    hars_tokens_t  tokens = { .n = N, .prefix = "t", .random = 7,
                              .draw = HARS_TOKENS_ONCE };

    for (i = 0; !hars_tokens_over(&tokens); i++) {
        if (number(hars_tokens_next(&tokens, 3)) != i) {
            break;
        }
    }

    ok(i == N, "once: each one in order");

    tokens.draw = HARS_TOKENS_EACH;
    ok(number(hars_tokens_next(&tokens, 3)) == 3, "each: the connection's");

    draw(HARS_TOKENS_RANDOM);

    for (i = 0, low = DRAWS, high = 0; i < N; i++) {
        low = seen[i] < low ? seen[i] : low;
        high = seen[i] > high ? seen[i] : high;
    }

    ok(near(low, DRAWS / N, 0.1) && near(high, DRAWS / N, 0.1),
       "random: all alike, %u to %u times", low, high);

    draw(HARS_TOKENS_ZIPF);
    qsort(seen, N, sizeof(seen[0]), rank_order);

    for (i = 1, harmonic = 0; i <= N; i++) {
        harmonic += 1.0 / i;
    }

    ok(near(seen[0], DRAWS / harmonic, 0.01), "zipf: the first");
    ok(near(seen[1], DRAWS / harmonic / 2, 0.01), "half of it the second");
    ok(near(seen[9], DRAWS / harmonic / 10, 0.03), "a tenth the tenth");
    ok(near(seen[N / 2], DRAWS / harmonic / (N / 2 + 1), 0.1),
       "and so on, to those in the middle");

    return tap_done();
}


/* counts how often which one comes */
static void
draw(hars_tokens_draw_e how)
{
    unsigned       i;
    hars_tokens_t  tokens = { .n = N, .prefix = "t", .random = 7,
                              .draw = how };

    memset(seen, 0, sizeof(seen));

    for (i = 0; i < DRAWS; i++) {
        seen[number(hars_tokens_next(&tokens, 0))]++;
    }
}


static unsigned
number(const char *token)
{
    return (unsigned) strtoul(token + 2, NULL, 10);
}


static int
rank_order(const void *a, const void *b)
{
    return *(const unsigned *) a < *(const unsigned *) b ? 1 : -1;
}


static int
near(double have, double want, double part)
{
    return have > want * (1 - part) && have < want * (1 + part);
}

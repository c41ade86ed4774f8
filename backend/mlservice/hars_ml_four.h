
/*
 * Four doubles at a time: the same operation on the values of four signals,
 * or on four moments of one.  Compilers make of it what a processor has, AVX
 * or pairs; a lane's bits are the same everywhere, since nothing is fused or
 * reordered (-ffp-contract=off).
 *
 * All is inlined: no function takes or returns one, so that an ABI which
 * depends on AVX is no matter here (-Wno-psabi).
 */

#ifndef HARS_ML_FOUR_H
#define HARS_ML_FOUR_H


#include <math.h>
#include <stdint.h>
#include <string.h>


#define HARS_FOUR  static inline __attribute__((always_inline, unused))


typedef double    hars_four_t __attribute__((vector_size(32)));
typedef int64_t   hars_choice_t __attribute__((vector_size(32)));
typedef uint64_t  hars_four_bits_t __attribute__((vector_size(32)));


/* wherever they are in memory */
HARS_FOUR hars_four_t
hars_four_load(const double *p)
{
    hars_four_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


HARS_FOUR void
hars_four_store(double *p, hars_four_t v)
{
    memcpy(p, &v, sizeof(v));
}


HARS_FOUR hars_four_t
hars_four_all(double x)
{
    return (hars_four_t) { x, x, x, x };
}


/* where the mask is -1 "a", where it is 0 "b" */
HARS_FOUR hars_four_t
hars_four_choose(hars_choice_t mask, hars_four_t a, hars_four_t b)
{
    return (hars_four_t) ((mask & (hars_choice_t) a)
                          | (~mask & (hars_choice_t) b));
}


/* in this form compilers see a minimum and a maximum */
HARS_FOUR hars_four_t
hars_four_min(hars_four_t a, hars_four_t b)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        a[i] = a[i] < b[i] ? a[i] : b[i];
    }

    return a;
}


HARS_FOUR hars_four_t
hars_four_max(hars_four_t a, hars_four_t b)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        a[i] = a[i] > b[i] ? a[i] : b[i];
    }

    return a;
}


HARS_FOUR hars_four_t
hars_four_abs(hars_four_t a)
{
    return (hars_four_t) ((hars_four_bits_t) a & (UINT64_MAX >> 1));
}


HARS_FOUR hars_four_t
hars_four_sqrt(hars_four_t a)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        a[i] = sqrt(a[i]);
    }

    return a;
}


/* rows become columns */
HARS_FOUR void
hars_four_transpose(hars_four_t v[4])
{
    hars_four_t  a, b, c, d;

    a = __builtin_shufflevector(v[0], v[1], 0, 4, 2, 6);
    b = __builtin_shufflevector(v[0], v[1], 1, 5, 3, 7);
    c = __builtin_shufflevector(v[2], v[3], 0, 4, 2, 6);
    d = __builtin_shufflevector(v[2], v[3], 1, 5, 3, 7);

    v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    v[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    v[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}


/*
 * The natural logarithm of positive normal numbers, off by less than one
 * place of the last bit; of anything from 0 to 2 some finite number.
 *
 *     x = 2^k m, sqrt(1/2) <= m < sqrt(2), f = m - 1, s = f / (2 + f):
 *     log x = k ln 2 + f - (f^2/2 - s (f^2/2 + R(s^2)))
 *
 * R and ln 2 in two parts are those of fdlibm's log.
 */
HARS_FOUR hars_four_t
hars_four_log(hars_four_t x)
{
    hars_four_bits_t  bits;
    hars_four_t  k, f, half, s, z, w, r;

    static const uint64_t  root = 0x3fe6a09e667f3bcd;      /* sqrt(1/2) */
    static const uint64_t  one = 0x3ff0000000000000;
    static const uint64_t  whole = 0x4330000000000000;     /* 2^52 */

    bits = (hars_four_bits_t) x + (one - root);

    k = (hars_four_t) ((bits >> 52) | whole) - (4503599627370496.0 + 1023);
    f = (hars_four_t) ((bits & (UINT64_MAX >> 12)) + root) - 1.0;

    s = f / (2.0 + f);
    z = s * s;
    w = z * z;
    r = w * (3.999999999940941908e-01
             + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
        + z * (6.666666666666735130e-01
               + w * (2.857142874366239149e-01
                      + w * (1.818357216161805012e-01
                             + w * 1.479819860511658591e-01)));
    half = 0.5 * f * f;

    return k * 6.93147180369123816490e-01
           - ((half - (s * (half + r) + k * 1.90821492927058770002e-10)) - f);
}


#endif /* HARS_ML_FOUR_H */

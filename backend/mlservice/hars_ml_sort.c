
/*
 * Sorts the values of four signals, each for itself: Batcher's odd-even merge
 * sort, 1471 compare-exchanges for 128 rows, the same ones whatever the
 * values are, so no branch depends on data.
 *
 * A merge of two sorted halves of p rows exchanges rows i and i + k for k =
 * p, p/2 ... 1.  What fits into the registers is exchanged there: four rows
 * to begin with, of a merge the first three k, and the last two in one walk.
 */


#include "hars_ml.h"


static void hars_sort_eight(hars_four_t *row);
static void hars_sort_four(hars_four_t *row);
static void hars_sort_merge(hars_four_t *row, unsigned p);
static void hars_sort_first(hars_four_t *row, unsigned k);
static void hars_sort_step(hars_four_t *row, unsigned p, unsigned k);
static void hars_sort_last(hars_four_t *row, unsigned p);
static void hars_sort_exchange(hars_four_t *low, hars_four_t *high);


HARS_ML_WIDE void
hars_fours_sort(hars_four_t *row)
{
    unsigned  p, i;

    for (i = 0; i < HARS_ML_WINDOW; i += 8) {
        hars_sort_eight(row + i);
    }

    for (p = 8; p < HARS_ML_WINDOW; p *= 2) {
        for (i = 0; i < HARS_ML_WINDOW; i += 2 * p) {
            hars_sort_merge(row + i, p);
        }
    }
}


static void
hars_sort_eight(hars_four_t *row)
{
    hars_sort_four(row);
    hars_sort_four(row + 4);
    hars_sort_first(row, 1);
}


static void
hars_sort_four(hars_four_t *row)
{
    hars_four_t  a, b, c, d;

    a = row[0];
    b = row[1];
    c = row[2];
    d = row[3];

    hars_sort_exchange(&a, &b);
    hars_sort_exchange(&c, &d);
    hars_sort_exchange(&a, &c);
    hars_sort_exchange(&b, &d);
    hars_sort_exchange(&b, &c);

    row[0] = a;
    row[1] = b;
    row[2] = c;
    row[3] = d;
}


/* two sorted halves of p = 8, 16, 32 or 64 rows */
static void
hars_sort_merge(hars_four_t *row, unsigned p)
{
    unsigned  i, k;

    for (i = 0; i < p / 4; i++) {
        hars_sort_first(row + i, p / 4);
    }

    for (k = p / 8; k > 2; k /= 2) {
        hars_sort_step(row, p, k);
    }

    if (k == 2) {
        hars_sort_last(row, p);

    } else {
        hars_sort_step(row, p, 1);
    }
}


/* 4 k, 2 k and k, of every k-th row of eight */
static void
hars_sort_first(hars_four_t *row, unsigned k)
{
    hars_four_t  a, b, c, d, e, f, g, h;

    a = row[0];
    b = row[k];
    c = row[2 * k];
    d = row[3 * k];
    e = row[4 * k];
    f = row[5 * k];
    g = row[6 * k];
    h = row[7 * k];

    hars_sort_exchange(&a, &e);
    hars_sort_exchange(&b, &f);
    hars_sort_exchange(&c, &g);
    hars_sort_exchange(&d, &h);

    hars_sort_exchange(&c, &e);
    hars_sort_exchange(&d, &f);

    hars_sort_exchange(&b, &c);
    hars_sort_exchange(&d, &e);
    hars_sort_exchange(&f, &g);

    row[0] = a;
    row[k] = b;
    row[2 * k] = c;
    row[3 * k] = d;
    row[4 * k] = e;
    row[5 * k] = f;
    row[6 * k] = g;
    row[7 * k] = h;
}


static void
hars_sort_step(hars_four_t *row, unsigned p, unsigned k)
{
    unsigned  i, j;

    for (j = k; j + k < 2 * p; j += 2 * k) {
        for (i = j; i < j + k; i++) {
            hars_sort_exchange(row + i, row + i + k);
        }
    }
}


/* 2 and 1: what a step of 2 leaves in its last row waits for the next four */
static void
hars_sort_last(hars_four_t *row, unsigned p)
{
    unsigned     i;
    hars_four_t  before, a, b, c, d;

    before = row[1];

    for (i = 2; i + 4 < 2 * p; i += 4) {
        a = row[i];
        b = row[i + 1];
        c = row[i + 2];
        d = row[i + 3];

        hars_sort_exchange(&a, &c);
        hars_sort_exchange(&b, &d);
        hars_sort_exchange(&before, &a);
        hars_sort_exchange(&b, &c);

        row[i - 1] = before;
        row[i] = a;
        row[i + 1] = b;
        row[i + 2] = c;
        before = d;
    }

    hars_sort_exchange(&before, &row[i]);
    row[i - 1] = before;
}


static inline void
hars_sort_exchange(hars_four_t *low, hars_four_t *high)
{
    hars_four_t  a, b;

    a = *low;
    b = *high;

    *low = hars_four_min(a, b);
    *high = hars_four_max(a, b);
}

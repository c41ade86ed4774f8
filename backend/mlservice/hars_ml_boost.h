
/*
 * What the two files of boosting share: the windows in steps of their
 * inputs, how steep the loss is at each, and the forest that grows.
 * hars_ml_boost.c has the loss and the rounds, hars_ml_boost_tree.c one tree.
 */

#ifndef HARS_ML_BOOST_H
#define HARS_ML_BOOST_H


#include "hars_ml_train.h"


#define HARS_BOOST_BINS      64


typedef struct {
    float                 g;             /* slope of the loss */
    float                 h;             /* and how it bends */
} hars_slope_t;

typedef struct {
    const hars_fit_t     *fit;
    hars_forest_t        *forest;
    unsigned              nclasses;
    unsigned              inputs;
    unsigned              n;             /* windows */
    uint64_t              random;

    uint8_t              *bin;           /* [input][n] */
    uint8_t              *class;         /* [n] */
    float               (*edge)[HARS_BOOST_BINS];  /* [input], highest of */
    int32_t             (*score)[HARS_ML_CLASSES]; /* [n] */
    hars_slope_t         *slope;         /* [n], of this tree's activity */
    uint32_t             *order;         /* [n], windows bough by bough */
    uint32_t             *aside;         /* [n] */
    unsigned              taken;         /* windows of this tree */
} hars_booster_t;


/* one tree for "class", of the windows that b->order begins with */
void hars_boost_tree(hars_booster_t *b, unsigned class);


#endif /* HARS_ML_BOOST_H */

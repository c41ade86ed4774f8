
/*
 * Is this section a forest that every walk ends in?
 *
 *     trees:32  leaves:32  nodes of each tree:32
 *     shares[leaves][classes] int16
 *     nodes: threshold float or, of a leaf, its index:32; input:16;
 *            left:16 from the root on, of a leaf 0
 *
 * left and left + 1 are in the tree and behind their parent, so that no walk
 * goes round; inputs and leaves are ones that there are.
 */


#include "hars_ml_reader.h"

#include <math.h>
#include <stdlib.h>


#define HARS_NODE_SIZE       8           /* bytes in the file */
#define HARS_THRESHOLD_MAX   1e30f


static int hars_forest_sizes(hars_forest_t *forest, unsigned nclasses,
    hars_reader_t *r);
static void hars_forest_shares(hars_forest_t *forest, unsigned nclasses,
    hars_reader_t *r);
static int hars_forest_node(hars_forest_t *forest, uint32_t tree,
    uint32_t node, unsigned inputs, hars_reader_t *r);


int
hars_forest_read(hars_forest_t *forest, const hars_model_t *model,
    hars_reader_t *r)
{
    uint32_t  tree, node;

    if (hars_forest_sizes(forest, model->nclasses, r) != HARS_OK) {
        return HARS_ERROR;
    }

    forest->node = malloc(forest->nodes * sizeof(hars_node_t));
    forest->leaf = calloc(forest->nodes, sizeof(uint16_t));
    forest->share = calloc(forest->leaves, sizeof(forest->share[0]));

    if (!forest->node || !forest->leaf || !forest->share) {
        return HARS_ERROR;
    }

    hars_forest_shares(forest, model->nclasses, r);

    for (tree = 0; tree < forest->trees; tree++) {
        for (node = forest->root[tree]; node < forest->root[tree + 1];
             node++)
        {
            if (hars_forest_node(forest, tree, node, model->inputs, r)
                != HARS_OK)
            {
                return HARS_ERROR;
            }
        }
    }

    return HARS_OK;
}


static int
hars_forest_sizes(hars_forest_t *forest, unsigned nclasses, hars_reader_t *r)
{
    size_t    len;
    uint32_t  tree, n;

    len = (size_t) (r->end - r->pos);

    if (len < 8) {
        return HARS_ERROR;
    }

    forest->trees = hars_get_u32(r->pos);
    forest->leaves = hars_get_u32(r->pos + 4);
    r->pos += 8;

    if (forest->trees < 1 || forest->trees > HARS_ML_TREES
        || forest->leaves < 1 || forest->leaves > HARS_ML_LEAVES
        || len < 8 + 4 * (size_t) forest->trees)
    {
        return HARS_ERROR;
    }

    for (tree = 0; tree < forest->trees; tree++) {
        n = hars_get_u32(r->pos);
        r->pos += 4;

        if (n < 1 || n > HARS_ML_NODES) {
            return HARS_ERROR;
        }

        forest->root[tree] = forest->nodes;
        forest->nodes += n;
    }

    forest->root[tree] = forest->nodes;

    return len == 8 + 4 * (size_t) forest->trees
                  + (size_t) forest->leaves * nclasses * 2
                  + (size_t) forest->nodes * HARS_NODE_SIZE
           ? HARS_OK : HARS_ERROR;
}


static void
hars_forest_shares(hars_forest_t *forest, unsigned nclasses,
    hars_reader_t *r)
{
    unsigned  i, k;

    for (i = 0; i < forest->leaves; i++) {
        for (k = 0; k < nclasses; k++) {
            forest->share[i][k] = (int16_t) (r->pos[0] | r->pos[1] << 8);
            r->pos += 2;
        }
    }
}


static int
hars_forest_node(hars_forest_t *forest, uint32_t tree, uint32_t node,
    unsigned inputs, hars_reader_t *r)
{
    uint32_t      index, first, left;
    hars_node_t  *p;

    p = &forest->node[node];
    first = forest->root[tree];

    index = hars_get_u32(r->pos);
    p->input = (uint16_t) (r->pos[4] | r->pos[5] << 8);
    left = (uint32_t) (r->pos[6] | r->pos[7] << 8);

    if (p->input >= inputs) {
        return HARS_ERROR;
    }

    if (left == 0) {
        r->pos += HARS_NODE_SIZE;
        p->threshold = INFINITY;
        p->left = (uint16_t) (node - first);
        forest->leaf[node] = (uint16_t) index;

        return index < forest->leaves ? HARS_OK : HARS_ERROR;
    }

    if (hars_get_floats(r, &p->threshold, 1, HARS_THRESHOLD_MAX) != HARS_OK
        || first + left <= node
        || first + left + 1 >= forest->root[tree + 1])
    {
        return HARS_ERROR;
    }

    r->pos += HARS_NODE_SIZE - sizeof(float);
    p->left = (uint16_t) left;

    return HARS_OK;
}

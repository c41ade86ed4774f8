
/*
 * hars-train: makes the model that hars-mlservice answers with, and says how
 * good it is.
 *
 *     hars-train train --out MODEL DIR      fit to all recordings of DIR
 *     hars-train evaluate DIR               ask the shipped model for DIR
 *     hars-train evaluate --model MODEL DIR ask another one
 *     hars-train evaluate --folds N DIR     leave people out, fold by fold
 *     hars-train inspect MODEL
 *
 * Progress goes to standard error, results to standard output.  Exit status:
 * 0 done, 1 failed, 2 usage.
 */


#include "hars_ml_train.h"
#include "hars_version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef int (*hars_command_pt)(const hars_train_t *t);

typedef struct {
    const char       *name;
    hars_command_pt   run;
} hars_command_t;


static int hars_train_options(hars_train_t *t, int argc, char **argv);
static int hars_train_fit(hars_train_t *t, int c);
static int hars_train_usage(const char *what);
static int hars_train_weights(hars_train_t *t, const char *text);
static int hars_train_number(const char *text, unsigned min, unsigned max,
    unsigned *value);


static const char  hars_train_help[] =
    "Usage: hars-train train --out MODEL DIR\n"
    "       hars-train evaluate [--model MODEL | --folds N] [--json] DIR\n"
    "       hars-train inspect MODEL\n"
    "\n"
    "DIR has recordings as *.csv or *.csv.gz with the columns subject,\n"
    "activity, trial, timestamp_s, ax, ay, az (m/s^2 with gravity),\n"
    "gx, gy, gz (rad/s).\n"
    "\n"
    "train fits a model to all of them, evaluates as below and writes MODEL.\n"
    "evaluate asks MODEL, or the shipped model that knows DIR's activities,\n"
    "for all windows; with --folds it leaves people out, fold by fold.\n"
    "Activities named other_... are there to be told as unknown.\n"
    "inspect says what is in MODEL.\n"
    "\n"
    "  --folds N         folds of people (6); as many as people: one each\n"
    "  --calibrate N     with --folds: each person gives the first N seconds\n"
    "                    of each activity, which are not counted\n"
    "  --json            the report as JSON\n"
    "  --svg PATH        a confusion matrix and a timeline as SVG\n"
    "  --seed N          of the trees (1)\n"
    "  --trees N         of the forest (100)\n"
    "  --leaf N          least windows of a leaf (2)\n"
    "  --tries N         inputs tried for a split (40)\n"
    "  --rounds N        boosted trees of each activity (200)\n"
    "  --depth N         of a boosted tree (4)\n"
    "  --drawn N         inputs tried at its nodes (20)\n"
    "  --rate N          of boosting, of 1000 (100)\n"
    "  --late            inputs also as their means of late, 3 windows or so\n"
    "  --weights A,B,C   percent of k-NN, forest, boosted trees (20,30,50)\n"
    "  --dims N          principal components (40)\n"
    "  --neighbours N    k of k-NN (15)\n"
    "  --placement NAME  where the device was worn (pocket)\n"
    "  --data NAME       what the model says it was trained on (DIR's name)\n"
    "  --unrounded       evaluate with prototypes not rounded to 16 bits\n"
    "  --quiet           no progress\n"
    "  --help, --version\n";

static const hars_command_t  hars_train_command[] = {
    { "train", hars_train_train },
    { "evaluate", hars_train_evaluate },
    { "inspect", hars_train_inspect }
};

static const struct option  hars_train_option[] = {
    { "out", required_argument, NULL, 'o' },
    { "model", required_argument, NULL, 'm' },
    { "folds", required_argument, NULL, 'f' },
    { "dims", required_argument, NULL, 'd' },
    { "neighbours", required_argument, NULL, 'k' },
    { "placement", required_argument, NULL, 'p' },
    { "data", required_argument, NULL, 'n' },
    { "json", no_argument, NULL, 'j' },
    { "svg", required_argument, NULL, 's' },
    { "seed", required_argument, NULL, 'e' },
    { "trees", required_argument, NULL, 't' },
    { "leaf", required_argument, NULL, 'l' },
    { "tries", required_argument, NULL, 'i' },
    { "rounds", required_argument, NULL, 'r' },
    { "depth", required_argument, NULL, 'h' },
    { "drawn", required_argument, NULL, 'c' },
    { "rate", required_argument, NULL, 'a' },
    { "late", no_argument, NULL, 'L' },
    { "calibrate", required_argument, NULL, 'b' },
    { "weights", required_argument, NULL, 'w' },
    { "unrounded", no_argument, NULL, 'u' },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'H' },
    { "version", no_argument, NULL, 'v' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int           rc;
    size_t        i;
    hars_train_t  t;

    memset(&t, 0, sizeof(t));
    t.fit.inputs = HARS_ML_OF_WINDOW;
    t.fit.dims = 40;
    t.fit.k = 15;
    t.fit.trees = 100;
    t.fit.leaf = 2;
    t.fit.tries = 40;
    t.fit.seed = 1;
    t.fit.rounds = 200;
    t.fit.depth = 4;
    t.fit.drawn = 20;
    t.fit.rate = 100;
    t.fit.weight[0] = 0.2f;
    t.fit.weight[1] = 0.3f;
    t.fit.weight[2] = 0.5f;

    rc = hars_train_options(&t, argc, argv);

    if (rc >= 0) {
        return rc;
    }

    if (argc - optind != 2) {
        return hars_train_usage("a command and one path are needed");
    }

    if (t.folds && t.model) {
        return hars_train_usage("--folds trains models of its own, --model "
                                "is not for it");
    }

    t.path = argv[optind + 1];

    for (i = 0; i < sizeof(hars_train_command) / sizeof(hars_command_t); i++)
    {
        if (strcmp(argv[optind], hars_train_command[i].name) == 0) {
            return hars_train_command[i].run(&t);
        }
    }

    return hars_train_usage("there is no such command");
}


/* -1: go on; otherwise the exit status */
static int
hars_train_options(hars_train_t *t, int argc, char **argv)
{
    int  c, rc;

    rc = -1;

    while (rc == -1
           && (c = getopt_long(argc, argv, "", hars_train_option, NULL))
              != -1)
    {
        switch (c) {
        case 'o':
            t->out = optarg;
            break;
        case 'm':
            t->model = optarg;
            break;
        case 'p':
            t->placement = optarg;
            break;
        case 'n':
            t->data = optarg;
            break;
        case 's':
            t->svg = optarg;
            break;
        case 'j':
            t->json = 1;
            break;
        case 'L':
            t->fit.inputs = HARS_ML_INPUTS;
            break;
        case 'u':
            t->fit.unrounded = 1;
            break;
        case 'q':
            t->quiet = 1;
            break;
        case 'H':
            fputs(hars_train_help, stdout);
            return EXIT_SUCCESS;
        case 'v':
            printf("hars-train %s\n", HARS_VERSION);
            return EXIT_SUCCESS;
        default:
            rc = hars_train_fit(t, c);
        }
    }

    return rc;
}


/* the options that are numbers */
static int
hars_train_fit(hars_train_t *t, int c)
{
    int       rc;
    unsigned  n;

    n = 0;

    switch (c) {
    case 'f':
        rc = hars_train_number(optarg, 2, 64, &t->folds);
        break;
    case 'd':
        rc = hars_train_number(optarg, 1, HARS_ML_DIMS, &t->fit.dims);
        break;
    case 'k':
        rc = hars_train_number(optarg, 1, HARS_ML_K, &t->fit.k);
        break;
    case 'e':
        rc = hars_train_number(optarg, 0, UINT32_MAX, &n);
        t->fit.seed = n;
        break;
    case 't':
        rc = hars_train_number(optarg, 1, HARS_ML_TREES, &t->fit.trees);
        break;
    case 'l':
        rc = hars_train_number(optarg, 1, 1000, &t->fit.leaf);
        break;
    case 'i':
        rc = hars_train_number(optarg, 1, HARS_ML_INPUTS, &t->fit.tries);
        break;
    case 'r':
        rc = hars_train_number(optarg, 1, HARS_ML_TREES, &t->fit.rounds);
        break;
    case 'h':
        rc = hars_train_number(optarg, 1, 8, &t->fit.depth);
        break;
    case 'a':
        rc = hars_train_number(optarg, 1, 1000, &t->fit.rate);
        break;
    case 'c':
        rc = hars_train_number(optarg, 1, HARS_ML_INPUTS, &t->fit.drawn);
        break;
    case 'b':
        rc = hars_train_number(optarg, 3, 60, &n);
        t->fit.own = (unsigned) (((double) n * HARS_ML_RATE - HARS_ML_WINDOW)
                                 / HARS_ML_HOP) + 1;
        break;
    case 'w':
        return hars_train_weights(t, optarg);
    default:
        return hars_train_usage(NULL);
    }

    return rc == HARS_OK ? -1 : HARS_TRAIN_USAGE;
}


static int
hars_train_weights(hars_train_t *t, const char *text)
{
    char      rest;
    unsigned  w[HARS_ML_VOTERS], i;

    if (sscanf(text, "%3u,%3u,%3u%c", &w[0], &w[1], &w[2], &rest) != 3
        || w[0] + w[1] + w[2] != 100)
    {
        return hars_train_usage("--weights needs three percents, in all 100");
    }

    for (i = 0; i < HARS_ML_VOTERS; i++) {
        t->fit.weight[i] = (float) w[i] / 100;
    }

    return -1;
}


static int
hars_train_number(const char *text, unsigned min, unsigned max,
    unsigned *value)
{
    char           *end;
    unsigned long   n;

    n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max) {
        fprintf(stderr, "hars-train: %s is not a number from %u to %u\n",
                text, min, max);
        return HARS_ERROR;
    }

    *value = (unsigned) n;

    return HARS_OK;
}


static int
hars_train_usage(const char *what)
{
    if (what) {
        fprintf(stderr, "hars-train: %s\n", what);
    }

    fputs("Try hars-train --help.\n", stderr);

    return HARS_TRAIN_USAGE;
}

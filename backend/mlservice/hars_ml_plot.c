
/*
 * A report as one SVG: the confusion matrix in shares of each activity, how
 * often answers of a confidence were right, and the timeline of each person,
 * truth above answers, window after window.  Nothing is loaded from
 * elsewhere, and names of files are escaped: a browser may open it.
 */


#include "hars_ml_train.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>


#define HARS_CELL    64
#define HARS_LEFT    130
#define HARS_TOP     60
#define HARS_ROW     34              /* of a person */
#define HARS_WIDE    1000            /* of a timeline */


static void hars_plot_confusion(FILE *f, const hars_dataset_t *set,
    const hars_score_t *score);
static void hars_plot_reliability(FILE *f, const hars_report_t *report,
    unsigned left);
static void hars_plot_person(FILE *f, const hars_dataset_t *set,
    const hars_vote_t *votes, unsigned person, unsigned y);
static void hars_plot_run(FILE *f, unsigned class, double x, double width,
    unsigned y);
static void hars_plot_text(FILE *f, double x, double y, const char *anchor,
    const char *text);


static const char  *hars_plot_colour[] = {
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377",
    "#bbbbbb", "#000000"
};


int
hars_plot(const hars_dataset_t *set, const hars_vote_t *votes,
    const hars_report_t *report, const char *path)
{
    int        rc;
    FILE      *f;
    unsigned   p, y, side;

    f = fopen(path, "w");
    if (f == NULL) {
        fprintf(stderr, "hars-train: %s: %s\n", path, strerror(errno));
        return HARS_ERROR;
    }

    side = HARS_CELL * set->nclasses;
    y = HARS_TOP + side + 60;

    fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" "
            "height=\"%u\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            HARS_LEFT + HARS_WIDE + 40, y + HARS_ROW * set->npeople + 20);

    hars_plot_confusion(f, set, &report->window);
    hars_plot_reliability(f, report, HARS_LEFT + side + 120);

    for (p = 0; p < set->npeople; p++) {
        hars_plot_person(f, set, votes, p, y + HARS_ROW * p);
    }

    fprintf(f, "</svg>\n");

    rc = ferror(f) ? HARS_ERROR : HARS_OK;

    if (fclose(f) != 0 || rc != HARS_OK) {
        fprintf(stderr, "hars-train: %s: %s\n", path, strerror(errno));
        return HARS_ERROR;
    }

    return HARS_OK;
}


static void
hars_plot_confusion(FILE *f, const hars_dataset_t *set,
    const hars_score_t *score)
{
    char      text[32];
    double    part;
    size_t    truth;
    unsigned  k, j;

    for (k = 0; k < set->nclasses; k++) {
        truth = 0;

        for (j = 0; j < set->nclasses; j++) {
            truth += score->confusion[k][j];
        }

        hars_plot_text(f, HARS_LEFT - 8, HARS_TOP + HARS_CELL * (k + 0.55),
                       "end", set->class_name[k]);
        hars_plot_text(f, HARS_LEFT + HARS_CELL * (k + 0.5), HARS_TOP - 8,
                       "middle", set->class_name[k]);
        fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"10\" height=\"10\" "
                "fill=\"%s\"/>\n", HARS_LEFT - 125,
                HARS_TOP + HARS_CELL * k + HARS_CELL / 2 - 6,
                hars_plot_colour[k % 8]);

        for (j = 0; j < set->nclasses; j++) {
            part = truth ? (double) score->confusion[k][j] / (double) truth
                         : 0;

            fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
                    "fill=\"%s\" fill-opacity=\"%.3f\" stroke=\"#ccc\"/>\n",
                    HARS_LEFT + HARS_CELL * j, HARS_TOP + HARS_CELL * k,
                    HARS_CELL, HARS_CELL, j == k ? "#228833" : "#cc3311",
                    0.8 * part);
            snprintf(text, sizeof(text), "%zu", score->confusion[k][j]);
            hars_plot_text(f, HARS_LEFT + HARS_CELL * (j + 0.5),
                           HARS_TOP + HARS_CELL * (k + 0.55), "middle", text);
        }
    }
}


static void
hars_plot_reliability(FILE *f, const hars_report_t *report, unsigned left)
{
    char               text[48];
    double             x, y;
    unsigned           b;
    const hars_bin_t  *bin;

    enum { side = 260 };

    fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
            "fill=\"none\" stroke=\"#ccc\"/>\n<line x1=\"%u\" y1=\"%u\" "
            "x2=\"%u\" y2=\"%u\" stroke=\"#ccc\"/>\n", left, HARS_TOP, side,
            side, left, HARS_TOP + side, left + side, HARS_TOP);

    for (b = 0; b < HARS_ML_BINS; b++) {
        bin = &report->bin[b];

        if (bin->n) {
            x = bin->confidence / (double) bin->n;
            y = (double) bin->right / (double) bin->n;
            fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" "
                    "fill=\"#4477aa\"/>\n", left + side * x,
                    HARS_TOP + side * (1 - y));
        }
    }

    snprintf(text, sizeof(text), "right by confidence, ECE %.4f",
             report->ece);
    hars_plot_text(f, left + side / 2, HARS_TOP - 8, "middle", text);
}


/* runs of the same activity are one rectangle */
static void
hars_plot_person(FILE *f, const hars_dataset_t *set,
    const hars_vote_t *votes, unsigned person, unsigned y)
{
    double    step;
    size_t    i, n, first[2];
    unsigned  row, now[2], last[2];

    for (i = 0, n = 0; i < set->n; i++) {
        n += set->person[i] == person && set->class[i] < set->nclasses;
    }

    hars_plot_text(f, HARS_LEFT - 8, y + 17, "end",
                   set->person_name[person]);

    step = n ? HARS_WIDE / (double) n : 0;
    memset(first, 0, sizeof(first));
    memset(last, 255, sizeof(last));

    for (i = 0, n = 0; i <= set->n; i++) {

        if (i < set->n && (set->person[i] != person
                           || set->class[i] >= set->nclasses))
        {
            continue;
        }

        now[0] = i < set->n ? set->class[i] : HARS_ML_NONE;
        now[1] = i < set->n ? votes[i].class : HARS_ML_NONE;

        for (row = 0; row < 2; row++) {
            if (now[row] != last[row] || i == set->n) {
                hars_plot_run(f, last[row], step * (double) first[row],
                              step * (double) (n - first[row]),
                              y + 13 * row);
                first[row] = n;
                last[row] = now[row];
            }
        }

        n++;
    }
}


static void
hars_plot_run(FILE *f, unsigned class, double x, double width, unsigned y)
{
    if (class < HARS_ML_CLASSES && width > 0) {
        fprintf(f, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"12\" "
                "fill=\"%s\"/>\n", HARS_LEFT + x, y, width,
                hars_plot_colour[class % 8]);
    }
}


static void
hars_plot_text(FILE *f, double x, double y, const char *anchor,
    const char *text)
{
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y,
            anchor);

    for ( /* void */ ; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        default:
            fputc((unsigned char) *text < ' ' ? '?' : *text, f);
        }
    }

    fputs("</text>\n", f);
}

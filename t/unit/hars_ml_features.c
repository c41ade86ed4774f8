
/*
 * The features against three judges: the golden vectors of the reference
 * extractor (in ../shared, or where HARS_SHARED says; skipped loudly where
 * they are not), golden values of synthetic windows that are in this file,
 * and the definitions themselves written down a second time.
 */

/* link: -lm */


#include "../../backend/mlservice/hars_ml_fft.c"
#include "../../backend/mlservice/hars_ml_sort.c"
#include "../../backend/mlservice/hars_ml_features.c"
#include "../../backend/mlservice/hars_ml_time.c"
#include "../../backend/mlservice/hars_ml_spectrum.c"

#include "tap.h"
#include "hars_ml_golden.h"


#define LINE  65536


static void fft(unsigned n);
static void sorting(void);
static void logarithm(void);
static void synthetic(hars_features_t *f);
static void shared(hars_features_t *f);
static void invariant(hars_features_t *f);
static unsigned compare(hars_features_t *f, const double *got,
    const double *want);
static int tie(hars_features_t *f, unsigned i, double got, double want);
static void window_make(unsigned kind, double row[][HARS_ML_AXES]);
static FILE *shared_open(const char *name);
static void golden_print(hars_features_t *f);


static uint32_t  state = 1;


static double
noise(void)
{
    state = state * 1664525 + 1013904223;

    return (double) (state >> 8) / (1 << 24) - 0.5;
}


int
main(int argc, char **argv)
{
    hars_features_t  *f;

    f = hars_features_create();
    if (f == NULL) {
        return 1;
    }

    if (argc == 2 && strcmp(argv[1], "--golden") == 0) {
        golden_print(f);
        return 0;
    }

    fft(64);
    fft(128);
    fft(256);
    sorting();
    logarithm();
    synthetic(f);
    invariant(f);
    shared(f);

    hars_features_free(f);

    return tap_done();
}


static void
fft(unsigned n)
{
    double              a, worst, power, sum;
    double              sr[4], si[4];
    unsigned            k, t, lane;
    static hars_fft_t   table;
    static hars_four_t  re[HARS_ML_FFT], im[HARS_ML_FFT];
    static hars_four_t  xr[HARS_ML_FFT], xi[HARS_ML_FFT];

    for (t = 0; t < n; t++) {
        for (lane = 0; lane < 4; lane++) {
            xr[t][lane] = re[t][lane] = noise();
            xi[t][lane] = im[t][lane] = noise();
        }
    }

    hars_fft_init(&table, n);
    hars_fft(&table, re, im);

    worst = 0;
    power = 0;
    sum = 0;

    for (k = 0; k < n; k++) {
        memset(sr, 0, sizeof(sr));
        memset(si, 0, sizeof(si));

        for (t = 0; t < n; t++) {
            a = -2 * M_PI * k * t / n;

            for (lane = 0; lane < 4; lane++) {
                sr[lane] += xr[t][lane] * cos(a) - xi[t][lane] * sin(a);
                si[lane] += xr[t][lane] * sin(a) + xi[t][lane] * cos(a);
            }
        }

        for (lane = 0; lane < 4; lane++) {
            worst = fmax(worst, fabs(sr[lane] - re[k][lane]));
            worst = fmax(worst, fabs(si[lane] - im[k][lane]));
        }

        power += re[k][3] * re[k][3] + im[k][3] * im[k][3];
        sum += xr[k][3] * xr[k][3] + xi[k][3] * xi[k][3];
    }

    ok(worst < 1e-11, "fft %u: the sum of the definition (off by %.1e)", n,
       worst);
    ok(fabs(power / n - sum) < 1e-10, "fft %u: Parseval", n);
}


static void
sorting(void)
{
    double              sum[4];
    unsigned            round, i, lane, bad;
    static hars_four_t  row[HARS_ML_WINDOW];

    bad = 0;

    for (round = 0; round < 200; round++) {
        memset(sum, 0, sizeof(sum));

        for (i = 0; i < HARS_ML_WINDOW; i++) {
            for (lane = 0; lane < 4; lane++) {
                /* many equal values in the odd rounds */
                row[i][lane] = round % 2 ? floor(8 * noise()) : noise();
                sum[lane] += row[i][lane];
            }
        }

        hars_fours_sort(row);

        for (lane = 0; lane < 4; lane++) {
            for (i = 1; i < HARS_ML_WINDOW; i++) {
                bad += row[i - 1][lane] > row[i][lane];
                sum[lane] -= row[i][lane];
            }

            bad += fabs(sum[lane] - row[0][lane]) > 1e-9;
        }
    }

    ok(bad == 0, "sort: 200 windows of 4 lanes in order, nothing lost");
}


/* of shares: from the smallest normal number to 1, and what is none */
static void
logarithm(void)
{
    double       worst, want;
    unsigned     i, k;
    hars_four_t  x, y;

    worst = 0;

    for (i = 0; i < 100000; i++) {
        for (k = 0; k < 4; k++) {
            x[k] = i % 2 ? 0.5 + noise()
                         : ldexp(1 + (0.5 + noise()), -(int) (i % 1023));
            x[k] = fmax(x[k], 2.2250738585072014e-308);
        }

        y = hars_four_log(x);

        for (k = 0; k < 4; k++) {
            want = log(x[k]);
            worst = fmax(worst, fabs(y[k] - want)
                                / fmax(fabs(want), 2.2e-16));
        }
    }

    ok(worst < 4.5e-16, "log: two places of the last bit (off by %.1e)",
       worst);

    x = (hars_four_t) { 1, 0, 4.9e-324, 2 };
    y = hars_four_log(x);

    ok(y[0] == 0 && fabs(y[3] - 0.6931471805599453) < 2e-16
       && isfinite(y[1]) && isfinite(y[2]), "log: of 1, 2, and nothing");
}


static void
synthetic(hars_features_t *f)
{
    double    row[HARS_ML_WINDOW][HARS_ML_AXES], out[HARS_ML_FEATURES];
    unsigned  kind, i, bad;

    for (kind = 0; kind < GOLDEN; kind++) {
        window_make(kind, row);
        hars_features(f, (const double (*)[HARS_ML_AXES]) row, out);

        ok(compare(f, out, golden[kind]) == 0,
           "synthetic window %u: its golden features", kind);

        bad = 0;

        for (i = 0; i < HARS_ML_FEATURES; i++) {
            bad += !isfinite(out[i]);
        }

        ok(bad == 0, "synthetic window %u: all finite", kind);
    }
}


/* windows of sums and products only, so that each machine has the same */
static void
window_make(unsigned kind, double row[][HARS_ML_AXES])
{
    double    phase, wave, up;
    unsigned  i, axis;

    state = 7 + kind;

    for (i = 0; i < HARS_ML_WINDOW; i++) {

        /* a parabola wave of 2 Hz */
        phase = (double) (i % 25) / 25;
        wave = phase < 0.5 ? 16 * phase * (0.5 - phase)
                           : -16 * (phase - 0.5) * (1 - phase);
        up = 9.80665;

        for (axis = 0; axis < HARS_ML_AXES; axis++) {
            row[i][axis] = axis == 2 ? -up : 0;

            switch (kind) {
            case 0:                                      /* constant */
                break;
            case 1:                                      /* zero */
                row[i][axis] = 0;
                break;
            case 2:                                      /* impulse */
                row[i][axis] += i == 64 && axis == 1 ? 30 : 0;
                break;
            case 3:                                      /* noise */
                row[i][axis] += noise();
                break;
            case 4:                                      /* like a step */
                row[i][axis] += wave * (axis + 1) / 2 + 0.3 * noise();
                break;
            default:                                     /* turned and quick */
                row[i][axis] = (axis == 0 ? 6 : axis == 1 ? -7.5 : 1)
                               + (i % 2 ? wave : -wave) * (6 - axis)
                               + 2 * noise();
                break;
            }
        }
    }
}


static unsigned
compare(hars_features_t *f, const double *got, const double *want)
{
    char      name[HARS_ML_NAME];
    double    limit;
    unsigned  i, bad;

    bad = 0;

    for (i = 0; i < HARS_ML_FEATURES; i++) {
        limit = 1e-9 + 1e-6 * fabs(want[i]);

        if (fabs(got[i] - want[i]) <= limit || tie(f, i, got[i], want[i])) {
            continue;
        }

        bad++;
        hars_feature_name(i, name);
        printf("# %s is %.12g, not %.12g\n", name, got[i], want[i]);
    }

    return bad;
}


/* two bins or lags of equal height: either may be called the highest */
static int
tie(hars_features_t *f, unsigned i, double got, double want)
{
    double       std;
    unsigned     lane, group, one, two;
    double       scratch[HARS_ML_FEATURES];
    hars_four_t  r[HARS_LAGS_ROOM];

    if (i >= 162 && i < 170 && i % 2) {
        lane = hars_lag_peak[(i - 162) / 2];
        std = f->group[0].std[lane];
        one = (unsigned) lround(got * HARS_ML_RATE) - HARS_LAG_MIN;
        two = (unsigned) lround(want * HARS_ML_RATE) - HARS_LAG_MIN;
        hars_lag_sums(&f->group[0], r);

        return one < HARS_LAGS && two < HARS_LAGS
               && fabs(r[one][lane] - r[two][lane])
                  < 1e-9 * HARS_ML_WINDOW * std * std;
    }

    if (i < 170 || i >= 291 || (i - 170) % 11) {
        return 0;
    }

    for (group = 0; group < HARS_ML_GROUPS; group++) {
        for (lane = 0; lane < 4; lane++) {

            if (hars_spectrum_place[hars_features_lane[group][lane]]
                == (i - 170) / 11)
            {
                hars_features_spectrum(f, group, scratch);
                one = (unsigned) lround(got / HARS_BIN_WIDTH) - 1;
                two = (unsigned) lround(want / HARS_BIN_WIDTH) - 1;

                return one < HARS_BINS && two < HARS_BINS
                       && fabs(f->power[one][lane] - f->power[two][lane])
                          < 1e-9 * f->power[one][lane];
            }
        }
    }

    return 0;
}


/* what the names promise: turned about the vertical, the same magnitudes */
static void
invariant(hars_features_t *f)
{
    double    row[HARS_ML_WINDOW][HARS_ML_AXES], x, one[HARS_ML_FEATURES];
    double    two[HARS_ML_FEATURES], worst;
    unsigned  i, k;

    window_make(4, row);
    hars_features(f, (const double (*)[HARS_ML_AXES]) row, one);

    for (i = 0; i < HARS_ML_WINDOW; i++) {
        for (k = 0; k < HARS_ML_AXES; k += 3) {
            x = row[i][k];
            row[i][k] = 0.6 * x - 0.8 * row[i][k + 1];
            row[i][k + 1] = 0.8 * x + 0.6 * row[i][k + 1];
        }
    }

    hars_features(f, (const double (*)[HARS_ML_AXES]) row, two);

    worst = 0;

    for (i = 60; i < 130; i++) {
        worst = fmax(worst, fabs(one[i] - two[i]) / (1 + fabs(one[i])));
    }

    ok(worst < 1e-9, "turned about the vertical: the same amag to gv (%.1e)",
       worst);
}


static void
shared(hars_features_t *f)
{
    int          c;
    FILE        *windows, *features;
    char         line[LINE], name[HARS_ML_NAME], *p, *end;
    double       row[HARS_ML_WINDOW][HARS_ML_AXES], got[HARS_ML_FEATURES];
    double       want[HARS_ML_FEATURES];
    unsigned     i, axis, bad, n;

    windows = shared_open("har/golden/golden_windows.csv");
    features = shared_open("har/golden/golden_features.csv");

    if (windows == NULL || features == NULL) {
        fprintf(stderr, "# SKIPPED: no golden vectors; set HARS_SHARED\n");
        printf("ok %d # SKIP no golden vectors in HARS_SHARED or "
               "../shared\n", ++tap_count);
        return;
    }

    while ((c = getc(windows)) != EOF && c != '\n') { /* the heading */ }

    bad = fgets(line, sizeof(line), features) == NULL;
    strtok(line, ",\n");
    strtok(NULL, ",\n");

    for (i = 0; i < HARS_ML_FEATURES; i++) {
        p = strtok(NULL, ",\n");
        hars_feature_name(i, name);
        bad += p == NULL || strcmp(p, name) != 0;
    }

    ok(bad == 0, "golden: the names of the columns");

    for (n = 0; fgets(line, sizeof(line), features) != NULL; n++) {
        bad = 0;
        p = strchr(strchr(line, ',') + 1, ',');

        for (i = 0; i < HARS_ML_FEATURES; i++) {
            want[i] = strtod(p + 1, &end);
            p = end;
        }

        strchr(strchr(line, ',') + 1, ',')[0] = '\0';

        for (i = 0; i < HARS_ML_WINDOW; i++) {
            bad |= fscanf(windows, "%*d,%*d") != 0;

            for (axis = 0; axis < HARS_ML_AXES; axis++) {
                bad |= fscanf(windows, ",%lf", &row[i][axis]) != 1;
            }
        }

        hars_features(f, (const double (*)[HARS_ML_AXES]) row, got);
        ok(!bad && compare(f, got, want) == 0, "golden window %s", line);
    }

    ok(n == 52, "golden: 52 windows compared");

    fclose(windows);
    fclose(features);
}


static FILE *
shared_open(const char *name)
{
    char         path[4096];
    const char  *dir;

    dir = getenv("HARS_SHARED");
    snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared", name);

    return fopen(path, "r");
}


static void
golden_print(hars_features_t *f)
{
    double    row[HARS_ML_WINDOW][HARS_ML_AXES], out[HARS_ML_FEATURES];
    unsigned  kind, i;

    for (kind = 0; kind < GOLDEN; kind++) {
        window_make(kind, row);
        hars_features(f, (const double (*)[HARS_ML_AXES]) row, out);
        printf("    {");

        for (i = 0; i < HARS_ML_FEATURES; i++) {
            printf("%s%.12g%s", i % 4 ? " " : "\n        ", out[i],
                   i + 1 < HARS_ML_FEATURES ? "," : "\n");
        }

        printf("    }%s\n", kind + 1 < GOLDEN ? "," : "");
    }
}

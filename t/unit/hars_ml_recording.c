
/* which records are dropped, which recordings are refused and with what mend */

/* link: -lm */


#include "../../backend/mlservice/hars_ml_recording.c"

#include "tap.h"


#define N  400


static void make(hars_recording_t *rec, double rate);
static void cleaning(void);
static void refused(void);
static void expect(const char *what, hars_recording_t *rec,
    const char *field, long row, int column, const char *words);


static hars_sample_t  sample[N];


int
main(void)
{
    cleaning();
    refused();

    return tap_done();
}


static void
make(hars_recording_t *rec, double rate)
{
    unsigned  i;

    memset(rec, 0, sizeof(hars_recording_t));
    rec->rate = rate;
    rec->sample = sample;
    rec->n = N;

    for (i = 0; i < N; i++) {
        sample[i].t = 5 + i / rate;
        sample[i].v[0] = 0.5;
        sample[i].v[1] = -9.5 - (i % 7) * 0.1;
        sample[i].v[2] = 1;
        sample[i].v[3] = 0.1;
        sample[i].v[4] = 0;
        sample[i].v[5] = -0.2;
    }
}


static void
cleaning(void)
{
    hars_fault_t      fault;
    hars_recording_t  rec;

    make(&rec, 50);
    ok(hars_recording_clean(&rec, &fault) == HARS_OK && rec.n == N
       && rec.empty == 0 && rec.duplicates == 0
       && hars_recording_judge(&rec, &fault) == HARS_OK,
       "a good recording stays as it is");

    make(&rec, 50);
    memset(sample[0].v, 0, sizeof(sample[0].v));
    sample[10].v[4] = NAN;
    sample[20] = sample[19];
    sample[21] = sample[19];
    memset(sample[N - 1].v, 0, sizeof(sample[0].v));

    ok(hars_recording_clean(&rec, &fault) == HARS_OK && rec.n == N - 5
       && rec.empty == 3 && rec.duplicates == 2,
       "empty records and records sent twice are dropped and counted");
    ok(sample[0].t == 5 + 1 / 50.0 && sample[9].t == 5 + 11 / 50.0
       && sample[rec.n - 1].t == 5 + 398 / 50.0,
       "what is left is what was there");

    make(&rec, 50);
    memset(sample, 0, sizeof(sample));
    expect("nothing but empty records", &rec, "samples", -1, -1, "null");
}


static void
refused(void)
{
    unsigned          i;
    hars_recording_t  rec;

    make(&rec, 50);
    sample[7].t = sample[6].t - 0.001;
    expect("time going back", &rec, "samples", 7, 0, "in order");

    make(&rec, 50);
    memset(sample[3].v, 0, sizeof(sample[3].v));
    sample[7].t = sample[6].t;
    expect("one time for two records: the row as sent", &rec, "samples", 7, 0,
           "own time");

    make(&rec, 50);
    sample[9].t = INFINITY;
    expect("an infinite time", &rec, "samples", 9, 0, "seconds");

    make(&rec, 50);
    sample[9].v[1] = INFINITY;
    expect("an infinite value", &rec, "samples", 9, 2, "m/s^2");

    make(&rec, 50);
    sample[9].v[5] = -500;
    expect("a rotation no sensor has", &rec, "samples", 9, 6, "deg/s");

    make(&rec, 50);
    for (i = 0; i < 3 * N; i++) {
        sample[i / 3].v[i % 3] /= 9.80665;
    }
    expect("acceleration in g", &rec, "samples", -1, 1, "9.80665");

    make(&rec, 50);
    for (i = 0; i < N; i++) {
        sample[i].v[1] += 9.8;
    }
    expect("gravity taken out", &rec, "samples", -1, 1, "with gravity");

    make(&rec, 50);
    for (i = 0; i < 3 * N; i++) {
        sample[i / 3].v[i % 3] *= 0.01;
    }
    expect("almost nothing", &rec, "samples", -1, 1, "with gravity");

    make(&rec, 50);
    for (i = 0; i < N; i++) {
        sample[i].v[3] = 40;
    }
    expect("rotation in deg/s", &rec, "samples", -1, 4, "deg/s");

    make(&rec, 50);
    for (i = 0; i < N; i++) {
        sample[i].t *= 1000;
    }
    expect("times in milliseconds", &rec, "samples", 0, 0, "1000");

    make(&rec, 50);
    rec.rate = 100;
    expect("another rate than declared", &rec, "sampling_rate_hz", -1, -1,
           "50 Hz");

    make(&rec, 50);
    rec.n = 127;
    expect("too short", &rec, "samples", -1, -1, "2.56 s");

    make(&rec, 50);
    rec.n = 1;
    expect("one sample", &rec, "samples", -1, -1, "2.56 s");

    make(&rec, 9.9);
    expect("9.9 Hz", &rec, "sampling_rate_hz", -1, -1, "10 and 400");

    make(&rec, 401);
    expect("401 Hz", &rec, "sampling_rate_hz", -1, -1, "10 and 400");

    make(&rec, 50);
    rec.rate = NAN;
    expect("no rate", &rec, "sampling_rate_hz", -1, -1, "10 and 400");
}


static void
expect(const char *what, hars_recording_t *rec, const char *field, long row,
    int column, const char *words)
{
    hars_fault_t  fault;

    memset(&fault, 0, sizeof(fault));

    if (hars_recording_clean(rec, &fault) == HARS_OK
        && hars_recording_judge(rec, &fault) == HARS_OK)
    {
        ok(0, "%s: refused", what);
        return;
    }

    ok(fault.field && strcmp(fault.field, field) == 0 && fault.row == row
       && fault.column == column && strstr(fault.detail, words) != NULL,
       "%s: %s", what, fault.detail);
}


/*
 * From a source's own times to one clock of 50 Hz, as a stream.
 *
 *     samples --linear interpolation--> grid of steps * 50 Hz
 *             --low-pass--> every steps-th grid point --> 50 Hz
 *
 * "steps" is the least number that makes the grid as fast as the source, so
 * the low-pass stands where aliases would come in: a windowed sinc of zero
 * phase, 0.16 s to each side.  At the two ends of a stretch the taps that
 * have no sample are left out and the rest scaled up.
 *
 * A stretch ends where two samples are more than HARS_ML_GAP apart; nothing
 * is interpolated across, and the next stretch has a clock of its own that
 * begins with its first sample.
 */


#include "hars_ml.h"

#include <math.h>
#include <string.h>


/* -6 dB; a source of 50 Hz passes as it is but for the filter's roll-off */
#define HARS_CUTOFF   20.0

/* s; times come rounded */
#define HARS_SLACK    1e-6


static void hars_clock_begin(hars_clock_t *clock, const hars_sample_t *sample);
static void hars_clock_grid(hars_clock_t *clock, const hars_sample_t *sample);
static void hars_clock_send(hars_clock_t *clock);
static void hars_windows_take(void *data, double t, const double *v);


void
hars_clock_init(hars_clock_t *clock, double rate, hars_clock_pt emit,
    void *data)
{
    int     i, half;
    double  x, sum;

    memset(clock, 0, sizeof(hars_clock_t));

    clock->emit = emit;
    clock->data = data;

    /* 2 % are jitter of the declared rate, not a faster source */
    clock->steps = 1;
    while (clock->steps < HARS_ML_STEPS
           && clock->steps * HARS_ML_RATE < 0.98 * rate)
    {
        clock->steps++;
    }

    half = HARS_ML_TAPS * (int) clock->steps;
    clock->half = (unsigned) half;
    sum = 0;

    for (i = -half; i <= half; i++) {
        x = 2 * HARS_CUTOFF * i / (HARS_ML_RATE * (double) clock->steps);
        x = i ? sin(M_PI * x) / (M_PI * x) : 1;
        x *= 0.54 + 0.46 * cos(M_PI * i / (half + 1));

        clock->tap[i + half] = x;
        sum += x;
    }

    for (i = 0; i <= 2 * half; i++) {
        clock->tap[i] /= sum;
    }
}


void
hars_clock_push(hars_clock_t *clock, const hars_sample_t *sample)
{
    if (clock->open && sample->t - clock->last.t > HARS_ML_GAP) {
        hars_clock_end(clock);
    }

    if (!clock->open) {
        hars_clock_begin(clock, sample);
        return;
    }

    hars_clock_grid(clock, sample);
    clock->last = *sample;
}


void
hars_clock_end(hars_clock_t *clock)
{
    while (clock->open && clock->sent * clock->steps < clock->made) {
        hars_clock_send(clock);
    }

    clock->open = 0;
}


static void
hars_clock_begin(hars_clock_t *clock, const hars_sample_t *sample)
{
    clock->open = 1;
    clock->last = *sample;
    clock->start = sample->t;
    clock->made = 1;
    clock->sent = 0;

    memcpy(clock->ring[0], sample->v, sizeof(sample->v));
}


/* the grid points up to the new sample */
static void
hars_clock_grid(hars_clock_t *clock, const hars_sample_t *sample)
{
    double    t, part, *v;
    unsigned  i;

    for ( ;; ) {
        t = clock->start
            + (double) clock->made / (HARS_ML_RATE * (double) clock->steps);

        if (t > sample->t + HARS_SLACK) {
            return;
        }

        part = (t - clock->last.t) / (sample->t - clock->last.t);
        part = part < 0 ? 0 : part > 1 ? 1 : part;

        v = clock->ring[clock->made % HARS_ML_RING];

        for (i = 0; i < HARS_ML_AXES; i++) {
            v[i] = clock->last.v[i]
                   + part * (sample->v[i] - clock->last.v[i]);
        }

        clock->made++;

        if (clock->sent * clock->steps + clock->half < clock->made) {
            hars_clock_send(clock);
        }
    }
}


/* one output: the low-pass around the grid point that it stands on */
static void
hars_clock_send(hars_clock_t *clock)
{
    double         out[HARS_ML_AXES], sum, tap;
    int64_t        i, centre, from, to;
    unsigned       axis;
    const double  *v;

    centre = clock->sent * clock->steps;
    from = centre > clock->half ? centre - clock->half : 0;
    to = centre + clock->half;
    to = to < clock->made ? to : clock->made - 1;

    memset(out, 0, sizeof(out));
    sum = 0;

    for (i = from; i <= to; i++) {
        tap = clock->tap[i - centre + clock->half];
        v = clock->ring[i % HARS_ML_RING];
        sum += tap;

        for (axis = 0; axis < HARS_ML_AXES; axis++) {
            out[axis] += tap * v[axis];
        }
    }

    for (axis = 0; axis < HARS_ML_AXES; axis++) {
        out[axis] /= sum;
    }

    clock->emit(clock->data,
                clock->start + (double) clock->sent / HARS_ML_RATE, out);
    clock->sent++;
}


void
hars_windows_init(hars_windows_t *win, double rate, hars_window_pt take,
    void *data)
{
    hars_clock_init(&win->clock, rate, hars_windows_take, win);

    win->take = take;
    win->data = data;
    win->n = 0;
}


void
hars_windows_push(hars_windows_t *win, const hars_sample_t *sample)
{
    hars_clock_push(&win->clock, sample);
}


void
hars_windows_end(hars_windows_t *win)
{
    hars_clock_end(&win->clock);
    win->n = 0;
}


static void
hars_windows_take(void *data, double t, const double *v)
{
    hars_windows_t  *win = data;

    /* a stretch begins: what the one before left is no window */
    if (win->n && t - win->last > 1.5 / HARS_ML_RATE) {
        win->n = 0;
    }

    if (win->n == 0) {
        win->start = t;
    }

    win->last = t;
    memcpy(win->row[win->n++], v, sizeof(win->row[0]));

    if (win->n < HARS_ML_WINDOW) {
        return;
    }

    win->take(win->data, win->start, (const double (*)[HARS_ML_AXES]) win->row);

    win->n = HARS_ML_WINDOW - HARS_ML_HOP;
    memmove(win->row, win->row[HARS_ML_HOP], win->n * sizeof(win->row[0]));
    win->start += (double) HARS_ML_HOP / HARS_ML_RATE;
}

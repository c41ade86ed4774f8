
/*
 * Two sensors of one device are read by one clock, but each has stamps of its
 * own, which may run faster or slower: 200 ppm are 48 ms in four minutes.
 * The samples are the better clock.  A stream's packets of n samples take n
 * periods; what their stamps move the phase-locked loop beyond that (hars_ml_
 * source.c) is how far the stamps have run away since the stream began:
 *
 *     value = moved - base,      time by the samples = time - value
 *
 * It is believed when the loop has settled.  A pause goes on at the rate so
 * far; a step that no quartz makes, as a wrong count of lost packets, is not
 * taken for drift, and it settles anew.
 *
 * How late one stream is against the other to begin with is in no stamp and
 * is not found.  Each stream is judged by itself alone, so that nothing
 * depends on which of the two came first in a request.
 */


#include "hars_ml_rows.h"

#include <math.h>


#define HARS_DRIFT_SETTLE   128           /* packets; the loop takes 20 */
#define HARS_DRIFT_STEP     0.025         /* s */
#define HARS_DRIFT_NOISE    0.005         /* s; more changes no mean */
#define HARS_DRIFT_MEAN     64            /* packets */
#define HARS_DRIFT_KNOWN    30.0          /* s */


void
hars_drift_begin(hars_drift_t *drift, double pause)
{
    double  gone;

    gone = hars_drift_rate(drift) * pause;

    drift->value += gone;
    drift->slow += gone;
    drift->since += pause;
    drift->settle = HARS_DRIFT_SETTLE;
}


void
hars_drift_packet(hars_drift_t *drift, double moved, double length)
{
    double  step;

    drift->moved += moved;

    if (drift->settle) {
        drift->value += hars_drift_rate(drift) * length;
        drift->slow = drift->value;

        if (drift->since > 0) {
            drift->since += length;
        }

        if (--drift->settle == 0) {
            drift->base = drift->moved - drift->value;
            drift->since += length;
        }

        return;
    }

    drift->since += length;
    drift->value = drift->moved - drift->base;
    step = drift->value - drift->slow;

    drift->slow += fmax(-HARS_DRIFT_NOISE, fmin(HARS_DRIFT_NOISE, step))
                   / HARS_DRIFT_MEAN;

    if (fabs(step) > HARS_DRIFT_STEP) {
        drift->value = drift->slow;
        drift->settle = HARS_DRIFT_SETTLE;
    }
}


double
hars_drift_rate(const hars_drift_t *drift)
{
    return drift->since < HARS_DRIFT_KNOWN ? 0 : drift->slow / drift->since;
}


double
hars_feed_drift(const hars_feed_t *feed)
{
    double  a, g;

    a = feed->source[0].drift.since;
    g = feed->source[1].drift.since;

    if (!feed->together || a < HARS_DRIFT_KNOWN || g < HARS_DRIFT_KNOWN) {
        return (double) NAN;
    }

    return hars_drift_rate(&feed->source[1].drift)
           - hars_drift_rate(&feed->source[0].drift);
}


/*
 * What the fog node counts, for Prometheus: one number for each thing that
 * happens, by whichever thread it happens to.  Nothing of a wearable is among
 * them, and no address.
 */

#ifndef HARS_FN_METRICS_H
#define HARS_FN_METRICS_H


#include <stdatomic.h>


/* the order of the page; those of one name stand together */
typedef enum {
    HARS_FN_LINK_TAKEN = 0,
    HARS_FN_LINK_NO_PLACE,
    HARS_FN_LINK_GAVE_WAY,
    HARS_FN_M1_ASKED,                     /* became M2 */
    HARS_FN_M1_FORM,
    HARS_FN_M1_RATE,
    HARS_FN_M1_PENDING,                   /* 64 are */
    HARS_FN_M1_BUSY,                      /* no call can be made */
    HARS_FN_M2_ACCEPTED,
    HARS_FN_M2_MALFORMED,
    HARS_FN_M2_SUITE,
    HARS_FN_M2_REJECTED,
    HARS_FN_M2_PEER_REJECTED,
    HARS_FN_M2_BUSY,
    HARS_FN_M2_INTERNAL,
    HARS_FN_M2_NONE,                      /* no answer, or none of ours */
    HARS_FN_SESSION_OPEN,
    HARS_FN_SESSION_UNCONFIRMED,
    HARS_FN_RECORD_TAKEN,
    HARS_FN_RECORD_AGAIN,
    HARS_FN_RECORD_BAD,                   /* does not verify */
    HARS_FN_RECORD_REFUSED,               /* is no text */
    HARS_FN_RECORD_MISSING,
    HARS_FN_ROWS,
    HARS_FN_SPOOL_FULL,
    HARS_FN_RECORDING_SENT,
    HARS_FN_RECORDING_REFUSED,
    HARS_FN_RECORDING_CHANGED,
    HARS_FN_RECORDING_AGAIN,              /* has to wait */
    HARS_FN_ACTIVITIES,
    HARS_FN_COUNTS
} hars_fn_count_e;


typedef struct hars_fn_metrics_s {
    atomic_ullong  count[HARS_FN_COUNTS];
    atomic_uint    links;                 /* now */
    atomic_uint    pending;               /* now */
} hars_fn_metrics_t;


static inline void
hars_fn_count(hars_fn_metrics_t *metrics, hars_fn_count_e what)
{
    atomic_fetch_add_explicit(&metrics->count[what], 1,
                              memory_order_relaxed);
}


#endif /* HARS_FN_METRICS_H */

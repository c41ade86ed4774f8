
/*
 * Windows: which activity was in some seconds of a recording, and as the
 * bytes of a block of them, before it is sealed.
 */

#ifndef HARS_DCM_WINDOWS_H
#define HARS_DCM_WINDOWS_H


#include <stddef.h>
#include <stdint.h>


#define HARS_ACTIVITY        32           /* of a name, with its 0 */
#define HARS_ACTIVITIES      64           /* names there may be */

/* of a block at most: windows, ms from the first's start to the last's */
#define HARS_WINDOWS_BLOCK   512
#define HARS_WINDOWS_SPAN    600000

/* a window is no longer, ms */
#define HARS_WINDOW_MS       60000

/* so many bytes at most has a block of n windows */
#define HARS_WINDOWS_SIZE(n)                                                 \
    (4 + HARS_ACTIVITIES * HARS_ACTIVITY + (size_t) (n) * 16)


typedef struct {
    int64_t     start_ms;                 /* since 1970 */
    uint32_t    len_ms;
    uint16_t    confidence;               /* 1/10000 */
    uint16_t    heart_rate;               /* 1/10 bpm; 0: none */
    uint8_t     activity;                 /* a place in the names */
    uint8_t     smoothed;
} hars_window_t;


/* the names that windows mean; zeroed: none */
typedef struct {
    unsigned    n;
    char        name[HARS_ACTIVITIES][HARS_ACTIVITY];
} hars_activities_t;


/* the name's place, made where it is new; -1: there are too many, or long */
int hars_activity(hars_activities_t *activities, const char *name);

/*
 * How many of these windows, which are in order of time, make the next block;
 * 1 to n.
 */
unsigned hars_windows_next(const hars_window_t *window, unsigned n);

/* dst[HARS_WINDOWS_SIZE(n)]; how many bytes these are */
size_t hars_windows_encode(const hars_window_t *window, unsigned n,
    const hars_activities_t *activities, unsigned char *dst);

/*
 * window[HARS_WINDOWS_BLOCK] of a block that begins at start_ms; names that
 * are new are added.  How many there are; -1: this is no block.
 */
int hars_windows_decode(const unsigned char *src, size_t len,
    int64_t start_ms, hars_window_t *window, hars_activities_t *activities);


#endif /* HARS_DCM_WINDOWS_H */

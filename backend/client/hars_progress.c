
/* See hars_progress.h for what this is. */

#include "hars_progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define HARS_PROGRESS_BAR   24
#define HARS_PROGRESS_LEFT  32


static void hars_progress_left(const hars_progress_t *progress, double done,
    char text[HARS_PROGRESS_LEFT]);
static double hars_progress_now(void);


void
hars_progress_begin(hars_progress_t *progress, const char *file)
{
    const char  *name;

    name = strrchr(file, '/');

    progress->shown = isatty(STDERR_FILENO) ? 1 : 0;
    progress->name = name ? name + 1 : file;
    progress->from = 0;
    progress->begun = hars_progress_now();
}


void
hars_progress_step(hars_progress_t *progress, double done, unsigned there)
{
    char  bar[HARS_PROGRESS_BAR + 1], left[HARS_PROGRESS_LEFT];

    done = done < 0 ? 0 : done > 1 ? 1 : done;

    if (there) {
        progress->from = done;
        progress->begun = hars_progress_now();
    }

    if (!progress->shown) {
        return;
    }

    memset(bar, '.', HARS_PROGRESS_BAR);
    memset(bar, '#', (size_t) (done * HARS_PROGRESS_BAR));
    bar[HARS_PROGRESS_BAR] = '\0';

    hars_progress_left(progress, done, left);

    fprintf(stderr, "\r%.30s [%s] %.0f %%%s\033[K", progress->name, bar,
            100 * done, left);
    fflush(stderr);
}


static void
hars_progress_left(const hars_progress_t *progress, double done,
    char text[HARS_PROGRESS_LEFT])
{
    double  s;

    text[0] = '\0';

    if (done <= progress->from || done >= 1) {
        return;
    }

    s = (hars_progress_now() - progress->begun) / (done - progress->from)
        * (1 - done);

    if (s < 90) {
        snprintf(text, HARS_PROGRESS_LEFT, ", %.0f s left", s);

    } else {
        snprintf(text, HARS_PROGRESS_LEFT, ", %.0f min left", s / 60);
    }
}


void
hars_progress_end(hars_progress_t *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}


static double
hars_progress_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

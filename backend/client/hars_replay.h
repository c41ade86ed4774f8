
/*
 * A file of samples as a device would have sent it: recordings of a minute or
 * so, one after another.  CSV (hars_columns.h), plain or gzip.
 *
 *     file -> rows on one clock -> parts of so many seconds -> CSV of each
 *
 * Times since 1970 stay what they are.  Others begin at 0, and where they go
 * back (../shared/har: the next trial) another piece begins, a second after
 * the one before; it ends before a gap of ten seconds, too.  A part ends where
 * its piece does, and has what would be left of that by itself.  Values are
 * sent as the file has them, digit by digit, so that the same file gives the
 * same bytes each time.
 */

#ifndef HARS_REPLAY_H
#define HARS_REPLAY_H


#include "hars_text.h"

#include <stdint.h>


#define HARS_REPLAY_ERROR  256
#define HARS_REPLAY_ID     33             /* hexadecimal, with its 0 */
#define HARS_REPLAY_LEAST  5000000        /* us, of what is left of a piece */


typedef struct hars_replay_s  hars_replay_t;


/* all of a file */
typedef struct {
    char       id[HARS_REPLAY_ID];        /* of its bytes, inflated */
    double     rate;                      /* Hz, by the median of the steps */
    unsigned   epoch:1;                   /* times are since 1970 */
    int64_t    first_us;                  /* as the file has it */
    int64_t    length_us;
    uint64_t   rows;
    int64_t   *end_us;                    /* of the pieces, as first_us */
    size_t     pieces;
} hars_survey_t;


typedef struct {
    int64_t       offset_us;              /* since the file's first row */
    int64_t       end_us;                 /* of its last row */
    unsigned      rows;
    hars_text_t   body;                   /* to be freed */
} hars_part_t;


/* HARS_ERROR: "error" names line and mend; otherwise to be freed */
int hars_replay_survey(const char *file, hars_survey_t *survey,
    char error[HARS_REPLAY_ERROR]);
void hars_survey_free(hars_survey_t *survey);

hars_replay_t *hars_replay_open(const char *file,
    char error[HARS_REPLAY_ERROR]);
void hars_replay_close(hars_replay_t *replay);

/*
 * The next part, its rows' times moved by "shift_us"; HARS_DECLINED: there is
 * none.  "part" is zeroed before the first one.
 */
int hars_replay_part(hars_replay_t *replay, const hars_survey_t *survey,
    unsigned seconds, int64_t shift_us, hars_part_t *part,
    char error[HARS_REPLAY_ERROR]);


#endif /* HARS_REPLAY_H */

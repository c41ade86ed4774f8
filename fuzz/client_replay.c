
/*
 * A file for "hars upload": the survey and the parts agree on what is in it,
 * each part is lines of seven whose times do not go back; what is refused
 * says why.
 */

#include "../backend/client/hars_columns.c"
#include "../backend/client/hars_replay.c"
#include "../backend/common/hars_text.c"

#include <sys/mman.h>
#include <unistd.h>


#define SECONDS  60


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
judge(const hars_part_t *part)
{
    double       t, before;
    unsigned     rows;
    const char  *p;

    p = strchr(part->body.data, '\n') + 1;
    before = -1;

    for (rows = 0; *p; rows++) {
        t = strtod(p, NULL);

        if (t < before || strcspn(p, "\n") != strcspn(p, "\r\n")) {
            abort();
        }

        before = t;
        p = strchr(p, '\n') + 1;
    }

    if (rows != part->rows || rows == 0
        || part->end_us - part->offset_us
           > (int64_t) SECONDS * 1000000 + HARS_REPLAY_LEAST)
    {
        abort();
    }
}


static void
parts(const char *path, const hars_survey_t *survey)
{
    int             rc;
    char            error[HARS_REPLAY_ERROR];
    uint64_t        rows;
    hars_part_t     part;
    hars_replay_t  *replay;

    memset(&part, 0, sizeof(hars_part_t));
    replay = hars_replay_open(path, error);
    rows = 0;

    while ((rc = hars_replay_part(replay, survey, SECONDS, 0, &part, error))
           == HARS_OK)
    {
        judge(&part);
        rows += part.rows;
    }

    if (rc != HARS_DECLINED || rows != survey->rows) {
        abort();
    }

    hars_text_free(&part.body);
    hars_replay_close(replay);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            fd;
    char           path[64], error[HARS_REPLAY_ERROR];
    hars_survey_t  survey;

    fd = memfd_create("replay", MFD_CLOEXEC);

    if (fd == -1 || write(fd, data, size) != (ssize_t) size) {
        abort();
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    error[0] = '\0';

    if (hars_replay_survey(path, &survey, error) == HARS_OK) {
        parts(path, &survey);
        hars_survey_free(&survey);

    } else if (error[0] == '\0') {
        abort();
    }

    close(fd);

    return 0;
}

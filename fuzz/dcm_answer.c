
/*
 * What an ML service answers: windows in order, within bounds, that go
 * through the bytes of their blocks and back; or a reason why not.  A
 * refusal's reason is one line.
 */

#include "../backend/dcm/hars_dcm_answer.c"
#include "../backend/dcm/hars_dcm_windows.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
blocks(const hars_ml_answer_t *answer)
{
    size_t              len;
    unsigned            i, n;
    hars_window_t      *got;
    hars_activities_t   names;
    unsigned char      *bytes;

    got = calloc(HARS_WINDOWS_BLOCK, sizeof(hars_window_t));
    bytes = malloc(HARS_WINDOWS_SIZE(HARS_WINDOWS_BLOCK));

    for (i = 0; i < answer->n; i += n) {
        n = hars_windows_next(answer->window + i, answer->n - i);
        len = hars_windows_encode(answer->window + i, n, &answer->activities,
                                  bytes);
        names.n = 0;

        if (n == 0 || len > HARS_WINDOWS_SIZE(n)
            || hars_windows_decode(bytes, len, answer->window[i].start_ms,
                                   got, &names) != (int) n
            || memcmp(got, answer->window + i, n * sizeof(hars_window_t)) != 0)
        {
            abort();
        }
    }

    free(bytes);
    free(got);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char              *body, reason[HARS_ANSWER_REASON];
    hars_window_t      window[HARS_WINDOWS_BLOCK];
    hars_ml_answer_t   answer;
    hars_activities_t  names;

    /* as large as it is, so that one byte more shows */

    body = malloc(size);
    memcpy(body, data, size);
    reason[0] = '\0';

    if (hars_ml_answer(body, size, &answer, reason) == HARS_OK) {
        blocks(&answer);
        free(answer.window);

    } else if (reason[0] == '\0') {
        abort();
    }

    hars_ml_refusal(body, size, 422, reason);

    if (reason[0] == '\0' || strpbrk(reason, "\r\n")) {
        abort();
    }

    names.n = 0;
    (void) hars_windows_decode((unsigned char *) body, size, 0, window,
                               &names);
    free(body);

    return 0;
}


/* what the ML service may answer, and what is not taken; when to ask again */

/* link: backend/dcm/hars_dcm_windows.c -ljansson -lm */

#include "../../backend/dcm/hars_dcm_answer.c"

#include "tap.h"


#define ONE                                                                  \
    "{\"start_s\":1777895435.12,\"end_s\":1777895437.68,"                    \
    "\"activity\":\"walking\",\"confidence\":0.9345,"                        \
    "\"smoothed\":\"walking\"%s}"
#define TWO                                                                  \
    "{\"start_s\":1777895436.40,\"end_s\":1777895438.96,"                    \
    "\"activity\":\"stairs_up\",\"confidence\":1,"                           \
    "\"smoothed\":\"walking\",\"heart_rate_bpm\":null}"


static hars_ml_answer_t  answer;
static char              reason[HARS_ANSWER_REASON], text[4096];


static int
taken(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reason[0] = '\0';

    return hars_ml_answer(text, strlen(text), &answer, reason);
}


static void
refused(const char *what, const char *fmt, ...)
{
    int      rc;
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reason[0] = '\0';

    rc = hars_ml_answer(text, strlen(text), &answer, reason);
    ok(rc == HARS_ERROR && reason[0] && answer.window == NULL,
       "%s: %s", what, reason);
}


static void
good(void)
{
    ok(taken("{\"model\":\"pocket-1\",\"windows\":[" ONE "," TWO "]}",
             ",\"heart_rate_bpm\":91.5") == HARS_OK, "an answer");
    ok(strcmp(answer.model, "pocket-1") == 0, "... its model");
    ok(answer.n == 2, "... two windows");
    ok(answer.window[0].start_ms == 1777895435120
       && answer.window[0].len_ms == 2560, "... their times");
    ok(answer.window[0].confidence == 9345
       && answer.window[1].confidence == 10000, "... confidence");
    ok(answer.window[0].heart_rate == 915
       && answer.window[1].heart_rate == 0, "... heart rate, or none");
    ok(strcmp(answer.activities.name[answer.window[1].activity], "stairs_up")
       == 0, "... activity");
    free(answer.window);

    ok(taken("{\"model\":\"m\",\"windows\":[]}") == HARS_OK && answer.n == 0,
       "no window is an answer");
    free(answer.window);
}


static void
bad(void)
{
    refused("nothing", "%s", "");
    refused("no object", "[]");
    refused("no model", "{\"windows\":[]}");
    refused("a model with a line feed",
            "{\"model\":\"a\\nb\",\"windows\":[]}");
    refused("no windows", "{\"model\":\"m\"}");
    refused("windows that are none", "{\"model\":\"m\",\"windows\":[1]}");
    refused("one of another order", "{\"model\":\"m\",\"windows\":[" TWO ","
            ONE "]}", "");
    refused("one twice", "{\"model\":\"m\",\"windows\":[" ONE "," ONE "]}",
            "", "");
    refused("a heart rate that is none", "{\"model\":\"m\",\"windows\":["
            ONE "]}", ",\"heart_rate_bpm\":0");
    refused("a member twice", "{\"model\":\"m\",\"windows\":[" ONE "]}",
            ",\"activity\":\"x\"");
    refused("an end before its beginning", "{\"model\":\"m\",\"windows\":["
            "{\"start_s\":2,\"end_s\":1,\"activity\":\"a\",\"smoothed\":"
            "\"a\",\"confidence\":1}]}");
    refused("a long window", "{\"model\":\"m\",\"windows\":["
            "{\"start_s\":2,\"end_s\":99,\"activity\":\"a\",\"smoothed\":"
            "\"a\",\"confidence\":1}]}");
    refused("confidence beyond 1", "{\"model\":\"m\",\"windows\":["
            "{\"start_s\":2,\"end_s\":3,\"activity\":\"a\",\"smoothed\":"
            "\"a\",\"confidence\":1.1}]}");
    refused("HTML for an activity", "{\"model\":\"m\",\"windows\":["
            "{\"start_s\":2,\"end_s\":3,\"activity\":\"<b>\",\"smoothed\":"
            "\"a\",\"confidence\":1}]}");
}


static void
refusals(void)
{
    size_t  i;
    char    body[2048];

    snprintf(body, sizeof(body), "{\"detail\":\"too\\nshort\"}");
    hars_ml_refusal(body, strlen(body), 422, reason);
    ok(strcmp(reason, "too short") == 0, "a detail, in one line");

    hars_ml_refusal("<html>", 6, 400, reason);
    ok(strstr(reason, "400") != NULL, "without one the status");
    hars_ml_refusal(NULL, 0, 413, reason);
    ok(strstr(reason, "413") != NULL, "... of nothing, too");

    strcpy(body, "{\"detail\":\"x");

    for (i = 0; i < 600; i++) {
        strcat(body, "\xc3\xa4");
    }

    strcat(body, "\"}");
    hars_ml_refusal(body, strlen(body), 422, reason);
    ok(strlen(reason) == 511 && (unsigned char) reason[510] == 0xa4,
       "a long one is cut between characters");
}


int
main(void)
{
    good();
    bad();
    refusals();

    return tap_done();
}

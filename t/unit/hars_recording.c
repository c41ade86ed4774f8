
/* hars recognize: CSV to the service's JSON; forms and tokens of the client */

/* link: -ljansson -lm */

#include "../../backend/client/hars_columns.c"
#include "../../backend/client/hars_recording.c"
#include "../../backend/common/hars_text.c"
#include "../../backend/common/hars_token.c"

#include "tap.h"


static char  error[160];


static int
body(const char *csv, const char *json)
{
    int          rc;
    hars_text_t  text;

    memset(&text, 0, sizeof(text));
    hars_text_puts(&text, csv);
    error[0] = '\0';

    rc = hars_recording_body(&text, error, sizeof(error));

    if (json) {
        rc = (rc == HARS_OK && strcmp(text.data, json) == 0);

        if (!rc) {
            printf("# got %s, error %s\n", text.data, error);
        }

    } else {
        rc = (rc == HARS_ERROR && error[0]);
    }

    hars_text_free(&text);

    return rc;
}


static void
recordings(void)
{
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n0.02,-1,.5,1e1,0,0,0\n",
            "{\"sampling_rate_hz\":50,\"samples\":[[0,1,2,3,4,5,6],"
            "[0.02,-1,0.5,10,0,0,0]]}"), "CSV");
    ok(body("\xef\xbb\xbfgx;gy;gz;note;timestamp_s;ax;ay;az\r\n"
            "4;5;6;hello;1.5;1;2;3\r\n\r\n4;5;6;;1.6;1;2;3",
            "{\"sampling_rate_hz\":10,\"samples\":[[1.5,1,2,3,4,5,6],"
            "[1.6,1,2,3,4,5,6]]}"), "other order, separator, line ends");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,,3,4,5,6\n1,1,2,3,4,5, \n",
            "{\"sampling_rate_hz\":1,\"samples\":[[0,1,null,3,4,5,6],"
            "[1,1,2,3,4,5,null]]}"), "missing values are null");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n0,1,2,3,4,5,6\n"
            "0.1,1,2,3,4,5,6\n0.2,1,2,3,4,5,6\n9,1,2,3,4,5,6\n",
            "{\"sampling_rate_hz\":10,\"samples\":[[0,1,2,3,4,5,6],"
            "[0,1,2,3,4,5,6],[0.1,1,2,3,4,5,6],[0.2,1,2,3,4,5,6],"
            "[9,1,2,3,4,5,6]]}"), "the rate is the median's");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n1700000000.123456,1,2,3,4,5,6\n"
            "1700000000.623456,1,2,3,4,5,6\n",
            "{\"sampling_rate_hz\":2,\"samples\":[[1700000000.123456,1,2,3,4,"
            "5,6],[1700000000.623456,1,2,3,4,5,6]]}"), "seconds of an epoch");
    ok(body(" {\"samples\":[]}", " {\"samples\":[]}"), "JSON as it is");

    ok(body("", NULL), "nothing");
    ok(body("t_s,ax,ay,az,gx,gy\n", NULL), "a column is missing");
    ok(body("t_s,ax,ay,az,gx,gy,gz,ax\n", NULL), "a column twice");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n", NULL), "no records");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n", NULL), "one record");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n1e-320,1,2,3,4,5,6\n",
            NULL), "times that no rate can be made of");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n,1,2,3,4,5,6\n", NULL)
       && strstr(error, "line 3") && strstr(error, "t_s"),
       "a time is missing: %s", error);
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,x,4,5,6\n", NULL)
       && strstr(error, "line 2") && strstr(error, "az"),
       "no number: %s", error);
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5\n", NULL), "a short line");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,nan,4,5,6\n", NULL), "nan");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,inf,4,5,6\n", NULL), "inf");
    ok(body("t_s,ax,ay,az,gx,gy,gz\n0,1,2,1e999,4,5,6\n", NULL), "1e999");
}


static void
forms(void)
{
    hars_text_t  text;

    memset(&text, 0, sizeof(text));

    hars_text_form(&text, "client_id", "a b&c=d+e%\xc3\xa9*-._~");
    hars_text_form(&text, "scope", NULL);
    hars_text_form(&text, "resource", "https://x/");

    ok(strcmp(text.data, "client_id=a+b%26c%3Dd%2Be%25%C3%A9*-._%7E"
              "&resource=https%3A%2F%2Fx%2F") == 0, "a form: %s", text.data);

    hars_text_free(&text);
}


static int
token(const char *file, const char *value)
{
    int          rc;
    char         got[HARS_TOKEN_SIZE];
    hars_text_t  text;

    memset(&text, 0, sizeof(text));
    hars_text_puts(&text, file);

    rc = hars_token_value(&text, got);
    rc = value ? rc == HARS_OK && strcmp(got, value) == 0 : rc != HARS_OK;

    hars_text_free(&text);

    return rc;
}


int
main(void)
{
    recordings();
    forms();

    ok(token("hats_at_x\n", "hats_at_x"), "a token in a file");
    ok(token(" \n hats_at_x \r\n", "hats_at_x"), "with blanks around");
    ok(token("{\"access_token\":\"abc\",\"x\":1}\n", "abc"), "a response");
    ok(token("{\"access_token\":1}", NULL), "a response without token");
    ok(token("{\"access_token\":\"a\\r\\nX: y\"}", NULL),
       "a response with a header in it");
    ok(token("", NULL), "an empty file");
    ok(token("a\r\nX-Evil: 1", NULL), "a file with a header in it");
    ok(token("a b", NULL), "two words");
    ok(token("{", NULL), "no JSON");

    return tap_done();
}

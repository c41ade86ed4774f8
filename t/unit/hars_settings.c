
/* settings files: what is read, what is refused, and with what words */

/* link: */

#include "../../backend/common/hars_settings.c"

#include "tap.h"

#include <fcntl.h>
#include <unistd.h>


typedef struct {
    char                 *name;
    char                 *preset;
    char                 *absent;
    unsigned long         number;
    hars_setting_list_t   list;
} conf_t;


#define SETTING(setting)  .name = #setting, .offset = offsetof(conf_t, setting)

static const hars_setting_t  table[] = {
    { SETTING(name), .required = 1 },
    { SETTING(preset), .preset = "by default" },
    { SETTING(absent) },
    { SETTING(number), .type = HARS_SETTING_UINT, .preset = "7", .min = 1,
      .max = 100 },
    { SETTING(list), .type = HARS_SETTING_LIST },
    { .name = NULL }
};


static char  file[] = "/tmp/hars-settings-XXXXXX";
static char  said[4096];


/* reads "text"; what was said on standard error is in "said" */
static hars_settings_t *
settings(const char *text, size_t len, conf_t *conf)
{
    int               fd, saved;
    char              err[] = "/tmp/hars-settings-said-XXXXXX";
    ssize_t           n;
    hars_settings_t  *st;

    fd = open(file, O_WRONLY | O_TRUNC);
    n = write(fd, text, len);
    close(fd);

    memset(conf, 0, sizeof(conf_t));

    fflush(stderr);
    saved = dup(STDERR_FILENO);
    fd = mkstemp(err);
    dup2(fd, STDERR_FILENO);

    st = hars_settings_read(file, table, conf);

    if (st && strstr(text, "fail")) {
        hars_settings_fail(st, "number", "is %s", "wrong");
        hars_settings_fail(st, "preset", "is wrong");
    }

    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);

    n = pread(fd, said, sizeof(said) - 1, 0);
    said[n < 0 ? 0 : n] = '\0';
    close(fd);
    unlink(err);

    return st;
}


static void
good(void)
{
    conf_t            conf;
    hars_settings_t  *st;

    static const char  text[] =
        "# comment = not\n"
        "\n"
        "  name =  a b = c # no comment \t\r\n"
        "number=100\n"
        "list = one\n"
        "list = two";

    st = settings(text, sizeof(text) - 1, &conf);

    ok(st != NULL, "a good file is read");
    ok(said[0] == '\0', "nothing is said of it");

    if (st) {
        ok(strcmp(conf.name, "a b = c # no comment") == 0,
           "a value keeps its inner blanks, \"=\" and \"#\"");
        ok(strcmp(conf.preset, "by default") == 0, "a preset");
        ok(conf.absent == NULL, "absent is NULL");
        ok(conf.number == 100, "a number at its bound");
        ok(conf.list.n == 2 && strcmp(conf.list.value[1], "two") == 0,
           "a list, its last line without line feed");
    }

    hars_settings_free(st);

    ok(conf.name == NULL && conf.list.n == 0, "nothing points at freed text");

    st = settings("name = x\n", 9, &conf);
    ok(st && conf.number == 7, "a number's preset");
    hars_settings_free(st);

    st = settings("name = fail\nnumber = 9\n", 23, &conf);
    ok(strstr(said, ":2: number \"9\" is wrong\n") != NULL,
       "a later error names line and value");
    ok(strstr(said, "XXXXXX: preset") == NULL
       && strstr(said, ": preset \"by default\" is wrong\n") != NULL,
       "a later error of a preset names the value");
    hars_settings_free(st);
}


static void
bad(void)
{
    char              line[HARS_SETTINGS_LINE + 16];
    size_t            i;
    conf_t            conf;
    hars_settings_t  *st;

    static const struct {
        const char  *text;
        size_t       len;
        const char  *words;
    } cases[] = {
#define CASE(text, words)  { text, sizeof(text) - 1, words }
        CASE("number = 1\n", ": name is missing"),
        CASE("name = x\nnme = y\n", ":2: \"nme\" is no setting"),
        CASE("name = x\nname = y\n", ":2: name is set in line 1 already"),
        CASE("name =\n", ":1: name has no value"),
        CASE("name\n", ":1: has no \"=\""),
        CASE("name = x\nnumber = 0\n", ":2: number \"0\" has to be"),
        CASE("name = x\nnumber = 101\n", "from 1 to 100"),
        CASE("name = x\nnumber = -1\n", "has to be a number"),
        CASE("name = x\nnumber = 1s\n", "has to be a number"),
        CASE("name = x\nnumber = +1\n", "has to be a number"),
        CASE("name = x\nnumber = 99999999999999999999\n", "has to be a"),
        CASE("name = x\0y\nnumber = 9\n", "zero byte"),
        CASE("name = x\nlist = 1\nlist = 2\nlist = 3\nlist = 4\nlist = 5\n"
             "list = 6\nlist = 7\nlist = 8\nlist = 9\n", "more than 8"),
        CASE("wrong = 1\nNAME = 2\n", "\"NAME\" is no setting"),
#undef CASE
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        st = settings(cases[i].text, cases[i].len, &conf);

        ok(st == NULL && strstr(said, cases[i].words) != NULL,
           "refused: %s", cases[i].words);

        hars_settings_free(st);
    }

    memset(line, 'x', sizeof(line));
    memcpy(line, "name =", 6);
    st = settings(line, sizeof(line), &conf);
    ok(st == NULL && strstr(said, "longer than") != NULL,
       "refused: a line that is too long");
    hars_settings_free(st);

    st = settings("wrong = 1\nnumber = 0\n", 21, &conf);
    ok(strstr(said, ":1:") && strstr(said, ":2:")
       && strstr(said, "name is missing"), "all errors in one go");
    hars_settings_free(st);
}


int
main(void)
{
    close(mkstemp(file));

    good();
    bad();

    unlink(file);

    ok(hars_settings_read(file, table, &(conf_t) { 0 }) == NULL,
       "a file that is not there");

    return tap_done();
}


/*
 * Known-answer vectors of fog-aka v1, in the format of fogaka1_kat.txt: each
 * case gives the inputs of one session and what every party has to compute of
 * them.  A session is run by the three roles as the services run them, so the
 * answer of each is also what the next one takes.
 *
 *   build/t/fog_kat FILE    "N cases, M wrong"; exit status 0 where M is 0,
 *                           1 where it is not, 2 where FILE is none: nothing
 *                           unknown, missing, doubled or malformed in it
 *   build/t/fog_kat --make N    N cases per suite in the same format; their
 *                           inputs are SHA-256 of a counter
 *
 * With another backend of primitives it is build/t/fog_kat_mbedtls.
 */

#include "kat.h"
#include "aka_keys.h"
#include "aka_messages.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_KAT_LINE  1024


typedef enum { KAT_SUITE, KAT_TEXT, KAT_NUMBER, KAT_BYTES } hars_kat_type_e;

typedef struct {
    const char       *name;
    hars_kat_type_e   type;
    size_t            offset;
    uint64_t          limit;          /* of a number; length of bytes */
    int               output;
} hars_kat_field_t;


static int hars_kat_file(FILE *in, const char *path);
static const char *hars_kat_line(char *line, hars_kat_t *c, uint64_t *seen);
static int hars_kat_word(const char *line);
static int hars_kat_value(const hars_kat_field_t *f, const char *value,
    hars_kat_t *c);
static int hars_kat_number(const char *value, uint64_t limit, uint64_t *v);
static int hars_kat_hex(const char *value, size_t len, unsigned char *out);
static int hars_kat_check(const char *name, const hars_kat_t *want);
static void hars_kat_inputs(hars_kat_t *c, unsigned suite, unsigned n);
static void hars_kat_print(const char *name, const hars_kat_t *c);
static void hars_kat_hex_out(FILE *out, const unsigned char *p, size_t len);
static int hars_kat_make(unsigned n);


#define FIELD(name, type, member, limit, output)                             \
    { name, type, offsetof(hars_kat_t, member), limit, output }
#define IN(name, member)  FIELD(name, KAT_BYTES, member, 32, 0)
#define OUT(name, member)                                                    \
    FIELD(name, KAT_BYTES, member, sizeof(((hars_kat_t *) 0)->member), 1)

static const hars_kat_field_t  fields[] = {
    FIELD("suite", KAT_SUITE, suite, 255, 0),
    FIELD("ID_i", KAT_TEXT, id_i, HARS_AKA_ID_MAX, 0),
    FIELD("ID_j", KAT_TEXT, id_j, HARS_AKA_ID_MAX, 0),
    FIELD("gen_i", KAT_NUMBER, gen_i, UINT32_MAX, 0),
    FIELD("gen_j", KAT_NUMBER, gen_j, UINT32_MAX, 0),
    FIELD("n_i", KAT_NUMBER, n_i, HARS_AKA_FAN - 1, 0),
    FIELD("n_j", KAT_NUMBER, n_j, HARS_AKA_FAN - 1, 0),
    FIELD("ctr_i", KAT_NUMBER, ctr_i, UINT64_MAX, 0),
    FIELD("ctr_j", KAT_NUMBER, ctr_j, UINT64_MAX, 0),
    FIELD("ts_i", KAT_NUMBER, ts_i, UINT64_MAX, 0),
    FIELD("ts_j", KAT_NUMBER, ts_j, UINT64_MAX, 0),
    IN("x", x), IN("sk_cs", sk_cs), IN("s_i", s_i), IN("rnd_i", rnd_i),
    IN("s_j", s_j), IN("rnd_j", rnd_j), IN("rnd_cs", rnd_cs),
    IN("s_i_new", s_i_new), IN("s_j_new", s_j_new),
    OUT("pk_cs", pk_cs), OUT("K_i", key_i), OUT("K_j", key_j),
    OUT("pid_i", pid_i), OUT("pid_j", pid_j), OUT("r1", r1), OUT("r2", r2),
    OUT("r3", r3), OUT("th", th), OUT("th2", th2), OUT("M1", m1),
    OUT("M2", m2), OUT("M3", m3), OUT("M4", m4), OUT("sk", sk),
    OUT("kc", kc), OUT("sid", sid)
};

#define NFIELDS  (sizeof(fields) / sizeof(fields[0]))
#define ALL      ((UINT64_C(1) << NFIELDS) - 1)


int
main(int argc, char **argv)
{
    int    rc;
    FILE  *in;

    if (hars_aka_crypto_init() != HARS_AKA_OK) {
        fprintf(stderr, "fog_kat: the library of primitives fails\n");
        return 2;
    }

    if (argc == 3 && strcmp(argv[1], "--make") == 0) {
        return hars_kat_make((unsigned) atoi(argv[2]));
    }

    if (argc != 2) {
        fprintf(stderr, "usage: fog_kat FILE | --make N\n");
        return 2;
    }

    in = fopen(argv[1], "r");

    if (in == NULL) {
        perror(argv[1]);
        return 2;
    }

    rc = hars_kat_file(in, argv[1]);
    fclose(in);

    return rc;
}


static int
hars_kat_file(FILE *in, const char *path)
{
    int          end;
    char         line[HARS_KAT_LINE], name[HARS_KAT_LINE], mark;
    const char  *why;
    unsigned     row, cases, wrong;
    uint64_t     seen;
    hars_kat_t   c;

    seen = ALL;
    cases = wrong = row = 0;

    do {
        end = fgets(line, sizeof(line), in) == NULL;
        row++;

        if (!end && line[strcspn(line, "\n")] != '\n' && !feof(in)) {
            fprintf(stderr, "%s:%u: a line that is too long, or has a zero "
                    "byte\n", path, row);
            return 2;
        }

        /* a file may have been on a system whose lines end by CR LF */

        line[end ? 0 : strcspn(line, "\n")] = '\0';
        line[strlen(line) - (line[0] && line[strlen(line) - 1] == '\r')]
            = '\0';

        if (!end && (line[0] == '\0' || line[0] == '#')) {
            continue;
        }

        if (!end && line[0] != '[') {
            why = cases ? hars_kat_line(line, &c, &seen)
                        : "stands before the first [case NAME]";

            if (why) {
                fprintf(stderr, "%s:%u: %.*s: %s\n", path, row,
                        hars_kat_word(line), line, why);
                return 2;
            }

            continue;
        }

        /* the case before this line is complete */

        if (seen != ALL) {
            fprintf(stderr, "%s:%u: case %s lacks a line\n", path, row, name);
            return 2;
        }

        wrong += cases > 0 && hars_kat_check(name, &c) != 0;

        if (!end && (sscanf(line, "[case %1023[^] ]%c", name, &mark) != 2
                     || mark != ']' || line[strlen(name) + 7] != '\0'))
        {
            fprintf(stderr, "%s:%u: is no [case NAME]; other kinds are not "
                    "known\n", path, row);
            return 2;
        }

        cases += !end;
        seen = 0;
        memset(&c, 0, sizeof(c));

    } while (!end);

    if (ferror(in)) {
        perror(path);
        return 2;
    }

    printf("%u cases, %u wrong\n", cases, wrong);

    if (cases == 0) {
        fprintf(stderr, "%s: no case in it\n", path);
        return 2;
    }

    return wrong ? 1 : 0;
}


/* one "name = value"; NULL, or what is wrong with it */
static const char *
hars_kat_line(char *line, hars_kat_t *c, uint64_t *seen)
{
    char         *value;
    size_t        i;
    static char   why[64];

    value = strstr(line, " = ");

    if (value == NULL) {
        return "is no line of the form NAME = VALUE";
    }

    *value = '\0';
    value += 3;

    for (i = 0; i < NFIELDS; i++) {
        if (strcmp(fields[i].name, line) == 0) {
            break;
        }
    }

    if (i == NFIELDS) {
        return "is not known here";
    }

    if (*seen & UINT64_C(1) << i) {
        return "stands twice in its case";
    }

    *seen |= UINT64_C(1) << i;

    if (hars_kat_value(&fields[i], value, c) == 0) {
        return NULL;
    }

    switch (fields[i].type) {

    case KAT_SUITE:
        return "has to be 01, 02, 11 or 12";

    case KAT_TEXT:
        return "has to have 1 to 64 bytes";

    case KAT_NUMBER:
        return "has to be a decimal number within its bounds";

    default:
        snprintf(why, sizeof(why), "has to have %zu lower-case hexadecimal "
                 "digits", 2 * (size_t) fields[i].limit);
        return why;
    }
}


/* how much of a line is a word that may be shown */
static int
hars_kat_word(const char *line)
{
    int  n;

    for (n = 0; n < 32 && (isalnum((unsigned char) line[n])
                           || line[n] == '_'); n++)
    {
        /* void */
    }

    return n;
}


static int
hars_kat_value(const hars_kat_field_t *f, const char *value, hars_kat_t *c)
{
    size_t          len;
    unsigned char  *member, byte;

    len = strlen(value);
    member = (unsigned char *) c + f->offset;

    switch (f->type) {

    case KAT_SUITE:
        if (hars_kat_hex(value, 1, &byte) != 0) {
            return -1;
        }

        c->suite = byte;
        return hars_aka_suite_known(byte) ? 0 : -1;

    case KAT_TEXT:
        if (len == 0 || len > f->limit) {
            return -1;
        }

        memcpy(member, value, len);
        return 0;

    case KAT_NUMBER:
        return hars_kat_number(value, f->limit, (uint64_t *) (void *) member);

    default:
        return hars_kat_hex(value, f->limit, member);
    }
}


static int
hars_kat_number(const char *value, uint64_t limit, uint64_t *v)
{
    unsigned  digit;

    if (*value == '\0') {
        return -1;
    }

    for (*v = 0; *value; value++) {
        if (!isdigit((unsigned char) *value)) {
            return -1;
        }

        digit = (unsigned) (*value - '0');

        if (digit > limit || *v > (limit - digit) / 10) {
            return -1;
        }

        *v = *v * 10 + digit;
    }

    return 0;
}


static int
hars_kat_hex(const char *value, size_t len, unsigned char *out)
{
    size_t       i;
    const char  *high, *low, digits[] = "0123456789abcdef";

    if (strlen(value) != 2 * len) {
        return -1;
    }

    for (i = 0; i < len; i++) {
        high = strchr(digits, value[2 * i]);
        low = strchr(digits, value[2 * i + 1]);

        if (high == NULL || low == NULL) {
            return -1;
        }

        out[i] = (unsigned char) ((high - digits) << 4 | (low - digits));
    }

    return 0;
}


static int
hars_kat_check(const char *name, const hars_kat_t *want)
{
    int                   rc;
    size_t                i;
    hars_kat_t            got;
    const unsigned char  *have, *should;

    got = *want;
    rc = hars_kat_run(want, &got);

    if (rc != 0) {
        fprintf(stderr, "case %s: a party refuses\n", name);
    }

    for (i = 0; i < NFIELDS; i++) {
        have = (unsigned char *) &got + fields[i].offset;
        should = (const unsigned char *) want + fields[i].offset;

        if (fields[i].output && memcmp(have, should, fields[i].limit) != 0) {
            fprintf(stderr, "case %s: %s is ", name, fields[i].name);
            hars_kat_hex_out(stderr, have, fields[i].limit);
            fprintf(stderr, "\n   not ");
            hars_kat_hex_out(stderr, should, fields[i].limit);
            fprintf(stderr, "\n");
            rc = -1;
        }
    }

    return rc;
}

static int
hars_kat_make(unsigned n)
{
    char                  name[16];
    unsigned              i, k;
    hars_kat_t            c;
    static const uint8_t  suites[] = { 0x01, 0x02, 0x11, 0x12 };

    printf("# fog-aka v1, vectors of build/t/fog_kat --make %u\n", n);

    for (i = 0; i < 4; i++) {
        for (k = 0; k < n; k++) {
            hars_kat_inputs(&c, suites[i], k);

            if (hars_kat_run(&c, &c) != 0) {
                return 2;
            }

            snprintf(name, sizeof(name), "%02x-%u", suites[i], k);
            hars_kat_print(name, &c);
        }
    }

    return 0;
}


/* case 0 has the shortest and least of all, case 1 the longest and most */
static void
hars_kat_inputs(hars_kat_t *c, unsigned suite, unsigned n)
{
    char             text[96];
    size_t           i;
    uint64_t         limit;
    unsigned char   *member, hash[32];
    hars_aka_part_t  part = { text, 0 };

    memset(c, 0, sizeof(hars_kat_t));

    for (i = 0; i < NFIELDS && !fields[i].output; i++) {
        limit = fields[i].limit;
        member = (unsigned char *) c + fields[i].offset;
        part.len = (size_t) snprintf(text, sizeof(text), "%02x %u %s", suite,
                                     n, fields[i].name);
        (void) hars_aka_sha256(hash, &part, 1);

        switch (fields[i].type) {

        case KAT_SUITE:
            c->suite = suite;
            break;

        case KAT_TEXT:
            memset(member, 'a' + hash[0] % 26,
                   n == 0 ? 1 : n == 1 ? limit : 1 + hash[1] % limit);
            break;

        case KAT_NUMBER:
            *(uint64_t *) (void *) member =
                n == 0 ? 0 : n == 1 ? limit
                : limit == UINT64_MAX ? hars_aka_get(hash, 8)
                : hars_aka_get(hash, 8) % (limit + 1);
            break;

        default:
            memcpy(member, hash, 32);
        }
    }
}


static void
hars_kat_print(const char *name, const hars_kat_t *c)
{
    size_t                i;
    const unsigned char  *member;

    printf("\n[case %s]\n", name);

    for (i = 0; i < NFIELDS; i++) {
        member = (const unsigned char *) c + fields[i].offset;
        printf("%s = ", fields[i].name);

        switch (fields[i].type) {

        case KAT_SUITE:
            printf("%02x", (unsigned) c->suite);
            break;

        case KAT_TEXT:
            printf("%s", (const char *) member);
            break;

        case KAT_NUMBER:
            printf("%llu", (unsigned long long)
                           *(const uint64_t *) (const void *) member);
            break;

        default:
            hars_kat_hex_out(stdout, member, fields[i].limit);
        }

        printf("\n");
    }
}


static void
hars_kat_hex_out(FILE *out, const unsigned char *p, size_t len)
{
    while (len--) {
        fprintf(out, "%02x", *p++);
    }
}

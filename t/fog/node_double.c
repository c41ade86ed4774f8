
/*
 * A double of fog node and cloud server in one process, made of the pure roles
 * (t/unit/aka_world.h), for tests of hars-wearable: no service is here, what
 * is checked is what the wearable does.
 *
 * usage: fog_node_double SOCKET DIRECTORY FAULTS
 *
 * DIRECTORY/wearable-0.json is what fogcloud would answer to a registration;
 * DIRECTORY/rows gets what was kept, a line a row.  FAULTS is one word for
 * each attempt, in their order, joined by commas; after the last one all is
 * well.  Lines on standard output say what was seen.
 */

#include "../unit/aka_world.h"
#include "hars_fog_frame.h"
#include "hars_fog_text.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>


static void double_registration(world_t *w, const char *dir);
static void double_hex(FILE *fp, const char *name, const unsigned char *p);
static int double_listen(const char *path);
static void double_link(world_t *w, int fd, char **faults, FILE *rows);
static void double_m1(world_t *w, int fd, const unsigned char *m, size_t len,
    const char *fault, run_t *run);
static int double_record(world_t *w, int fd, const unsigned char *m,
    size_t len, const char *fault, run_t *run, FILE *rows);
static void double_rows(const hars_fog_text_t *text, FILE *rows);
static int double_receive(int fd, unsigned char *m, size_t *len);
static int double_full(int fd, unsigned char *p, size_t len);
static void double_send(int fd, const unsigned char *m, size_t len);
static void double_answer(int fd, const hars_fog_text_t *text);
static int64_t double_now(void);


static hars_aka_channel_t  up, down;


int
main(int argc, char **argv)
{
    int             fd, link;
    char           *faults, path[512];
    FILE           *rows;
    static world_t  w;

    if (argc != 4) {
        return 2;
    }

    world_make(&w, NULL, HARS_AKA_X25519_AES, (uint64_t) getpid());
    double_registration(&w, argv[2]);
    snprintf(path, sizeof(path), "%s/rows", argv[2]);
    rows = fopen(path, "we");
    fd = double_listen(argv[1]);
    faults = argv[3];

    if (rows == NULL || fd == -1) {
        perror("fog_node_double");
        return 1;
    }

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("listening\n");

    while ((link = accept(fd, NULL, NULL)) != -1) {
        double_link(&w, link, &faults, rows);
        close(link);
    }

    return 1;
}


static void
double_registration(world_t *w, const char *dir)
{
    char           path[512];
    FILE          *fp;
    unsigned char  key[32];

    snprintf(path, sizeof(path), "%s/wearable-0.json", dir);
    fp = fopen(path, "we");

    if (fp == NULL || w->profile->key(&w->cloud, &w->row[0], key)) {
        abort();
    }

    fprintf(fp, "{\"gen\": %u, \"suite\": %u", w->row[0].gen,
            w->row[0].suite);
    double_hex(fp, "key", key);
    double_hex(fp, "seed", w->row[0].seed[0]);
    double_hex(fp, "pk_cs", w->cloud.pk);
    fprintf(fp, "}\n");
    fclose(fp);
}


static void
double_hex(FILE *fp, const char *name, const unsigned char *p)
{
    unsigned  i;

    fprintf(fp, ", \"%s\": \"", name);

    for (i = 0; i < 32; i++) {
        fprintf(fp, "%02x", p[i]);
    }

    fprintf(fp, "\"");
}


static int
double_listen(const char *path)
{
    int                 fd;
    struct sockaddr_un  address = { .sun_family = AF_UNIX };

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);

    return fd == -1
           || bind(fd, (struct sockaddr *) &address, sizeof(address)) == -1
           || listen(fd, 16) == -1 ? -1 : fd;
}


static void
double_link(world_t *w, int fd, char **faults, FILE *rows)
{
    char                  *end, fault[32];
    size_t                 len;
    static run_t           run;
    unsigned char          m[HARS_FRAME_MAX];

    snprintf(fault, sizeof(fault), "none");

    while (double_receive(fd, m, &len) == 0) {

        if (hars_frame_is_record(m)) {
            if (double_record(w, fd, m, len, fault, &run, rows)) {
                break;
            }

            continue;
        }

        if (**faults) {
            end = strchrnul(*faults, ',');
            snprintf(fault, sizeof(fault), "%.*s", (int) (end - *faults),
                     *faults);
            *faults = end + (*end == ',');

        } else {
            snprintf(fault, sizeof(fault), "none");
        }

        double_m1(w, fd, m, len, fault, &run);
    }
}


static void
double_m1(world_t *w, int fd, const unsigned char *m, size_t len,
    const char *fault, run_t *run)
{
    int            rc;
    unsigned char  bad[HARS_AKA_M4], err[HARS_AKA_ERR];

    printf("M1 %s pid %02x%02x%02x%02x\n", fault, m[4], m[5], m[6], m[7]);
    w->now = double_now();

    if (strcmp(fault, "m1-lost") == 0) {
        return;
    }

    memset(run, 0, sizeof(*run));
    rc = world_m2(w, 0, run, m, len);

    if (rc == HARS_AKA_OK && strcmp(fault, "refused") == 0) {
        (void) hars_aka_fog_refusal(&run->relay, err);
        double_send(fd, err, sizeof(err));
        return;
    }

    rc = rc ? rc : world_m3(w, run->m2, sizeof(run->m2), run);
    rc = rc ? rc : world_m4(w, 0, run);

    if (rc) {
        printf("refused %d\n", rc);
        return;
    }

    (void) hars_aka_channel(&run->at_fog, HARS_AKA_DEVICE_TO_FOG, &up);
    (void) hars_aka_channel(&run->at_fog, HARS_AKA_FOG_TO_DEVICE, &down);

    if (strcmp(fault, "m4-lost") == 0) {
        return;
    }

    memcpy(bad, run->m4, sizeof(bad));
    bad[150] ^= 1;

    if (strncmp(fault, "m4-flipped", 10) == 0) {
        double_send(fd, bad, sizeof(bad));
    }

    if (strcmp(fault, "m4-flipped") == 0) {
        return;
    }

    double_send(fd, run->m4, sizeof(run->m4));

    if (strcmp(fault, "m4-twice") == 0) {
        double_send(fd, run->m4, sizeof(run->m4));
    }
}


/* 1: the link ends */
static int
double_record(world_t *w, int fd, const unsigned char *m, size_t len,
    const char *fault, run_t *run, FILE *rows)
{
    int              rc;
    uint64_t         number;
    unsigned char    bytes[HARS_FRAME_MAX];
    hars_fog_text_t  text, answer;

    number = 0;

    if (run->at_fog.confirmed) {
        rc = hars_aka_record_open(&up, m, len, bytes, &number);

    } else {
        rc = hars_aka_session_confirm(&run->at_fog, &up, m, len,
                                      double_now(), bytes);
        printf("confirmed %d\n", rc);
    }

    if (rc == HARS_AKA_OK) {
        rc = hars_fog_text_take(&text, bytes, len - HARS_AKA_RECORD);
    }

    if (rc) {
        printf("bad record %d\n", rc);
        return 1;
    }

    if (strcmp(fault, "cut") == 0) {
        return 1;
    }

    if (strcmp(fault, "silent") == 0) {
        return 0;
    }

    w->now = double_now();
    double_rows(&text, rows);
    memset(&answer, 0, sizeof(answer));
    answer.type = HARS_FOG_KEPT;
    answer.number = number;
    double_answer(fd, &answer);

    if (text.type == HARS_FOG_END) {
        answer.type = HARS_FOG_ACTIVITY;
        answer.from = 1800000000000;
        answer.to = 1800000002560;
        strcpy(answer.name, "walking");
        double_answer(fd, &answer);
    }

    return 0;
}


static void
double_rows(const hars_fog_text_t *text, FILE *rows)
{
    unsigned  i;

    for (i = 0; i < text->rows; i++) {
        fprintf(rows, "%llu %u %.4f %.4f %.4f %.4f %.4f %.4f\n",
                (unsigned long long) text->time + text->row[i].us,
                text->placement, text->row[i].value[0],
                text->row[i].value[1], text->row[i].value[2],
                text->row[i].value[3], text->row[i].value[4],
                text->row[i].value[5]);
    }

    fflush(rows);
}


static int
double_receive(int fd, unsigned char *m, size_t *len)
{
    unsigned char  head[HARS_FRAME_HEAD];

    if (double_full(fd, head, sizeof(head))) {
        return -1;
    }

    *len = (size_t) head[0] << 8 | head[1];

    return *len == 0 || *len > HARS_FRAME_MAX || double_full(fd, m, *len);
}


static int
double_full(int fd, unsigned char *p, size_t len)
{
    ssize_t  n;

    for ( ; len; len -= (size_t) n, p += n) {
        n = recv(fd, p, len, 0);

        if (n <= 0) {
            return -1;
        }
    }

    return 0;
}


static void
double_send(int fd, const unsigned char *m, size_t len)
{
    size_t         size;
    unsigned char  frame[HARS_FRAME_HEAD + HARS_FRAME_MAX];

    size = hars_frame_put(frame, m, len);
    (void) send(fd, frame, size, MSG_NOSIGNAL);
}


static void
double_answer(int fd, const hars_fog_text_t *text)
{
    size_t         len;
    unsigned char  bytes[HARS_FOG_TEXT], record[HARS_FRAME_MAX];

    len = hars_fog_text_put(text, bytes);

    if (hars_aka_record_seal(&down, bytes, len, record) == HARS_AKA_OK) {
        double_send(fd, record, len + HARS_AKA_RECORD);
    }
}


static int64_t
double_now(void)
{
    struct timespec  time;

    clock_gettime(CLOCK_REALTIME, &time);

    return (int64_t) time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

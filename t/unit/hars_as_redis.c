
/*
 * The connection to Redis: addresses, and the deadline, which a server that
 * answers byte by byte must not move.
 */

/* link: -lhiredis -lssl -lcrypto -lpthread */

#include "../../backend/authserver/hars_as_redis.c"
#include "../../backend/authserver/hars_as_master.c"
#include "../../backend/authserver/hars_as_cluster.c"
#include "../../backend/authserver/hars_as_conn.c"
#include "../../backend/common/hars_clock.c"
#include "../../backend/common/hars_log.c"
#include "../../common/hars_record.c"

#include "tap.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


typedef struct {
    int          fd;                      /* listening */
    const char  *answer;                  /* to each command, then silence */
    int          drip;                    /* one byte each 20 ms, for ever */
} server_t;


static void *
serve(void *data)
{
    int        fd, n;
    char       buf[512];
    server_t  *server;

    static const char  info[] =
        "$59\r\n# Server\r\nrun_id:0123456789abcdef0123456789abcdef01234567"
        "\r\n\r\n";

    server = data;
    fd = accept(server->fd, NULL, NULL);
    n = 0;

    /* the first question, before the time that is measured here counts */

    if (fd != -1 && read(fd, buf, sizeof(buf)) > 0) {
        (void) !send(fd, info, sizeof(info) - 1, MSG_NOSIGNAL);
    }

    while (fd != -1 && read(fd, buf, sizeof(buf)) > 0) {

        if (server->drip && n++) {
            while (send(fd, "+", 1, MSG_NOSIGNAL) == 1) {
                usleep(20000);
            }

            break;
        }

        if (send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL)
            == -1)
        {
            break;
        }
    }

    close(fd);

    return NULL;
}


static int
set_key(hars_redis_t *redis)
{
    const char            *argv[] = { "SET", "hars:key", "x" };
    const size_t           len[] = { 3, 8, 1 };
    hars_redis_command_t   command = { .argc = 3, .argv = argv, .len = len };

    return hars_redis_run(redis, &command, 1);
}


/* connects and sets a key once; the time that took in ms */
static int64_t
talk(char *path, server_t *server, int *connected, int *set)
{
    int64_t            start;
    pthread_t          thread;
    hars_redis_t      *redis;
    hars_redis_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.server = &path;
    conf.n = 1;
    conf.timeout = 150;

    if (server) {
        pthread_create(&thread, NULL, serve, server);
    }

    redis = hars_redis_create(&conf);
    start = hars_clock();

    *connected = hars_redis_connect(redis);
    *set = set_key(redis);

    start = hars_clock() - start;

    hars_redis_free(redis);

    if (server) {
        pthread_join(thread, NULL);
    }

    return start;
}


int
main(void)
{
    int                 connected, set;
    size_t              i;
    int64_t             ms;
    server_t            server;
    struct sockaddr_un  sun;
    char                dir[] = "/tmp/hars-redis-XXXXXX", path[128];

    static const char  *good[] = {
        "unix:/run/redis.sock", "localhost:6379", "127.0.0.1:1", "[::1]:6379"
    };

    static const char  *bad[] = {
        "", "unix:", "unix:redis.sock", "localhost", "localhost:", ":6379",
        "localhost:0", "localhost:65536", "localhost:63x", "::1:6379",
        "[]:6379", "localhost:-1"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(hars_redis_server(good[i]), "a server: %s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!hars_redis_server(bad[i]), "no server: \"%s\"", bad[i]);
    }

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(path, sizeof(path), "unix:%s/s", dir);
    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    strcpy(sun.sun_path, path + 5);

    server.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    server.drip = 0;

    if (bind(server.fd, (struct sockaddr *) &sun, sizeof(sun)) == -1
        || listen(server.fd, 4) == -1)
    {
        return 1;
    }

    server.answer = "+OK\r\n";
    talk(path, &server, &connected, &set);
    ok(connected == HARS_OK && set == HARS_OK, "answered");

    server.answer = "$-1\r\n";
    talk(path, &server, &connected, &set);
    ok(set == HARS_OK, "a key that is there already is well");

    server.answer = "-NOAUTH secret\r\n";
    talk(path, &server, &connected, &set);
    ok(connected == HARS_ERROR && set == HARS_ERROR, "refused");

    server.answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    talk(path, &server, &connected, &set);
    ok(connected == HARS_ERROR, "garbage");

    server.answer = "";
    ms = talk(path, &server, &connected, &set);
    ok(connected == HARS_ERROR && ms >= 140 && ms < 1500,
       "silence: %lld ms", (long long) ms);

    server.answer = "+OK\r\n";
    server.drip = 1;
    ms = talk(path, &server, &connected, &set);
    ok(connected == HARS_OK && set == HARS_ERROR && ms >= 140 && ms < 1500,
       "an answer byte by byte: %lld ms", (long long) ms);

    close(server.fd);
    ms = hars_clock();
    talk(path, NULL, &connected, &set);
    ok(connected == HARS_ERROR && hars_clock() - ms < 1000,
       "nobody listens");

    unlink(path + 5);
    rmdir(dir);

    return tap_done();
}

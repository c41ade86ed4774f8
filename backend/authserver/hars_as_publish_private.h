
/*
 * Between hars_as_publish.c, which tells a revocation, and hars_as_refresh.c,
 * which tells all of them again: the names in Redis and the commands.
 */

#ifndef HARS_AS_PUBLISH_PRIVATE_H
#define HARS_AS_PUBLISH_PRIVATE_H


#include "hars_as.h"
#include "hars_as_redis.h"
#include "hars_as_store.h"

#include <pthread.h>


#define HARS_PUBLISH_PASSWORD  512
#define HARS_PUBLISH_NAME      256        /* longest name, prefix and all */
#define HARS_PUBLISH_NUMBER    24

/* what gateways may rely on: docs/architecture.md, "Redis" */
#define HARS_PUBLISH_STREAM    "{revoked}stream"
#define HARS_PUBLISH_CERTS     "{revoked}certs"
#define HARS_PUBLISH_RUN       "{revoked}run"


struct hars_publish_s {
    const hars_as_conf_t   *conf;
    hars_redis_conf_t       redis_conf;
    hars_redis_t           *redis;
    char                    password[HARS_PUBLISH_PASSWORD];

    /* the main thread's, hars_as_refresh.c */
    int64_t                 pruned;       /* s */

    pthread_mutex_t         mutex;        /* of the keyer and the seal */
    hars_keyer_t           *keyer;
    hars_seal_t            *seal;
    unsigned char           endpoint[HARS_SHA256_LEN];
    unsigned char           claims[HARS_SHA256_LEN];
};


/* a command and the texts that it is made of; stays where it was made */
typedef struct {
    unsigned                argc;
    const char             *argv[6];
    size_t                  len[6];
    char                    name[HARS_PUBLISH_NAME];
    char                    number[HARS_PUBLISH_NUMBER];
    char                    text[HARS_B64_SHA256_LEN];
} hars_publish_command_t;


/* prefix and suffix; HARS_ERROR: together too long */
int hars_publish_name(struct hars_publish_s *publish, char *name,
    const char *suffix, size_t len);

void hars_publish_arg(hars_publish_command_t *command, const void *data,
    size_t len);
hars_redis_command_t hars_publish_command(
    const hars_publish_command_t *command);

/* SET key tombstone PX rest; the row ends after "now", s */
int hars_publish_tombstone(struct hars_publish_s *publish,
    hars_publish_command_t *command, const hars_outbox_t *row, int64_t now);

/*
 * ZADD {revoked}certs GT until thumbprint: of two ends the later one holds, as
 * in the store, in whatever order they arrive
 */
int hars_publish_zadd(struct hars_publish_s *publish,
    hars_publish_command_t *command, const hars_outbox_t *row, int64_t now);


#endif /* HARS_AS_PUBLISH_PRIVATE_H */

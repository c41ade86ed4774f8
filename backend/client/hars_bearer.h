
/*
 * The token of a command that goes on for a while: the one of the command
 * line, or with --auth-url one that is asked for, and renewed after two
 * thirds of its life or when it is refused.
 */

#ifndef HARS_BEARER_H
#define HARS_BEARER_H


#include "hars_client.h"

#include <time.h>


typedef struct {
    const hars_options_t  *options;
    const char            *scope;         /* asked for, unless --scope */
    char                   token[HARS_TOKEN_SIZE];
    time_t                 due;           /* monotonic, s; 0: at once */
} hars_bearer_t;


/* what is wrong with the options is said on standard error: HARS_ERROR */
int hars_bearer_check(const char *command, const hars_options_t *options);

/*
 * HARS_EXIT_OK and bearer->token, or what to exit with, said on standard
 * error.  HARS_EXIT_CONNECT may become better.
 */
int hars_bearer_get(hars_bearer_t *bearer);

/* it was refused; HARS_DECLINED: there is no way to another one */
int hars_bearer_refused(hars_bearer_t *bearer);

void hars_bearer_wipe(hars_bearer_t *bearer);


#endif /* HARS_BEARER_H */


/*
 * See hars_dcm_exports.h for what this is.  A place is the sub that has it:
 * which one of a sub's places is given back makes no difference.
 */

#include "hars_dcm_exports.h"

#include <string.h>


void
hars_exports_init(hars_exports_t *exports)
{
    memset(exports->sub, 0, sizeof(exports->sub));
    pthread_mutex_init(&exports->mutex, NULL);
}


void
hars_exports_free(hars_exports_t *exports)
{
    pthread_mutex_destroy(&exports->mutex);
}


int
hars_exports_begin(hars_exports_t *exports, const char *sub)
{
    int       rc;
    char     *place;
    unsigned  i, own;

    place = NULL;
    own = 0;

    pthread_mutex_lock(&exports->mutex);

    for (i = 0; i < HARS_EXPORTS; i++) {

        if (exports->sub[i][0] == '\0') {
            place = exports->sub[i];

        } else {
            own += (strcmp(exports->sub[i], sub) == 0);
        }
    }

    rc = own >= HARS_EXPORTS_OWN ? HARS_DECLINED
         : place ? HARS_OK : HARS_ERROR;

    if (rc == HARS_OK) {
        strcpy(place, sub);
    }

    pthread_mutex_unlock(&exports->mutex);

    return rc;
}


void
hars_exports_end(hars_exports_t *exports, const char *sub)
{
    unsigned  i;

    pthread_mutex_lock(&exports->mutex);

    for (i = 0; i < HARS_EXPORTS; i++) {
        if (strcmp(exports->sub[i], sub) == 0) {
            exports->sub[i][0] = '\0';
            break;
        }
    }

    pthread_mutex_unlock(&exports->mutex);
}

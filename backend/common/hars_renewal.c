
/* See hars_renewal.h for what this is. */

#include "hars_renewal.h"
#include "hars_pace.h"
#include "hars_est.h"
#include "hars_log.h"

#include <string.h>
#include <time.h>


static int hars_renewal_time(hars_identity_t *id,
    const hars_https_conf_t *peer);
static int hars_renewal_ask(hars_identity_t *id,
    const hars_https_conf_t *peer);


int
hars_renewal(const hars_https_conf_t *peer)
{
    int               rc;
    hars_identity_t  *id;

    id = hars_identity_create();

    if (id == NULL) {
        return HARS_DECLINED;
    }

    rc = hars_renewal_time(id, peer);

    if (rc == HARS_OK) {
        rc = hars_renewal_ask(id, peer);

    } else if (rc == HARS_ERROR) {
        hars_log_error("the own certificate: %s", hars_identity_error(id));
    }

    hars_identity_free(id);

    return rc == HARS_OK ? HARS_OK : HARS_DECLINED;
}


/* HARS_OK: it is */
static int
hars_renewal_time(hars_identity_t *id, const hars_https_conf_t *peer)
{
    int64_t  from, to;

    if (hars_identity_key(id, peer->key, 0) != HARS_OK
        || hars_identity_old(id, peer->cert) != HARS_OK
        || hars_identity_times(id, &from, &to) != HARS_OK)
    {
        return HARS_ERROR;
    }

    return hars_pace_certificate(from, to, time(NULL)) ? HARS_OK
                                                       : HARS_DECLINED;
}


static int
hars_renewal_ask(hars_identity_t *id, const hars_https_conf_t *peer)
{
    char        error[HARS_EST_ERROR];
    hars_est_t  est;

    memset(&est, 0, sizeof(est));
    est.peer = *peer;

    if (hars_est(&est, id, error) != HARS_EST_OK) {
        hars_log_error("the own certificate \"%s\" ends soon and cannot be "
                       "renewed: %s", peer->cert, error);
        return HARS_ERROR;
    }

    hars_log_info("the own certificate \"%s\" is a new one", peer->cert);

    return HARS_OK;
}

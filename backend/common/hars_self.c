
/* See hars_self.h for what this is. */

#include "hars_self.h"
#include "hars_https.h"
#include "hars_identity.h"
#include "hars_record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>


static int hars_self_check_identity(hars_settings_t *settings,
    const hars_self_t *self);


int
hars_self_check(hars_settings_t *settings, const hars_self_t *self)
{
    int  rc;

    rc = hars_self_check_url(settings, "auth_url", self->auth_url);

    if (access(self->server_ca, R_OK) == -1) {
        hars_settings_fail(settings, "server_ca", "%s", strerror(errno));
        rc = HARS_ERROR;
    }

    if (hars_self_check_identity(settings, self) != HARS_OK) {
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_self_check_identity(hars_settings_t *settings, const hars_self_t *self)
{
    int               rc;
    hars_identity_t  *id;

    id = hars_identity_create();

    if (id == NULL) {
        return HARS_ERROR;
    }

    rc = HARS_OK;

    if (hars_identity_key(id, self->key, 0) != HARS_OK) {
        hars_settings_fail(settings, "key", "%s", hars_identity_error(id));
        rc = HARS_ERROR;

    } else if (hars_identity_old(id, self->certificate) != HARS_OK) {
        hars_settings_fail(settings, "certificate", "%s",
                           hars_identity_error(id));
        rc = HARS_ERROR;
    }

    hars_identity_free(id);

    return rc;
}


int
hars_self_check_url(hars_settings_t *settings, const char *name,
    const char *url)
{
    char  whole[HARS_HTTPS_URL];

    if (hars_https_url(url, "/x", whole) != HARS_OK
        || strcmp(whole + strlen(whole) - 2, "/x") != 0
        || strcmp(whole, url) == 0)
    {
        hars_settings_fail(settings, name, "has to be https://HOST[:PORT]");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/*
 * Who a service is where it asks others through the gateway: a client of its
 * own, with a certificate that is renewed in its place.  A part of the
 * settings of each such service, by these names.
 */

#ifndef HARS_SELF_H
#define HARS_SELF_H


#include "hars_settings.h"


typedef struct {
    char  *auth_url;                      /* the authorization server */
    char  *client_id;
    char  *certificate;
    char  *key;
    char  *server_ca;                     /* of the gateway's certificates */
} hars_self_t;


/* all of them are set; HARS_ERROR after all that is wrong has been said */
int hars_self_check(hars_settings_t *settings, const hars_self_t *self);

/* the same of the setting "name": https://HOST[:PORT], of several paths */
int hars_self_check_url(hars_settings_t *settings, const char *name,
    const char *url);


#endif /* HARS_SELF_H */

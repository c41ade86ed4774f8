
/*
 * The settings file: names and presets, and what about their values only this
 * program knows.
 */

#include "hars_fn.h"
#include "aka_crypto.h"

#include <netdb.h>
#include <stddef.h>
#include <stdio.h>


#define HARS_FN_SETTING(setting)                                             \
    .name = #setting, .offset = offsetof(hars_fn_conf_t, setting)

#define HARS_FN_SELF(setting)                                                \
    .name = #setting, .offset = offsetof(hars_fn_conf_t, self.setting)


static int hars_fn_check_peers(hars_fn_t *fn);
static int hars_fn_check_seal(hars_fn_t *fn);
static int hars_fn_check_user(hars_fn_t *fn);
static int hars_fn_check_listen(hars_fn_t *fn);


static const hars_setting_t  hars_fn_settings[] = {

    { HARS_FN_SETTING(socket), .preset = "/run/hars/fognode.sock" },
    { HARS_FN_SETTING(listen) },

    { HARS_FN_SETTING(state), .preset = "/var/lib/hars-fognode/state" },
    { HARS_FN_SETTING(seal_key), .required = 1 },
    { HARS_FN_SETTING(spool), .preset = "/var/lib/hars-fognode/spool" },

    { HARS_FN_SETTING(spool_bytes), .type = HARS_SETTING_UINT,
      .preset = "268435456", .min = 65536, .max = 1099511627776 },

    { HARS_FN_SETTING(rate), .type = HARS_SETTING_UINT, .preset = "5",
      .min = 1, .max = 10000 },

    { HARS_FN_SETTING(burst), .type = HARS_SETTING_UINT, .preset = "10",
      .min = 1, .max = 10000 },

    { HARS_FN_SETTING(fog_url), .required = 1 },
    { HARS_FN_SETTING(fog_resource), .required = 1 },
    { HARS_FN_SETTING(dcm_url), .required = 1 },
    { HARS_FN_SETTING(dcm_resource), .required = 1 },
    { HARS_FN_SELF(auth_url), .required = 1 },
    { HARS_FN_SELF(client_id), .required = 1 },
    { HARS_FN_SELF(certificate), .required = 1 },
    { HARS_FN_SELF(key), .required = 1 },
    { HARS_FN_SELF(server_ca), .required = 1 },

    { HARS_FN_SETTING(metrics) },
    { HARS_FN_SETTING(metrics_user), .preset = "root" },

    { .name = NULL }
};


int
hars_fn_configure(hars_fn_t *fn, const char *file)
{
    int  rc;

    fn->settings = hars_settings_read(file, hars_fn_settings, &fn->conf);

    if (fn->settings == NULL) {
        return HARS_ERROR;
    }

    rc = hars_fn_check_peers(fn);

    if (hars_fn_check_seal(fn) != HARS_OK) {
        rc = HARS_ERROR;
    }

    if (hars_fn_check_user(fn) != HARS_OK) {
        rc = HARS_ERROR;
    }

    if (hars_fn_check_listen(fn) != HARS_OK) {
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_fn_check_peers(hars_fn_t *fn)
{
    int  rc;

    rc = hars_self_check(fn->settings, &fn->conf.self);

    if (hars_self_check_url(fn->settings, "fog_url", fn->conf.fog_url)
        != HARS_OK)
    {
        rc = HARS_ERROR;
    }

    if (hars_self_check_url(fn->settings, "dcm_url", fn->conf.dcm_url)
        != HARS_OK)
    {
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_fn_check_seal(hars_fn_t *fn)
{
    const char     *error;
    unsigned char   secret[1][HARS_SECRET_LEN];

    if (hars_key_file_read(fn->conf.seal_key, secret[0], &error) != HARS_OK) {
        hars_settings_fail(fn->settings, "seal_key", "%s", error);
        return HARS_ERROR;
    }

    fn->seal = hars_seal_create(secret, 1);
    hars_aka_wipe(secret, sizeof(secret));

    if (fn->seal == NULL) {
        hars_settings_fail(fn->settings, "seal_key", "cannot be used");
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_fn_check_user(hars_fn_t *fn)
{
    uid_t  uid;
    gid_t  gid;

    if (fn->conf.metrics == NULL
        || hars_socket_user(fn->conf.metrics_user, &uid, &gid) == HARS_OK)
    {
        return HARS_OK;
    }

    hars_settings_fail(fn->settings, "metrics_user", "\"%s\": there is no "
                       "such user", fn->conf.metrics_user);

    return HARS_ERROR;
}


static int
hars_fn_check_listen(hars_fn_t *fn)
{
    struct addrinfo  *list;

    if (fn->conf.listen == NULL) {
        return HARS_OK;
    }

    if (hars_fn_address(fn->conf.listen, &list) != HARS_OK) {
        hars_settings_fail(fn->settings, "listen", "has to be ADDRESS:PORT or "
                           "[ADDRESS]:PORT, in numbers");
        return HARS_ERROR;
    }

    freeaddrinfo(list);

    return HARS_OK;
}


void
hars_fn_settings_help(void)
{
    const hars_setting_t  *setting;

    puts("\nSettings:\n");

    for (setting = hars_fn_settings; setting->name; setting++) {
        printf("  %-16s %s\n", setting->name,
               setting->preset ? setting->preset
               : setting->required ? "(needed)" : "(none)");
    }
}

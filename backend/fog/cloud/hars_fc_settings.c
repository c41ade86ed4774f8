
/*
 * The settings file: names and presets, and what about their values only this
 * program knows.
 */

#include "hars_fc.h"
#include "hars_fc_keys.h"

#include <stdio.h>
#include <string.h>


#define HARS_FC_SETTING(setting)                                             \
    .name = #setting, .offset = offsetof(hars_fc_conf_t, setting)


static int hars_fc_check_database(hars_fc_t *fc);
static int hars_fc_check_keys(hars_fc_t *fc);
static int hars_fc_check_key(hars_fc_t *fc, const char *name,
    const char *file, unsigned char key[HARS_SECRET_LEN]);


static const hars_setting_t  hars_fc_settings[] = {

    { HARS_FC_SETTING(socket), .preset = "/run/hars/fogcloud.sock" },

    { HARS_FC_SETTING(gateway_user), .preset = "www-data" },

    { HARS_FC_SETTING(database), .unsaid = 1,
      .preset = "/var/lib/hars-fogcloud/fogcloud.db" },

    { HARS_FC_SETTING(master_key), .preset = "/etc/hars/fog-master.key" },

    { HARS_FC_SETTING(exchange_key), .preset = "/etc/hars/fog-exchange.key" },

    { HARS_FC_SETTING(fog_rate), .type = HARS_SETTING_UINT, .preset = "50",
      .min = 1, .max = 1000000 },

    { HARS_FC_SETTING(fog_burst), .type = HARS_SETTING_UINT, .preset = "200",
      .min = 1, .max = 1000000 },

    { HARS_FC_SETTING(session_hours), .type = HARS_SETTING_UINT,
      .preset = "24", .min = 1, .max = 720 },

    { .name = NULL }
};


int
hars_fc_configure(hars_fc_t *fc, const char *file)
{
    int  rc;

    fc->settings = hars_settings_read(file, hars_fc_settings, &fc->conf);

    if (fc->settings == NULL) {
        return HARS_ERROR;
    }

    rc = hars_fc_check_database(fc);

    if (hars_fc_check_keys(fc) != HARS_OK) {
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_fc_check_database(hars_fc_t *fc)
{
    const char  *wrong;

    wrong = hars_db_wrong(fc->conf.database);

    if (wrong) {
        hars_settings_fail(fc->settings, "database", "%s", wrong);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_fc_check_keys(hars_fc_t *fc)
{
    int            rc;
    unsigned char  x[HARS_SECRET_LEN], sk[HARS_SECRET_LEN];

    rc = hars_fc_check_key(fc, "master_key", fc->conf.master_key, x);

    if (hars_fc_check_key(fc, "exchange_key", fc->conf.exchange_key, sk)
        != HARS_OK)
    {
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK && hars_aka_equal(x, sk, sizeof(x))) {
        hars_settings_fail(fc->settings, "exchange_key", "is the master key: "
                           "make one of its own by: openssl rand -hex 32");
        rc = HARS_ERROR;
    }

    if (rc == HARS_OK && hars_fc_keys(fc, x, sk) != HARS_OK) {
        hars_settings_fail(fc->settings, "exchange_key", "no pair can be made "
                           "of it");
        rc = HARS_ERROR;
    }

    hars_aka_wipe(x, sizeof(x));
    hars_aka_wipe(sk, sizeof(sk));

    return rc;
}


static int
hars_fc_check_key(hars_fc_t *fc, const char *name, const char *file,
    unsigned char key[HARS_SECRET_LEN])
{
    const char  *why;

    if (hars_key_file_read(file, key, &why) != HARS_OK) {
        hars_settings_fail(fc->settings, name, "%s", why);
        return HARS_ERROR;
    }

    return HARS_OK;
}


void
hars_fc_release(hars_fc_t *fc)
{
    hars_settings_free(fc->settings);
    hars_aka_wipe(fc, sizeof(hars_fc_t));
}


void
hars_fc_settings_help(void)
{
    const hars_setting_t  *s;

    puts("\nSettings, one \"name = value\" per line:");

    for (s = hars_fc_settings; s->name; s++) {
        printf("  %-20s %s\n", s->name, s->preset);
    }
}

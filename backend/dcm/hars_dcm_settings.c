
/*
 * The settings file: names and presets, and what about their values only this
 * program knows.
 */

#include "hars_dcm.h"

#include <stdio.h>


#define HARS_DCM_SETTING(setting)                                            \
    .name = #setting, .offset = offsetof(hars_dcm_conf_t, setting)


static int hars_dcm_check_database(hars_dcm_t *dcm);
static int hars_dcm_check_keys(hars_dcm_t *dcm);


static const hars_setting_t  hars_dcm_settings[] = {

    { HARS_DCM_SETTING(socket), .preset = "/run/hars/dcm.sock" },

    { HARS_DCM_SETTING(gateway_user), .preset = "www-data" },

    { HARS_DCM_SETTING(database), .unsaid = 1,
      .preset = "/var/lib/hars-dcm/dcm.db" },

    { HARS_DCM_SETTING(data_key), .type = HARS_SETTING_LIST },

    { .name = NULL }
};


int
hars_dcm_configure(hars_dcm_t *dcm, const char *file)
{
    int  rc;

    dcm->settings = hars_settings_read(file, hars_dcm_settings, &dcm->conf);

    if (dcm->settings == NULL) {
        return HARS_ERROR;
    }

    rc = hars_dcm_check_database(dcm);

    if (hars_dcm_check_keys(dcm) != HARS_OK) {
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_dcm_check_database(hars_dcm_t *dcm)
{
    const char  *wrong;

    wrong = hars_db_wrong(dcm->conf.database);

    if (wrong) {
        hars_settings_fail(dcm->settings, "database", "%s", wrong);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_dcm_check_keys(hars_dcm_t *dcm)
{
    char  error[HARS_VAULT_ERROR];

    if (dcm->conf.data_key.n == 0) {
        hars_settings_fail(dcm->settings, "data_key", "is needed: the file "
                           "of the key that the patients' keys are sealed "
                           "under, made by: openssl rand -hex 32");
        return HARS_ERROR;
    }

    dcm->vault = hars_vault_create(&dcm->conf.data_key, error);

    if (dcm->vault == NULL) {
        hars_settings_fail(dcm->settings, "data_key", "%s", error);
        return HARS_ERROR;
    }

    return HARS_OK;
}


void
hars_dcm_release(hars_dcm_t *dcm)
{
    hars_vault_free(dcm->vault);
    hars_settings_free(dcm->settings);
}


void
hars_dcm_settings_help(void)
{
    const hars_setting_t  *s;

    puts("\nSettings, one \"name = value\" per line:");

    for (s = hars_dcm_settings; s->name; s++) {
        printf("  %-20s %s\n", s->name,
               s->required ? "(required)" : s->preset ? s->preset : "");
    }
}

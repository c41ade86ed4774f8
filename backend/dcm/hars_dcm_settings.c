
/*
 * The settings file: names and presets, and what about their values only this
 * program knows.
 */

#include "hars_dcm.h"

#include <stdio.h>


#define HARS_DCM_SETTING(setting)                                            \
    .name = #setting, .offset = offsetof(hars_dcm_conf_t, setting)

#define HARS_DCM_SELF(setting)                                               \
    .name = #setting, .offset = offsetof(hars_dcm_conf_t, self.setting)


static int hars_dcm_check_database(hars_dcm_t *dcm);
static int hars_dcm_check_keys(hars_dcm_t *dcm);
static int hars_dcm_check_ml(hars_dcm_t *dcm);
static int hars_dcm_check_fog(hars_dcm_t *dcm);


static const hars_setting_t  hars_dcm_settings[] = {

    { HARS_DCM_SETTING(socket), .preset = "/run/hars/dcm.sock" },

    { HARS_DCM_SETTING(gateway_user), .preset = "www-data" },

    { HARS_DCM_SETTING(database), .unsaid = 1,
      .preset = "/var/lib/hars-dcm/dcm.db" },

    { HARS_DCM_SETTING(data_key), .type = HARS_SETTING_LIST },

    { HARS_DCM_SETTING(ml_url) },
    { HARS_DCM_SETTING(ml_resource) },
    { HARS_DCM_SETTING(fog_url) },
    { HARS_DCM_SETTING(fog_resource) },
    { HARS_DCM_SELF(auth_url) },
    { HARS_DCM_SELF(client_id) },
    { HARS_DCM_SELF(certificate) },
    { HARS_DCM_SELF(key) },
    { HARS_DCM_SELF(server_ca) },

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

    if (hars_dcm_check_ml(dcm) != HARS_OK
        || hars_dcm_check_fog(dcm) != HARS_OK)
    {
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


/* all of these or none; without them nothing is recognized */
static int
hars_dcm_check_ml(hars_dcm_t *dcm)
{
    int          rc;
    unsigned     i, n;
    const char  *missing;

    const struct {
        const char  *name;
        const char  *value;
    } needed[] = {
        { "ml_url", dcm->conf.ml_url },
        { "ml_resource", dcm->conf.ml_resource },
        { "auth_url", dcm->conf.self.auth_url },
        { "client_id", dcm->conf.self.client_id },
        { "certificate", dcm->conf.self.certificate },
        { "key", dcm->conf.self.key },
        { "server_ca", dcm->conf.self.server_ca }
    };

    missing = NULL;
    n = 0;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (needed[i].value) {
            n++;

        } else {
            missing = needed[i].name;
        }
    }

    if (n && missing) {
        hars_settings_fail(dcm->settings, missing, "is needed beside the "
                           "others of the ML service; without all of them "
                           "nothing is recognized");
        return HARS_ERROR;
    }

    if (n == 0) {
        return HARS_OK;
    }

    rc = hars_self_check_url(dcm->settings, "ml_url", dcm->conf.ml_url);

    return hars_self_check(dcm->settings, &dcm->conf.self) == HARS_OK
           ? rc : HARS_ERROR;
}


/* as the same client as with the ML service, whose certificate is renewed */
static int
hars_dcm_check_fog(hars_dcm_t *dcm)
{
    const char  *missing;

    if (dcm->conf.fog_url == NULL && dcm->conf.fog_resource == NULL) {
        return HARS_OK;
    }

    missing = dcm->conf.fog_url == NULL ? "fog_url"
              : dcm->conf.fog_resource == NULL ? "fog_resource"
              : dcm->conf.ml_url == NULL ? "ml_url" : NULL;

    if (missing) {
        hars_settings_fail(dcm->settings, missing, "is needed: the fog's "
                           "sessions are asked for with fog_url, "
                           "fog_resource and the settings of the ML service");
        return HARS_ERROR;
    }

    return hars_self_check_url(dcm->settings, "fog_url", dcm->conf.fog_url);
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

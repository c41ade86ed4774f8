
/*
 * The settings file of the authorization server: names and presets, and what
 * about their values only this program knows.
 */

#include "hars_as.h"
#include "hars_as_answer.h"
#include "hars_as_audit.h"
#include "hars_as_ca.h"
#include "hars_as_cert.h"
#include "hars_as_crl.h"
#include "hars_db.h"
#include "hars_as_est.h"
#include "hars_as_family.h"
#include "hars_as_jwt.h"
#include "hars_as_metadata.h"
#include "hars_as_ocsp.h"
#include "hars_as_publish.h"
#include "hars_as_redis.h"
#include "hars_as_words.h"
#include "hars_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define HARS_AS_CA_URL  100

#define HARS_AS_SETTING(setting)                                             \
    .name = #setting, .offset = offsetof(hars_as_conf_t, setting)


static int hars_as_check_identity(hars_as_t *as);
static int hars_as_check_database(hars_as_t *as);
static int hars_as_check_url(hars_as_t *as, const char *name,
    const char *url);
static int hars_as_check_redis(hars_as_t *as);
static int hars_as_check_servers(hars_as_t *as);
static int hars_as_check_tls(hars_as_t *as);
static int hars_as_check_claims(hars_as_t *as);
static int hars_as_yes_or_no(const char *value);
static int hars_as_issuer(const char *issuer);
static int hars_as_documents(hars_as_t *as);


static const hars_setting_t  hars_as_settings[] = {

    { HARS_AS_SETTING(issuer), .required = 1 },

    { HARS_AS_SETTING(mtls_base) },

    { HARS_AS_SETTING(database), .unsaid = 1,
      .preset = "/var/lib/hars/authserver.db" },

    { HARS_AS_SETTING(public_socket),
      .preset = "/run/hars/auth-public.sock" },

    { HARS_AS_SETTING(gateway_socket),
      .preset = "/run/hars/auth-gateway.sock" },

    { HARS_AS_SETTING(gateway_user), .preset = "www-data" },

    { HARS_AS_SETTING(gateway_client), .preset = "gateway" },

    { HARS_AS_SETTING(token_ttl), .type = HARS_SETTING_UINT,
      .preset = "300", .min = 1, .max = HARS_AS_TTL_MAX },

    { HARS_AS_SETTING(client_ca), .type = HARS_SETTING_LIST },

    { HARS_AS_SETTING(ca_dir) },

    { HARS_AS_SETTING(ca_key) },

    { HARS_AS_SETTING(ca_days), .type = HARS_SETTING_UINT,
      .preset = "7", .min = 1, .max = 90 },

    { HARS_AS_SETTING(ca_crl_url) },

    { HARS_AS_SETTING(ca_ocsp_url) },

    { HARS_AS_SETTING(profile), .preset = "standard" },

    { HARS_AS_SETTING(refresh_key), .type = HARS_SETTING_LIST },

    { HARS_AS_SETTING(refresh_ttl), .type = HARS_SETTING_UINT,
      .preset = "2592000", .min = 60, .max = HARS_AS_REFRESH_MAX },

    { HARS_AS_SETTING(refresh_grace), .type = HARS_SETTING_UINT,
      .preset = "60", .max = 3600 },

    { HARS_AS_SETTING(audit_log) },

    { HARS_AS_SETTING(audit_sign), .type = HARS_SETTING_UINT,
      .preset = "3600", .min = 1, .max = 86400 },

    { HARS_AS_SETTING(signing_key), .type = HARS_SETTING_LIST },

    { HARS_AS_SETTING(redis), .type = HARS_SETTING_LIST },

    { HARS_AS_SETTING(redis_sentinel) },

    { HARS_AS_SETTING(redis_cluster), .preset = "no" },

    { HARS_AS_SETTING(redis_db), .type = HARS_SETTING_UINT,
      .preset = "0", .max = 65535 },

    { HARS_AS_SETTING(redis_user) },

    { HARS_AS_SETTING(redis_password_file) },

    { HARS_AS_SETTING(redis_prefix), .preset = "hars:" },

    { HARS_AS_SETTING(redis_timeout), .type = HARS_SETTING_UINT,
      .preset = "200", .min = 1, .max = 10000 },

    { HARS_AS_SETTING(redis_tls), .preset = "no" },

    { HARS_AS_SETTING(redis_tls_ca) },

    { HARS_AS_SETTING(redis_tls_cert) },

    { HARS_AS_SETTING(redis_tls_key) },

    { HARS_AS_SETTING(redis_tls_name) },

    { HARS_AS_SETTING(zone_key) },

    { HARS_AS_SETTING(seal_key), .type = HARS_SETTING_LIST },

    { HARS_AS_SETTING(record_ttl), .type = HARS_SETTING_UINT,
      .preset = "60", .min = 1, .max = HARS_AS_TTL_MAX },

    { HARS_AS_SETTING(record_claims) },

    { .name = NULL }
};


int
hars_as_configure(hars_as_t *as, const char *file)
{
    int  rc;

    as->settings = hars_settings_read(file, hars_as_settings, &as->conf);
    if (as->settings == NULL) {
        return HARS_ERROR;
    }

    /* all of it is said in one go */

    rc = hars_as_check_identity(as);
    rc |= hars_as_check_database(as);
    rc |= hars_as_check_url(as, "ca_crl_url", as->conf.ca_crl_url);
    rc |= hars_as_check_url(as, "ca_ocsp_url", as->conf.ca_ocsp_url);
    rc |= hars_as_check_redis(as);
    rc |= hars_as_check_claims(as);

    if (rc != HARS_OK) {
        return HARS_ERROR;
    }

    if (as->conf.refresh_key.n) {
        as->refresh = hars_family_keys_create(as->conf.refresh_key.value,
                                              as->conf.refresh_key.n);
        if (as->refresh == NULL) {
            return HARS_ERROR;
        }
    }

    as->certs = hars_certs_create(as->conf.client_ca.value,
                                  as->conf.client_ca.n);
    if (as->certs == NULL || hars_as_documents(as) != HARS_OK) {
        return HARS_ERROR;
    }

    if (as->conf.redis.n) {
        as->publish = hars_publish_create(&as->conf);

        if (as->publish == NULL) {
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


/* what it says of itself, signing key first */
static int
hars_as_documents(hars_as_t *as)
{
    if (as->conf.signing_key.n) {
        as->sign = hars_sign_create(as->conf.signing_key.value,
                                    as->conf.signing_key.n);

        if (as->sign == NULL) {
            return HARS_ERROR;
        }
    }

    return hars_jwt_create(as) == HARS_OK
           && hars_metadata_create(as) == HARS_OK
           ? HARS_OK : HARS_ERROR;
}


void
hars_as_release(hars_as_t *as)
{
    hars_publish_free(as->publish);
    hars_audit_close(as->audit);
    hars_ocsp_free(as);
    hars_crl_free(as);
    hars_est_free(as);
    hars_ca_close(as->ca);
    hars_family_keys_free(as->refresh);
    hars_certs_free(as->certs);
    hars_metadata_free(as);
    hars_sign_free(as->sign);
    free(as->jwks);
    hars_settings_free(as->settings);
}


static int
hars_as_check_identity(hars_as_t *as)
{
    int              rc;
    uid_t            uid;
    gid_t            gid;
    hars_as_conf_t  *conf;

    conf = &as->conf;
    rc = HARS_OK;

    if (!hars_as_issuer(conf->issuer)) {
        hars_settings_fail(as->settings, "issuer", "has to be an https URL "
                           "without query, fragment and closing \"/\" (RFC "
                           "8414, 2)");
        rc = HARS_ERROR;
    }

    if (conf->mtls_base && !hars_as_issuer(conf->mtls_base)) {
        hars_settings_fail(as->settings, "mtls_base", "has to be an https URL "
                           "without query, fragment and closing \"/\"");
        rc = HARS_ERROR;
    }

    if (conf->client_ca.n == 0 && conf->ca_dir == NULL) {
        hars_settings_fail(as->settings, "client_ca", "is needed without "
                           "ca_dir, name the file of the authorities whose "
                           "certificates clients have");
        rc = HARS_ERROR;
    }

    if (conf->ca_key && conf->ca_dir == NULL) {
        hars_settings_fail(as->settings, "ca_key", "needs ca_dir");
        rc = HARS_ERROR;
    }

    if (!hars_words_id(conf->gateway_client)) {
        hars_settings_fail(as->settings, "gateway_client", "is no client_id, "
                           "write 1 to 64 of A-Z a-z 0-9 . _ -");
        rc = HARS_ERROR;
    }

    if (hars_socket_user(conf->gateway_user, &uid, &gid) != HARS_OK) {
        hars_settings_fail(as->settings, "gateway_user", "is no user here, "
                           "name the one that nginx's workers run as");
        rc = HARS_ERROR;
    }

    if (strcmp(conf->profile, "standard") != 0
        && strcmp(conf->profile, "paper") != 0)
    {
        hars_settings_fail(as->settings, "profile", "has to be standard or "
                           "paper");
        rc = HARS_ERROR;

    } else if (strcmp(conf->profile, "paper") == 0
               && conf->refresh_key.n == 0)
    {
        hars_settings_fail(as->settings, "refresh_key", "is needed with "
                           "profile = paper, which issues refresh tokens: "
                           "name a key file");
        rc = HARS_ERROR;
    }

    if (strcmp(conf->public_socket, conf->gateway_socket) == 0) {
        hars_settings_fail(as->settings, "gateway_socket", "is public_socket "
                           "too, give it a path of its own");
        rc = HARS_ERROR;
    }

    return rc;
}


/* into each certificate, which is to stay small */
static int
hars_as_check_url(hars_as_t *as, const char *name, const char *url)
{
    const char  *p;

    if (url == NULL) {
        return HARS_OK;
    }

    for (p = url; *p > 0x20 && *p < 0x7f; p++) {
        /* void */
    }

    if (*p || p - url > HARS_AS_CA_URL
        || (strncmp(url, "http://", 7) != 0
            && strncmp(url, "https://", 8) != 0))
    {
        hars_settings_fail(as->settings, name, "has to be an http URL of up "
                           "to %d characters", HARS_AS_CA_URL);
        return HARS_ERROR;
    }

    if (as->conf.ca_dir == NULL) {
        hars_settings_fail(as->settings, name, "needs ca_dir");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* RFC 8414, 2 */
static int
hars_as_issuer(const char *issuer)
{
    return hars_words_resource(issuer)
           && strchr(issuer, '?') == NULL
           && issuer[strlen(issuer) - 1] != '/';
}


static int
hars_as_check_database(hars_as_t *as)
{
    const char  *wrong;

    wrong = hars_db_wrong(as->conf.database);

    if (wrong) {
        hars_settings_fail(as->settings, "database", "%s", wrong);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_as_check_redis(hars_as_t *as)
{
    int              rc;
    hars_as_conf_t  *conf;

    conf = &as->conf;

    if (conf->redis.n == 0) {
        return HARS_OK;
    }

    rc = hars_as_check_servers(as);
    rc |= hars_as_check_tls(as);

    if (conf->zone_key == NULL) {
        hars_settings_fail(as->settings, "zone_key", "is needed with redis, "
                           "name the gateway's zone key file");
        rc = HARS_ERROR;
    }

    if (conf->seal_key.n == 0) {
        hars_settings_fail(as->settings, "seal_key", "is needed with redis, "
                           "name the gateway's seal key file");
        rc = HARS_ERROR;
    }

    if (conf->redis_user && conf->redis_password_file == NULL) {
        hars_settings_fail(as->settings, "redis_user", "needs "
                           "redis_password_file");
        rc = HARS_ERROR;
    }

    if (strlen(conf->redis_prefix) > 128) {
        hars_settings_fail(as->settings, "redis_prefix", "is longer than 128 "
                           "bytes");
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_as_check_servers(hars_as_t *as)
{
    int              rc;
    unsigned         i;
    hars_as_conf_t  *conf;

    conf = &as->conf;
    rc = HARS_OK;

    for (i = 0; i < conf->redis.n; i++) {
        if (!hars_redis_server(conf->redis.value[i])) {
            hars_settings_fail(as->settings, "redis", "has to be unix:/PATH "
                               "or HOST:PORT");
            rc = HARS_ERROR;
        }
    }

    if (!hars_as_yes_or_no(conf->redis_cluster)) {
        hars_settings_fail(as->settings, "redis_cluster", "has to be yes or "
                           "no");
        rc = HARS_ERROR;

    } else if (hars_as_yes(conf->redis_cluster)
               && (conf->redis_sentinel || conf->redis_db))
    {
        hars_settings_fail(as->settings, "redis_cluster", "goes neither with "
                           "redis_sentinel nor with redis_db: a Cluster has "
                           "one database and its own failover");
        rc = HARS_ERROR;
    }

    return rc;
}


static int
hars_as_check_tls(hars_as_t *as)
{
    int              rc;
    unsigned         i;
    hars_as_conf_t  *conf;

    conf = &as->conf;
    rc = HARS_OK;

    if (!hars_as_yes_or_no(conf->redis_tls)) {
        hars_settings_fail(as->settings, "redis_tls", "has to be yes or no");
        return HARS_ERROR;
    }

    if (!hars_as_yes(conf->redis_tls)) {
        return HARS_OK;
    }

    /* without one nothing would be verified */

    if (conf->redis_tls_ca == NULL) {
        hars_settings_fail(as->settings, "redis_tls_ca", "is needed with "
                           "redis_tls, name the file of the CA that issued "
                           "the servers' certificates");
        rc = HARS_ERROR;
    }

    if ((conf->redis_tls_cert == NULL) != (conf->redis_tls_key == NULL)) {
        hars_settings_fail(as->settings, "redis_tls_cert", "and "
                           "redis_tls_key go together");
        rc = HARS_ERROR;
    }

    for (i = 0; i < conf->redis.n; i++) {
        if (conf->redis_tls_name == NULL
            && strncmp(conf->redis.value[i], "unix:", 5) == 0)
        {
            hars_settings_fail(as->settings, "redis_tls_name", "is needed "
                               "for a Unix socket, which has no name");
            rc = HARS_ERROR;
        }
    }

    return rc;
}


unsigned
hars_as_yes(const char *value)
{
    return strcmp(value, "yes") == 0;
}


static int
hars_as_yes_or_no(const char *value)
{
    return hars_as_yes(value) || strcmp(value, "no") == 0;
}


static int
hars_as_check_claims(hars_as_t *as)
{
    size_t       len;
    unsigned     n;
    const char  *p, *name;

    p = as->conf.record_claims ? as->conf.record_claims : "";

    for (n = 0; (name = hars_words_next(&p, ' ', &len)) != NULL; n++) {

        if (n == HARS_RECORD_CLAIMS || !hars_answer_claim(name, len)) {
            hars_settings_fail(as->settings, "record_claims", "may hold up "
                               "to %d of client_id, sub, scope, iss, "
                               "token_type, hars_kind, parted by single "
                               "blanks", HARS_RECORD_CLAIMS);
            return HARS_ERROR;
        }
    }

    return HARS_OK;
}


void
hars_as_settings_help(void)
{
    const hars_setting_t  *s;

    puts("\nSettings, one \"name = value\" per line:");

    for (s = hars_as_settings; s->name; s++) {
        printf("  %-20s %s\n", s->name,
               s->required ? "(required)" : s->preset ? s->preset : "");
    }
}

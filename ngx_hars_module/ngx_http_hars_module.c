
/*
 * What an administrator sees: the directives, how they merge, what they are
 * resolved to once all is read, and what runs in which phase and process.
 * A value that cannot work is an [emerg] that names the directive and the
 * mend; what the rest of nginx.conf may undo is ngx_http_hars_check.c's.
 */

#include "ngx_http_hars.h"

#include <nginx.h>


static ngx_int_t ngx_http_hars_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_hars_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_hars_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_hars_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_hars_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_hars_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_hars_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_hars_init_process(ngx_cycle_t *cycle);
static void ngx_http_hars_exit_process(ngx_cycle_t *cycle);

static char *ngx_http_hars_mode(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hars_realm(ngx_conf_t *cf, void *post, void *data);
static char *ngx_http_hars_introspect_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_hars_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_hars_zone_option(ngx_conf_t *cf,
    ngx_http_hars_zone_t *zone, ngx_str_t *value);
static char *ngx_http_hars_seal_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_hars_key_file(ngx_conf_t *cf, ngx_str_t *name,
    u_char *secret);
static char *ngx_http_hars_stale_if_error(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_hars_scope(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hars_values(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hars_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hars_claim_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_hars_claim_path(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_hars_claim_t *claim);

static ngx_http_hars_zone_t *ngx_http_hars_find_zone(
    ngx_http_hars_main_conf_t *hmcf, ngx_str_t *name);
static ngx_int_t ngx_http_hars_init_redis(ngx_conf_t *cf,
    ngx_http_hars_main_conf_t *hmcf);
static ngx_uint_t ngx_http_hars_key_is_seal(ngx_http_hars_main_conf_t *hmcf,
    ngx_http_hars_zone_t *zone);
static ngx_int_t ngx_http_hars_init_claims(ngx_conf_t *cf,
    ngx_http_hars_main_conf_t *hmcf);
static ngx_int_t ngx_http_hars_init_endpoint(ngx_conf_t *cf,
    ngx_http_hars_main_conf_t *hmcf, ngx_http_hars_location_t *location);
static ngx_int_t ngx_http_hars_endpoint_identity(ngx_conf_t *cf,
    ngx_http_hars_endpoint_t *ep, ngx_http_core_srv_conf_t *cscf);


static ngx_conf_enum_t  ngx_http_hars_bind[] = {
    { ngx_string("off"), NGX_HTTP_HARS_BIND_OFF },
    { ngx_string("optional"), NGX_HTTP_HARS_BIND_OPTIONAL },
    { ngx_string("required"), NGX_HTTP_HARS_BIND_REQUIRED },
    { ngx_null_string, 0 }
};


static ngx_conf_bitmask_t  ngx_http_hars_overrides[] = {
    { ngx_string("satisfy"), NGX_HTTP_HARS_OVERRIDE_SATISFY },
    { ngx_string("error_page"), NGX_HTTP_HARS_OVERRIDE_ERROR_PAGE },
    { ngx_string("underscores_in_headers"),
      NGX_HTTP_HARS_OVERRIDE_UNDERSCORES },
    { ngx_string("ignore_invalid_headers"),
      NGX_HTTP_HARS_OVERRIDE_INVALID_HEADERS },
    { ngx_string("client_cert_from"), NGX_HTTP_HARS_OVERRIDE_CERT_FROM },
    { ngx_string("ssl_verify_client"), NGX_HTTP_HARS_OVERRIDE_VERIFY },
    { ngx_string("resumption"), NGX_HTTP_HARS_OVERRIDE_RESUMPTION },
    { ngx_string("ssl_early_data"), NGX_HTTP_HARS_OVERRIDE_EARLY_DATA },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_hars_realm_post = { ngx_http_hars_realm };


static ngx_command_t  ngx_http_hars_commands[] = {

    { ngx_string("hars"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_hars_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_override"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, override),
      &ngx_http_hars_overrides },

    { ngx_string("hars_realm"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, realm),
      &ngx_http_hars_realm_post },

    { ngx_string("hars_introspect"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_hars_introspect_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_hars_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_seal_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_hars_seal_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_hars_redis_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_bind"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, bind),
      &ngx_http_hars_bind },

    { ngx_string("hars_scope"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_hars_scope,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, scope),
      NULL },

    { ngx_string("hars_audience"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_hars_values,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, audience),
      NULL },

    { ngx_string("hars_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_hars_values,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, issuer),
      NULL },

    { ngx_string("hars_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_hars_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, require),
      NULL },

    { ngx_string("hars_claim_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_hars_claim_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_client_cert_from"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_hars_client_cert_from,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, timeout),
      NULL },

    { ngx_string("hars_refresh_before"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hars_loc_conf_t, refresh),
      NULL },

    { ngx_string("hars_stale_if_error"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_hars_stale_if_error,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hars_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_hars_status_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_hars_module_ctx = {
    ngx_http_hars_preconfiguration,        /* preconfiguration */
    ngx_http_hars_postconfiguration,       /* postconfiguration */

    ngx_http_hars_create_main_conf,        /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_hars_create_srv_conf,         /* create server configuration */
    ngx_http_hars_merge_srv_conf,          /* merge server configuration */

    ngx_http_hars_create_loc_conf,         /* create location configuration */
    ngx_http_hars_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_hars_module = {
    NGX_MODULE_V1,
    &ngx_http_hars_module_ctx,             /* module context */
    ngx_http_hars_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_hars_flight_init_module,      /* init module */
    ngx_http_hars_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_hars_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_str_t  ngx_http_hars_verdicts[] = {
    ngx_null_string,
    ngx_string("ok"),
    ngx_string("no_token"),
    ngx_string("malformed"),
    ngx_string("too_long"),
    ngx_string("inactive"),
    ngx_string("not_yet_valid"),
    ngx_string("expired"),
    ngx_string("no_cert"),
    ngx_string("cert_revoked"),
    ngx_string("cnf_mismatch"),
    ngx_string("no_cnf"),
    ngx_string("insufficient_scope"),
    ngx_string("wrong_audience"),
    ngx_string("wrong_issuer"),
    ngx_string("require_failed"),
    ngx_string("unavailable"),
    ngx_string("overloaded")
};


ngx_str_t  ngx_http_hars_sources[] = {
    ngx_null_string,
    ngx_string("l0"),
    ngx_string("l1"),
    ngx_string("l2"),
    ngx_string("introspection"),
    ngx_string("stale")
};


static ngx_int_t
ngx_http_hars_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_hars_add_variables(cf);
}


static void *
ngx_http_hars_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_hars_main_conf_t  *hmcf;

    hmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_hars_main_conf_t));
    if (hmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     hmcf->seal_secrets = NULL;
     *     hmcf->nseal = 0;
     *     hmcf->status = 0;
     */

    if (ngx_array_init(&hmcf->zones, cf->pool, 1,
                       sizeof(ngx_http_hars_zone_t *))
        != NGX_OK
        || ngx_array_init(&hmcf->redis, cf->pool, 1,
                          sizeof(ngx_http_hars_redis_t *))
           != NGX_OK
        || ngx_array_init(&hmcf->claims, cf->pool, 4,
                          sizeof(ngx_http_hars_claim_t))
           != NGX_OK
        || ngx_array_init(&hmcf->locations, cf->pool, 16,
                          sizeof(ngx_http_hars_location_t))
           != NGX_OK
        || ngx_array_init(&hmcf->endpoints, cf->pool, 4,
                          sizeof(ngx_http_hars_endpoint_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return hmcf;
}


static void *
ngx_http_hars_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_hars_srv_conf_t  *hscf;

    hscf = ngx_palloc(cf->pool, sizeof(ngx_http_hars_srv_conf_t));
    if (hscf == NULL) {
        return NULL;
    }

    hscf->from = NGX_CONF_UNSET_PTR;

    return hscf;
}


static char *
ngx_http_hars_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_hars_srv_conf_t *prev = parent;
    ngx_http_hars_srv_conf_t *conf = child;

    ngx_conf_merge_ptr_value(conf->from, prev->from, NULL);

    return NGX_CONF_OK;
}


static void *
ngx_http_hars_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_hars_loc_conf_t  *hlcf;

    hlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_hars_loc_conf_t));
    if (hlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     hlcf->override = 0;
     *     hlcf->realm = { 0, NULL };
     *     hlcf->challenge_* = { 0, NULL };
     *     hlcf->file = NULL;
     *     hlcf->status = 0;
     */

    hlcf->mode = NGX_CONF_UNSET_UINT;
    hlcf->mode_override = NGX_CONF_UNSET;
    hlcf->introspect = NGX_CONF_UNSET_PTR;
    hlcf->bind = NGX_CONF_UNSET_UINT;
    hlcf->scope = NGX_CONF_UNSET_PTR;
    hlcf->audience = NGX_CONF_UNSET_PTR;
    hlcf->issuer = NGX_CONF_UNSET_PTR;
    hlcf->require = NGX_CONF_UNSET_PTR;
    hlcf->timeout = NGX_CONF_UNSET_MSEC;
    hlcf->refresh = NGX_CONF_UNSET_MSEC;
    hlcf->stale = NGX_CONF_UNSET_MSEC;

    return hlcf;
}


static char *
ngx_http_hars_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_hars_loc_conf_t *prev = parent;
    ngx_http_hars_loc_conf_t *conf = child;

    ngx_http_hars_location_t   *location;
    ngx_http_hars_main_conf_t  *hmcf;

    if (prev->mode == NGX_HTTP_HARS_MODE_ON
        && conf->mode != NGX_CONF_UNSET_UINT
        && conf->mode != NGX_HTTP_HARS_MODE_ON
        && conf->mode_override != 1)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"hars %s\" inside the scope of \"hars on\" leaves it "
                      "open, write \"hars %s override\" where this is meant, "
                      "in %s:%ui",
                      conf->mode == NGX_HTTP_HARS_MODE_OFF ? "off" : "report",
                      conf->mode == NGX_HTTP_HARS_MODE_OFF ? "off" : "report",
                      conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (conf->file == NULL) {
        conf->file = prev->file;
        conf->line = prev->line;
    }

    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_HARS_MODE_OFF);
    ngx_conf_merge_bitmask_value(conf->override, prev->override, 0);
    ngx_conf_merge_str_value(conf->realm, prev->realm, "HARS");
    ngx_conf_merge_ptr_value(conf->introspect, prev->introspect, NULL);
    ngx_conf_merge_uint_value(conf->bind, prev->bind,
                              NGX_HTTP_HARS_BIND_REQUIRED);
    ngx_conf_merge_ptr_value(conf->scope, prev->scope, NULL);
    ngx_conf_merge_ptr_value(conf->audience, prev->audience, NULL);
    ngx_conf_merge_ptr_value(conf->issuer, prev->issuer, NULL);
    ngx_conf_merge_ptr_value(conf->require, prev->require, NULL);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 5000);
    ngx_conf_merge_msec_value(conf->refresh, prev->refresh, 0);
    ngx_conf_merge_msec_value(conf->stale, prev->stale, 0);

    if (conf->timeout == 0) {
        return "\"hars_timeout\" has to be more than zero";
    }

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hars_module);

    location = ngx_array_push(&hmcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    location->hlcf = conf;
    location->clcf = ngx_http_conf_get_module_loc_conf(cf,
                                                       ngx_http_core_module);
    location->cscf = ngx_http_conf_get_module_srv_conf(cf,
                                                       ngx_http_core_module);

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_loc_conf_t *hlcf = conf;

    ngx_str_t  *value;

    if (hlcf->mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        hlcf->mode = NGX_HTTP_HARS_MODE_ON;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        hlcf->mode = NGX_HTTP_HARS_MODE_OFF;

    } else if (ngx_strcmp(value[1].data, "report") == 0) {
        hlcf->mode = NGX_HTTP_HARS_MODE_REPORT;

    } else {
        return "takes \"on\", \"off\" or \"report\"";
    }

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[2].data, "override") != 0) {
            return "takes no other second word than \"override\"";
        }

        hlcf->mode_override = 1;
    }

    hlcf->file = cf->conf_file->file.name.data;
    hlcf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_realm(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *realm = data;

    size_t  i;

    /* RFC 9110, 5.6.4: what a quoted-string has without escapes */

    for (i = 0; i < realm->len; i++) {
        if (realm->data[i] < 0x20 || realm->data[i] >= 0x7f
            || realm->data[i] == '"' || realm->data[i] == '\\')
        {
            return "takes printable ASCII without quotes and backslashes";
        }
    }

    return realm->len ? NGX_CONF_OK : "is empty";
}


static char *
ngx_http_hars_introspect_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_hars_loc_conf_t *hlcf = conf;

    ngx_int_t                  n;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_hars_endpoint_t  *ep;

    if (hlcf->introspect != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/') {
        return "takes the URI of an internal location, such as "
               "\"/_hars/introspect\"";
    }

    ep = ngx_pcalloc(cf->pool, sizeof(ngx_http_hars_endpoint_t));
    if (ep == NULL) {
        return NGX_CONF_ERROR;
    }

    ep->uri = value[1];
    ep->max = 64;
    ep->backlog = 1024;
    ep->file = cf->conf_file->file.name.data;
    ep->line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "issuer=", 7) == 0) {
            ep->issuer.data = value[i].data + 7;
            ep->issuer.len = value[i].len - 7;

        } else if (ngx_strncmp(value[i].data, "caller=", 7) == 0) {
            ep->caller.data = value[i].data + 7;
            ep->caller.len = value[i].len - 7;

        } else if (ngx_strncmp(value[i].data, "zone=", 5) == 0) {
            ep->zone_name.data = value[i].data + 5;
            ep->zone_name.len = value[i].len - 5;

        } else if (ngx_strncmp(value[i].data, "max=", 4) == 0) {
            n = ngx_atoi(value[i].data + 4, value[i].len - 4);

            if (n < 1 || n > 4096) {
                return "takes \"max=\" from 1 to 4096";
            }

            ep->max = n;

        } else if (ngx_strncmp(value[i].data, "queue=", 6) == 0) {
            n = ngx_atoi(value[i].data + 6, value[i].len - 6);

            if (n == NGX_ERROR || n > 4096) {
                return "takes \"queue=\" from 0 to 4096";
            }

            ep->backlog = n;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"hars_introspect\": it takes issuer=, "
                               "caller=, zone=, max=, queue=", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if ((ep->issuer.len == 0) != (ep->caller.len == 0)) {
        return "needs both \"issuer=\" and \"caller=\", or neither";
    }

    hlcf->introspect = ep;

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_main_conf_t *hmcf = conf;

    u_char                 *p;
    ssize_t                 size;
    ngx_str_t              *value, name, s;
    ngx_uint_t              i;
    ngx_http_hars_zone_t   *zone, **zones;

    value = cf->args->elts;

    p = (u_char *) ngx_strchr(value[1].data, ':');

    if (p == NULL || p == value[1].data) {
        return "takes \"name:size\", such as \"hars:16m\"";
    }

    name.data = value[1].data;
    name.len = p - name.data;
    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR || size < (ssize_t) ngx_http_hars_zone_min_size()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"hars_zone\", it takes "
                           "256k and more", &s);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_hars_find_zone(hmcf, &name)) {
        return "is duplicate";
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_hars_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->name = name;
    zone->ttl = 60000;
    zone->negative_ttl = 5000;
    zone->cap = 5000;
    zone->unknown = 500;
    zone->configured = ngx_current_msec;
    zone->file = cf->conf_file->file.name.data;
    zone->line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_hars_zone_option(cf, zone, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    zone->shm_zone = ngx_shared_memory_add(cf, &zone->name, size,
                                           &ngx_http_hars_module);
    if (zone->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->shm_zone->init = ngx_http_hars_zone_init;
    zone->shm_zone->data = zone;

    zones = ngx_array_push(&hmcf->zones);
    if (zones == NULL) {
        return NGX_CONF_ERROR;
    }

    *zones = zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_hars_zone_option(ngx_conf_t *cf, ngx_http_hars_zone_t *zone,
    ngx_str_t *value)
{
    ngx_int_t    n;
    ngx_str_t    s;
    ngx_msec_t  *ttl;

    if (ngx_strncmp(value->data, "key=", 4) == 0) {
        s.data = value->data + 4;
        s.len = value->len - 4;
        zone->has_key = 1;

        return ngx_http_hars_key_file(cf, &s, zone->secret);
    }

    if (ngx_strncmp(value->data, "unknown=", 8) == 0) {
        n = ngx_atoi(value->data + 8, value->len - 8);

        if (n != NGX_ERROR && n <= 10000) {
            zone->unknown = n;
            return NGX_OK;
        }
    }

    ttl = NULL;

    if (ngx_strncmp(value->data, "ttl=", 4) == 0) {
        s.data = value->data + 4;
        ttl = &zone->ttl;

    } else if (ngx_strncmp(value->data, "negative_ttl=", 13) == 0) {
        s.data = value->data + 13;
        ttl = &zone->negative_ttl;

    } else if (ngx_strncmp(value->data, "cap=", 4) == 0) {
        s.data = value->data + 4;
        ttl = &zone->cap;
    }

    if (ttl) {
        s.len = value->data + value->len - s.data;
        n = ngx_parse_time(&s, 0);

        if (n != NGX_ERROR && n > 0 && n <= (ngx_int_t) NGX_HTTP_HARS_TTL_MAX)
        {
            *ttl = n;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"hars_zone\": it takes "
                       "ttl=, negative_ttl=, cap= (a time above zero, up to "
                       "30 days), unknown= (a number up to 10000, 0 is no "
                       "limit), and key=", value);
    return NGX_ERROR;
}


static char *
ngx_http_hars_seal_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_main_conf_t *hmcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (hmcf->nseal) {
        return "is duplicate: name all files in one, the first seals";
    }

    value = cf->args->elts;

    if (cf->args->nelts > 9) {
        return "takes 8 files at most";
    }

    hmcf->seal_secrets = ngx_pcalloc(cf->pool,
                                (cf->args->nelts - 1) * HARS_SECRET_LEN);
    if (hmcf->seal_secrets == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_hars_key_file(cf, &value[i], hmcf->seal_secrets[i - 1])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    hmcf->nseal = cf->args->nelts - 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_hars_key_file(ngx_conf_t *cf, ngx_str_t *name, u_char *secret)
{
    const char          *error;
    ngx_str_t           *directive;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (hars_key_file_read((char *) name->data, secret, &error) != HARS_OK) {
        directive = cf->args->elts;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" of \"%V\" %s", name, directive,
                           error);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_http_hars_stale_if_error(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_loc_conf_t *hlcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (hlcf->stale != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        hlcf->stale = 0;
        return NGX_CONF_OK;
    }

    n = ngx_parse_time(&value[1], 0);

    if (n == NGX_ERROR || n == 0 || n > (ngx_int_t) NGX_HTTP_HARS_TTL_MAX) {
        return "takes \"off\" or a time up to 30 days";
    }

    hlcf->stale = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t       n;
    u_char       ch;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        /* RFC 6749, 3.3: scope-token */

        for (n = 0; n < value[i].len; n++) {
            ch = value[i].data[n];

            if (ch <= 0x20 || ch >= 0x7f || ch == '"' || ch == '\\') {
                return "takes scopes as words of their own, without blanks, "
                       "quotes and backslashes in them";
            }
        }
    }

    return ngx_http_hars_values(cf, cmd, conf);
}


static char *
ngx_http_hars_values(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char *p = conf;

    ngx_str_t    *value, *s;
    ngx_uint_t    i;
    ngx_array_t **a;

    a = (ngx_array_t **) (p + cmd->offset);

    if (*a != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    *a = ngx_array_create(cf->pool, cf->args->nelts - 1, sizeof(ngx_str_t));
    if (*a == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            return "takes no empty value";
        }

        s = ngx_array_push(*a);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        *s = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_loc_conf_t *hlcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    if (hlcf->require != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    hlcf->require = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(ngx_http_complex_value_t));
    if (hlcf->require == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        cv = ngx_array_push(hlcf->require);
        if (cv == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (cv->lengths == NULL) {
            return "takes variables: a constant requires nothing";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_hars_claim_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hars_main_conf_t *hmcf = conf;

    ngx_str_t              *value, name;
    ngx_http_hars_claim_t  *claim;

    value = cf->args->elts;

    if (value[1].len < 2 || value[1].data[0] != '$') {
        return "takes a variable, such as \"$hars_kind\", and a path, such "
               "as \"realm_access.kind\"";
    }

    if (hmcf->claims.nelts == HARS_RECORD_CLAIMS) {
        return "may stand 16 times at most";
    }

    name.data = value[1].data + 1;
    name.len = value[1].len - 1;

    if (ngx_http_hars_add_claim_variable(cf, &name, hmcf->claims.nelts)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    claim = ngx_array_push(&hmcf->claims);
    if (claim == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_hars_claim_path(cf, &value[2], claim) != NGX_OK) {
        return "takes a path of names parted by dots";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_hars_claim_path(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_hars_claim_t *claim)
{
    u_char  *p, *q, *last, **key;

    claim->path = *path;

    if (ngx_array_init(&claim->keys, cf->pool, 2, sizeof(u_char *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = path->data;
    last = p + path->len;

    for ( ;; ) {
        q = ngx_strlchr(p, last, '.');
        q = q ? q : last;

        key = ngx_array_push(&claim->keys);
        if (key == NULL || q == p) {
            return NGX_ERROR;
        }

        *key = ngx_pnalloc(cf->pool, q - p + 1);
        if (*key == NULL) {
            return NGX_ERROR;
        }

        ngx_cpystrn(*key, p, q - p + 1);

        if (q == last) {
            return NGX_OK;
        }

        p = q + 1;
    }
}


static ngx_int_t
ngx_http_hars_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_hars_zone_t       *zone;
    ngx_http_hars_location_t   *location;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_hars_main_conf_t  *hmcf;

    static struct {
        ngx_http_phases       phase;
        ngx_http_handler_pt   handler;
    } handlers[] = {
        { NGX_HTTP_POST_READ_PHASE, ngx_http_hars_strip_handler },
        { NGX_HTTP_REWRITE_PHASE, ngx_http_hars_strip_internal_handler },
        { NGX_HTTP_PREACCESS_PHASE, ngx_http_hars_preaccess_handler },
        { NGX_HTTP_ACCESS_PHASE, ngx_http_hars_access_handler }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hars_module);

    if (ngx_http_hars_init_claims(cf, hmcf) != NGX_OK
        || ngx_http_hars_init_redis(cf, hmcf) != NGX_OK
        || ngx_http_hars_thumbprint_init(cf->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (hmcf->status && hmcf->zones.nelts == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"hars_status\" needs a \"hars_zone\" in \"http\", "
                      "there is nothing to be shown of");
        return NGX_ERROR;
    }

    location = hmcf->locations.elts;

    for (i = 0; i < hmcf->locations.nelts; i++) {

        if (ngx_http_hars_check_address(cf, &location[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (location[i].hlcf->mode == NGX_HTTP_HARS_MODE_OFF) {
            continue;
        }

        if (ngx_http_hars_init_endpoint(cf, hmcf, &location[i]) != NGX_OK
            || ngx_http_hars_check(cf, hmcf, &location[i]) != NGX_OK
            || ngx_http_hars_init_challenges(cf, location[i].hlcf) != NGX_OK)
        {
            return NGX_ERROR;
        }

        zone = location[i].hlcf->introspect->zone;
        zone->stale = ngx_max(zone->stale, location[i].hlcf->stale);
    }

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {

        h = ngx_array_push(&cmcf->phases[handlers[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = handlers[i].handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_init_claims(ngx_conf_t *cf, ngx_http_hars_main_conf_t *hmcf)
{
    ngx_uint_t              i;
    hars_str_t              paths[HARS_RECORD_CLAIMS];
    ngx_http_hars_claim_t  *claim;

    claim = hmcf->claims.elts;

    for (i = 0; i < hmcf->claims.nelts; i++) {
        paths[i].len = claim[i].path.len;
        paths[i].data = claim[i].path.data;
    }

    return hars_claim_set_id(hmcf->claim_set, paths, hmcf->claims.nelts)
           == HARS_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_hars_init_redis(ngx_conf_t *cf, ngx_http_hars_main_conf_t *hmcf)
{
    u_char                  *file;
    ngx_str_t               *name;
    ngx_uint_t               i, line;
    const char              *why;
    ngx_http_hars_zone_t    *zone;
    ngx_http_hars_redis_t  **redis;

    redis = hmcf->redis.elts;

    for (i = 0; i < hmcf->redis.nelts; i++) {
        name = ngx_http_hars_redis_zone_name(redis[i]);
        zone = ngx_http_hars_find_zone(hmcf, name);
        why = NULL;

        /* nothing unsealed or unkeyed ever leaves the machine */

        if (zone == NULL) {
            why = "is for a zone that \"hars_zone\" does not define";

        } else if (!zone->has_key) {
            why = "needs \"key=file\" in \"hars_zone\"";

        } else if (hmcf->nseal == 0) {
            why = "needs \"hars_seal_key\"";

        } else if (ngx_http_hars_key_is_seal(hmcf, zone)) {
            why = "has the same key in \"hars_zone\" and "
                  "\"hars_seal_key\", make each its own";
        }

        if (why) {
            ngx_http_hars_redis_where(redis[i], &file, &line);
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"hars_redis %V\" %s, in %s:%ui", name, why, file,
                          line);
            return NGX_ERROR;
        }

        zone->redis = redis[i];
        ngx_http_hars_redis_set_zone(redis[i], zone);
        zone->pushed = ngx_http_hars_redis_revocations(redis[i]);
        zone->source = ngx_http_hars_redis_source(redis[i]);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_hars_key_is_seal(ngx_http_hars_main_conf_t *hmcf,
    ngx_http_hars_zone_t *zone)
{
    ngx_uint_t  i;

    for (i = 0; i < hmcf->nseal; i++) {
        if (ngx_http_hars_equal(hmcf->seal_secrets[i], zone->secret,
                                HARS_SECRET_LEN))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_http_hars_zone_t *
ngx_http_hars_find_zone(ngx_http_hars_main_conf_t *hmcf, ngx_str_t *name)
{
    ngx_uint_t              i;
    ngx_http_hars_zone_t  **zone;

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {
        if (zone[i]->name.len == name->len
            && ngx_strncmp(zone[i]->name.data, name->data, name->len) == 0)
        {
            return zone[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_hars_init_endpoint(ngx_conf_t *cf, ngx_http_hars_main_conf_t *hmcf,
    ngx_http_hars_location_t *location)
{
    ngx_uint_t                  i;
    ngx_http_hars_zone_t      **zones;
    ngx_http_hars_endpoint_t   *ep, **list;

    ep = location->hlcf->introspect;

    if (ep == NULL) {
        return ngx_http_hars_emerg(cf, location, "\"hars\" needs "
                                   "\"hars_introspect\" with the URI of an "
                                   "internal location");
    }

    /* one directive may serve several servers: each asks by its own location */

    list = hmcf->endpoints.elts;

    for (i = 0; i < hmcf->endpoints.nelts; i++) {
        if (list[i]->file == ep->file && list[i]->line == ep->line
            && list[i]->server == location->cscf
            && list[i]->uri.data == ep->uri.data)
        {
            location->hlcf->introspect = list[i];
            return NGX_OK;
        }
    }

    zones = hmcf->zones.elts;

    if (ep->zone_name.len) {
        ep->zone = ngx_http_hars_find_zone(hmcf, &ep->zone_name);

    } else {
        ep->zone = (hmcf->zones.nelts == 1) ? zones[0] : NULL;
    }

    if (ep->zone == NULL) {
        return ngx_http_hars_emerg(cf, location, hmcf->zones.nelts
                   ? "\"hars_introspect\" needs \"zone=\" with the name of "
                     "one of the \"hars_zone\""
                   : "\"hars\" needs a \"hars_zone\" in \"http\", such as "
                     "\"hars_zone hars:16m\"");
    }

    if (ep->zone->redis && ep->issuer.len == 0) {
        return ngx_http_hars_emerg(cf, location, "\"hars_introspect\" needs "
                   "\"issuer=\" and \"caller=\" with \"hars_redis\": the "
                   "records there are for that issuer and caller");
    }

    ep = ngx_palloc(cf->pool, sizeof(ngx_http_hars_endpoint_t));
    if (ep == NULL) {
        return NGX_ERROR;
    }

    *ep = *location->hlcf->introspect;
    ep->server = location->cscf;

    if (ngx_http_hars_endpoint_identity(cf, ep, location->cscf) != NGX_OK) {
        return NGX_ERROR;
    }

    list = ngx_array_push(&hmcf->endpoints);
    if (list == NULL) {
        return NGX_ERROR;
    }

    *list = ep;
    location->hlcf->introspect = ep;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_endpoint_identity(ngx_conf_t *cf, ngx_http_hars_endpoint_t *ep,
    ngx_http_core_srv_conf_t *cscf)
{
    u_char      *p;
    hars_str_t   issuer, caller;

    issuer.data = ep->issuer.data;
    issuer.len = ep->issuer.len;
    caller.data = ep->caller.data;
    caller.len = ep->caller.len;

    if (issuer.len == 0) {

        /* private: this server block, this location, no other */

        issuer.len = ngx_strlen(cscf->file_name) + cscf->server_name.len
                     + ep->uri.len + NGX_INT64_LEN + 3;

        issuer.data = ngx_pnalloc(cf->pool, issuer.len);
        if (issuer.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_sprintf(issuer.data, "%s\n%ui\n%V\n%V", cscf->file_name,
                        cscf->line, &cscf->server_name, &ep->uri);
        issuer.len = p - issuer.data;
    }

    return hars_endpoint_id(ep->id, &issuer, &caller) == HARS_OK
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_hars_init_process(ngx_cycle_t *cycle)
{
    u_char                      secret[HARS_SECRET_LEN];
    ngx_uint_t                  i;
    ngx_http_hars_zone_t      **zone;
    ngx_http_hars_endpoint_t  **ep;
    ngx_http_hars_main_conf_t  *hmcf;

    hmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_hars_module);

    if (hmcf == NULL || ngx_process == NGX_PROCESS_HELPER) {
        return NGX_OK;
    }

    ep = hmcf->endpoints.elts;

    for (i = 0; i < hmcf->endpoints.nelts; i++) {
        ngx_queue_init(&ep[i]->waiting);
    }

    if (ngx_http_hars_flight_init_process(hmcf, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_hars_status_init_process(hmcf, cycle);

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {

        ngx_http_hars_zone_secret(zone[i], secret);
        zone[i]->keyer = hars_keyer_create(secret);
        ngx_explicit_memzero(secret, HARS_SECRET_LEN);

        if (zone[i]->keyer == NULL) {
            return NGX_ERROR;
        }

        if (zone[i]->redis == NULL) {
            continue;
        }

        if (zone[i]->pushed) {
            ngx_http_hars_zone_follow(zone[i]);
        }

        zone[i]->seal = hars_seal_create(
                     (const u_char (*)[HARS_SECRET_LEN]) hmcf->seal_secrets,
                     hmcf->nseal);

        if (zone[i]->seal == NULL
            || ngx_http_hars_redis_init_process(zone[i]->redis, cycle)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_hars_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_http_hars_zone_t      **zone;
    ngx_http_hars_main_conf_t  *hmcf;

    hmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_hars_module);

    if (hmcf == NULL || ngx_process == NGX_PROCESS_HELPER) {
        return;
    }

    ngx_http_hars_status_exit_process(hmcf);

    zone = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {

        if (zone[i]->flights) {
            ngx_http_hars_flight_exit_process(zone[i]);
        }

        if (zone[i]->redis) {
            ngx_http_hars_redis_exit_process(zone[i]->redis);
            ngx_http_hars_channel_exit_process(zone[i]);
        }

        hars_seal_free(zone[i]->seal);
        hars_keyer_free(zone[i]->keyer);
        zone[i]->seal = NULL;
        zone[i]->keyer = NULL;
    }
}


/*
 * What undoes the check: settings of nginx's own modules by which a request
 * would pass that hars refuses, or by which none could pass.  Each is an
 * [emerg] of "nginx -t" that names the directive and the mend; what may be
 * meant is waived one by one by hars_override.  Only what public
 * configuration shows is seen here: "return", "rewrite ... last" and a
 * proxy_cache without the identity in its key are not.
 */

#include "ngx_http_hars.h"


static ngx_int_t ngx_http_hars_check_introspect(ngx_conf_t *cf,
    ngx_http_hars_main_conf_t *hmcf, ngx_http_hars_location_t *location);
static ngx_int_t ngx_http_hars_check_core(ngx_conf_t *cf,
    ngx_http_hars_location_t *location);
static ngx_int_t ngx_http_hars_check_error_pages(ngx_conf_t *cf,
    ngx_http_hars_location_t *location);
static ngx_int_t ngx_http_hars_check_tls(ngx_conf_t *cf,
    ngx_http_hars_location_t *location);
static ngx_http_hars_from_t *ngx_http_hars_check_from(
    ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_hars_check_session(ngx_conf_t *cf,
    ngx_http_hars_location_t *location, ngx_http_core_srv_conf_t *cscf);


ngx_int_t
ngx_http_hars_check(ngx_conf_t *cf, ngx_http_hars_main_conf_t *hmcf,
    ngx_http_hars_location_t *location)
{
    if (ngx_http_hars_check_introspect(cf, hmcf, location) != NGX_OK
        || ngx_http_hars_check_core(cf, location) != NGX_OK
        || ngx_http_hars_check_error_pages(cf, location) != NGX_OK
        || ngx_http_hars_check_tls(cf, location) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_check_introspect(ngx_conf_t *cf,
    ngx_http_hars_main_conf_t *hmcf, ngx_http_hars_location_t *location)
{
    ngx_str_t                 *uri;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_hars_location_t  *l;

    uri = &location->hlcf->introspect->uri;
    l = hmcf->locations.elts;
    clcf = NULL;

    for (i = 0; i < hmcf->locations.nelts; i++) {

        if (l[i].cscf == location->cscf
            && l[i].clcf->exact_match
            && l[i].clcf->name.len == uri->len
            && ngx_strncmp(l[i].clcf->name.data, uri->data, uri->len) == 0)
        {
            clcf = l[i].clcf;
            break;
        }
    }

    if (clcf == NULL) {
        return ngx_http_hars_emerg(cf, location, "\"hars_introspect\" needs "
                   "a location of this server with exactly its URI: "
                   "\"location = /... { internal; proxy_pass ...; }\"");
    }

    if (!clcf->internal) {
        return ngx_http_hars_emerg(cf, location, "the location of "
                   "\"hars_introspect\" is open to clients, write "
                   "\"internal;\" into it");
    }

    if (clcf->handler == NULL) {
        return ngx_http_hars_emerg(cf, location, "the location of "
                   "\"hars_introspect\" asks nobody, write \"proxy_pass\" "
                   "into it");
    }

    /* an answer longer than nginx's default for subrequests is no error */

    if (clcf->subrequest_output_buffer_size < NGX_HTTP_HARS_ANSWER_MAX) {
        clcf->subrequest_output_buffer_size = NGX_HTTP_HARS_ANSWER_MAX;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_check_core(ngx_conf_t *cf, ngx_http_hars_location_t *location)
{
    ngx_uint_t  override;

    override = location->hlcf->override;

    if (location->clcf->satisfy == NGX_HTTP_SATISFY_ANY
        && !(override & NGX_HTTP_HARS_OVERRIDE_SATISFY))
    {
        return ngx_http_hars_emerg(cf, location, "\"satisfy any\" lets pass "
                   "what \"hars\" refuses, remove it or write "
                   "\"hars_override satisfy\"");
    }

    if (location->cscf->underscores_in_headers
        && !(override & NGX_HTTP_HARS_OVERRIDE_UNDERSCORES))
    {
        return ngx_http_hars_emerg(cf, location, "\"underscores_in_headers "
                   "on\" lets clients send Hars_Sub, remove it or write "
                   "\"hars_override underscores_in_headers\"");
    }

    if (!location->cscf->ignore_invalid_headers
        && !(override & NGX_HTTP_HARS_OVERRIDE_INVALID_HEADERS))
    {
        return ngx_http_hars_emerg(cf, location, "\"ignore_invalid_headers "
                   "off\" hands malformed headers on, remove it or write "
                   "\"hars_override ignore_invalid_headers\"");
    }

    return NGX_OK;
}


/* of every location: an open one hands the certificate on as well */

ngx_int_t
ngx_http_hars_check_address(ngx_conf_t *cf,
    ngx_http_hars_location_t *location)
{
    ngx_http_core_srv_conf_t  *cscf;

    cscf = location->cscf;

    if (!ngx_http_hars_from_address(ngx_http_hars_check_from(cscf))
        || (location->hlcf->override & NGX_HTTP_HARS_OVERRIDE_CERT_FROM))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"hars_client_cert_from\" by address believes whoever can "
                  "send from there, write \"trusted_cert=\" or "
                  "\"trusted=unix:\", or \"hars_override client_cert_from\" "
                  "(server in %s:%ui, location \"%V\")",
                  cscf->file_name, cscf->line, &location->clcf->name);

    return NGX_ERROR;
}


static ngx_http_hars_from_t *
ngx_http_hars_check_from(ngx_http_core_srv_conf_t *cscf)
{
    ngx_http_hars_srv_conf_t  *hscf;

    hscf = cscf->ctx->srv_conf[ngx_http_hars_module.ctx_index];

    return hscf->from;
}


static ngx_int_t
ngx_http_hars_check_error_pages(ngx_conf_t *cf,
    ngx_http_hars_location_t *location)
{
    ngx_uint_t            i;
    ngx_http_err_page_t  *page;

    if (location->clcf->error_pages == NULL
        || (location->hlcf->override & NGX_HTTP_HARS_OVERRIDE_ERROR_PAGE))
    {
        return NGX_OK;
    }

    page = location->clcf->error_pages->elts;

    for (i = 0; i < location->clcf->error_pages->nelts; i++) {

        switch (page[i].status) {

        case NGX_HTTP_BAD_REQUEST:
        case NGX_HTTP_UNAUTHORIZED:
        case NGX_HTTP_FORBIDDEN:
        case NGX_HTTP_SERVICE_UNAVAILABLE:

            if (page[i].overwrite >= 0 && page[i].overwrite < 400) {
                return ngx_http_hars_emerg(cf, location, "\"error_page\" "
                           "turns a refusal into success by \"=\", remove "
                           "the \"=\" or write \"hars_override error_page\"");
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_check_tls(ngx_conf_t *cf, ngx_http_hars_location_t *location)
{
    ngx_uint_t                   p, a, s, found;
    ngx_http_conf_port_t        *port;
    ngx_http_conf_addr_t        *addr;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    found = 0;
    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            cscf = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {
                if (cscf[s] == location->cscf) {
                    break;
                }
            }

            if (s == addr[a].servers.nelts || !addr[a].opt.ssl) {
                continue;
            }

            found = 1;

            /* a session made in one server of an address is tried in others */

            for (s = 0; s < addr[a].servers.nelts; s++) {
                if (ngx_http_hars_check_session(cf, location, cscf[s])
                    != NGX_OK)
                {
                    return NGX_ERROR;
                }
            }
        }
    }

    if (!found && location->hlcf->bind == NGX_HTTP_HARS_BIND_REQUIRED
        && ngx_http_hars_check_from(location->cscf) == NULL)
    {
        return ngx_http_hars_emerg(cf, location, "\"hars_bind required\" "
                   "refuses everybody where no \"listen\" of the server has "
                   "\"ssl\", add it or write \"hars_bind off\"");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_check_session(ngx_conf_t *cf,
    ngx_http_hars_location_t *location, ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                override;
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
    override = location->hlcf->override;

    if (sscf->reject_handshake) {
        return NGX_OK;
    }

    if (sscf->early_data
        && !(override & NGX_HTTP_HARS_OVERRIDE_EARLY_DATA))
    {
        return ngx_http_hars_emerg(cf, location, "\"ssl_early_data on\" in a "
                   "server of this address lets requests be replayed, remove "
                   "it or write \"hars_override ssl_early_data\"");
    }

    if (!(override & NGX_HTTP_HARS_OVERRIDE_RESUMPTION)
        && (sscf->session_tickets
            || (sscf->builtin_session_cache != NGX_SSL_NO_SCACHE
                && sscf->builtin_session_cache != NGX_SSL_NONE_SCACHE)))
    {
        return ngx_http_hars_emerg(cf, location, "TLS resumption in a server "
                   "of this address outlives a certificate's revocation, "
                   "write \"ssl_session_tickets off; ssl_session_cache off;\" "
                   "into each server of it, or \"hars_override resumption\"");
    }

    if (cscf != location->cscf
        || location->hlcf->bind == NGX_HTTP_HARS_BIND_OFF)
    {
        return NGX_OK;
    }

    /* 0 off, 1 on, 2 optional, 3 optional_no_ca */

    if (sscf->verify == 0
        && location->hlcf->bind == NGX_HTTP_HARS_BIND_REQUIRED
        && ngx_http_hars_check_from(cscf) == NULL)
    {
        return ngx_http_hars_emerg(cf, location, "\"hars_bind required\" "
                   "refuses everybody without \"ssl_verify_client on\" or "
                   "\"optional\" in the server");
    }

    if (sscf->verify == 3 && !(override & NGX_HTTP_HARS_OVERRIDE_VERIFY)) {
        return ngx_http_hars_emerg(cf, location, "\"ssl_verify_client "
                   "optional_no_ca\" takes certificates of anybody, write "
                   "\"on\" or \"optional\", or \"hars_override "
                   "ssl_verify_client\"");
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_hars_emerg(ngx_conf_t *cf, ngx_http_hars_location_t *location,
    const char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "%s (\"hars\" in %s:%ui, server \"%V\", location \"%V\")",
                  what, location->hlcf->file, location->hlcf->line,
                  &location->cscf->server_name, &location->clcf->name);

    return NGX_ERROR;
}

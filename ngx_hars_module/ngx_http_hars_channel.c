
/*
 * The revocation channel of a worker: reads the stream of revocations that
 * the authorization server appends to, and applies them to the zone.
 */

#include "ngx_http_hars.h"


void
ngx_http_hars_channel_opened(ngx_http_hars_zone_t *zone,
    ngx_http_hars_link_t *link)
{
}


void
ngx_http_hars_channel_closed(ngx_http_hars_zone_t *zone)
{
}

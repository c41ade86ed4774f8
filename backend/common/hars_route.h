
/*
 * Which route a path is of.  A route's path is compared as sent; "*" in it
 * stands for one segment, whatever it is:
 *
 *     /v1/patients/{id}/days      is       /v1/patients/<any>/days
 *                                 written  "/v1/patients/" "*" "/days"
 */

#ifndef HARS_ROUTE_H
#define HARS_ROUTE_H


#include "hars_http.h"


/* is this path the route's? */
unsigned hars_route_at(const hars_route_t *route, const char *path);

/*
 * What stands for the i-th "*" of the request's route, from 0, decoded
 * (RFC 3986, 2.1), zero-terminated.  HARS_DECLINED: it is longer than the
 * size, badly encoded, or has a control character inside.
 */
int hars_route_segment(hars_request_t *r, unsigned i, char *dst, size_t size);


#endif /* HARS_ROUTE_H */

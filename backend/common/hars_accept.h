
/*
 * Content negotiation, RFC 9110, 12.5.1: how much does a client want a media
 * type?  The range that names it most precisely decides; a range with
 * parameters of its own names another type than ours, which have none.  Pure.
 */

#ifndef HARS_ACCEPT_H
#define HARS_ACCEPT_H


#define HARS_ACCEPT_FULL  1000


/*
 * "accept" is the header's value; "type" as "application/json".  From 0 (not
 * acceptable) to HARS_ACCEPT_FULL, or HARS_ERROR: the header is malformed.
 */
int hars_accept(const char *accept, const char *type);


#endif /* HARS_ACCEPT_H */


/*
 * Parameters of a query.  Each may stand once; one that is not asked for is
 * not looked at.
 */

#ifndef HARS_DCM_QUERY_H
#define HARS_DCM_QUERY_H


#include "hars_http.h"

#include <stdint.h>


#define HARS_QUERY_VALUE  256


/*
 * The decoded value (RFC 3986, 2.1).  HARS_DECLINED: there is none;
 * HARS_ERROR: it stands twice, is too long, badly encoded or has a control
 * character inside.
 */
int hars_query_text(hars_request_t *r, const char *name,
    char value[HARS_QUERY_VALUE]);

/*
 * A moment as ms since 1970: seconds since 1970, with or without a fraction,
 * or as RFC 3339 has it in UTC (2026-05-04T12:30:00Z).  *ms stays where there
 * is none; HARS_ERROR after it answered 400.
 */
int hars_query_time(hars_request_t *r, const char *name, int64_t *ms);

/* a whole number from min to max, otherwise the same */
int hars_query_number(hars_request_t *r, const char *name, int64_t min,
    int64_t max, int64_t *number);

/* pure: HARS_ERROR where it is no moment */
int hars_query_moment(const char *text, int64_t *ms);


#endif /* HARS_DCM_QUERY_H */

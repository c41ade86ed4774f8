
/*
 * What the data collecting mechanism says of a recording (GET
 * /v1/recordings/{id}/activities): each window of it, once it is done.
 */

#ifndef HARS_FN_ACTIVITIES_H
#define HARS_FN_ACTIVITIES_H


#include "hars_fn.h"


typedef struct {
    char          sid[HARS_FN_SID];
    uint64_t      from;                   /* ms, UTC */
    uint64_t      to;
    char          name[HARS_FOG_NAME];
} hars_fn_news_t;

typedef void (*hars_fn_news_pt)(void *data, const hars_fn_news_t *news);


/*
 * HARS_OK: it is done or has failed, windows in a row with one activity were
 * told as one; HARS_DECLINED: not yet, or this is no such answer.
 */
int hars_fn_activities(const char *body, size_t len,
    const hars_fn_news_t *of, hars_fn_news_pt tell, void *data);


#endif /* HARS_FN_ACTIVITIES_H */

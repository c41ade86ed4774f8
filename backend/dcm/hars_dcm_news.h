
/*
 * What is new of a patient, as server-sent events: blocks of windows by their
 * event numbers, without what the reader may not see.
 */

#ifndef HARS_DCM_NEWS_H
#define HARS_DCM_NEWS_H


#include "hars_dcm_look.h"


typedef struct {
    char                *text;            /* from malloc(); NULL: nothing */
    size_t               len;
    int64_t              event;           /* the last one it goes up to */
} hars_news_t;


/* the last event there is; 0 of a patient who is not there yet */
int hars_news_now(hars_dcm_t *dcm, const char *patient, int64_t *event);

/*
 * The next events behind "after", some of them; news->event stays where there
 * are none.  HARS_DECLINED: these are all, for now.
 */
int hars_news_read(hars_dcm_t *dcm, const hars_look_t *look, int64_t after,
    hars_news_t *news);

/* a text behind the others: head, body and an empty line; or the head alone */
int hars_news_add(hars_news_t *news, const char *head, const char *body);


#endif /* HARS_DCM_NEWS_H */

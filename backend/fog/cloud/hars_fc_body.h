
/* The bodies of registrations, JSON, checked.  Pure. */

#ifndef HARS_FC_BODY_H
#define HARS_FC_BODY_H


#include "hars_who.h"


#define HARS_FC_BODY  1024                /* bytes at most */


typedef struct {
    char       id[HARS_WHO_ID];           /* ID_i; of a fog node its client */
    char       patient[HARS_WHO_ID];      /* "": it was not said */
    unsigned   suite;
} hars_fc_body_t;


/* HARS_DECLINED: *why says cause and mend */
int hars_fc_body_device(hars_fc_body_t *body, const char *text, size_t len,
    const char **why);
int hars_fc_body_node(hars_fc_body_t *body, const char *text, size_t len,
    const char **why);


#endif /* HARS_FC_BODY_H */

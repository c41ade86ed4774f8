
/*
 * The handlers, one matter per file, and the answers that several of them
 * give.
 */

#ifndef HARS_FC_ENDPOINTS_H
#define HARS_FC_ENDPOINTS_H


#include "hars_fc_parties.h"
#include "hars_text.h"


/* hars_fc_register.c */
void hars_fc_devices_post(hars_request_t *r);
void hars_fc_nodes_post(hars_request_t *r);

/* hars_fc_change.c: of a registered party */
void hars_fc_device_rekey(hars_request_t *r);
void hars_fc_device_delete(hars_request_t *r);
void hars_fc_node_rekey(hars_request_t *r);
void hars_fc_node_delete(hars_request_t *r);

/* hars_fc_sessions_post.c: M2 in, M3 or an error out */
void hars_fc_sessions_post(hars_request_t *r);

/* hars_fc_confirm.c: the first record of the device */
void hars_fc_confirm(hars_request_t *r);

/* hars_fc_session_get.c */
void hars_fc_session_get(hars_request_t *r);

/*
 * hars_fc_answer.c: JSON that is the answer, wiped; 503 where there was no
 * memory for it.
 */
void hars_fc_answer(hars_request_t *r, unsigned status, hars_text_t *text);

/* a write that failed: 507 of a full disk, or 503 */
void hars_fc_failed(hars_request_t *r, unsigned full);

/* what a party is given (5.3), once; "row" is a copy of its row */
void hars_fc_given(hars_request_t *r, unsigned status,
    const hars_fc_party_t *party, const hars_aka_row_t *row);

/* ms as seconds: 1790000000.123 */
void hars_fc_time(hars_text_t *text, const char *name, int64_t ms);


#endif /* HARS_FC_ENDPOINTS_H */


/* See hars_dcm_upload_query.h for what this is. */

#include "hars_dcm_upload_query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>


#define HARS_UPLOAD_PARAMETERS  16


typedef struct {
    hars_upload_t  *upload;
    hars_fault_t   *fault;
    int             rc;
    unsigned        n;
    const char     *name[HARS_UPLOAD_PARAMETERS];    /* that were there */
} hars_upload_query_t;


static void hars_upload_parameter(void *data, const char *name,
    const char *value);
static int hars_upload_option(hars_upload_query_t *query, const char *name,
    const char *value);
static int hars_upload_once(hars_upload_query_t *query, const char *name);
static int hars_upload_seconds(const char *value, double *seconds);


unsigned
hars_upload_query(hars_upload_t *upload, hars_request_t *r,
    hars_fault_t *fault)
{
    hars_upload_query_t  query = { .upload = upload, .fault = fault };

    hars_options_init(&upload->options);
    hars_request_query(r, hars_upload_parameter, &query);

    if (query.rc == HARS_OK && upload->id[0] == '\0') {
        query.rc = hars_fault(fault, "id", -1, -1, "an id is needed, of 1 to "
                              "64 of A-Z a-z 0-9 . _ -, for each recording "
                              "another one");
    }

    strcpy(upload->placement, upload->options.placement);

    return query.rc == HARS_OK ? 0 : 422;
}


static void
hars_upload_parameter(void *data, const char *name, const char *value)
{
    hars_upload_t        *upload;
    hars_upload_query_t  *query;

    query = data;
    upload = query->upload;

    if (query->rc == HARS_OK) {
        query->rc = hars_upload_once(query, name);
    }

    if (query->rc != HARS_OK) {
        return;
    }

    if (strcmp(name, "id") == 0) {

        if (!hars_recording_id(value)) {
            query->rc = hars_fault(query->fault, "id", -1, -1, "it is not of "
                                   "1 to 64 of A-Z a-z 0-9 . _ -");
            return;
        }

        strcpy(upload->id, value);
        return;
    }

    /* with another meaning it is another recording */

    (void) EVP_DigestUpdate(upload->digests, name, strlen(name) + 1);
    (void) EVP_DigestUpdate(upload->digests, value, strlen(value) + 1);

    query->rc = hars_upload_option(query, name, value);
}


static int
hars_upload_option(hars_upload_query_t *query, const char *name,
    const char *value)
{
    hars_upload_t  *upload;

    upload = query->upload;

    if (strcmp(name, "started_at") == 0) {
        upload->started = 1;

        return hars_upload_seconds(value, &upload->started_at) == HARS_OK
               ? HARS_OK
               : hars_fault(query->fault, "started_at", -1, -1, "a time is "
                            "needed, in seconds since 1970");
    }

    if (strcmp(name, "fog_session") == 0) {

        if (!hars_fog_session_id(value)) {
            return hars_fault(query->fault, "fog_session", -1, -1, "a "
                              "session's id is needed, of 32 of 0-9 a-f");
        }

        strcpy(upload->fog_session, value);

        return HARS_OK;
    }

    return hars_options_set(&upload->options, name, value, query->fault);
}


/* whoever says something twice may mean either */
static int
hars_upload_once(hars_upload_query_t *query, const char *name)
{
    unsigned  i;

    for (i = 0; i < query->n; i++) {
        if (strcmp(query->name[i], name) == 0) {
            break;
        }
    }

    if (i < query->n || query->n == HARS_UPLOAD_PARAMETERS) {
        return hars_fault(query->fault, "", -1, -1, "a parameter of the query "
                          "is there twice, or there are more than %d",
                          HARS_UPLOAD_PARAMETERS);
    }

    query->name[query->n++] = name;

    return HARS_OK;
}


static int
hars_upload_seconds(const char *value, double *seconds)
{
    char  *end;

    if (value[strspn(value, "0123456789.")] || strlen(value) > 24) {
        return HARS_ERROR;
    }

    *seconds = strtod(value, &end);

    return *end || end == value || !isfinite(*seconds) ? HARS_ERROR : HARS_OK;
}


unsigned
hars_upload_gzip(hars_request_t *r, unsigned *gzip, hars_fault_t *fault)
{
    int          rc;
    const char  *coding;

    *gzip = 0;
    rc = hars_request_header(r, "Content-Encoding", &coding);

    if (rc == HARS_DECLINED
        || (rc == HARS_OK && strcasecmp(coding, "identity") == 0))
    {
        return 0;
    }

    if (rc != HARS_OK || strcasecmp(coding, "gzip") != 0) {
        hars_fault(fault, "", -1, -1, "Content-Encoding may be gzip");
        return 415;
    }

    *gzip = 1;

    return 0;
}


unsigned
hars_upload_open(hars_request_t *r, char **open, const char **body,
    size_t *len, hars_fault_t *fault)
{
    unsigned  status, gzip;

    *open = NULL;
    *body = r->body;
    *len = r->body_len;

    status = hars_upload_gzip(r, &gzip, fault);

    if (status == 0 && gzip) {
        status = hars_inflate(r->body, r->body_len, HARS_UPLOAD_JSON, open,
                              len, fault);
        *body = *open ? *open : "";
    }

    return status;
}


int
hars_upload_judge(hars_upload_t *upload, hars_fault_t *fault)
{
    unsigned         i;
    hars_options_t  *options;

    static const char  *known[] = {
        "pocket", "wrist-left", "wrist-right", NULL
    };

    options = &upload->options;

    for (i = 0; known[i]; i++) {
        if (strcmp(options->placement, known[i]) == 0) {
            break;
        }
    }

    /* query and body may both say it, and say the same */

    if (known[i] == NULL
        || (upload->placement[0]
            && strcmp(upload->placement, options->placement) != 0))
    {
        return hars_fault(fault, "placement", -1, -1, "where the device is "
                          "worn is needed: pocket, wrist-left or wrist-right");
    }

    if (options->model[0]) {
        return hars_fault(fault, "model", -1, -1, "the model is chosen by "
                          "placement");
    }

    return hars_options_judge(options, fault);
}

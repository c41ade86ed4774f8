
/*
 * What a handler asks of its request: headers, the query, the type of the
 * body, memory.  Nothing is decoded, and what stands twice is no answer.
 */

#include "hars_accept.h"
#include "hars_exchange.h"
#include "hars_record.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


typedef struct {
    const char  *name;
    const char  *value;
    unsigned     n;
} hars_request_lookup_t;


/* values of one name, each behind a comma */
typedef struct {
    const char  *name;
    char        *list;                    /* NULL: only its length */
    size_t       len;
} hars_request_list_t;


typedef struct {
    void       (*take)(void *data, const char *name, const char *value);
    void        *data;
} hars_request_take_t;


static enum MHD_Result hars_request_match(void *data,
    enum MHD_ValueKind kind, const char *name, size_t name_len,
    const char *value, size_t value_len);
static enum MHD_Result hars_request_join(void *data,
    enum MHD_ValueKind kind, const char *name, size_t name_len,
    const char *value, size_t value_len);
static enum MHD_Result hars_request_parameter(void *data,
    enum MHD_ValueKind kind, const char *name, const char *value);


int
hars_request_header(hars_request_t *r, const char *name, const char **value)
{
    hars_exchange_t        *ex;
    hars_request_lookup_t   lookup;

    ex = (hars_exchange_t *) r;

    memset(&lookup, 0, sizeof(lookup));
    lookup.name = name;

    MHD_get_connection_values_n(ex->connection, MHD_HEADER_KIND,
                                hars_request_match, &lookup);

    *value = NULL;

    if (lookup.n == 0) {
        return HARS_DECLINED;
    }

    if (lookup.n > 1 || lookup.value == NULL) {
        return HARS_ERROR;
    }

    *value = lookup.value;

    return HARS_OK;
}


static enum MHD_Result
hars_request_match(void *data, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    hars_request_lookup_t  *lookup;

    (void) kind;

    lookup = data;

    if (name == NULL
        || name_len != strlen(lookup->name)
        || strncasecmp(name, lookup->name, name_len) != 0)
    {
        return MHD_YES;
    }

    lookup->n++;

    if (value && strlen(value) == value_len) {
        lookup->value = value;

    } else {
        lookup->n++;
    }

    return MHD_YES;
}


/* RFC 9110, 5.3: lines of one name are one list */
int
hars_request_accept(hars_request_t *r, const char *type)
{
    int                   q;
    hars_exchange_t      *ex;
    hars_request_list_t   list;

    ex = (hars_exchange_t *) r;

    memset(&list, 0, sizeof(list));
    list.name = "Accept";

    MHD_get_connection_values_n(ex->connection, MHD_HEADER_KIND,
                                hars_request_join, &list);

    if (list.len == 0) {
        return HARS_ACCEPT_FULL;
    }

    list.list = malloc(list.len + 1);

    if (list.list == NULL) {
        return HARS_ERROR;
    }

    list.len = 0;
    MHD_get_connection_values_n(ex->connection, MHD_HEADER_KIND,
                                hars_request_join, &list);
    list.list[list.len] = '\0';

    q = strlen(list.list) == list.len ? hars_accept(list.list, type)
                                      : HARS_ERROR;
    free(list.list);

    return q;
}


static enum MHD_Result
hars_request_join(void *data, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    hars_request_list_t  *list;

    (void) kind;

    list = data;

    if (name == NULL
        || name_len != strlen(list->name)
        || strncasecmp(name, list->name, name_len) != 0)
    {
        return MHD_YES;
    }

    if (list->list) {
        list->list[list->len] = ',';

        if (value_len) {
            memcpy(list->list + list->len + 1, value, value_len);
        }
    }

    list->len += 1 + value_len;

    return MHD_YES;
}


void
hars_request_query(hars_request_t *r,
    void (*take)(void *data, const char *name, const char *value),
    void *data)
{
    hars_exchange_t      *ex;
    hars_request_take_t   query;

    ex = (hars_exchange_t *) r;
    query.take = take;
    query.data = data;

    MHD_get_connection_values(ex->connection, MHD_GET_ARGUMENT_KIND,
                              hars_request_parameter, &query);
}


static enum MHD_Result
hars_request_parameter(void *data, enum MHD_ValueKind kind,
    const char *name, const char *value)
{
    hars_request_take_t  *query;

    (void) kind;

    query = data;
    query->take(query->data, name, value ? value : "");

    return MHD_YES;
}


int
hars_request_type(hars_request_t *r, const char *type)
{
    size_t       len;
    const char  *value;

    if (hars_request_header(r, "Content-Type", &value) != HARS_OK) {
        return 0;
    }

    len = strlen(type);

    if (strncasecmp(value, type, len) != 0) {
        return 0;
    }

    value += len;
    value += strspn(value, " \t");

    return *value == '\0' || *value == ';';
}


int
hars_request_hold(hars_request_t *r, size_t size)
{
    size_t            held, limit;
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;
    limit = ex->server->conf.bodies;
    held = atomic_fetch_add(&ex->server->held, size);

    if (limit && held + size > limit) {
        atomic_fetch_sub(&ex->server->held, size);
        return HARS_DECLINED;
    }

    ex->kept += size;

    return HARS_OK;
}


void *
hars_request_room(hars_request_t *r, size_t size)
{
    hars_exchange_t  *ex;

    ex = (hars_exchange_t *) r;

    if (ex->room == NULL) {
        ex->room = calloc(1, size);
        ex->room_size = size;
    }

    return ex->room;
}


/* A connection to PostgreSQL, private to its driver. */

#ifndef HARS_DB_PG_H
#define HARS_DB_PG_H


#include "hars_db_private.h"

#include <libpq-fe.h>


typedef struct {
    PGconn     *pg;
    PGresult   *result;                   /* of the statement that runs */
    int         row;                      /* the next one */
    unsigned    prepared;                 /* statements, for their names */
    unsigned    broken:1;
    unsigned    contended:1;              /* the last failure was */
    unsigned    full:1;                   /* the server's disk was */
} hars_pg_t;


/* these are the driver's own: see hars_db_private.h */
const char *hars_pg_wrong(const char *where);
void *hars_pg_open(const char *where);
void hars_pg_close(void *conn);
int hars_pg_lost(void *conn);
int hars_pg_contended(void *conn);
unsigned hars_pg_full(void *conn);
int hars_pg_exec(void *conn, const char *sql);

/* statements without parameters; the last one's answer, as text */
PGresult *hars_pg_query(hars_pg_t *conn, const char *sql);

/* the answer to what was sent, its last part; NULL: logged */
PGresult *hars_pg_result(hars_pg_t *conn, int sent);


#endif /* HARS_DB_PG_H */

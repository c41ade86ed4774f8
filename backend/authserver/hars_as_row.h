
/*
 * Between a row of SQLite and the structs of hars_as.h; private to
 * hars_as_store.c.  A row that does not fit, of an unknown kind or with a
 * zero byte inside is an error, never a shortened client.
 */

#ifndef HARS_AS_ROW_H
#define HARS_AS_ROW_H


#include "hars_as.h"


struct sqlite3_stmt;


/* the i-th parameter, from 1; the value has to stay until the step */
void hars_row_bind_text(struct sqlite3_stmt *stmt, int i, const char *text);
void hars_row_bind_hash(struct sqlite3_stmt *stmt, int i,
    const unsigned char hash[HARS_SHA256_LEN]);

/* all columns; the i-th column, from 0 */
int hars_row_client(struct sqlite3_stmt *stmt, hars_client_t *client);
int hars_row_token(struct sqlite3_stmt *stmt, hars_token_t *token);
int hars_row_hash(struct sqlite3_stmt *stmt, int i,
    unsigned char hash[HARS_SHA256_LEN]);


#endif /* HARS_AS_ROW_H */

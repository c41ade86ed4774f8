
/*
 * One connection to a database, SQLite or PostgreSQL: the same statements for
 * both, with parameters ?1, ?2 and so on, bound in their order and given to a
 * statement that is prepared once per connection:
 *
 *     hars_db_text(db, id);
 *     rc = hars_db_run(db, "SELECT a, b FROM t WHERE id = ?1");
 *     while (rc == HARS_OK && (rc = hars_db_row(db)) == HARS_OK) { ... }
 *
 * The statement has to be a string literal: it is known by its address.  The
 * words {INT}, {BLOB} (types), {END} (of a CREATE TABLE), {END_ROWID} (the same
 * where the key is one {INT}), {BLOCKS} (the same of a table of large rows with
 * a column start_ms), {SHARE} and {LOCK} (of a
 * SELECT: till the commit nobody else changes its row, nor, with the second,
 * locks it) are replaced by the database's own.  What is bound has to stay
 * until the statement has run.  A connection is used by one thread at a time,
 * and runs one statement at a time; a further one ends the rows of the one
 * before.
 *
 * All return HARS_OK, or HARS_ERROR after the log has the cause.
 */

#ifndef HARS_DB_H
#define HARS_DB_H


#include "hars_record.h"

#include <stddef.h>
#include <stdint.h>


typedef struct hars_db_s  hars_db_t;


/*
 * "where" is a file's path, or postgresql://...  Every commit waits for the
 * disk.  NULL after the log has the cause.
 */
hars_db_t *hars_db_open(const char *where);

/*
 * What is wrong with "where", before anything is opened, as the words that
 * follow "database"; NULL: nothing.
 */
const char *hars_db_wrong(const char *where);

/*
 * Of databases that are files, opened from now on: KB that each connection
 * may keep of it (16 MB unless said); is what is deleted overwritten?  Before
 * there are threads.
 */
void hars_db_files(unsigned cache, unsigned overwrite);

/* is it another server, whose answers are waited for? */
unsigned hars_db_waits(const char *where);

void hars_db_close(hars_db_t *db);

/* the next parameter; NULL and 0 bytes are an empty blob */
void hars_db_text(hars_db_t *db, const char *text);
void hars_db_blob(hars_db_t *db, const void *data, size_t len);
void hars_db_int(hars_db_t *db, int64_t n);

/*
 * Runs a statement.  A connection that was lost outside of a transaction is
 * made again, once.
 */
int hars_db_run(hars_db_t *db, const char *sql);

/* HARS_OK: the next row is there; HARS_DECLINED: there is no more */
int hars_db_row(hars_db_t *db);

/*
 * The i-th column of the row, from 0.  HARS_ERROR: it has a zero byte inside
 * or does not fit into "size" with its end; it is not of "len" bytes.
 */
int hars_db_get_text(hars_db_t *db, unsigned i, char *dst, size_t size);
int hars_db_get_blob(hars_db_t *db, unsigned i, void *dst, size_t len);
int64_t hars_db_get_int(hars_db_t *db, unsigned i);

/* the same of any length, without a copy, till the next row or statement */
int hars_db_get_bytes(hars_db_t *db, unsigned i, const unsigned char **data,
    size_t *len);

/* a statement without rows; *changed (may be NULL): how many rows it met */
int hars_db_do(hars_db_t *db, const char *sql, uint64_t *changed);

/* a statement and its first row; HARS_DECLINED: it has none */
int hars_db_first(hars_db_t *db, const char *sql);

/* ends the rows of a statement that was not read to its end */
void hars_db_done(hars_db_t *db);

/* a transaction that writes; all there is of these */
int hars_db_begin(hars_db_t *db);
int hars_db_commit(hars_db_t *db);
void hars_db_rollback(hars_db_t *db);

/*
 * From now on a commit of this connection may return before it is on the
 * disk, where it is once an fdatasync() of *fd that began later has returned
 * 0.  Another call gives another descriptor.  HARS_DECLINED: not with
 * this database, whose commits wait.
 */
int hars_db_defer(hars_db_t *db, int *fd);

/* the last failure was of others in the way: it may be done again */
int hars_db_contended(hars_db_t *db);

/* the last failure was of a disk that is full */
unsigned hars_db_full(hars_db_t *db);

/* without parameters or rows, several at once */
int hars_db_exec(hars_db_t *db, const char *sql);

/*
 * What one server of several does at a time: the turn is of a connection, till
 * it gives it back or is lost.  HARS_DECLINED: another one has it.
 */
int hars_db_turn(hars_db_t *db);
void hars_db_turn_done(hars_db_t *db);

/*
 * Makes room in a {BLOCKS} table for rows of the UTC month that "ms", since
 * 1970, is in; inside a transaction, before the first of them is inserted.
 */
int hars_db_month(hars_db_t *db, const char *table, int64_t ms);

/*
 * After the commit: nothing of a table's rows that were deleted or changed is
 * left in the database's own files, as far as the database can say so.  Waits;
 * HARS_DECLINED: others were in the way all the time.
 */
int hars_db_scrub(hars_db_t *db, const char *table);

/* the layout's number, 0 for an empty database; inside a transaction */
int hars_db_version(hars_db_t *db, int *version);
int hars_db_set_version(hars_db_t *db, int version);


#endif /* HARS_DB_H */

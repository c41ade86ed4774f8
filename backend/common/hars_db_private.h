
/* What hars_db.c wants of a database: private to it and its drivers. */

#ifndef HARS_DB_PRIVATE_H
#define HARS_DB_PRIVATE_H


#include "hars_db.h"


#define HARS_DB_VALUES      32            /* parameters of a statement */
#define HARS_DB_STATEMENTS  256           /* a power of two, of them 3/4 used */


typedef enum {
    HARS_DB_INT = 0,
    HARS_DB_TEXT,
    HARS_DB_BLOB
} hars_db_type_e;


typedef struct {
    hars_db_type_e   type;
    int64_t          n;
    const void      *data;
    size_t           len;
} hars_db_value_t;


typedef struct {
    const char  *int_type;                /* what {INT} and so on stand for */
    const char  *blob_type;
    const char  *end;
    const char  *end_rowid;               /* the same, of a table by number */
    const char  *blocks;                  /* the same of large rows, by time */
    const char  *share;                   /* locks the row that was read */
    const char  *lock;                    /* the same, for one alone */

    const char  *begin;
    unsigned     waits:1;                 /* its answers are waited for */

    /* what is wrong with it, in words for "database ..."; NULL: nothing */
    const char *(*wrong)(const char *where);

    /* NULL after the log has the cause */
    void      *(*open)(const char *where);
    void       (*close)(void *conn);

    /* is the connection of no use any more? */
    int        (*lost)(void *conn);

    /* did the last one fail because others were in its way? */
    int        (*contended)(void *conn);

    /* did it, because the disk is full? */
    unsigned   (*full)(void *conn);

    int        (*exec)(void *conn, const char *sql);

    /* see hars_db_defer(); NULL: declined */
    int        (*defer)(void *conn, int *fd);

    /* HARS_DECLINED: another server has it; without "take": gives it back */
    int        (*turn)(void *conn, int take);

    /* a {BLOCKS} table's part of [from, to), ms since 1970 */
    int        (*part)(void *conn, const char *table, const char *part,
                       int64_t from, int64_t to);

    /* see hars_db_scrub() */
    int        (*scrub)(void *conn, const char *table);

    int        (*version)(void *conn, int *version);
    int        (*set_version)(void *conn, int version);

    /* the types of the values are those of each later run; NULL: logged */
    void      *(*prepare)(void *conn, const char *sql,
                          const hars_db_value_t *value, unsigned n);
    void       (*finalize)(void *conn, void *stmt);

    int        (*run)(void *conn, void *stmt, const hars_db_value_t *value,
                      unsigned n);
    int        (*row)(void *conn, void *stmt);
    void       (*column)(void *conn, void *stmt, unsigned i,
                         hars_db_value_t *value);
    uint64_t   (*changed)(void *conn, void *stmt);
    void       (*done)(void *conn, void *stmt);
} hars_db_driver_t;


extern const hars_db_driver_t  hars_db_sqlite;
extern const hars_db_driver_t  hars_db_pg;


#endif /* HARS_DB_PRIVATE_H */

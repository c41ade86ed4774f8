
/*
 * See hars_fc_layout.h for what this is.  Times are ms since 1970.  The
 * database alone tells how many parties and sessions there are and when, and
 * never who: rows are sealed under x, names are HMACs.
 */

#include "hars_fc_layout.h"

#include <stddef.h>


#define HARS_LAYOUT_VERSION  201


static const char *const  hars_fc_tables[] = {

    /* whose the rows are to change: one row, of the process that began last */

    "CREATE TABLE holder ("
    "  one {INT} PRIMARY KEY CHECK (one = 1),"
    "  token {BLOB} NOT NULL CHECK (length(token) = 16)"
    ") {END};",

    /* "data" as SPEC 5.3 has it, "who" the patient's sub or the client's id */

    "CREATE TABLE party ("
    "  number {INT} PRIMARY KEY,"
    "  name {BLOB} NOT NULL UNIQUE CHECK (length(name) = 16),"
    "  data {BLOB} NOT NULL CHECK (length(data) = 326),"
    "  who {BLOB} NOT NULL CHECK (length(who) = 93),"
    "  created_ms {INT} NOT NULL"
    ") {END};",

    /* that were confirmed; device and fog are numbers of parties */

    "CREATE TABLE session ("
    "  sid {BLOB} PRIMARY KEY CHECK (length(sid) = 16),"
    "  device {INT} NOT NULL,"
    "  fog {INT} NOT NULL,"
    "  start_ms {INT} NOT NULL,"
    "  end_ms {INT} NOT NULL"
    ") {END};"

    "CREATE INDEX session_device ON session (device, start_ms);"
    "CREATE INDEX session_fog ON session (fog, end_ms);"
    "CREATE INDEX session_end ON session (end_ms);",

    NULL
};


const hars_layout_t  hars_fc_layout = {
    .version = HARS_LAYOUT_VERSION,
    .tables = hars_fc_tables
};

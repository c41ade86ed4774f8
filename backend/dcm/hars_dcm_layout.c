
/*
 * See hars_dcm_layout.h for what this is.  Times are ms since 1970.  What is
 * called "sealed" is bytes under the patient's key (hars_dcm_vault.h); all
 * else tells whose data is there, of when and of how much, never what it says.
 *
 * Samples and windows are keyed by patient and time: a look at a day reads
 * that day's rows, however many patients and years there are.  Those two
 * tables are {BLOCKS}: on PostgreSQL one partition for each month of start_ms,
 * made when the first row of a month comes (hars_db_month()).
 */

#include "hars_dcm_layout.h"

#include <stddef.h>


#define HARS_LAYOUT_VERSION  102


static const char *const  hars_dcm_tables[] = {

    /*
     * "seq" is the number of recordings that were accepted, "event" that of
     * window blocks that were stored: each counts under this row's lock.
     * "name" is sealed; empty: there is none.
     */

    "CREATE TABLE patient ("
    "  sub TEXT PRIMARY KEY,"
    "  key {BLOB} NOT NULL CHECK (length(key) = 68),"
    "  name {BLOB} NOT NULL,"
    "  seq {INT} NOT NULL,"
    "  event {INT} NOT NULL,"
    "  created_ms {INT} NOT NULL"
    ") {END};",

    /*
     * "options" are those of the ML service, as its query has them; "seq" the
     * order of acceptance.  state 0: queued, 1: running, 2: done, 3: failed,
     * for "reason".  Rows that were dropped are counted by why.  What a fog
     * node sent has its session and the wearable's alias.
     */

    "CREATE TABLE recording ("
    "  patient TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  seq {INT} NOT NULL,"
    "  uploader_sub TEXT NOT NULL,"
    "  uploader_client TEXT NOT NULL,"
    "  cert {BLOB} NOT NULL CHECK (length(cert) = 32),"
    "  digest {BLOB} NOT NULL CHECK (length(digest) = 32),"
    "  fog_session TEXT NOT NULL,"
    "  fog_device TEXT NOT NULL,"
    "  placement TEXT NOT NULL,"
    "  options TEXT NOT NULL,"
    "  start_ms {INT} NOT NULL,"
    "  end_ms {INT} NOT NULL,"
    "  samples {INT} NOT NULL,"
    "  received {INT} NOT NULL,"
    "  empty {INT} NOT NULL,"
    "  duplicates {INT} NOT NULL,"
    "  outliers {INT} NOT NULL,"
    "  unpaired {INT} NOT NULL,"
    "  accepted_ms {INT} NOT NULL,"
    "  state {INT} NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  windows {INT} NOT NULL,"
    "  PRIMARY KEY (patient, id)"
    ") {END};"

    "CREATE INDEX recording_upload ON recording (uploader_client, id);",

    /* sealed rows of one stream, up to a minute of them */

    "CREATE TABLE block ("
    "  patient TEXT NOT NULL,"
    "  start_ms {INT} NOT NULL,"
    "  recording TEXT NOT NULL,"
    "  n {INT} NOT NULL,"
    "  data {BLOB} NOT NULL,"
    "  PRIMARY KEY (patient, start_ms, recording, n)"
    ") {BLOCKS};",

    "CREATE INDEX block_recording ON block (patient, recording);",

    /* what is to be recognized; "until_ms": one instance has it so long */

    "CREATE TABLE job ("
    "  patient TEXT NOT NULL,"
    "  recording TEXT NOT NULL,"
    "  due_ms {INT} NOT NULL,"
    "  until_ms {INT} NOT NULL,"
    "  tries {INT} NOT NULL,"
    "  PRIMARY KEY (patient, recording)"
    ") {END};"

    "CREATE INDEX job_due ON job (due_ms);",

    /* sealed windows; "event" is the patient's */

    "CREATE TABLE window_block ("
    "  patient TEXT NOT NULL,"
    "  start_ms {INT} NOT NULL,"
    "  recording TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  event {INT} NOT NULL,"
    "  data {BLOB} NOT NULL,"
    "  PRIMARY KEY (patient, start_ms, recording, model)"
    ") {BLOCKS};",

    "CREATE INDEX window_block_event ON window_block (patient, event);"
    "CREATE INDEX window_block_recording ON window_block"
    "  (patient, recording);",

    /* sealed totals; "day" is of UTC, since 1970 */

    "CREATE TABLE day ("
    "  patient TEXT NOT NULL,"
    "  day {INT} NOT NULL,"
    "  data {BLOB} NOT NULL,"
    "  PRIMARY KEY (patient, day)"
    ") {END};",

    /* until_ms 0: no end; since_ms: data from then on; a sealed name or "" */

    "CREATE TABLE connection ("
    "  patient TEXT NOT NULL,"
    "  caregiver TEXT NOT NULL,"
    "  name {BLOB} NOT NULL,"
    "  role TEXT NOT NULL,"
    "  scopes TEXT NOT NULL,"
    "  since_ms {INT} NOT NULL,"
    "  until_ms {INT} NOT NULL,"
    "  created_ms {INT} NOT NULL,"
    "  PRIMARY KEY (patient, caregiver)"
    ") {END};"

    "CREATE INDEX connection_caregiver ON connection (caregiver);",

    /* who looked at what, sealed */

    "CREATE TABLE access ("
    "  patient TEXT NOT NULL,"
    "  at_ms {INT} NOT NULL,"
    "  n {INT} NOT NULL,"
    "  data {BLOB} NOT NULL,"
    "  PRIMARY KEY (patient, at_ms, n)"
    ") {END};",

    /* that somebody was erased: SHA-256 of the sub, and nothing else */

    "CREATE TABLE erased ("
    "  patient {BLOB} NOT NULL CHECK (length(patient) = 32),"
    "  at_ms {INT} NOT NULL,"
    "  recordings {INT} NOT NULL,"
    "  PRIMARY KEY (patient, at_ms)"
    ") {END};",

    NULL
};


static const hars_layout_older_t  hars_dcm_older[] = {
    { .version = 101,
      .step = "ALTER TABLE recording ADD COLUMN fog_device TEXT NOT NULL"
              " DEFAULT '';" },
    { .version = 0 }
};


const hars_layout_t  hars_dcm_layout = {
    .version = HARS_LAYOUT_VERSION,
    .tables = hars_dcm_tables,
    .older = hars_dcm_older
};

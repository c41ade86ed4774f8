
/*
 * See hars_as_layout.h for what this is.  {INT}, {BLOB} and {END} are the
 * database's own words (hars_db.c).  Identifiers and hashes are bytes;
 * times are seconds since 1970, 0 for never.
 *
 * A token's row is keyed by the time of its issue and some bits of its hash, in
 * one number: new ones lie side by side, however many there are, those of long
 * ago are deleted as a range, and the way to any of ten million is short.  To
 * which clients a certificate belongs stands in a table of its own, since an
 * index over all tokens would cost each of them a page.
 */

#include "hars_as_layout.h"


#define HARS_LAYOUT_VERSION  6


/* one row: grows with each change of "client" and "revoked_cert" */
#define HARS_LAYOUT_REVISION                                                 \
    "CREATE TABLE revision ("                                                \
    "  one {INT} PRIMARY KEY CHECK (one = 1),"                               \
    "  n {INT} NOT NULL"                                                     \
    ") {END};"                                                               \
    "INSERT INTO revision (one, n) VALUES (1, 1);"

#define HARS_LAYOUT_KEY                                                      \
    "CREATE INDEX certificate_key ON certificate (key_hash);"


/* what has {INT} as its key has no other one: in SQLite it is the rowid */
#define HARS_LAYOUT_TOKEN                                                    \
    "CREATE TABLE token ("                                                   \
    "  key {INT} PRIMARY KEY,"                                               \
    "  hash {BLOB} NOT NULL CHECK (length(hash) = 32),"                      \
    "  cnf {BLOB} NOT NULL CHECK (length(cnf) = 32),"                        \
    "  client_id TEXT NOT NULL,"                                             \
    "  sub TEXT NOT NULL,"                                                   \
    "  kind TEXT NOT NULL,"                                                  \
    "  scope TEXT NOT NULL,"                                                 \
    "  aud TEXT NOT NULL,"                                                   \
    "  iat {INT} NOT NULL,"                                                  \
    "  exp {INT} NOT NULL,"                                                  \
    "  family {BLOB} NOT NULL,"                                              \
    "  revoked_at {INT} NOT NULL"                                            \
    ") {END_ROWID};"                                                         \
    "CREATE INDEX token_client ON token (client_id, key)"                    \
    "  WHERE revoked_at = 0;"                                                \
    "CREATE INDEX token_family ON token (family) WHERE length(family) > 0;"  \
    "CREATE INDEX token_revoked ON token (exp, key) WHERE revoked_at > 0;"

#define HARS_LAYOUT_OUTBOX                                                   \
    "CREATE TABLE outbox ("                                                  \
    "  hash {BLOB} PRIMARY KEY CHECK (length(hash) = 32),"                   \
    "  exp {INT} NOT NULL"                                                   \
    ") {END};"


static const char *const  hars_as_tables[] = {

    "CREATE TABLE client ("
    "  id TEXT PRIMARY KEY,"
    "  kind TEXT NOT NULL,"
    "  sub TEXT NOT NULL,"
    "  auth TEXT NOT NULL,"
    "  auth_value TEXT NOT NULL,"
    "  issuer_dn TEXT NOT NULL,"
    "  secret {BLOB} NOT NULL,"
    "  scope TEXT NOT NULL,"
    "  resources TEXT NOT NULL,"
    "  token_ttl {INT} NOT NULL,"
    "  refresh {INT} NOT NULL,"
    "  metadata TEXT NOT NULL,"
    "  registration {BLOB} NOT NULL,"
    "  disabled_at {INT} NOT NULL,"
    "  created_at {INT} NOT NULL"
    ") {END};"

    "CREATE INDEX client_sub ON client (sub);",

    HARS_LAYOUT_REVISION,

    HARS_LAYOUT_TOKEN,

    /* who ever got a token with this certificate */

    "CREATE TABLE binding ("
    "  cnf {BLOB} NOT NULL CHECK (length(cnf) = 32),"
    "  client_id TEXT NOT NULL,"
    "  PRIMARY KEY (cnf, client_id)"
    ") {END};",

    "CREATE TABLE family ("
    "  id {BLOB} PRIMARY KEY CHECK (length(id) = 16),"
    "  cnf {BLOB} NOT NULL CHECK (length(cnf) = 32),"
    "  client_id TEXT NOT NULL,"
    "  scope TEXT NOT NULL,"
    "  aud TEXT NOT NULL,"
    "  generation {INT} NOT NULL,"
    "  iat {INT} NOT NULL,"
    "  exp {INT} NOT NULL,"
    "  rotated_at {INT} NOT NULL,"
    "  revoked_at {INT} NOT NULL"
    ") {END};"

    "CREATE INDEX family_client ON family (client_id);"
    "CREATE INDEX family_cnf ON family (cnf);"
    "CREATE INDEX family_exp ON family (exp);",

    /* a certificate stays here for good: its notAfter is only what we heard */

    "CREATE TABLE revoked_cert ("
    "  hash {BLOB} PRIMARY KEY CHECK (length(hash) = 32),"
    "  until {INT} NOT NULL,"
    "  revoked_at {INT} NOT NULL"
    ") {END};",

    HARS_LAYOUT_OUTBOX,

    "CREATE TABLE outbox_cert ("
    "  hash {BLOB} PRIMARY KEY CHECK (length(hash) = 32)"
    ") {END};",

    "CREATE TABLE told ("
    "  one {INT} PRIMARY KEY CHECK (one = 1),"
    "  mark TEXT NOT NULL"
    ") {END};",

    /*
     * Issued here; rows go some time after notAfter, revoked ones as well,
     * but for those whose key was compromised.  "follows" is the thumbprint
     * of the one that it renews, or empty; "reason" is RFC 5280's (5.3.1), 0
     * where none was given; "key_hash" is of its SPKI, NULL before layout 6.
     */

    "CREATE TABLE certificate ("
    "  serial {BLOB} PRIMARY KEY CHECK (length(serial) = 17),"
    "  thumbprint {BLOB} NOT NULL CHECK (length(thumbprint) = 32),"
    "  client_id TEXT NOT NULL,"
    "  follows {BLOB} NOT NULL,"
    "  not_after {INT} NOT NULL,"
    "  issued_at {INT} NOT NULL,"
    "  revoked_at {INT} NOT NULL,"
    "  reason {INT} NOT NULL,"
    "  key_hash {BLOB}"
    ") {END};"

    "CREATE UNIQUE INDEX certificate_thumbprint ON certificate (thumbprint);"
    "CREATE INDEX certificate_client ON certificate (client_id, not_after);"
    "CREATE INDEX certificate_end ON certificate (not_after);"
    "CREATE INDEX certificate_revoked ON certificate (not_after, serial)"
    "  WHERE revoked_at > 0;"
    HARS_LAYOUT_KEY,

    /*
     * The authority's revocation list, one row: "revision" counts revocations
     * of certificates, "covers" is the one that the list has; "reserved" is
     * the last number that was given out, "number" the list's.
     */

    "CREATE TABLE crl ("
    "  one {INT} PRIMARY KEY CHECK (one = 1),"
    "  revision {INT} NOT NULL,"
    "  reserved {INT} NOT NULL,"
    "  number {INT} NOT NULL,"
    "  covers {INT} NOT NULL,"
    "  issued_at {INT} NOT NULL,"
    "  size {INT} NOT NULL,"
    "  list {BLOB} NOT NULL"
    ") {END};",

    /* SHA-256 of the secret that enrols a client once; one per client */

    "CREATE TABLE enrol_secret ("
    "  client_id TEXT PRIMARY KEY,"
    "  hash {BLOB} NOT NULL CHECK (length(hash) = 32),"
    "  until {INT} NOT NULL"
    ") {END};",

    /* the paper's profile: Argon2id of one that enrols it again and again */

    "CREATE TABLE enrol_password ("
    "  client_id TEXT PRIMARY KEY,"
    "  hash TEXT NOT NULL"
    ") {END};",

    /* what a registration over HTTP begins with */

    "CREATE TABLE register_token ("
    "  hash {BLOB} PRIMARY KEY CHECK (length(hash) = 32),"
    "  id TEXT NOT NULL,"
    "  policy TEXT NOT NULL,"
    "  uses {INT} NOT NULL,"
    "  expires_at {INT} NOT NULL,"
    "  created_at {INT} NOT NULL"
    ") {END};",

    NULL
};


/*
 * Layout 4, of SQLite alone: clients, revoked certificates and what is to be
 * told stay; tokens were keyed otherwise, and are asked for again.
 */
static const char  hars_layout_4[] =
    "ALTER TABLE client RENAME TO client_4;"
    "ALTER TABLE revoked_cert RENAME TO revoked_cert_4;"
    "ALTER TABLE outbox_cert RENAME TO outbox_cert_4;"
    "DROP TABLE token;"
    "DROP TABLE outbox;"
    "DROP TABLE told;";

static const char  hars_layout_4_to_5[] =
    "INSERT INTO client (id, kind, sub, auth, auth_value, issuer_dn, secret,"
    " scope, resources, token_ttl, refresh, metadata, registration,"
    " disabled_at, created_at) SELECT id, kind, sub, auth, auth_value,"
    " issuer_dn, secret, scope, resources, token_ttl, 0, '', x'',"
    " disabled_at, created_at FROM client_4;"
    "INSERT INTO revoked_cert (hash, until, revoked_at)"
    " SELECT hash, until, revoked_at FROM revoked_cert_4;"
    "INSERT INTO outbox_cert (hash) SELECT hash FROM outbox_cert_4;"
    "DROP TABLE client_4;"
    "DROP TABLE revoked_cert_4;"
    "DROP TABLE outbox_cert_4;";


/*
 * Layout 5: without revisions and hashes of keys, and with tokens keyed
 * otherwise, which are asked for again; those of them that are to be told as
 * revoked still are.
 */
static const char  hars_layout_5_to_6[] =
    HARS_LAYOUT_REVISION
    "DROP TABLE token;"
    HARS_LAYOUT_TOKEN
    "ALTER TABLE outbox RENAME TO outbox_5;"
    HARS_LAYOUT_OUTBOX
    "INSERT INTO outbox (hash, exp) SELECT substr(id, 7), exp FROM outbox_5;"
    "DROP TABLE outbox_5;"
    "ALTER TABLE certificate ADD COLUMN key_hash {BLOB};"
    HARS_LAYOUT_KEY;


static const hars_layout_older_t  hars_as_older[] = {
    { .version = 4, .before = hars_layout_4, .after = hars_layout_4_to_5 },
    { .version = 5, .step = hars_layout_5_to_6 },
    { .version = 0 }
};


const hars_layout_t  hars_as_layout = {
    .version = HARS_LAYOUT_VERSION,
    .tables = hars_as_tables,
    .older = hars_as_older
};


/*
 * Sessions at the fog's cloud server from M3 on, with the clock as a variable
 * and a database of their own: an unconfirmed one ends after 30 s, a confirmed
 * one is told till 30 days after its end, and what a revocation or a re-key
 * has ended is never written, in whatever order both come to the database.
 * A registration that is refused takes no number, one without a number writes
 * no row.
 *
 * Requests are made here (who asks, which sid), answers end here.
 */

/* link: backend/fog/aka/aka_cloud.c backend/fog/aka/aka_crypto_host.c */
/* link: backend/fog/aka/aka_keys.c backend/fog/aka/aka_messages.c */
/* link: backend/fog/aka/aka_row.c backend/fog/aka/aka_session.c */
/* link: backend/fog/cloud/hars_fc_answer.c */
/* link: backend/fog/cloud/hars_fc_keys.c backend/fog/cloud/hars_fc_body.c */
/* link: backend/fog/cloud/hars_fc_layout.c */
/* link: backend/fog/cloud/hars_fc_provisional.c */
/* link: backend/fog/cloud/hars_fc_random.c */
/* link: backend/fog/cloud/hars_fc_rows.c backend/common/hars_db.c */
/* link: backend/common/hars_db_pg.c backend/common/hars_db_pg_conn.c */
/* link: backend/common/hars_db_sqlite.c backend/common/hars_layout.c */
/* link: backend/common/hars_log.c backend/common/hars_owner.c */
/* link: backend/common/hars_store.c backend/common/hars_store_queue.c */
/* link: backend/common/hars_text.c common/hars_record.c */
/* link: -Wl,--wrap=hars_store_write_full */
/* link: -ljansson -lsodium -lcrypto -lsqlite3 -lpq -lpthread */

#include "../../backend/fog/cloud/hars_fc_change.c"
#include "../../backend/fog/cloud/hars_fc_confirm.c"
#include "../../backend/fog/cloud/hars_fc_parties.c"
#include "../../backend/fog/cloud/hars_fc_register.c"
#include "../../backend/fog/cloud/hars_fc_session.c"
#include "../../backend/fog/cloud/hars_fc_session_get.c"

#include "../../backend/fog/cloud/hars_fc_layout.h"

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define START  1800000000000
#define DAY    ((int64_t) 86400000)


int __real_hars_store_write_full(hars_store_t *store, hars_store_op_pt op,
    void *data, unsigned *full);
int __wrap_hars_store_write_full(hars_store_t *store, hars_store_op_pt op,
    void *data, unsigned *full);

static void thirty_seconds(void);
static void thirty_days(void);
static void one_after_the_other(void);
static void ended_meanwhile(void);
static void registered_again(void);
static unsigned node_post(const char *client);
static void revoke_it(void);
static void rekey(void);
static void rekey_fog(void);
static unsigned confirm(const hars_fc_open_t *open);
static unsigned get(const hars_fc_open_t *open);
static void ask(void (*handler)(hars_request_t *r), const char *what,
    const char *record, size_t len);
static void put(hars_fc_open_t *open);
static int insert(hars_db_t *db, void *data);
static hars_fc_party_t *party(unsigned kind, const char *id);
static void start(const char *file);


static hars_fc_t         fc;
static int64_t           now;
static unsigned          said;                    /* status */
static char              text[1024];              /* body */
static char              segment[2 * HARS_AKA_SID + 1];
static hars_who_t        who;
static void            (*meanwhile)(void);        /* before the next write */
static hars_fc_party_t  *device, *fog;
static unsigned char     drawn = 1;


int
main(void)
{
    char  dir[] = "/tmp/hars-fc-XXXXXX", file[64], more[80];

    if (mkdtemp(dir) == NULL || hars_aka_crypto_init() != HARS_AKA_OK) {
        return 1;
    }

    snprintf(file, sizeof(file), "%s/fc.db", dir);
    start(file);

    thirty_seconds();
    thirty_days();
    one_after_the_other();
    ended_meanwhile();
    registered_again();

    hars_store_close(fc.store);
    hars_fc_provisional_free(fc.provisional);
    hars_fc_parties_free(fc.parties);
    unlink(file);
    snprintf(more, sizeof(more), "%s-wal", file);
    unlink(more);
    snprintf(more, sizeof(more), "%s-shm", file);
    unlink(more);
    snprintf(more, sizeof(more), "%s.lock", file);
    unlink(more);
    rmdir(dir);

    return tap_done();
}


static void
thirty_seconds(void)
{
    hars_fc_open_t  one, two;

    now = START;
    put(&one);
    put(&two);
    ok(get(&one) == 404, "provisional: nobody is told");

    now = START + HARS_AKA_PROVISIONAL_MS - 1;
    ok(confirm(&one) == 200, "confirmed 29.999 s later");
    ok(get(&one) == 200, "... and told");

    now = START + HARS_AKA_PROVISIONAL_MS;
    ok(confirm(&two) == 404 && get(&two) == 404, "30 s later there is none");
    ok(hars_fc_provisional_count(fc.provisional) == 1,
       "its keys are in memory still");
    hars_fc_provisional_sweep(fc.provisional, 0, now);
    ok(hars_fc_provisional_count(fc.provisional) == 0,
       "... till the sweep of the next second");

    /* a clock that was set back keeps the answer to a second question */

    now = START - DAY;
    ok(confirm(&one) == 200, "asked again, a day before: the same");
}


static void
thirty_days(void)
{
    hars_fc_open_t  open;

    now = START + DAY;
    put(&open);
    ok(confirm(&open) == 200, "a session of an hour");

    now = START + DAY + 3600000 + HARS_FC_KEPT_MS;
    ok(hars_fc_session_purge(&fc, now) == HARS_OK && get(&open) == 200,
       "30 days after its end it is told, and the purge keeps it");
    now++;
    ok(get(&open) == 404, "... and not a ms longer");
    now--;
    ok(get(&open) == 200, "(it was there)");
    now++;
    ok(hars_fc_session_purge(&fc, now) == HARS_OK, "the purge");
    now--;
    ok(get(&open) == 404, "... takes it away");
}


static void
one_after_the_other(void)
{
    hars_fc_open_t  one, two;

    now = START + 2 * DAY;
    put(&one);
    now += 1000;
    put(&two);

    /* first records may come in any order */

    ok(confirm(&two) == 200 && confirm(&one) == 200,
       "two sessions, the second one is confirmed first");
    ok(get(&one) == 200 && strstr(text, "\"start\":1800172800.000,"
                                        "\"end\":1800172801.000"),
       "the first one ends where the second begins");
    ok(get(&two) == 200 && strstr(text, "\"end\":1800176401.000"),
       "... which goes on for its hour");
}


/* between the look at the parties and the write of the session */
static void
ended_meanwhile(void)
{
    hars_fc_open_t  open;

    now = START + 3 * DAY;

    put(&open);
    meanwhile = revoke_it;
    ok(confirm(&open) == 404, "revoked while it was confirmed: 404");
    ok(get(&open) == 404, "... and it is not told");

    who.kind = HARS_WHO_OPERATOR;
    rekey();
    ok(said == 200, "a new key");
    put(&open);
    meanwhile = rekey;
    ok(confirm(&open) == 404 && get(&open) == 404,
       "re-keyed while it was confirmed: the same");

    put(&open);
    meanwhile = rekey_fog;
    ok(confirm(&open) == 404 && get(&open) == 404,
       "... the fog node: the same");

    /* an M2 that was admitted, and committed after the re-key */

    put(&open);
    open.device_gen--;
    hars_fc_provisional_end(fc.provisional, open.session.sid);
    (void) hars_fc_provisional_put(fc.provisional, &open);
    ok(confirm(&open) == 404 && get(&open) == 404,
       "a session of the key of before is none");

    put(&open);
    ok(confirm(&open) == 200, "one of the new key is");
    revoke_it();
    now += 1000;
    ok(get(&open) == 200 && strstr(text, "\"end\":1800259200.000"),
       "... till it is revoked");
}


static void
revoke_it(void)
{
    char  alias[HARS_FC_ALIAS];

    meanwhile = NULL;
    hars_fc_alias(device->name, alias);
    ask(hars_fc_device_delete, alias, NULL, 0);
}


static void
rekey(void)
{
    char  alias[HARS_FC_ALIAS];

    meanwhile = NULL;
    hars_fc_alias(device->name, alias);
    ask(hars_fc_device_rekey, alias, NULL, 0);
}


static void
rekey_fog(void)
{
    meanwhile = NULL;
    ask(hars_fc_node_rekey, "fog-a", NULL, 0);
}


/* numbers are as many as parties, not as requests */
static void
registered_again(void)
{
    unsigned  i, n;
    uint64_t  before;

    before = fc.parties->numbers;
    ok(node_post("fog-b") == 201 && fc.parties->numbers == before + 1,
       "a registration takes a number");

    for (i = n = 0; i < 100; i++) {
        n += node_post("fog-b") == 409;
    }

    ok(n == 100 && fc.parties->numbers == before + 1,
       "a hundred that are refused take none");

    before = fc.parties->numbers;
    fc.parties->numbers = HARS_FC_PARTIES_MAX;
    ok(node_post("fog-c") == 507, "no number is left: it is refused");
    fc.parties->numbers = before;
    ok(node_post("fog-c") == 201, "... and was not written");
}


static unsigned
node_post(const char *client)
{
    char  body[64];

    snprintf(body, sizeof(body), "{\"client_id\":\"%s\"}", client);
    ask(hars_fc_nodes_post, "", body, strlen(body));

    return said;
}


static unsigned
confirm(const hars_fc_open_t *open)
{
    char                 sid[2 * HARS_AKA_SID + 1];
    unsigned char        record[1 + HARS_AKA_RECORD];
    hars_aka_channel_t   channel;

    if (hars_aka_channel(&open->session, HARS_AKA_DEVICE_TO_FOG, &channel)
        != HARS_AKA_OK
        || hars_aka_record_seal(&channel, (unsigned char *) "x", 1, record)
           != HARS_AKA_OK)
    {
        return 0;
    }

    hars_hex(sid, open->session.sid, HARS_AKA_SID);
    sid[2 * HARS_AKA_SID] = '\0';
    ask(hars_fc_confirm, sid, (char *) record, sizeof(record));

    return said;
}


static unsigned
get(const hars_fc_open_t *open)
{
    char  sid[2 * HARS_AKA_SID + 1];

    hars_hex(sid, open->session.sid, HARS_AKA_SID);
    sid[2 * HARS_AKA_SID] = '\0';
    ask(hars_fc_session_get, sid, NULL, 0);

    return said;
}


static void
ask(void (*handler)(hars_request_t *r), const char *what, const char *record,
    size_t len)
{
    char            before[sizeof(segment)];
    hars_request_t  r;

    memset(&r, 0, sizeof(r));
    r.data = &fc;
    r.body = (char *) (uintptr_t) record;
    r.body_len = len;

    /* one request may come while another one is under way */

    strcpy(before, segment);
    snprintf(segment, sizeof(segment), "%s", what);
    said = 0;
    text[0] = '\0';
    handler(&r);
    strcpy(segment, before);
}


/* a session whose M3 has just been sent */
static void
put(hars_fc_open_t *open)
{
    memset(open, 0, sizeof(*open));
    memset(open->session.sk, drawn, HARS_AKA_KEY);
    memset(open->session.sid, drawn++, HARS_AKA_SID);
    open->session.suite = HARS_AKA_X25519_AES;
    open->session.since = now;
    open->device = device->number;
    open->fog = fog->number;
    open->device_gen = device->row.gen;
    open->fog_gen = fog->row.gen;
    (void) hars_fc_provisional_put(fc.provisional, open);
}


static void
start(const char *file)
{
    unsigned char  x[32], sk[32];

    memset(x, 5, sizeof(x));
    memset(sk, 6, sizeof(sk));
    fc.conf.session_hours = 1;
    fc.parties = hars_fc_parties_create();
    fc.provisional = hars_fc_provisional_create();
    fc.store = hars_store_open(file, &hars_fc_layout);

    if (fc.store == NULL || hars_fc_keys(&fc, x, sk) != HARS_OK
        || hars_fc_rows_take(&fc) != HARS_OK)
    {
        abort();
    }

    device = party(HARS_AKA_DEVICE, "wearable");
    fog = party(HARS_AKA_FOG, "fog-a");

    who.kind = HARS_WHO_OPERATOR;
    strcpy(who.client, "fog-a");
    who.scopes = HARS_SCOPE_FOG_RELAY|HARS_SCOPE_FOG_RESOLVE
                 |HARS_SCOPE_FOG_REGISTER;
}


static hars_fc_party_t *
party(unsigned kind, const char *id)
{
    unsigned char     seed[32];
    hars_fc_party_t  *p;

    p = calloc(1, sizeof(hars_fc_party_t));
    memset(seed, (int) kind + 1, sizeof(seed));

    if (p == NULL) {
        abort();
    }

    p->number = hars_fc_parties_number(fc.parties);
    strcpy(p->who, id);

    if (hars_fc_name(&fc, kind, id, p->name) != HARS_OK
        || hars_aka_row_make(&p->row, kind, (const unsigned char *) id,
                             strlen(id), HARS_AKA_X25519_AES, seed)
           != HARS_AKA_OK
        || hars_store_write(fc.store, insert, p) != HARS_OK
        || hars_fc_parties_add(fc.parties, p) != HARS_OK)
    {
        abort();
    }

    return p;
}


static int
insert(hars_db_t *db, void *data)
{
    return hars_fc_rows_insert(&fc, db, data, START);
}


int
__wrap_hars_store_write_full(hars_store_t *store, hars_store_op_pt op,
    void *data, unsigned *full)
{
    if (meanwhile) {
        meanwhile();
    }

    return __real_hars_store_write_full(store, op, data, full);
}


/* what stands around */

int64_t
hars_now(void)
{
    return now;
}


int
hars_who(hars_request_t *r, hars_who_t *dst)
{
    (void) r;
    *dst = who;

    return HARS_OK;
}


int
hars_who_is(hars_request_t *r, hars_who_t *dst)
{
    return hars_who(r, dst);
}


int
hars_who_may(hars_request_t *r, const hars_who_t *dst, unsigned scope)
{
    (void) r;

    return dst->scopes & scope ? HARS_OK : HARS_ERROR;
}


int
hars_id_check(const char *id)
{
    (void) id;

    return HARS_OK;
}


int
hars_request_type(hars_request_t *r, const char *type)
{
    (void) r;

    return strcmp(type, HARS_FC_BINARY) == 0
           || strcmp(type, "application/json") == 0;
}


int
hars_route_segment(hars_request_t *r, unsigned i, char *dst, size_t size)
{
    (void) r;
    (void) i;
    snprintf(dst, size, "%s", segment);

    return HARS_OK;
}


void
hars_reply_header(hars_request_t *r, const char *name, const char *value)
{
    (void) r;
    (void) name;
    (void) value;
}


void
hars_reply(hars_request_t *r, unsigned status, const char *type, char *body,
    size_t len)
{
    (void) r;
    (void) type;
    said = status;
    snprintf(text, sizeof(text), "%.*s", (int) len, body);
    free(body);
}


void
hars_reply_problem(hars_request_t *r, unsigned status, const char *detail)
{
    (void) r;
    said = status;
    snprintf(text, sizeof(text), "%s", detail);
}

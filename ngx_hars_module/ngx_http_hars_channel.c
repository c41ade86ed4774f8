
/*
 * The revocation channel: each worker reads the stream to which the
 * authorization server appends revocations, and applies them to the zone:
 * first the entries, then the position, then "seen", up to which all is
 * known.  That is when the question was sent, not when its answer was read: a
 * worker that was stopped in between has not read what came since.
 *
 *     opened: GET run ---- not told ---> again after 200 ms
 *                  | told, position known        | told, and none is known
 *                  v                             v
 *     cycle: GET run, XREAD, XRANGE <--- load: XREVRANGE, ZREVRANGEBYSCORE,
 *                  |                           everything is suspect
 *                  +-- a gap, or not told any more --> from the beginning
 *
 * While the set of revoked certificates is full, ZREVRANGEBYSCORE alone is
 * repeated now and then, between two cycles: some may have ended.
 *
 * Who can write to Redis can deny here, and end what is believed, never
 * admit.  The names and the meaning of what is read: docs/architecture.md.
 */

#include "ngx_http_hars.h"


#define NGX_HTTP_HARS_CHANNEL_BATCH    "64"
#define NGX_HTTP_HARS_CHANNEL_FULL     64
#define NGX_HTTP_HARS_CHANNEL_BLOCK    "500"
#define NGX_HTTP_HARS_CHANNEL_TIMEOUT  1000    /* ms, with what it blocks */
#define NGX_HTTP_HARS_CHANNEL_WAIT     200     /* ms, until told */
#define NGX_HTTP_HARS_CHANNEL_CERTS    500     /* thumbprints at a time */
#define NGX_HTTP_HARS_CHANNEL_PAIRS    128     /* of one entry */
#define NGX_HTTP_HARS_CHANNEL_TOLD     4096    /* bytes of the run key */

/* a pair at its longest: "$3 key" and "$64" with its digits, four CRLF */
#define NGX_HTTP_HARS_CHANNEL_PAIR     (2 + 3 + 3 + HARS_KEY_HEX_LEN + 8)
/* an entry: "*2", "$41" with two numbers of 64 bits, "*256", four CRLF */
#define NGX_HTTP_HARS_CHANNEL_ENTRY                                          \
    (2 + 3 + 41 + 4 + 8                                                      \
     + NGX_HTTP_HARS_CHANNEL_PAIRS * NGX_HTTP_HARS_CHANNEL_PAIR)
/* itself, its id, the array of its fields, and these */
#define NGX_HTTP_HARS_CHANNEL_NODES    (3 + 2 * NGX_HTTP_HARS_CHANNEL_PAIRS)


/*
 * A batch that a link refuses is asked for again, for ever: the largest, with
 * its stream's name around it, has to be one that a link takes.
 */

_Static_assert(NGX_HTTP_HARS_CHANNEL_FULL * NGX_HTTP_HARS_CHANNEL_ENTRY
               + NGX_HTTP_HARS_NAME_MAX + 64
               <= NGX_HTTP_HARS_LINK_LARGE, "bytes of a batch");
_Static_assert(NGX_HTTP_HARS_CHANNEL_FULL * NGX_HTTP_HARS_CHANNEL_NODES + 4
               <= NGX_HTTP_HARS_LINK_NODES, "nodes of a batch");
_Static_assert(2 * NGX_HTTP_HARS_CHANNEL_PAIRS <= NGX_HTTP_HARS_LINK_ELTS
               && 2 * NGX_HTTP_HARS_CHANNEL_CERTS <= NGX_HTTP_HARS_LINK_ELTS,
               "elements of an array");


struct ngx_http_hars_channel_s {
    ngx_http_hars_zone_t       *zone;
    ngx_http_hars_link_t       *link;        /* NULL: there is none */
    ngx_event_t                 timer;       /* to ask again who was told */

    ngx_http_hars_position_t    position;    /* of this worker */
    ngx_http_hars_position_t    before;      /* that of the last question */
    ngx_msec_t                  sent;        /* the last question */
    ngx_uint_t                  epoch;       /* of the run key */
    ngx_uint_t                  loaded;      /* thumbprints */
    ngx_uint_t                  refused;     /* by the set, before these */

    size_t                      told_len;
    u_char                      told[NGX_HTTP_HARS_CHANNEL_TOLD];

    unsigned                    blocks:1;    /* there was nothing to read */
    unsigned                    is_told:1;   /* the server of the link */
    unsigned                    full:1;      /* more may have been there */
    unsigned                    waits:1;     /* logged */
    unsigned                    again:1;     /* thumbprints alone are read */
    unsigned                    whole:1;     /* all of them were */
};


static ngx_int_t ngx_http_hars_channel_ask(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_pt done, ngx_str_t *argv, ngx_uint_t argc);
static void ngx_http_hars_channel_name(ngx_http_hars_channel_t *ch,
    u_char *buf, const char *name, ngx_str_t *word);
static void ngx_http_hars_channel_begin(ngx_http_hars_channel_t *ch);
static void ngx_http_hars_channel_run(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_channel_told_first(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_channel_load(ngx_http_hars_channel_t *ch);
static void ngx_http_hars_channel_newest(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_channel_again(ngx_http_hars_channel_t *ch);
static void ngx_http_hars_channel_certs(ngx_http_hars_channel_t *ch);
static void ngx_http_hars_channel_load_certs(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_channel_loaded(ngx_http_hars_channel_t *ch);
static void ngx_http_hars_channel_cycle(ngx_http_hars_channel_t *ch);
static void ngx_http_hars_channel_told_still(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_channel_read(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_channel_oldest(void *data,
    ngx_http_hars_reply_t *reply);
static void ngx_http_hars_channel_publish(ngx_http_hars_channel_t *ch);
static ngx_int_t ngx_http_hars_channel_entry(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_t *entry);
static ngx_int_t ngx_http_hars_channel_apply(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_t *fields);
static ngx_int_t ngx_http_hars_channel_cert(ngx_http_hars_channel_t *ch,
    ngx_str_t *s256, ngx_str_t *until);
static ngx_int_t ngx_http_hars_channel_id(ngx_http_hars_reply_t *reply,
    ngx_http_hars_position_t *position);
static ngx_int_t ngx_http_hars_channel_key(ngx_str_t *hex, u_char *key);
static void ngx_http_hars_channel_gap(ngx_http_hars_channel_t *ch,
    const char *why);
static void ngx_http_hars_channel_timer_handler(ngx_event_t *ev);


#define ngx_http_hars_channel_older(a, b)                                    \
    ((a)->ms < (b)->ms || ((a)->ms == (b)->ms && (a)->seq < (b)->seq))

/* of one stream, which nothing was lost of; "a" is the zone's */
#define ngx_http_hars_channel_same(a, b)                                     \
    ((a)->known && (a)->epoch == (b)->epoch                                  \
     && ngx_memcmp((a)->run, (b)->run, NGX_HTTP_HARS_RUN_LEN) == 0)

#define ngx_http_hars_is(s, text)                                            \
    ((s)->len == sizeof(text) - 1                                            \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


void
ngx_http_hars_channel_opened(ngx_http_hars_zone_t *zone,
    ngx_http_hars_link_t *link)
{
    ngx_http_hars_channel_t  *ch;

    ch = zone->channel;

    if (ch == NULL) {
        ch = ngx_calloc(sizeof(ngx_http_hars_channel_t), ngx_cycle->log);
        if (ch == NULL) {
            ngx_http_hars_link_fail(link, "has no memory for the channel");
            return;
        }

        ch->zone = zone;
        ch->timer.handler = ngx_http_hars_channel_timer_handler;
        ch->timer.data = ch;
        ch->timer.log = ngx_cycle->log;
        ch->timer.cancelable = 1;

        zone->channel = ch;
    }

    ch->link = link;
    ch->blocks = 0;
    ch->whole = 0;
    ngx_memcpy(ch->position.run, ngx_http_hars_link_run(link),
               NGX_HTTP_HARS_RUN_LEN);
    ngx_http_hars_channel_begin(ch);
}


void
ngx_http_hars_channel_closed(ngx_http_hars_zone_t *zone)
{
    ngx_http_hars_channel_t  *ch;

    ch = zone->channel;

    if (ch == NULL) {
        return;
    }

    ch->link = NULL;
    ch->is_told = 0;
    ch->told_len = 0;

    if (ch->timer.timer_set) {
        ngx_del_timer(&ch->timer);
    }
}


void
ngx_http_hars_channel_exit_process(ngx_http_hars_zone_t *zone)
{
    ngx_http_hars_channel_closed(zone);

    if (zone->channel) {
        ngx_free(zone->channel);
        zone->channel = NULL;
    }
}


ngx_uint_t
ngx_http_hars_channel_told(ngx_http_hars_zone_t *zone, u_char *run)
{
    u_char                   *p, *last;
    ngx_http_hars_channel_t  *ch;

    ch = zone->channel;

    if (ch == NULL || !ngx_http_hars_zone_follows(zone)) {
        return 0;
    }

    /* words parted by blanks */

    last = ch->told + ch->told_len;

    for (p = ch->told; p + NGX_HTTP_HARS_RUN_LEN <= last; p++) {

        if ((p == ch->told || p[-1] == ' ')
            && (p + NGX_HTTP_HARS_RUN_LEN == last
                || p[NGX_HTTP_HARS_RUN_LEN] == ' ')
            && ngx_memcmp(p, run, NGX_HTTP_HARS_RUN_LEN) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_hars_channel_ask(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_pt done, ngx_str_t *argv, ngx_uint_t argc)
{
    ngx_int_t  rc;

    if (ch->link == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_hars_link_command(ch->link, argv, argc,
                                    NGX_HTTP_HARS_CHANNEL_TIMEOUT, done, ch);
    if (rc != NGX_OK) {
        ngx_http_hars_link_fail(ch->link, "does not take the channel's "
                                          "questions");
    }

    return rc;
}


/* PREFIX{revoked}NAME as a word of a command */

static void
ngx_http_hars_channel_name(ngx_http_hars_channel_t *ch, u_char *buf,
    const char *name, ngx_str_t *word)
{
    ngx_str_t  *prefix;

    prefix = ngx_http_hars_redis_prefix(ch->zone->redis);

    word->data = buf;
    word->len = ngx_sprintf(buf, "%V{revoked}%s", prefix, name) - buf;
}


static void
ngx_http_hars_channel_begin(ngx_http_hars_channel_t *ch)
{
    u_char     run[NGX_HTTP_HARS_NAME_MAX];
    ngx_str_t  argv[2];

    ngx_str_set(&argv[0], "GET");
    ngx_http_hars_channel_name(ch, run, "run", &argv[1]);

    (void) ngx_http_hars_channel_ask(ch, ngx_http_hars_channel_told_first,
                                     argv, 2);
}


/* who has been told everything, and whether that is the latest word on it */

static void
ngx_http_hars_channel_run(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_t *reply)
{
    u_char                *p, *last;
    ngx_int_t              epoch;
    ngx_http_hars_zone_t  *zone;

    zone = ch->zone;
    ch->is_told = 0;
    ch->told_len = 0;
    ch->epoch = 0;

    /* workers of a later configuration tell the zone now */

    if (!ngx_http_hars_zone_follows(zone)) {
        ngx_http_hars_link_close(ch->link);
        return;
    }

    if (reply == NULL || reply->type != NGX_HTTP_HARS_REPLY_STRING
        || reply->str.len > NGX_HTTP_HARS_CHANNEL_TOLD)
    {
        return;
    }

    p = reply->str.data;
    last = ngx_strlchr(p, p + reply->str.len, ' ');
    last = last ? last : p + reply->str.len;

    /* a server that was away may come back with an old one */

    epoch = ngx_atoi(p, last - p);

    if (epoch != NGX_ERROR) {

        ngx_http_hars_zone_lock(zone);

        if (!ngx_http_hars_zone_follows(zone)
            || (ngx_atomic_uint_t) epoch < zone->sh->epoch)
        {
            ngx_http_hars_zone_unlock(zone);
            return;
        }

        zone->sh->epoch = epoch;
        ngx_http_hars_zone_unlock(zone);

        ch->epoch = epoch;
    }

    ngx_memcpy(ch->told, reply->str.data, reply->str.len);
    ch->told_len = reply->str.len;
    ch->is_told = ngx_http_hars_channel_told(zone, ch->position.run);
}


static void
ngx_http_hars_channel_told_first(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_channel_t *ch = data;

    ngx_uint_t                 known;
    ngx_http_hars_zone_t      *zone;
    ngx_http_hars_position_t   position;

    if (reply == NULL || ch->link == NULL) {
        return;
    }

    ngx_http_hars_channel_run(ch, reply);

    if (ch->link == NULL) {
        return;
    }

    if (!ch->is_told) {

        if (!ch->waits) {
            ch->waits = 1;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "hars: the authorization server has not told this "
                          "Redis of its revocations yet");
        }

        ngx_add_timer(&ch->timer, NGX_HTTP_HARS_CHANNEL_WAIT);
        return;
    }

    ch->waits = 0;
    ch->position.epoch = ch->epoch;
    zone = ch->zone;

    ngx_http_hars_zone_lock(zone);

    position = zone->sh->position;
    known = ngx_http_hars_channel_same(&position, &ch->position);

    ngx_http_hars_zone_unlock(zone);

    if (known) {
        ch->position = position;
        ngx_http_hars_channel_cycle(ch);
        return;
    }

    ngx_http_hars_channel_load(ch);
}


static void
ngx_http_hars_channel_timer_handler(ngx_event_t *ev)
{
    ngx_http_hars_channel_t *ch = ev->data;

    ngx_http_hars_channel_begin(ch);
}


static void
ngx_http_hars_channel_load(ngx_http_hars_channel_t *ch)
{
    u_char     stream[NGX_HTTP_HARS_NAME_MAX];
    ngx_str_t  argv[6];

    ngx_str_set(&argv[0], "XREVRANGE");
    ngx_http_hars_channel_name(ch, stream, "stream", &argv[1]);
    ngx_str_set(&argv[2], "+");
    ngx_str_set(&argv[3], "-");
    ngx_str_set(&argv[4], "COUNT");
    ngx_str_set(&argv[5], "1");

    ch->again = 0;
    ch->loaded = 0;
    ch->refused = ngx_http_hars_revoked_refused(ch->zone);
    ch->sent = ngx_current_msec;

    if (ngx_http_hars_channel_ask(ch, ngx_http_hars_channel_newest, argv, 6)
        == NGX_OK)
    {
        ngx_http_hars_channel_certs(ch);
    }
}


static void
ngx_http_hars_channel_newest(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_channel_t *ch = data;

    if (reply == NULL || ch->link == NULL) {
        return;
    }

    ch->position.ms = 0;
    ch->position.seq = 0;

    if (reply->type != NGX_HTTP_HARS_REPLY_ARRAY
        || (reply->n && ngx_http_hars_channel_id(reply->elts[0],
                                                 &ch->position)
                        != NGX_OK))
    {
        ngx_http_hars_link_fail(ch->link, "has no stream of revocations");
    }
}


/* from its place in the stream nothing is missed meanwhile */

static void
ngx_http_hars_channel_again(ngx_http_hars_channel_t *ch)
{
    ch->again = 1;
    ch->loaded = 0;
    ch->refused = ngx_http_hars_revoked_refused(ch->zone);

    ngx_http_hars_channel_certs(ch);
}


/*
 * From the latest to now: what expires between two pages is at the far end and
 * moves nothing that is still to be read; what is added is in the stream.
 */

static void
ngx_http_hars_channel_certs(ngx_http_hars_channel_t *ch)
{
    u_char     certs[NGX_HTTP_HARS_NAME_MAX], offset[NGX_INT_T_LEN];
    u_char     now[NGX_TIME_T_LEN], count[NGX_INT_T_LEN];
    ngx_str_t  argv[8];

    ngx_str_set(&argv[0], "ZREVRANGEBYSCORE");
    ngx_http_hars_channel_name(ch, certs, "certs", &argv[1]);
    ngx_str_set(&argv[2], "+inf");
    argv[3].data = now;
    argv[3].len = ngx_sprintf(now, "%T", ngx_time()) - now;
    ngx_str_set(&argv[4], "WITHSCORES");
    ngx_str_set(&argv[5], "LIMIT");
    argv[6].data = offset;
    argv[6].len = ngx_sprintf(offset, "%ui", ch->loaded) - offset;
    argv[7].data = count;
    argv[7].len = ngx_sprintf(count, "%d", NGX_HTTP_HARS_CHANNEL_CERTS)
                  - count;

    (void) ngx_http_hars_channel_ask(ch, ngx_http_hars_channel_load_certs,
                                     argv, 8);
}


static void
ngx_http_hars_channel_load_certs(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_channel_t *ch = data;

    ngx_uint_t  i;

    if (reply == NULL || ch->link == NULL) {
        return;
    }

    if (reply->type != NGX_HTTP_HARS_REPLY_ARRAY || reply->n % 2) {
        ngx_http_hars_link_fail(ch->link, "has no set of revoked "
                                          "certificates");
        return;
    }

    for (i = 0; i < reply->n; i += 2) {

        if (ngx_http_hars_channel_cert(ch, &reply->elts[i]->str,
                                       &reply->elts[i + 1]->str)
            != NGX_OK)
        {
            ngx_http_hars_link_fail(ch->link, "has a revoked certificate "
                                              "that is none");
            return;
        }
    }

    ch->loaded += reply->n / 2;

    if (reply->n / 2 == NGX_HTTP_HARS_CHANNEL_CERTS) {
        ngx_http_hars_channel_certs(ch);
        return;
    }

    ngx_http_hars_revoked_sweep(ch->zone);
    ngx_http_hars_flight_wake();

    if (!ch->again) {
        ngx_http_hars_channel_loaded(ch);
    }

    ch->whole = 1;
    ngx_http_hars_channel_cycle(ch);
}


static void
ngx_http_hars_channel_loaded(ngx_http_hars_channel_t *ch)
{
    /* what was asked until now may have missed a revocation */

    ngx_http_hars_suspect(ch->zone);
    ngx_http_hars_count(ch->zone, NGX_HTTP_HARS_C_LOADS);

    ngx_http_hars_zone_lock(ch->zone);
    ch->position.known = 1;

    if (ngx_http_hars_zone_follows(ch->zone)) {
        ch->zone->sh->position = ch->position;
    }

    ngx_http_hars_zone_unlock(ch->zone);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "hars: revocations are followed from %uL-%uL on, "
                  "%ui certificates are revoked",
                  ch->position.ms, ch->position.seq, ch->loaded);
}


static void
ngx_http_hars_channel_cycle(ngx_http_hars_channel_t *ch)
{
    u_char      stream[NGX_HTTP_HARS_NAME_MAX], run[NGX_HTTP_HARS_NAME_MAX];
    u_char      id[2 * NGX_INT64_LEN + 1];
    ngx_str_t   argv[8];
    ngx_uint_t  n;

    ch->sent = ngx_current_msec;
    ch->before = ch->position;
    ch->full = 0;

    ngx_str_set(&argv[0], "GET");
    ngx_http_hars_channel_name(ch, run, "run", &argv[1]);

    if (ngx_http_hars_channel_ask(ch, ngx_http_hars_channel_told_still,
                                  argv, 2)
        != NGX_OK)
    {
        return;
    }

    ngx_str_set(&argv[0], "XREAD");
    ngx_str_set(&argv[1], "COUNT");
    ngx_str_set(&argv[2], NGX_HTTP_HARS_CHANNEL_BATCH);
    n = 3;

    if (ch->blocks) {
        ngx_str_set(&argv[3], "BLOCK");
        ngx_str_set(&argv[4], NGX_HTTP_HARS_CHANNEL_BLOCK);
        n = 5;
    }

    ngx_str_set(&argv[n], "STREAMS");
    ngx_http_hars_channel_name(ch, stream, "stream", &argv[n + 1]);
    argv[n + 2].data = id;
    argv[n + 2].len = ngx_sprintf(id, "%uL-%uL", ch->position.ms,
                                  ch->position.seq)
                      - id;

    if (ngx_http_hars_channel_ask(ch, ngx_http_hars_channel_read, argv,
                                  n + 3)
        != NGX_OK)
    {
        return;
    }

    ngx_str_set(&argv[0], "XRANGE");
    ngx_http_hars_channel_name(ch, stream, "stream", &argv[1]);
    ngx_str_set(&argv[2], "-");
    ngx_str_set(&argv[3], "+");
    ngx_str_set(&argv[4], "COUNT");
    ngx_str_set(&argv[5], "1");

    (void) ngx_http_hars_channel_ask(ch, ngx_http_hars_channel_oldest, argv,
                                     6);
}


static void
ngx_http_hars_channel_told_still(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_channel_t *ch = data;

    if (reply && ch->link) {
        ngx_http_hars_channel_run(ch, reply);
    }
}


static void
ngx_http_hars_channel_read(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_channel_t *ch = data;

    ngx_uint_t              i;
    ngx_http_hars_reply_t  *stream, *entries;

    if (reply == NULL || ch->link == NULL
        || reply->type == NGX_HTTP_HARS_REPLY_NIL)
    {
        return;
    }

    /* one stream: its name and its entries */

    stream = (reply->type == NGX_HTTP_HARS_REPLY_ARRAY && reply->n == 1)
             ? reply->elts[0] : NULL;

    if (stream == NULL || stream->type != NGX_HTTP_HARS_REPLY_ARRAY
        || stream->n != 2
        || stream->elts[1]->type != NGX_HTTP_HARS_REPLY_ARRAY)
    {
        ngx_http_hars_link_fail(ch->link, "answers XREAD in no known form");
        return;
    }

    entries = stream->elts[1];

    for (i = 0; i < entries->n; i++) {

        if (ngx_http_hars_channel_entry(ch, entries->elts[i]) != NGX_OK) {
            ngx_http_hars_channel_gap(ch, "an entry is malformed");
            return;
        }
    }

    ch->full = (entries->n >= NGX_HTTP_HARS_CHANNEL_FULL);
}


static void
ngx_http_hars_channel_oldest(void *data, ngx_http_hars_reply_t *reply)
{
    ngx_http_hars_channel_t *ch = data;

    ngx_uint_t                 nothing;
    ngx_http_hars_position_t   oldest;

    if (reply == NULL || ch->link == NULL) {
        return;
    }

    /* told again: something was lost in between */

    if (!ch->is_told || ch->epoch != ch->position.epoch) {
        ngx_http_hars_channel_gap(ch, "this Redis has lost what it was told");
        return;
    }

    oldest = ch->before;

    if (reply->type != NGX_HTTP_HARS_REPLY_ARRAY
        || (reply->n && ngx_http_hars_channel_id(reply->elts[0], &oldest)
                        != NGX_OK))
    {
        ngx_http_hars_link_fail(ch->link, "has no stream of revocations");
        return;
    }

    /*
     * The entry from which was read on has to be there still.  From the
     * beginning of a stream none is; then a full batch may not be all.
     */

    nothing = (ch->before.ms == 0 && ch->before.seq == 0);

    if (nothing ? ch->full
                : (reply->n == 0
                   || ngx_http_hars_channel_older(&ch->before, &oldest)))
    {
        ngx_http_hars_channel_gap(ch, "the stream was trimmed or emptied");
        return;
    }

    ngx_http_hars_channel_publish(ch);

    if (ngx_http_hars_revoked_due(ch->zone)) {
        ngx_http_hars_channel_again(ch);
        return;
    }

    ngx_http_hars_channel_cycle(ch);
}


/* after the entries, and "seen" after the position: a worker may die here */

static void
ngx_http_hars_channel_publish(ngx_http_hars_channel_t *ch)
{
    ngx_int_t            rc;
    ngx_http_hars_sh_t  *sh;

    rc = NGX_DECLINED;
    sh = ch->zone->sh;

    ngx_http_hars_zone_lock(ch->zone);

    if (!ngx_http_hars_zone_follows(ch->zone)) {
        ngx_http_hars_zone_unlock(ch->zone);
        return;
    }

    if (!ngx_http_hars_channel_same(&sh->position, &ch->position)) {
        ngx_http_hars_zone_unlock(ch->zone);

        /* another worker found a gap, or went to another server */

        ngx_http_hars_channel_gap(ch, "the zone has lost its place");
        return;
    }

    if (ngx_http_hars_channel_older(&sh->position, &ch->position)) {
        sh->position = ch->position;
    }

    ngx_memory_barrier();

    if (!ch->full && ch->sent > sh->seen) {
        sh->seen = ch->sent;
    }

    /* Redis has lost none since they were read */

    if (ch->whole) {
        ch->whole = 0;
        rc = ngx_http_hars_revoked_all(ch->zone, ch->refused);
    }

    ngx_http_hars_zone_unlock(ch->zone);

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "hars: the zone \"%V\" has a place for all revoked "
                      "certificates again", &ch->zone->name);
    }

    ch->blocks = !ch->full;
}


static ngx_int_t
ngx_http_hars_channel_entry(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_t *entry)
{
    if (ngx_http_hars_channel_id(entry, &ch->position) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_hars_channel_apply(ch, entry->elts[1]);
}


static ngx_int_t
ngx_http_hars_channel_apply(ngx_http_hars_channel_t *ch,
    ngx_http_hars_reply_t *fields)
{
    u_char      key[HARS_KEY_LEN];
    ngx_str_t  *name, *value, *cert;
    ngx_uint_t  i;

    if (fields->type != NGX_HTTP_HARS_REPLY_ARRAY || fields->n % 2
        || fields->n / 2 > NGX_HTTP_HARS_CHANNEL_PAIRS)
    {
        return NGX_ERROR;
    }

    cert = NULL;

    for (i = 0; i < fields->n; i += 2) {
        name = &fields->elts[i]->str;
        value = &fields->elts[i + 1]->str;

        /* a thumbprint is followed by its time */

        if (cert) {
            if (!ngx_http_hars_is(name, "until")
                || ngx_http_hars_channel_cert(ch, cert, value) != NGX_OK)
            {
                return NGX_ERROR;
            }

            ngx_http_hars_revoked_sweep(ch->zone);
            ngx_http_hars_flight_wake();
            cert = NULL;

        } else if (ngx_http_hars_is(name, "key")) {

            if (ngx_http_hars_channel_key(value, key) != NGX_OK) {
                return NGX_ERROR;
            }

            ngx_http_hars_revoke(ch->zone, key);

        } else if (ngx_http_hars_is(name, "cert")) {
            cert = value;
        }
    }

    return cert ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_hars_channel_cert(ngx_http_hars_channel_t *ch, ngx_str_t *s256,
    ngx_str_t *until)
{
    u_char      thumbprint[HARS_SHA256_LEN];
    time_t      t;
    ngx_uint_t  full;

    t = ngx_atotm(until->data, until->len);

    if (t == (time_t) NGX_ERROR
        || hars_b64url_sha256_decode(thumbprint, (char *) s256->data,
                                     s256->len)
           != HARS_OK)
    {
        return NGX_ERROR;
    }

    full = ngx_http_hars_revoked_full(ch->zone);

    if (ngx_http_hars_revoked_add(ch->zone, thumbprint, t) != NGX_OK
        && !full)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "hars: the zone \"%V\" has no place for more revoked "
                      "certificates, records are hardly believed now: make "
                      "it larger", &ch->zone->name);
    }

    return NGX_OK;
}


/* an entry: its id, "ms-seq", and its fields */

static ngx_int_t
ngx_http_hars_channel_id(ngx_http_hars_reply_t *reply,
    ngx_http_hars_position_t *position)
{
    u_char     *p, *last, *dash;
    ngx_int_t   ms, seq;

    if (reply->type != NGX_HTTP_HARS_REPLY_ARRAY || reply->n != 2
        || reply->elts[0]->type != NGX_HTTP_HARS_REPLY_STRING)
    {
        return NGX_ERROR;
    }

    p = reply->elts[0]->str.data;
    last = p + reply->elts[0]->str.len;
    dash = ngx_strlchr(p, last, '-');

    if (dash == NULL) {
        return NGX_ERROR;
    }

    ms = ngx_atoi(p, dash - p);
    seq = ngx_atoi(dash + 1, last - dash - 1);

    if (ms == NGX_ERROR || seq == NGX_ERROR) {
        return NGX_ERROR;
    }

    position->ms = ms;
    position->seq = seq;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hars_channel_key(ngx_str_t *hex, u_char *key)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    if (hex->len != HARS_KEY_HEX_LEN) {
        return NGX_ERROR;
    }

    for (i = 0; i < HARS_KEY_LEN; i++) {
        n = ngx_hextoi(hex->data + 2 * i, 2);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        key[i] = (u_char) n;
    }

    return NGX_OK;
}


static void
ngx_http_hars_channel_gap(ngx_http_hars_channel_t *ch, const char *why)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "hars: revocations may have been missed: %s", why);

    ngx_http_hars_zone_lock(ch->zone);

    if (ngx_http_hars_zone_follows(ch->zone)) {

        /* each worker comes upon it: the first that does counts it */

        if (ch->zone->sh->position.known
            && ch->zone->sh->suspect <= ch->sent)
        {
            ngx_http_hars_count(ch->zone, NGX_HTTP_HARS_C_GAPS);
        }

        ch->zone->sh->position.known = 0;
    }

    ngx_http_hars_zone_unlock(ch->zone);

    ngx_http_hars_suspect(ch->zone);

    /* what is under way on this link would be taken for later answers */

    if (ch->link) {
        ngx_http_hars_link_fail(ch->link, "is asked from the beginning");
    }
}

/*
 * One token from its issue to its revocation, and who may still believe in it:
 * the authority (hars-authserver), one Redis with or without a replica, and
 * gateways, each a zone of shared memory with one or two workers.  README.md
 * beside this file says what is left out and why, and how this is run.
 *
 * A process of the model is one activity of one nginx worker, or of another
 * program; each d_step is one turn of its event loop between two looks at
 * what it shares with others.  State is kept in variables, not in the place
 * where a process stands, so that a worker can be killed at any point.
 *
 * Time is in ticks.  What the code keeps as a moment ("asked", "seen") is an
 * age here, which the clock lets grow up to TTL: no run has an end.
 *
 * What is asserted stands in decide() and open_flight().
 */

#ifndef CAP
#define CAP      2              /* believed so long without news, ticks */
#endif

#ifndef TTL
#define TTL      3              /* hars_zone ttl=, the greatest age */
#endif

#ifndef LIVE
#define LIVE     1              /* the channel is live, if seen is younger */
#endif

#ifndef WORKERS
#define WORKERS  2
#endif

#ifndef ZONES
#define ZONES    1              /* the last worker has the second one */
#endif

#ifndef NEWS
#define NEWS     WORKERS        /* so many have a channel */
#endif

#ifndef ROUNDS
#define ROUNDS   1              /* flights waited for after the first */
#endif

#ifdef RUN_LEASE
#define LEASE    1              /* of the run key */
#else
#define LEASE    0
#endif

#ifdef OFF                      /* revocations=off */
#define PUSHED   false
#ifndef BOUND
#define BOUND    TTL
#endif
#else
#define PUSHED   true
#ifndef BOUND
#define BOUND    (CAP + LEASE)
#endif
#endif

#ifdef FAILOVER
#define SERVERS  2
#else
#define SERVERS  1
#endif

#ifndef FAULTS
#define FAULTS   1              /* restarts, failovers, flushes */
#endif

#ifndef KILLS
#define KILLS    0
#endif

#ifndef OTHERS
#define OTHERS   0
#endif

#ifdef NO_PUBLISH
#define TOLD     true           /* there is nobody to tell */
#else
#define TOLD     (!outbox || down || deaf)
#endif

#define ZONE(w)  ((ZONES == 2 && (w) == WORKERS - 1) -> 1 : 0)


mtype = {
    /* what is stored, and what an answer says */
    NONE, RECORD, REVOKED, INACTIVE, TOMBSTONE,

    /* a request: ngx_http_hars_access.c */
    IDLE, FLIGHT, RESUMED, DECIDE,

    /* a flight: ngx_http_hars_flight.c, ngx_http_hars_inquiry.c */
    LANDED, L2, L2_DONE, ASKED, ANSWERED,

    /* a channel: ngx_http_hars_channel.c */
    CLOSED, POSITION, LOAD, SENT, ENTRIES, SEEN,

    /* the authority's connection: hars_as_publish.c */
    REPUBLISH, SET_RUN, READY, STREAM,

    /* how a flight ended */
    OK, DECLINED, ERROR
};


typedef server_t {
    byte   run_id;              /* of INFO server */
    byte   run_key;             /* {revoked}run, 0: none */
    byte   lease;               /* its age */
    mtype  key;                 /* NONE, RECORD, TOMBSTONE */
    byte   checked;             /* of a record */
    byte   first;               /* {revoked}stream: its ids, 0: empty */
    byte   last;
    byte   entry;               /* the one with our token, 0: none */
}

typedef zone_t {
    mtype  l1;                  /* NONE, RECORD, REVOKED, INACTIVE */
    byte   asked;               /* of a record; of REVOKED: its age */
    byte   checked;

    byte   open;                /* flights of the key */
    byte   leader;
    bool   poisoned;

    byte   seen;                /* ages */
    byte   suspect;

    bool   known;               /* the position is, of which run */
    byte   run_id;
    byte   position;

    bool   applied;             /* ghost: the revocation was */
}

typedef request_t {
    mtype  state;
    byte   rounds;
    mtype  answer;              /* of the flight */
    byte   waited;              /* since it joined: an age */
    byte   asked;               /* what it decides by */
    byte   checked;
    bool   same;                /* generation is as it was at the lookup */
    bool   late;                /* ghost: began after "applied" */
    bool   after;               /* ghost: began when the bound had passed */

    bool   memo;                /* L0, with its generation unchanged */
    byte   memo_asked;
    byte   memo_checked;
}

typedef flight_t {
    mtype  state;
    mtype  kind;                /* the answer on its way */
    byte   asked;
    byte   checked;
    bool   told;                /* L2: by the server of the channel */
}

typedef channel_t {
    mtype  state;
    byte   run_id;              /* of the server it is connected to */
    byte   position;            /* XREAD from here */
    byte   last;                /* the answer: ids up to this one */
    bool   entry;               /* ours is among them */
    byte   sent;                /* age of the XREAD */
    bool   cut;                 /* run key or a gap, seen with the answer */
}


server_t   server[SERVERS];
zone_t     zone[ZONES];
request_t  request[WORKERS];
flight_t   flight[WORKERS];
channel_t  channel[WORKERS];
bool       dead[WORKERS];

byte       master;
byte       owner;               /* of the key, in a Cluster */
byte       publish_owner;
byte       ids = 1;             /* of the stream: they never go back */
bool       down;                /* Redis is */
bool       deaf;                /* Redis takes no writes of the authority */
byte       faults = FAULTS;
byte       kills = KILLS;
#ifdef REQUESTS
byte       requests = REQUESTS;
#endif
byte       others = OTHERS;     /* revocations of other tokens */

mtype      publish;             /* the authority's connection */
byte       publish_run;
bool       committed;
bool       outbox;
bool       put;                 /* SET NX on its way to Redis */
byte       put_checked;
bool       acked;               /* POST /oauth2/revoke has its 200 */
byte       acked_age;

byte       i;                   /* of loops; always the same between */
byte       j = WORKERS;


#define redis           server[master]

#ifdef CLUSTER                  /* the key has a master of its own */
#define keys            server[owner]
#define other_keys      server[1 - owner]
#else
#define keys            redis
#define other_keys      server[1 - master]
#endif

#define connected(r)    (!down && (r) == redis.run_id)

#ifdef REQUESTS
#define arrivals        requests
#define count_arrival() requests--
#else
#define arrivals        true
#define count_arrival() skip
#endif

#if WORKERS == 1
#define turns_over      request[0].state != DECIDE
#elif WORKERS == 2
#define turns_over      (request[0].state != DECIDE                          \
                         && request[1].state != DECIDE)
#else
#define turns_over      (request[0].state != DECIDE                          \
                         && request[1].state != DECIDE                       \
                         && request[2].state != DECIDE)
#endif

/* none who is connected is 100,000 revocations behind */
#define away(w)         (channel[w].state == CLOSED)

#ifdef SLOW
#define trims           true
#elif WORKERS == 1
#define trims           away(0)
#elif WORKERS == 2
#define trims           (away(0) && away(1))
#else
#define trims           (away(0) && away(1) && away(2))
#endif

#define older(age)      age = ((age) < TTL -> (age) + 1 : TTL)

#ifdef NO_SUSPECT_RULE
#define fresh(z, a)     true
#else
#define fresh(z, a)     ((a) < zone[z].suspect)
#endif

/* ngx_http_hars_until() */
#define believed(z, a, c)                                                    \
    ((c) < TTL                                                               \
     && (!PUSHED                                                             \
         || (((a) < CAP || zone[z].seen < CAP) && fresh(z, a))))

/* the same when the request began to wait: ngx_http_hars_landed() */
#ifdef WAITED_ANY
#define cap(w)          (request[w].answer == NONE -> CAP : TTL)
#else
#define cap(w)          (CAP + request[w].waited)
#endif

#define believed_by(w, z, a, c)                                              \
    ((c) < TTL                                                               \
     && (!PUSHED                                                             \
         || (((a) < cap(w) || zone[z].seen < cap(w)) && fresh(z, a))))

/* ngx_http_hars_live() */
#define live(z)         (PUSHED && zone[z].seen < LIVE)

/* the server of this answer is the one that the channel is connected to */
#ifdef CLUSTER
#define told(z)         (publish_owner == owner)
#else
#define told(z)         (zone[z].known && zone[z].run_id == redis.run_id)
#endif

#define missed(from)    (redis.first > (from)                                \
                         || (redis.first == 0 && (from) != 0))

#define has_entry(from) (redis.entry > (from) && redis.entry >= redis.first)


/* the generation of the key's bucket: what L0 compares */
inline bump(z) {
#ifndef NO_GENERATION
    for (j : 0 .. WORKERS - 1) {
        if
        :: ZONE(j) == z ->
            request[j].memo = false;
            request[j].memo_asked = 0;
            request[j].memo_checked = 0;
            request[j].same = false
        :: else
        fi
    };
#endif
    skip
}


/* DECIDE: the one place where a request passes */
inline decide(w) {
    /* 1. began when a revocation was acknowledged and the bound had passed */
    assert(!request[w].after);

    /* 2. what this zone has applied before the request began */
    assert(!request[w].late)
}


inline landed(w) {
    flight[w].state = LANDED;
    flight[w].kind = NONE;
    flight[w].asked = 0;
    flight[w].checked = 0;
    flight[w].told = false
}


/* ngx_http_hars_ask() */
inline introspect(w) {
    flight[w].state = ASKED;
    flight[w].kind = NONE;
    flight[w].asked = 0;
    flight[w].checked = 0;
    flight[w].told = false
}


inline over(w) {
    request[w].state = IDLE;
    request[w].answer = NONE;
    request[w].rounds = 0;
    request[w].waited = 0;
    request[w].asked = 0;
    request[w].checked = 0;
    request[w].same = false;
    request[w].late = false;
    request[w].after = false
}


inline open_flight(w, z) {
    zone[z].open++;

    /* 3. one open flight per key and zone */
    assert(zone[z].open <= 1);

    zone[z].leader = w;
    zone[z].poisoned = false;

    landed(w);
    flight[w].state = L2
}


/* L1 and FLIGHT: one step under the zone's mutex */
inline lookup(w, z) {
    if
    :: zone[z].l1 == REVOKED || zone[z].l1 == INACTIVE ->
        over(w)                                     /* 401 */

    :: (zone[z].l1 == RECORD
       && believed_by(w, z, zone[z].asked, zone[z].checked)) ->
        request[w].state = DECIDE;
        request[w].answer = NONE;
        request[w].waited = 0;
        request[w].asked = zone[z].asked;
        request[w].checked = zone[z].checked;
        request[w].same = true

    :: else ->
        if
        :: request[w].rounds > ROUNDS ->
            over(w)                                 /* 503 */

#ifdef JOIN_APART
        :: else ->
            request[w].state = RESUMED;
            request[w].answer = REVOKED             /* to be joined */
#else
        :: request[w].rounds <= ROUNDS && zone[z].open ->
            request[w].state = FLIGHT;
            request[w].waited = 0;
            request[w].answer = NONE

        :: else ->
            request[w].state = FLIGHT;
            request[w].waited = 0;
            request[w].answer = NONE;
            open_flight(w, z)
#endif
        fi
    fi
}


/* ngx_http_hars_flight_signal(): by the eventfd of each worker */
inline wake(z, a) {
    for (j : 0 .. WORKERS - 1) {
        if
        :: ZONE(j) == z && request[j].state == FLIGHT ->
            request[j].state = RESUMED;
            request[j].answer = a;
            request[j].rounds++
        :: else
        fi
    };
    skip
}


#ifdef ORPHAN_STORES
#define own(w, z)       true
#else
#define own(w, z)       (zone[z].open && zone[z].leader == w)
#endif

#ifdef NO_POISON
#define poisoned(z)     false
#else
#define poisoned(z)     zone[z].poisoned
#endif

/* ngx_http_hars_flight_store(), ngx_http_hars_flight_done() */
inline done(w, z, a) {
    if
    :: own(w, z) && a == OK && !poisoned(z) ->
        if
        :: (flight[w].kind == RECORD
#ifndef DENIAL_REPLACED
           && zone[z].l1 != REVOKED && zone[z].l1 != INACTIVE
#endif
           ) ->
            zone[z].l1 = RECORD;
            zone[z].asked = flight[w].asked;
            zone[z].checked = flight[w].checked

        :: flight[w].kind == INACTIVE && zone[z].l1 != REVOKED ->
            zone[z].l1 = INACTIVE;
            zone[z].asked = 0;
            zone[z].checked = 0;
            bump(z)

        :: else
        fi

    :: else
    fi;

    if
    :: zone[z].open && zone[z].leader == w ->
        zone[z].open--;
        zone[z].leader = 0;
        zone[z].poisoned = false;
        wake(z, a)
    :: else
    fi;

    landed(w)
}


/* ngx_http_hars_revoke() */
inline revoke(z) {
#ifndef NO_POISON
    zone[z].poisoned = (zone[z].open -> true : false);
#endif
    bump(z);
    zone[z].l1 = REVOKED;
    zone[z].asked = 0;
    zone[z].checked = 0;
    zone[z].applied = true
}


/* ngx_http_hars_suspect() */
inline gap(z) {
#ifndef NO_SUSPECT
    zone[z].suspect = 0;
    bump(z);
#endif
    skip
}


proctype access(byte w; byte z)
{
end:
    do
    :: d_step { request[w].state == IDLE && !dead[w] && arrivals ->
        count_arrival();
        request[w].late = zone[z].applied;
        request[w].after = (acked && acked_age >= BOUND);

        /* L0 */
        if
        :: (request[w].memo
           && believed(z, request[w].memo_asked, request[w].memo_checked)) ->
            decide(w);
            over(w)
        :: else ->
            lookup(w, z)
        fi
       }

    :: d_step { request[w].state == RESUMED ->
        if
#ifdef JOIN_APART
        :: request[w].answer == REVOKED ->
            request[w].state = FLIGHT;
            request[w].answer = NONE;
            open_flight(w, z)
#endif
        :: request[w].answer == ERROR ->
            over(w)                                 /* 503 */
        :: else ->
            lookup(w, z)
        fi
       }

    /* FILL and DECIDE, in the same turn as the lookup: no tick between */
    :: d_step { request[w].state == DECIDE ->
        decide(w);

#ifdef FILL_BEFORE_LOCK
        request[w].same = true;
#endif
#ifndef NO_L0
        if
        :: request[w].same ->
            request[w].memo = true;
            request[w].memo_asked = request[w].asked;
            request[w].memo_checked = request[w].checked
        :: else
        fi;
#endif
        over(w)
       }
    od
}


proctype inquiry(byte w; byte z)
{
end:
    do
    /* Redis answers to GET */
    :: d_step { flight[w].state == L2 && !down ->
        flight[w].kind = keys.key;
        flight[w].checked = keys.checked;
        flight[w].told = told(z);
        flight[w].state = L2_DONE
       }

    /* the query's deadline, or no connection */
    :: d_step { flight[w].state == L2 && down ->
        introspect(w)
       }

    :: d_step { flight[w].state == L2_DONE ->
        if
        :: flight[w].kind == TOMBSTONE ->
            flight[w].kind = INACTIVE;
            done(w, z, OK)

        :: flight[w].kind == RECORD ->
            /* ngx_http_hars_l2_asked() */
            if
            :: PUSHED && !live(z) ->
                flight[w].asked = flight[w].checked
            :: else
            fi;

            if
#ifndef L2_UNTOLD
            :: (PUSHED && !(live(z) && flight[w].told)) ->
                introspect(w)
#endif
            :: believed(z, flight[w].asked, flight[w].checked) ->
                done(w, z, OK)
            :: else ->
                introspect(w)
            fi

        :: else ->
            introspect(w)
        fi
       }

    /* the authority looks into its store */
    :: d_step { flight[w].state == ASKED ->
        flight[w].kind = (committed -> INACTIVE : RECORD);
        flight[w].state = ANSWERED
       }

    /* it cannot be reached, or takes longer than hars_timeout */
    :: d_step { flight[w].state == ASKED ->
        done(w, z, ERROR)
       }

    :: d_step { flight[w].state == ANSWERED ->
        flight[w].checked = flight[w].asked;
        done(w, z, OK)
       }
    od
}


inline closed(w) {
    channel[w].state = CLOSED;
    channel[w].run_id = 0;
    channel[w].position = 0;
    channel[w].last = 0;
    channel[w].entry = false;
    channel[w].sent = 0;
    channel[w].cut = false
}


inline apply(w, z) {
    if
    :: channel[w].entry ->
        revoke(z);
        channel[w].entry = false
    :: else
    fi
}


inline set_position(w, z) {
    if
    :: (zone[z].known && zone[z].run_id == channel[w].run_id
        && zone[z].position < channel[w].last) ->
        zone[z].position = channel[w].last
    :: else
    fi
}


/* what was revoked before the XREAD was sent is in its answer */
inline set_seen(w, z) {
#ifdef SEEN_AT_ANSWER
    zone[z].seen = 0;
#else
    zone[z].seen = (channel[w].sent < zone[z].seen
                    -> channel[w].sent : zone[z].seen);
#endif
    skip
}


#ifndef OFF

proctype news(byte w; byte z)
{
end:
    do
    /* INFO server and GET {revoked}run; else again after 200 ms */
    :: d_step { (channel[w].state == CLOSED && !down && !dead[w]
#ifndef NO_RUN_CHECK
                 && redis.run_key == redis.run_id
#endif
                ) ->
        channel[w].run_id = redis.run_id;
        channel[w].state = POSITION
       }

    /* XRANGE - + COUNT 1: a gap? */
    :: d_step { channel[w].state == POSITION && connected(channel[w].run_id) ->
        if
        :: (zone[z].known && zone[z].run_id == redis.run_id
#ifndef NO_GAP
           && !missed(zone[z].position)
#endif
           ) ->
            channel[w].position = zone[z].position;
            channel[w].state = SENT
        :: else ->
            /* XREVRANGE + - COUNT 1 */
            channel[w].position = redis.last;
            channel[w].state = LOAD
        fi
       }

    :: d_step { channel[w].state == LOAD ->
        gap(z);
        zone[z].known = true;
        zone[z].run_id = channel[w].run_id;
        zone[z].position = channel[w].position;
        channel[w].state = SENT
       }

    /* XREAD COUNT 256 BLOCK 500: Redis answers, at once or after 500 ms */
    :: d_step { channel[w].state == SENT && connected(channel[w].run_id) ->
#ifndef NO_WATCH
        if
        :: redis.run_key != redis.run_id ->
            channel[w].cut = true
        :: missed(channel[w].position) ->
            channel[w].cut = true
        :: else
        fi;
#endif
        channel[w].entry = has_entry(channel[w].position);
        channel[w].last = (redis.last > channel[w].position
                           -> redis.last : channel[w].position);
        channel[w].state = ENTRIES
       }

    /* the answer is read: all its entries, then the position, then "seen" */
    :: d_step { channel[w].state == ENTRIES && channel[w].cut ->
        closed(w)
       }

    :: d_step { channel[w].state == ENTRIES && !channel[w].cut ->
#ifdef POSITION_FIRST
        set_position(w, z);
#else
#ifdef SEEN_FIRST
        set_seen(w, z);
#else
        apply(w, z);
#endif
#endif
        channel[w].state = SEEN
       }

    :: d_step { channel[w].state == SEEN ->
#if defined(POSITION_FIRST) || defined(SEEN_FIRST)
        apply(w, z);
#endif
        set_position(w, z);
        set_seen(w, z);

        channel[w].position = channel[w].last;
        channel[w].last = 0;
        channel[w].sent = 0;
        channel[w].state = SENT
       }

    /* the connection is lost, its answer read or not */
    :: d_step { channel[w].state != CLOSED ->
        closed(w)
       }
    od
}

#endif


proctype authority()
{
end:
    do
    /* one transaction: the row is revoked and stands in the outbox */
    :: d_step { (!committed
#ifdef ACK_BEFORE_COMMIT
                && acked
#endif
                ) ->
        committed = true;
        outbox = true
       }

    /* 200: Redis knows it, or does not answer */
#ifdef ACK_BEFORE_COMMIT
    :: d_step { !acked ->
#else
    :: d_step { committed && !acked && TOLD ->
#endif
        acked = true
       }

#ifndef NO_PUBLISH
    /* a connection: INFO server and GET {revoked}run */
    :: d_step { publish == CLOSED && !down && !deaf ->
        publish_run = redis.run_id;
        publish = (redis.run_key == redis.run_id -> READY : REPUBLISH);
#ifdef RUN_KEY_FIRST
        redis.run_key = redis.run_id;
#endif
        skip
       }

#ifdef CLUSTER
    /* the set of masters has changed */
    :: d_step { ((publish == READY || publish == STREAM)
                && publish_owner != owner) ->
        publish = REPUBLISH
       }
#endif

    /* all unexpired tombstones */
    :: d_step { publish == REPUBLISH && connected(publish_run) && !deaf ->
        if
        :: committed ->
            keys.key = TOMBSTONE;
            keys.checked = 0
        :: else
        fi;
        publish_owner = owner;
        publish = SET_RUN
       }

#ifdef RUN_LEASE
    /* the outbox comes before the run key */
    :: d_step { (publish == SET_RUN && outbox && connected(publish_run)
                 && !deaf) ->
        ids++;
        redis.last = ids;
        redis.entry = redis.last;
        redis.first = (redis.first -> redis.first : redis.last);
        outbox = false
       }
#endif

    :: d_step { (publish == SET_RUN && connected(publish_run) && !deaf
                 && !(LEASE && outbox)) ->
        redis.run_key = redis.run_id;
        redis.lease = 0;
        publish = READY
       }

    /* the outbox: SET key tombstone, XADD, and out with it */
    :: d_step { (publish == READY && outbox && connected(publish_run)
                && !deaf) ->
#ifdef TOMBSTONE_AFTER_STREAM
        ids++;                                      /* milliseconds */
        redis.last = ids;
        redis.entry = redis.last;
        redis.first = (redis.first -> redis.first : redis.last);
#else
        keys.key = TOMBSTONE;
        keys.checked = 0;
#endif
        publish = STREAM
       }

    :: d_step { publish == STREAM && connected(publish_run) && !deaf ->
#ifdef TOMBSTONE_AFTER_STREAM
        keys.key = TOMBSTONE;
        keys.checked = 0;
#else
        ids++;                                      /* milliseconds */
        redis.last = ids;
        redis.entry = redis.last;
        redis.first = (redis.first -> redis.first : redis.last);
#endif
        outbox = false;
        publish = READY
       }

    /* another token's, which may trim the stream */
    :: d_step { (publish == READY && others && connected(publish_run)
                 && !deaf && trims) ->
        others--;
        ids++;                                      /* milliseconds */
        redis.last = ids;
        redis.first = redis.last;
        redis.entry = 0
       }

#ifdef RUN_LEASE
    /* the run key has a life of LEASE, renewed while nothing is untold */
    :: d_step { (publish == READY && !outbox && connected(publish_run)
                 && !deaf) ->
        if
        :: redis.run_key == redis.run_id ->
            redis.lease = 0
        :: else ->
            publish = REPUBLISH
        fi
       }
#endif

    :: d_step { publish != CLOSED && (!connected(publish_run) || deaf) ->
        publish_run = 0;
        publish = CLOSED
       }
#endif
    od
}


/*
 * ngx_http_hars_share() of any gateway, and of the authority on issue: a SET
 * NX PX with what was asked before the revocation, and arrives when it likes.
 * No flight of another zone can do more harm to this one.
 */
proctype share()
{
end:
    do
    :: d_step { !put && !committed ->
        put = true
       }

    :: d_step { put && !down ->
        if
#ifndef NO_NX
        :: keys.key != NONE
#endif
        :: else ->
            keys.key = RECORD;
            keys.checked = put_checked
        fi;
        put = false;
        put_checked = 0
       }
    od
}


inline lose(s) {
    server[s].run_key = 0;
    server[s].lease = 0;
    server[s].key = NONE;
    server[s].checked = 0;
    server[s].first = 0;
    server[s].last = 0;
    server[s].entry = 0
}


proctype trouble()
{
end:
    do
    :: false

#ifdef RESTART
    :: d_step { faults && !down -> faults--; down = true }

    /* it comes back with all it had */
    :: d_step { down ->
        down = false;
        redis.run_id++
       }

    /* or with nothing */
    :: d_step { down ->
        down = false;
        redis.run_id++;
        lose(master)
       }
#endif

#ifdef FLUSH
    :: d_step { faults && !down -> faults--; lose(master) }
#endif

#ifdef FAILOVER
    /* replication, up to any write */
    :: d_step { faults ->
                other_keys.key = keys.key;
                other_keys.checked = keys.checked;
#ifndef CLUSTER
                server[1 - master].run_key = redis.run_key;
                server[1 - master].lease = redis.lease;
                server[1 - master].first = redis.first;
                server[1 - master].last = redis.last;
                server[1 - master].entry = redis.entry
#endif
       }

#ifdef CLUSTER
    :: d_step { faults -> faults--; owner = 1 - owner }
#else
    :: d_step { faults -> faults--; master = 1 - master }
#endif
#endif

#ifdef DEAF
    /* the authority's writes fail, those of nobody else matter */
    :: d_step { faults && !deaf -> faults--; deaf = true }
    :: d_step { deaf -> deaf = false }
#endif

#ifdef EVICT
    /* of a full zone, or of one whose part a dead worker left half changed */
    :: d_step { zone[0].l1 != NONE ->
        zone[0].l1 = NONE;
        zone[0].asked = 0;
        zone[0].checked = 0
       }
#if ZONES == 2
    :: d_step { zone[1].l1 != NONE ->
        zone[1].l1 = NONE;
        zone[1].asked = 0;
        zone[1].checked = 0
       }
#endif
#endif

#ifdef EMPTIED
    /* the table of flights, whose worker died while it changed it */
    :: d_step { faults && zone[0].open ->
        faults--;
        zone[0].open = 0;
        zone[0].leader = 0;
        zone[0].poisoned = false;
        wake(0, DECLINED)
       }
#endif

#if KILLS > 0
    /* SIGKILL of worker 0, at any point */
    :: d_step { kills && !dead[0] ->
        kills--;
        dead[0] = true;
        over(0);
        request[0].memo = false;
        request[0].memo_asked = 0;
        request[0].memo_checked = 0;
        landed(0);
        closed(0)
       }

    /* who begins in its slot: ngx_http_hars_flight_init_process() */
    :: d_step { dead[0] ->
        dead[0] = false;
#ifndef NO_ELECTION
        if
        :: zone[0].open && zone[0].leader == 0 ->
            zone[0].open--;
            zone[0].poisoned = false;
            wake(0, DECLINED)
        :: else
        fi
#endif
       }
#endif
    od
}


#ifdef REQUESTS

/* 4. when nobody can do anything any more, nobody waits */
proctype rest()
{
    timeout ->
    d_step {
        for (i : 0 .. WORKERS - 1) {
            assert(request[i].state == IDLE);
            assert(flight[i].state == LANDED)
        };
        for (i : 0 .. ZONES - 1) {
            assert(zone[i].open == 0)
        };
        assert(acked && !outbox)
    }
}

#endif


#ifdef EVENTUALLY

/* 4. who waits for a flight is woken */
ltl woken {
    [] ((request[1].state == FLIGHT) -> <> (request[1].state != FLIGHT))
}

#endif


#ifndef TIMELESS

proctype clock()
{
end:
    do
    :: d_step {
        turns_over ->

        for (i : 0 .. ZONES - 1) {
            older(zone[i].seen);
            older(zone[i].suspect);

            if
            :: zone[i].l1 == INACTIVE ->            /* negative_ttl */
                zone[i].l1 = NONE
            :: zone[i].l1 == REVOKED ->
                older(zone[i].asked);
                if
                :: zone[i].asked >= TTL ->
                    zone[i].l1 = NONE;
                    zone[i].asked = 0
                :: else
                fi
            :: zone[i].l1 == RECORD ->
                older(zone[i].asked);
                older(zone[i].checked);
                if
                :: zone[i].checked >= TTL ->
                    zone[i].l1 = NONE;
                    zone[i].asked = 0;
                    zone[i].checked = 0
                :: else
                fi
            :: else
            fi
        }

        for (i : 0 .. WORKERS - 1) {
            if
            :: request[i].memo ->
                older(request[i].memo_asked);
                older(request[i].memo_checked);
                if
                :: request[i].memo_checked >= TTL ->
                    request[i].memo = false;
                    request[i].memo_asked = 0;
                    request[i].memo_checked = 0
                :: else
                fi
            :: else
            fi;

            if
            :: request[i].state == FLIGHT || request[i].state == RESUMED ->
                older(request[i].waited)
            :: else
            fi;

            if
            :: flight[i].state != LANDED ->
                older(flight[i].asked);
                if
                :: flight[i].state == L2_DONE && flight[i].kind == RECORD ->
                    older(flight[i].checked)
                :: else
                fi
            :: else
            fi;

            if
            :: (channel[i].state == SENT || channel[i].state == ENTRIES
               || channel[i].state == SEEN) ->
                older(channel[i].sent)
            :: else
            fi
        }

        for (i : 0 .. SERVERS - 1) {
            if
            :: server[i].key == RECORD ->
                older(server[i].checked);
                if
                :: server[i].checked >= TTL ->      /* PX */
                    server[i].key = NONE;
                    server[i].checked = 0
                :: else
                fi
            :: else
            fi
        }

#ifdef RUN_LEASE
        for (i : 0 .. SERVERS - 1) {
            if
            :: server[i].run_key ->
                server[i].lease++;
                if
                :: server[i].lease >= LEASE ->
                    server[i].run_key = 0;
                    server[i].lease = 0
                :: else
                fi
            :: else
            fi
        };
#endif

        if
        :: put ->
            older(put_checked);
            if
            :: put_checked >= TTL ->
                put = false;
                put_checked = 0
            :: else
            fi
        :: else
        fi;

        if
        :: acked -> acked_age = (acked_age < BOUND -> acked_age + 1 : BOUND)
        :: else
        fi
       }
    od
}

#endif


init {
    d_step {
        for (i : 0 .. SERVERS - 1) {
            server[i].run_id = i + 1;
            server[i].run_key = 1;
            server[i].key = RECORD;
            server[i].first = 1;
            server[i].last = 1
        };

        for (i : 0 .. ZONES - 1) {
            zone[i].l1 = NONE;
            zone[i].seen = TTL;
            zone[i].suspect = TTL
        };

        for (i : 0 .. WORKERS - 1) {
            request[i].state = IDLE;
            request[i].answer = NONE;
            flight[i].state = LANDED;
            flight[i].kind = NONE;
            channel[i].state = CLOSED
        };

        publish = CLOSED
    };

    atomic {
        run authority();
        run trouble();
        run share();
#ifndef TIMELESS
        run clock();
#endif
#ifdef REQUESTS
        run rest();
#endif
        i = 0;
        do
        :: i < WORKERS ->
            run access(i, ZONE(i));
            run inquiry(i, ZONE(i));
#ifndef OFF
            if
            :: i < NEWS -> run news(i, ZONE(i))
            :: else
            fi;
#endif
            i++
        :: else -> break
        od;
        i = SERVERS
    }
}

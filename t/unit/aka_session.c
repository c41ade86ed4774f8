
/*
 * Records under a session's key, in six directions, and the confirmation of a
 * session by its device's first one, with the clock as an argument.
 */

/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c -lsodium -lcrypto */

#include "../../backend/fog/aka/aka_session.c"

#include "tap.h"


#define NOW  1800000000000


static void make(hars_aka_session_t *session, unsigned suite);
static void records(unsigned suite);
static void directions(void);
static void confirmation(void);
static void limits(void);


int
main(void)
{
    (void) hars_aka_crypto_init();

    records(HARS_AKA_X25519_AES);
    records(HARS_AKA_X25519_CHACHA);
    directions();
    confirmation();
    limits();

    return tap_done();
}


static void
make(hars_aka_session_t *session, unsigned suite)
{
    memset(session, 0, sizeof(*session));
    memset(session->sk, 7, 32);
    memset(session->sid, 8, 16);
    session->suite = (unsigned char) suite;
    session->since = NOW;
}


static void
records(unsigned suite)
{
    uint64_t            number;
    unsigned            bit, bad, len;
    unsigned char       a[64], b[64], c[64], text[64];
    hars_aka_channel_t  to, from;
    hars_aka_session_t  session;

    make(&session, suite);
    (void) hars_aka_channel(&session, HARS_AKA_DEVICE_TO_FOG, &to);
    from = to;

    ok(hars_aka_record_seal(&to, (unsigned char *) "first", 5, a) == 0
       && hars_aka_record_seal(&to, (unsigned char *) "", 0, b) == 0
       && hars_aka_record_seal(&to, (unsigned char *) "third", 5, c) == 0,
       "%02x: three records", suite);
    ok(memcmp(a + 8, c + 8, 5) != 0, "%02x: each under its own nonce", suite);

    for (bad = bit = 0; bit < 8 * 29; bit++) {
        a[bit / 8] ^= (unsigned char) (1 << bit % 8);
        bad += hars_aka_record_open(&from, a, 29, text, &number)
               != HARS_AKA_DROP;
        a[bit / 8] ^= (unsigned char) (1 << bit % 8);
    }

    for (len = 0; len < 29; len++) {
        bad += hars_aka_record_open(&from, a, len, text, &number)
               != HARS_AKA_DROP;
    }

    ok(bad == 0, "%02x: none of %u flipped bits, no length", suite, bit);

    ok(hars_aka_record_open(&from, a, 29, text, &number) == 0 && number == 0
       && memcmp(text, "first", 5) == 0, "%02x: the first", suite);
    ok(hars_aka_record_open(&from, c, 29, text, &number) == 0 && number == 2
       && memcmp(text, "third", 5) == 0, "%02x: the third", suite);
    ok(hars_aka_record_open(&from, a, 29, text, &number) == HARS_AKA_SEEN
       && number == 0 && memcmp(text, "first", 5) != 0
       && hars_aka_record_open(&from, b, 24, text, &number) == HARS_AKA_SEEN
       && hars_aka_record_open(&from, c, 29, text, &number) == HARS_AKA_SEEN,
       "%02x: no way back", suite);

    session.sid[3] ^= 1;
    (void) hars_aka_channel(&session, HARS_AKA_DEVICE_TO_FOG, &from);
    ok(hars_aka_record_open(&from, a, 29, text, &number) == HARS_AKA_DROP,
       "%02x: of another session", suite);
}


static void
directions(void)
{
    uint64_t            number;
    unsigned            i, k, opened;
    unsigned char       record[64], text[64];
    hars_aka_channel_t  to, from;
    hars_aka_session_t  session;

    make(&session, HARS_AKA_X25519_AES);

    for (opened = i = 0; i < 6; i++) {
        (void) hars_aka_channel(&session, i, &to);
        (void) hars_aka_record_seal(&to, (unsigned char *) "x", 1, record);

        for (k = 0; k < 6; k++) {
            (void) hars_aka_channel(&session, k, &from);
            opened += (hars_aka_record_open(&from, record, 25, text, &number)
                       == HARS_AKA_OK) << (i == k ? 0 : 8);
        }
    }

    ok(opened == 6, "six directions, a record opens in its own alone");
}


static void
confirmation(void)
{
    unsigned char       first[64], second[64], text[64];
    hars_aka_channel_t  to, from;
    hars_aka_session_t  session, late;

    make(&session, HARS_AKA_X25519_AES);
    late = session;
    (void) hars_aka_channel(&session, HARS_AKA_DEVICE_TO_FOG, &to);
    from = to;
    (void) hars_aka_record_seal(&to, (unsigned char *) "72", 2, first);
    (void) hars_aka_record_seal(&to, (unsigned char *) "73", 2, second);

    ok(hars_aka_session_alive(&session, NOW + 29999)
       && !hars_aka_session_alive(&session, NOW + 30000),
       "provisional for 30 s");
    ok(hars_aka_session_confirm(&session, &from, second, 26, NOW, text)
       == HARS_AKA_DROP && from.next == 0, "not by the second record");
    first[10] ^= 1;
    ok(hars_aka_session_confirm(&session, &from, first, 26, NOW, text)
       == HARS_AKA_DROP && !session.confirmed, "nor by a changed one");
    first[10] ^= 1;
    ok(hars_aka_session_confirm(&session, &from, first, 26, NOW + 29999, text)
       == HARS_AKA_OK && session.confirmed && memcmp(text, "72", 2) == 0,
       "confirmed by the first, which says something too");
    ok(hars_aka_session_alive(&session, NOW + 10000000), "... for good");
    ok(hars_aka_session_confirm(&session, &from, first, 26, NOW, text)
       == HARS_AKA_SEEN, "... once");

    (void) hars_aka_channel(&late, HARS_AKA_DEVICE_TO_FOG, &from);
    ok(hars_aka_session_confirm(&late, &from, first, 26, NOW + 30000, text)
       == HARS_AKA_EXPIRED && !late.confirmed, "after 30 s it is too late");
}


static void
limits(void)
{
    uint64_t            number;
    unsigned char       record[64], text[64];
    hars_aka_channel_t  to, from;
    hars_aka_session_t  session;

    make(&session, HARS_AKA_X25519_AES);
    (void) hars_aka_channel(&session, HARS_AKA_DEVICE_TO_FOG, &to);
    from = to;
    to.next = UINT64_MAX - 1;
    ok(hars_aka_record_seal(&to, text, 0, record) == HARS_AKA_OK
       && hars_aka_record_seal(&to, text, 0, record) == HARS_AKA_SPENT,
       "numbers end");
    ok(hars_aka_record_open(&from, record, 24, text, &number) == HARS_AKA_OK
       && number == UINT64_MAX - 1, "... at the other end too");

    hars_aka_session_wipe(&session);
    hars_aka_channel_wipe(&to);
    ok(session.sk[0] == 0 && to.key[0] == 0, "wiped");
}

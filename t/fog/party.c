
/*
 * Wearables and fog nodes for tests of the cloud server: a test says line by
 * line what they do, and carries the messages itself.  All bytes are in
 * hexadecimal, all answers are one line.
 *
 *     device I ID SUITE GEN KEY SEED PK    what registration gave; "ok"
 *     fog J KEY SEED                       the same
 *     m2 I J TS                            a new attempt: M2
 *     bad I J                              the same, M1's tag is wrong
 *     again I J                            the same M1 in another M2
 *     fogm3 I J M3                         "ok SID", at the fog node alone
 *     m3 I J M3                            "ok SID", at both, with one key
 *     err I J ERR                          its code, 0: not about this M2
 *     record I TEXT                        the device's next record
 *     spend I J COUNT                      COUNT attempts, one M2 in a line
 *
 * What does not verify is answered by "drop".
 */

#include "aka_crypto.h"
#include "aka_device.h"
#include "aka_fognode.h"
#include "aka_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>


#define PARTY_DEVICES  1024
#define PARTY_FOGS     8
#define PARTY_WORDS    10
#define PARTY_LINE     4096


typedef struct {
    hars_aka_device_t    device;
    hars_aka_try_t       t;
    hars_aka_relay_t     relay;
    hars_aka_session_t   at_device;
    hars_aka_session_t   at_fog;
    hars_aka_channel_t   channel;
    unsigned char        m1[HARS_AKA_M1];
} party_t;


static void party_line(char *line);
static void party_device(char **word);
static void party_fog(char **word);
static void party_attempt(char **word);
static void party_m2(party_t *p, hars_aka_fog_t *f, const unsigned char *m1,
    uint64_t ts);
static void party_m3(char **word, unsigned whole);
static void party_record(char **word);
static void party_hex(const unsigned char *bytes, size_t len);
static size_t party_bytes(const char *hex, unsigned char *dst, size_t size);


static party_t         party[PARTY_DEVICES];
static hars_aka_fog_t  fog[PARTY_FOGS];


int
main(void)
{
    char  line[PARTY_LINE];

    if (hars_aka_crypto_init() != HARS_AKA_OK) {
        return 1;
    }

    while (fgets(line, sizeof(line), stdin)) {
        party_line(line);
        fflush(stdout);
    }

    return 0;
}


static void
party_line(char *line)
{
    char             *word[PARTY_WORDS];
    party_t          *p;
    unsigned          n;
    unsigned char     err[HARS_AKA_ERR];

    memset(word, 0, sizeof(word));

    for (n = 0; n < PARTY_WORDS; n++) {
        word[n] = strtok(n ? NULL : line, " \n");

        if (word[n] == NULL) {
            break;
        }
    }

    if (n < 3 || atoi(word[1]) >= PARTY_DEVICES) {
        puts("what?");
        return;
    }

    p = &party[atoi(word[1])];

    if (strcmp(word[0], "device") == 0 && n == 8) {
        party_device(word);

    } else if (strcmp(word[0], "fog") == 0 && n == 4) {
        party_fog(word);

    } else if (strcmp(word[0], "record") == 0) {
        party_record(word);

    } else if (n < 3 || atoi(word[2]) >= PARTY_FOGS) {
        puts("what?");

    } else if (strcmp(word[0], "m3") == 0 && n == 4) {
        party_m3(word, 1);

    } else if (strcmp(word[0], "fogm3") == 0 && n == 4) {
        party_m3(word, 0);

    } else if (strcmp(word[0], "err") == 0 && n == 4) {
        n = (unsigned) party_bytes(word[3], err, sizeof(err));
        printf("%d\n", hars_aka_fog_error(&fog[atoi(word[2])], &p->relay, err,
                                          n));
    } else {
        party_attempt(word);
    }
}


static void
party_device(char **word)
{
    party_t        *p = &party[atoi(word[1])];
    unsigned char   key[32], seed[32], pk[32];

    if (party_bytes(word[5], key, 32) != 32
        || party_bytes(word[6], seed, 32) != 32
        || party_bytes(word[7], pk, 32) != 32
        || hars_aka_device_make(&p->device, (unsigned char *) word[2],
                                strlen(word[2]), (unsigned) atoi(word[3]),
                                (uint32_t) atoi(word[4]), key, seed, pk)
           != HARS_AKA_OK)
    {
        puts("what?");
        return;
    }

    puts("ok");
}


static void
party_fog(char **word)
{
    unsigned char  key[32], seed[32];

    if (atoi(word[1]) >= PARTY_FOGS || party_bytes(word[2], key, 32) != 32
        || party_bytes(word[3], seed, 32) != 32)
    {
        puts("what?");
        return;
    }

    hars_aka_fog_make(&fog[atoi(word[1])], key, seed);
    puts("ok");
}


static void
party_attempt(char **word)
{
    long            n;
    uint64_t        ts;
    party_t        *p = &party[atoi(word[1])];
    hars_aka_fog_t *f = &fog[atoi(word[2])];
    unsigned char   m1[HARS_AKA_M1], rnd[32];

    ts = word[3] ? strtoull(word[3], NULL, 10) : 0;
    n = strcmp(word[0], "spend") == 0 ? (long) ts : 1;
    ts = strcmp(word[0], "m2") == 0 ? ts : 0;

    for ( /* void */ ; n > 0; n--) {

        if (strcmp(word[0], "again") != 0) {
            randombytes_buf(rnd, sizeof(rnd));

            if (hars_aka_device_advance(&p->device) != HARS_AKA_OK
                || hars_aka_device_m1(&p->device, rnd, ts, &p->t, p->m1)
                   != HARS_AKA_OK)
            {
                puts("drop");
                return;
            }
        }

        memcpy(m1, p->m1, sizeof(m1));

        if (strcmp(word[0], "bad") == 0) {
            m1[sizeof(m1) - 1] ^= 1;
        }

        party_m2(p, f, m1, ts);
    }
}


static void
party_m2(party_t *p, hars_aka_fog_t *f, const unsigned char *m1, uint64_t ts)
{
    unsigned char  m2[HARS_AKA_M2], rnd[32];

    randombytes_buf(rnd, sizeof(rnd));

    if (hars_aka_fog_advance(f) != HARS_AKA_OK
        || hars_aka_fog_m2(f, m1, HARS_AKA_M1, rnd, ts, &p->relay, m2)
           != HARS_AKA_OK)
    {
        puts("drop");
        return;
    }

    party_hex(m2, sizeof(m2));
    puts("");
}


static void
party_m3(char **word, unsigned whole)
{
    size_t          len;
    party_t        *p = &party[atoi(word[1])];
    unsigned char   m3[PARTY_LINE], m4[HARS_AKA_M4];

    len = party_bytes(word[3], m3, sizeof(m3));

    if (hars_aka_fog_m3(&fog[atoi(word[2])], &p->relay, m3, len, 0, m4,
                        &p->at_fog) != HARS_AKA_OK)
    {
        puts("drop");
        return;
    }

    if (whole
        && (hars_aka_device_m4(&p->device, &p->t, m4, sizeof(m4),
                               &p->at_device) != HARS_AKA_OK
            || memcmp(p->at_device.sk, p->at_fog.sk, HARS_AKA_KEY) != 0
            || hars_aka_channel(&p->at_device, HARS_AKA_DEVICE_TO_FOG,
                                &p->channel) != HARS_AKA_OK))
    {
        puts("drop");
        return;
    }

    printf("ok ");
    party_hex(p->at_fog.sid, HARS_AKA_SID);
    puts("");
}


static void
party_record(char **word)
{
    size_t          len = strlen(word[2]);
    unsigned char   record[PARTY_LINE + HARS_AKA_RECORD];

    if (hars_aka_record_seal(&party[atoi(word[1])].channel,
                             (unsigned char *) word[2], len, record)
        != HARS_AKA_OK)
    {
        puts("drop");
        return;
    }

    party_hex(record, len + HARS_AKA_RECORD);
    puts("");
}


static void
party_hex(const unsigned char *bytes, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        printf("%02x", bytes[i]);
    }
}


static size_t
party_bytes(const char *hex, unsigned char *dst, size_t size)
{
    size_t  len;

    if (sodium_hex2bin(dst, size, hex, strlen(hex), NULL, &len, NULL) != 0) {
        return 0;
    }

    return len;
}


/*
 * Attacks of who has stolen something: a wearable's memory (offline guessing),
 * a fog node's, a device's key (impersonation of and to others).  Each against
 * both profiles; aka_attack.h says how.
 */

/* link: backend/fog/aka/aka_admit.c backend/fog/aka/aka_cloud.c */
/* link: backend/fog/aka/aka_crypto_host.c backend/fog/aka/aka_device.c */
/* link: backend/fog/aka/aka_fognode.c backend/fog/aka/aka_keys.c */
/* link: backend/fog/aka/aka_messages.c backend/fog/aka/aka_paper.c */
/* link: backend/fog/aka/aka_profile.c backend/fog/aka/aka_row.c */
/* link: backend/fog/aka/aka_session.c backend/fog/aka/aka_paper_memory.c */
/* link: backend/fog/aka/aka_password.c -lsodium -lcrypto */

#include "aka_attack.h"


#define WORDS  2000              /* of the thief's dictionary */
#define RIGHT  1234              /* the owner's choice */


static void word(char *text, unsigned n);
static int guessing_v1(unsigned suite);
static int guessing_paper(void);
static int stolen_fog_v1(unsigned suite);
static int stolen_fog_paper(void);
static int kci_v1(unsigned suite);
static int kci_paper(void);


static const attack_t  attacks[] = {
    { "offline guessing", guessing_v1, guessing_paper, FALLS, FALLS,
      "C_i tells the thief of a memory which password is right" },
    { "impersonation of a fog node", stolen_fog_v1, stolen_fog_paper, STANDS,
      FALLS, "its memory opens with its identity alone" },
    { "impersonation to a device (KCI)", kci_v1, kci_paper, FALLS, FALLS,
      "who has S_i answers the device as cloud server and fog node" }
};


int
main(void)
{
    attack_all(attacks, sizeof(attacks) / sizeof(attacks[0]));

    return tap_done();
}


/*
 * The thief has the flash image, the identity, a dictionary and what was sent.
 * A guess that passes the verifier he tests against a recorded M1: he knows
 * K_i then, but not z0.
 */
static int
guessing_v1(unsigned suite)
{
    char                         text[16];
    run_t                        run;
    size_t                       n, found;
    world_t                      w;
    unsigned char                memory[HARS_AKA_MEMORY], salt[32], key[32];
    unsigned char                z[32] = { 0 }, plain[HARS_AKA_PLAIN];
    hars_aka_m1_t               *m1 = (hars_aka_m1_t *) run.m1;
    hars_aka_part_t              a1 = { run.m1, HARS_AKA_A1 };
    hars_aka_device_t            thief;
    static const hars_aka_cost_t cheap = { 1, 8 };

    world_make(&w, NULL, suite, 21);
    word(text, RIGHT);
    (void) hars_aka_lock(&w.device[0], (unsigned char *) text, strlen(text),
                         w.device[3].seed, &cheap);
    hars_aka_device_memory(&w.device[0], memory);
    (void) world_session(&w, 0, 0, &run);
    (void) hars_aka_sha256(salt, &a1, 1);

    for (found = n = 0; n < WORDS; n++) {
        word(text, (unsigned) n);
        (void) hars_aka_device_recall(&thief, memory);

        if (hars_aka_unlock(&thief, w.device[0].id, w.device[0].id_len,
                            (unsigned char *) text, strlen(text), &cheap)
            != HARS_AKA_OK)
        {
            continue;
        }

        (void) hars_aka_message_key(suite, key, thief.key, z, 1, salt,
                                    "fogaka1 m1");

        if (hars_aka_open(suite, key, hars_aka_no_nonce, run.m1, HARS_AKA_A1,
                          m1->sealed, HARS_AKA_PLAIN, plain) == HARS_AKA_OK)
        {
            found = n;
        }
    }

    return found == RIGHT;
}


static int
guessing_paper(void)
{
    char                 text[16];
    world_t              w;
    unsigned             n, passed, last;
    hars_aka_device_t    thief;
    hars_paper_memory_t  memory;

    world_make(&w, "paper", HARS_AKA_SYM_AES, 22);
    word(text, RIGHT);
    (void) hars_paper_enrol(&w.device[0], (unsigned char *) text,
                            strlen(text), w.device[3].seed, &memory);

    for (passed = last = n = 0; n < WORDS; n++) {
        word(text, n);

        if (hars_paper_unlock(&thief, &memory, w.device[0].id,
                              w.device[0].id_len, (unsigned char *) text,
                              strlen(text)) == HARS_AKA_OK)
        {
            passed++;
            last = n;
        }
    }

    return passed == 1 && last == RIGHT;
}


/*
 * The memory of a fog node at rest and its identity.  v1 seals the state with
 * the platform's key (SPEC 5.3); here with one that the thief does not have.
 */
static int
stolen_fog_v1(unsigned suite)
{
    run_t           run;
    world_t         w;
    unsigned char   tpm[32] = { 3 }, none[32] = { 0 }, id[32] = { 0 };
    unsigned char   bytes[sizeof(hars_aka_fog_t) + HARS_AKA_TAG];
    hars_aka_fog_t  thief;

    world_make(&w, NULL, suite, 31);
    (void) hars_aka_seal(suite, tpm, hars_aka_no_nonce, NULL, 0,
                         (unsigned char *) &w.fog[0], sizeof(thief), bytes);
    memcpy(id, w.row[DEVICES].id, w.row[DEVICES].id_len);

    if (hars_aka_open(suite, id, hars_aka_no_nonce, NULL, 0, bytes,
                      sizeof(thief), (unsigned char *) &thief) == HARS_AKA_OK
        || hars_aka_open(suite, none, hars_aka_no_nonce, NULL, 0, bytes,
                         sizeof(thief), (unsigned char *) &thief)
           == HARS_AKA_OK)
    {
        return 1;
    }

    /* without it: the pseudonym that he has seen, a key that he makes up */

    thief = w.fog[0];
    memset(thief.key, 9, 32);
    w.fog[1] = thief;
    (void) world_m1(&w, 0, &run);
    (void) world_m2(&w, 1, &run, run.m1, HARS_AKA_M1);

    return world_m3(&w, run.m2, HARS_AKA_M2, &run) == HARS_AKA_OK;
}


static int
stolen_fog_paper(void)
{
    run_t                    run;
    world_t                  w;
    unsigned char            b[32] = { 7 };
    hars_paper_fog_memory_t  memory;

    world_make(&w, "paper", HARS_AKA_SYM_AES, 32);
    (void) hars_paper_fog_enrol(&w.fog[0], b, &memory);
    memset(&w.fog[0], 0, sizeof(w.fog[0]));

    (void) hars_paper_fog_recall(&w.fog[1], &memory, w.row[DEVICES].id,
                                 w.row[DEVICES].id_len);

    return world_session(&w, 0, 1, &run) == HARS_AKA_OK;
}


/*
 * The adversary has K_i (S_i) of the device, and neither x nor sk_cs; he
 * answers its M1 himself.
 */
static int
kci_v1(unsigned suite)
{
    run_t               run;
    world_t             w;
    unsigned char       th[32], key[32], kc[32], z[64] = { 0 };
    unsigned char       r1[32], e[32] = { 5 };
    hars_aka_m1_t      *m1 = (hars_aka_m1_t *) run.m1;
    hars_aka_m4_t      *m4 = (hars_aka_m4_t *) run.m4;
    hars_aka_part_t     a1 = { run.m1, HARS_AKA_A1 };
    hars_aka_plain_t    plain;
    hars_aka_inside_t   inside;
    hars_aka_session_t  made;

    world_make(&w, NULL, suite, 41);
    (void) world_m1(&w, 0, &run);

    /* r1, if z0 were nothing or what he can make of E_i and pk_cs */

    (void) hars_aka_shared(suite, z, e, w.cloud.pk);
    (void) hars_aka_sha256(th, &a1, 1);
    (void) hars_aka_message_key(suite, key, w.device[0].key, z, 1, th,
                                "fogaka1 m1");
    memset(&plain, 0, sizeof(plain));
    (void) hars_aka_open(suite, key, hars_aka_no_nonce, run.m1, HARS_AKA_A1,
                         m1->sealed, HARS_AKA_PLAIN,
                         (unsigned char *) &plain);
    memcpy(r1, plain.r, 32);

    hars_aka_header(&m4->head, 4, suite, 0);
    (void) hars_aka_point(suite, m4->e, e);
    (void) hars_aka_transcript(th, "fogaka1 th", run.m1, HARS_AKA_M1, m4->e);
    (void) hars_aka_shared(suite, z + 32, e, m1->e);
    (void) hars_aka_message_key(suite, key, w.device[0].key, z, 2, th,
                                "fogaka1 ki");
    memset(&inside, 6, sizeof(inside));
    (void) hars_aka_seal(suite, key, hars_aka_no_nonce, th, 32,
                         (unsigned char *) &inside, HARS_AKA_INSIDE,
                         m4->box_i);
    (void) hars_aka_session_keys(made.sk, kc, made.sid, th, r1, inside.peer,
                                 inside.r3);
    (void) hars_aka_confirmation(m4->fc, kc, th, run.m4);

    return world_end(&w, 0, &run) == HARS_AKA_OK
           && memcmp(run.at_device.sk, made.sk, 32) == 0;
}


static int
kci_paper(void)
{
    run_t           run;
    world_t         w;
    unsigned char   r1[32], k[32], mask[32], in[96], text[64], sk[32];
    unsigned        i;
    const unsigned char  *s;

    world_make(&w, "paper", HARS_AKA_SYM_AES, 42);
    (void) world_m1(&w, 0, &run);
    s = w.device[0].key;

    /* r1 = X + h(S|PID), then r2 = r3 = 6 6 6 ... of his own */

    sha(mask, s, 32, run.m1, 32, NULL, 0);

    for (i = 0; i < 32; i++) {
        r1[i] = run.m1[32 + i] ^ mask[i];
    }

    memset(in, 6, 64);
    memcpy(text, r1, 32);
    memset(text + 32, 6, 32);
    sha(in + 64, "V3", 2, text, 64, in + 32, 32);
    sha(k, w.device[0].id, w.device[0].id_len, s, 32, r1, 32);
    (void) hars_aka_seal(HARS_AKA_SYM_AES, k, hars_aka_no_nonce, NULL, 0, in,
                         96, run.m4);
    sha(sk, text, 64, in + 32, 32, NULL, 0);

    return world_end(&w, 0, &run) == HARS_AKA_OK
           && memcmp(run.at_device.sk, sk, 32) == 0;
}


static void
word(char *text, unsigned n)
{
    snprintf(text, 16, "word-%u", n);
}

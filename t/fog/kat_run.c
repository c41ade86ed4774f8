
/*
 * The session of a known-answer case, run by the three roles as the services
 * run them, but for the rules of the cloud server's rows: a case may have any
 * counter and time stamp.  What is only inside of them (r1, th, kc) is taken
 * from their states or computed again by the key schedule's functions.
 */

#include "kat.h"
#include "aka_cloud.h"
#include "aka_device.h"
#include "aka_fognode.h"
#include "aka_keys.h"

#include <stdio.h>
#include <string.h>


static int hars_kat_cloud(const hars_kat_t *in, hars_kat_t *out,
    const hars_aka_cloud_t *cloud, const hars_aka_try_t *t,
    const hars_aka_relay_t *relay, hars_aka_session_t *session);
static int hars_kat_keys(const hars_kat_t *in, hars_kat_t *out);


/* the session, by all three */
int
hars_kat_run(const hars_kat_t *in, hars_kat_t *out)
{
    hars_aka_try_t      t;
    hars_aka_fog_t      fog;
    hars_aka_relay_t    relay;
    hars_aka_cloud_t    cloud;
    hars_aka_device_t   device;
    hars_aka_session_t  at_device, at_fog, at_cloud;

    memset(&fog, 0, sizeof(fog));
    memset(&device, 0, sizeof(device));

    if (hars_aka_cloud_init(&cloud, in->x, in->sk_cs) != HARS_AKA_OK
        || hars_kat_keys(in, out) != 0)
    {
        return -1;
    }

    memcpy(out->pk_cs, cloud.pk, 32);

    device.suite = (unsigned char) in->suite;
    device.n = (unsigned char) in->n_i;
    device.ctr = in->ctr_i;
    memcpy(device.seed, in->s_i, 32);
    memcpy(device.key, out->key_i, 32);
    memcpy(device.pk_cs, cloud.pk, 32);
    fog.n = (unsigned char) in->n_j;
    fog.ctr = in->ctr_j;
    memcpy(fog.seed, in->s_j, 32);
    memcpy(fog.key, out->key_j, 32);

    if (hars_aka_device_m1(&device, in->rnd_i, in->ts_i, &t, out->m1)
        || hars_aka_fog_m2(&fog, out->m1, HARS_AKA_M1, in->rnd_j, in->ts_j,
                           &relay, out->m2)
        || hars_kat_cloud(in, out, &cloud, &t, &relay, &at_cloud)
        || hars_aka_fog_m3(&fog, &relay, out->m3, HARS_AKA_M3, 0, out->m4,
                           &at_fog)
        || hars_aka_device_m4(&device, &t, out->m4, HARS_AKA_M4, &at_device))
    {
        return -1;
    }

    memcpy(out->sk, at_device.sk, 32);
    memcpy(out->sid, at_device.sid, 16);

    if (memcmp(device.seed, in->s_i_new, 32) != 0
        || memcmp(fog.seed, in->s_j_new, 32) != 0
        || memcmp(at_fog.sk, at_device.sk, 32) != 0
        || memcmp(at_cloud.sk, at_device.sk, 32) != 0
        || memcmp(at_fog.sid, at_device.sid, 16) != 0
        || memcmp(at_cloud.sid, at_device.sid, 16) != 0)
    {
        fprintf(stderr, "the parties differ\n");
        return -1;
    }

    return 0;
}


static int
hars_kat_cloud(const hars_kat_t *in, hars_kat_t *out,
    const hars_aka_cloud_t *cloud, const hars_aka_try_t *t,
    const hars_aka_relay_t *relay, hars_aka_session_t *session)
{
    unsigned char       e[32], prk[32], ctx[32];
    hars_aka_part_t     m2 = { out->m2, HARS_AKA_M2 };
    hars_aka_request_t  request;

    memcpy(out->r1, t->r, 32);
    memcpy(out->r2, relay->r, 32);

    if (hars_aka_cloud_read(&request, out->m2, HARS_AKA_M2)
        || hars_aka_cloud_open_m2(cloud, &request,
               (const unsigned char *) in->id_j, strlen(in->id_j),
               (uint32_t) in->gen_j)
        || hars_aka_cloud_open_m1(cloud, &request,
               (const unsigned char *) in->id_i, strlen(in->id_i),
               (uint32_t) in->gen_i)
        || request.ctr_i != in->ctr_i || request.ctr_j != in->ctr_j
        || request.ts_i != in->ts_i || request.ts_j != in->ts_j
        || memcmp(request.r1, t->r, 32) != 0
        || memcmp(request.r2, relay->r, 32) != 0
        || hars_aka_cloud_m3(cloud, &request, in->rnd_cs, in->s_i_new,
                             in->s_j_new, out->m3, session))
    {
        return -1;
    }

    return hars_aka_sha256(ctx, &m2, 1)
           || hars_aka_hedge(e, out->r3, in->rnd_cs, in->x, ctx, 32)
           || hars_aka_transcript(out->th, "fogaka1 th", out->m1,
                                  HARS_AKA_M1, out->m3 + 4)
           || hars_aka_transcript(out->th2, "fogaka1 th2", out->m2,
                                  HARS_AKA_M2, out->m3 + 4)
           || hars_aka_session_keys(prk, out->kc, ctx, out->th, out->r1,
                                    out->r2, out->r3);
}


static int
hars_kat_keys(const hars_kat_t *in, hars_kat_t *out)
{
    return hars_aka_root(out->key_i, in->x, HARS_AKA_DEVICE,
                         (const unsigned char *) in->id_i, strlen(in->id_i),
                         (uint32_t) in->gen_i)
           || hars_aka_root(out->key_j, in->x, HARS_AKA_FOG,
                            (const unsigned char *) in->id_j,
                            strlen(in->id_j), (uint32_t) in->gen_j)
           || hars_aka_pid(out->pid_i, in->s_i, (unsigned) in->n_i)
           || hars_aka_pid(out->pid_j, in->s_j, (unsigned) in->n_j);
}

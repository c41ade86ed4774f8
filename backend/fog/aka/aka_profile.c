
/*
 * See aka_profile.h for what this is: two tables of functions, and by which
 * name one gets them.  The n-th pseudonym of pids() is the n-th of the
 * present seed up to HARS_AKA_FAN, of the previous one from there.
 */

#include "aka_profile.h"
#include "aka_device.h"
#include "aka_fognode.h"
#include "aka_paper.h"

#include <string.h>


static unsigned hars_aka_profile_pids(const hars_aka_row_t *row,
    unsigned char pid[2 * HARS_AKA_FAN][HARS_AKA_PID_MAX]);


static const hars_aka_profile_t  hars_aka_v1 = {
    .name = HARS_AKA_V1,
    .m1 = HARS_AKA_M1,
    .m2 = HARS_AKA_M2,
    .m3 = HARS_AKA_M3,
    .m4 = HARS_AKA_M4,
    .pid = HARS_AKA_PID,
    .key = hars_aka_cloud_key,
    .device_advance = hars_aka_device_advance,
    .device_m1 = hars_aka_device_m1,
    .device_m4 = hars_aka_device_m4,
    .fog_advance = hars_aka_fog_advance,
    .fog_m2 = hars_aka_fog_m2,
    .fog_m3 = hars_aka_fog_m3,
    .pids = hars_aka_profile_pids,
    .read = hars_aka_cloud_read,
    .pid_j = hars_aka_cloud_pid_j,
    .pid_i = hars_aka_cloud_pid_i,
    .admit_fog = hars_aka_admit_fog,
    .admit_device = hars_aka_admit_device,
    .admit = hars_aka_admit
};

static const hars_aka_profile_t  hars_aka_paper = {
    .name = HARS_AKA_PAPER,
    .m1 = HARS_PAPER_M1,
    .m2 = HARS_PAPER_M2,
    .m3 = HARS_PAPER_M3,
    .m4 = HARS_PAPER_M4,
    .pid = HARS_PAPER_PID,
    .key = hars_paper_key,
    .device_advance = hars_paper_device_advance,
    .device_m1 = hars_paper_device_m1,
    .device_m4 = hars_paper_device_m4,
    .fog_advance = hars_paper_fog_advance,
    .fog_m2 = hars_paper_fog_m2,
    .fog_m3 = hars_paper_fog_m3,
    .pids = hars_paper_pids,
    .read = hars_paper_read,
    .pid_j = hars_paper_pid_j,
    .pid_i = hars_paper_pid_i,
    .admit_fog = hars_paper_admit_fog,
    .admit_device = hars_paper_admit_device,
    .admit = hars_paper_admit
};


const hars_aka_profile_t *
hars_aka_profile(const char *name)
{
    if (name == NULL || strcmp(name, HARS_AKA_V1) == 0) {
        return &hars_aka_v1;
    }

    if (strcmp(name, HARS_AKA_PAPER) == 0) {
        return &hars_aka_paper;
    }

    return NULL;
}


static unsigned
hars_aka_profile_pids(const hars_aka_row_t *row,
    unsigned char pid[2 * HARS_AKA_FAN][HARS_AKA_PID_MAX])
{
    unsigned       i, total;
    unsigned char  short_pid[2 * HARS_AKA_FAN][HARS_AKA_PID];

    total = hars_aka_row_pids(row, short_pid);

    for (i = 0; i < total; i++) {
        memcpy(pid[i], short_pid[i], HARS_AKA_PID);
    }

    return total;
}

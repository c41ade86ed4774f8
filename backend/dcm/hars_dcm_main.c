
/* hars-dcm: it has one thing to do, to serve (hars_daemon.h). */

#include "hars_dcm.h"

#include <malloc.h>
#include <string.h>


#define HARS_DCM_MMAP    (128 * 1024)
#define HARS_DCM_ARENAS  2


static int hars_dcm_run(const char *config, unsigned check);


int
main(int argc, char **argv)
{
    const hars_daemon_t  daemon = {
        .name = "hars-dcm",
        .is = "the data collecting mechanism",
        .config = "/etc/hars/dcm.conf",
        .settings = hars_dcm_settings_help,
        .run = hars_dcm_run
    };

    /*
     * A large piece of memory goes back when it is freed, whatever there was
     * before, and threads share what is small: many bodies come and go.
     */

    (void) mallopt(M_MMAP_THRESHOLD, HARS_DCM_MMAP);
    (void) mallopt(M_TRIM_THRESHOLD, HARS_DCM_MMAP);
    (void) mallopt(M_ARENA_MAX, HARS_DCM_ARENAS);

    return hars_daemon(&daemon, argc, argv);
}


static int
hars_dcm_run(const char *config, unsigned check)
{
    int         rc;
    hars_dcm_t  dcm;

    memset(&dcm, 0, sizeof(hars_dcm_t));
    rc = HARS_EXIT_FAILED;

    if (hars_dcm_configure(&dcm, config) == HARS_OK) {
        rc = check ? hars_daemon_good(config) : hars_dcm_serve(&dcm);
    }

    hars_dcm_release(&dcm);

    return rc;
}

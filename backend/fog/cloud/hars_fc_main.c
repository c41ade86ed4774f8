
/* hars-fogcloud: it has one thing to do, to serve (hars_daemon.h). */

#include "hars_fc.h"

#include <string.h>


static int hars_fc_run(const char *config, unsigned check);


int
main(int argc, char **argv)
{
    const hars_daemon_t  daemon = {
        .name = "hars-fogcloud",
        .is = "the cloud server of the fog",
        .config = "/etc/hars/fogcloud.conf",
        .settings = hars_fc_settings_help,
        .run = hars_fc_run
    };

    return hars_daemon(&daemon, argc, argv);
}


static int
hars_fc_run(const char *config, unsigned check)
{
    int        rc;
    hars_fc_t  fc;

    memset(&fc, 0, sizeof(hars_fc_t));
    rc = HARS_EXIT_FAILED;

    if (hars_fc_configure(&fc, config) == HARS_OK) {
        rc = check ? hars_daemon_good(config) : hars_fc_serve(&fc);
    }

    hars_fc_release(&fc);

    return rc;
}


/* See hars_layout.h for what this is. */

#include "hars_layout.h"
#include "hars_log.h"

#include <stdio.h>


static int hars_layout_upgrade(hars_db_t *db, const hars_layout_t *layout,
    int version);
static void hars_layout_unknown(const hars_layout_t *layout, int version);


/* two programs may open an empty database at once: the second looks again */
int
hars_layout_apply(hars_db_t *db, const hars_layout_t *layout)
{
    int  rc, version;

    if (hars_db_begin(db) != HARS_OK) {
        return HARS_ERROR;
    }

    rc = hars_db_version(db, &version);

    if (rc == HARS_OK && version != layout->version) {
        rc = hars_layout_upgrade(db, layout, version);
    }

    if (rc == HARS_OK) {
        return hars_db_commit(db);
    }

    hars_db_rollback(db);

    return HARS_ERROR;
}


static int
hars_layout_upgrade(hars_db_t *db, const hars_layout_t *layout, int version)
{
    unsigned  i;

    if (version != 0 && version != layout->older) {
        hars_layout_unknown(layout, version);
        return HARS_ERROR;
    }

    if (version && hars_db_exec(db, layout->before) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0; layout->tables[i]; i++) {
        if (hars_db_exec(db, layout->tables[i]) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    if (version && hars_db_exec(db, layout->after) != HARS_OK) {
        return HARS_ERROR;
    }

    return hars_db_set_version(db, layout->version);
}


static void
hars_layout_unknown(const hars_layout_t *layout, int version)
{
    char  older[32];

    older[0] = '\0';

    if (layout->older) {
        snprintf(older, sizeof(older), "%d and ", layout->older);
    }

    hars_log_error("database: its layout is of version %d, this program "
                   "knows %s%d", version, older, layout->version);
}

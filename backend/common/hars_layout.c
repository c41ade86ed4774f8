
/* See hars_layout.h for what this is. */

#include "hars_layout.h"
#include "hars_log.h"


static int hars_layout_upgrade(hars_db_t *db, const hars_layout_t *layout,
    int version);
static const hars_layout_older_t *hars_layout_older(
    const hars_layout_t *layout, int version);
static int hars_layout_make(hars_db_t *db, const hars_layout_t *layout,
    const hars_layout_older_t *older);


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
    int                         rc;
    const hars_layout_older_t  *older;

    older = hars_layout_older(layout, version);

    if (version && older == NULL) {
        hars_log_error("database: its layout is of version %d, this program "
                       "knows up to %d", version, layout->version);
        return HARS_ERROR;
    }

    rc = (older && older->step) ? hars_db_exec(db, older->step)
                                : hars_layout_make(db, layout, older);

    return (rc == HARS_OK) ? hars_db_set_version(db, layout->version) : rc;
}


static const hars_layout_older_t *
hars_layout_older(const hars_layout_t *layout, int version)
{
    const hars_layout_older_t  *older;

    for (older = layout->older; older && older->version; older++) {
        if (older->version == version) {
            return older;
        }
    }

    return NULL;
}


static int
hars_layout_make(hars_db_t *db, const hars_layout_t *layout,
    const hars_layout_older_t *older)
{
    unsigned  i;

    if (older && hars_db_exec(db, older->before) != HARS_OK) {
        return HARS_ERROR;
    }

    for (i = 0; layout->tables[i]; i++) {
        if (hars_db_exec(db, layout->tables[i]) != HARS_OK) {
            return HARS_ERROR;
        }
    }

    return older ? hars_db_exec(db, older->after) : HARS_OK;
}

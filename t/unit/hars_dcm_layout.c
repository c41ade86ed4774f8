
/* A database of before is brought to the present layout, with what it has. */

/* link: common/hars_record.c backend/common/hars_log.c */
/* link: backend/common/hars_db.c backend/common/hars_db_sqlite.c */
/* link: backend/common/hars_db_pg.c backend/common/hars_db_pg_conn.c */
/* link: backend/common/hars_layout.c backend/common/hars_owner.c */
/* link: backend/dcm/hars_dcm_recording.c */
/* link: -lsqlite3 -lpq -lcrypto -lpthread */

#include "../../backend/dcm/hars_dcm_layout.c"
#include "../../backend/dcm/hars_dcm_recording.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static void row(hars_dcm_recording_t *recording);


int
main(void)
{
    int                   version;
    char                  dir[] = "/tmp/hars-dcm-layout-XXXXXX", path[64];
    hars_db_t            *db;
    hars_dcm_recording_t  was, got;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(path, sizeof(path), "%s/dcm.db", dir);
    db = hars_db_open(path);
    row(&was);

    ok(db && hars_layout_apply(db, &hars_dcm_layout) == HARS_OK, "made");
    ok(hars_db_version(db, &version) == HARS_OK && version == 102,
       "its version");
    ok(hars_recording_insert(db, &was) == HARS_OK, "a recording");

    /* as it was in 101 */

    ok(hars_db_exec(db, "ALTER TABLE recording DROP COLUMN fog_device;")
       == HARS_OK && hars_db_set_version(db, 101) == HARS_OK, "of before");
    ok(hars_recording_get(db, "p", "r", &got) == HARS_ERROR,
       "which cannot be read as it is");

    ok(hars_layout_apply(db, &hars_dcm_layout) == HARS_OK, "brought here");
    ok(hars_db_version(db, &version) == HARS_OK && version == 102,
       "its version");
    ok(hars_recording_get(db, "p", "r", &got) == HARS_OK, "the recording");
    ok(strcmp(got.fog_session, was.fog_session) == 0
       && strcmp(got.options, was.options) == 0 && got.end_ms == was.end_ms,
       "... is as it was");
    ok(got.fog_device[0] == '\0', "... of no wearable that is known");
    ok(hars_layout_apply(db, &hars_dcm_layout) == HARS_OK, "and once more");

    ok(hars_db_set_version(db, 103) == HARS_OK
       && hars_layout_apply(db, &hars_dcm_layout) == HARS_ERROR,
       "a newer one is refused");

    hars_db_close(db);
    unlink(path);
    strcat(path, "-wal");
    unlink(path);
    strcpy(path + strlen(path) - 3, "shm");
    unlink(path);
    rmdir(dir);

    return tap_done();
}


static void
row(hars_dcm_recording_t *recording)
{
    memset(recording, 0, sizeof(hars_dcm_recording_t));
    strcpy(recording->patient, "p");
    strcpy(recording->id, "r");
    strcpy(recording->uploader_sub, "s");
    strcpy(recording->uploader_client, "c");
    strcpy(recording->fog_session, "f");
    strcpy(recording->fog_device, "d");
    strcpy(recording->placement, "pocket");
    strcpy(recording->options, "sampling_rate_hz=50");
    recording->start_ms = 1;
    recording->end_ms = 2;
}

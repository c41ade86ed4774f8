
/* a key is made: it is there whole, or not at all */

/* link: common/hars_record.c backend/common/hars_text.c -lcrypto */

#include "../../backend/common/hars_identity.c"

#include "tap.h"

#include <dirent.h>
#include <sys/syscall.h>


static char      dir[] = "/tmp/hars_identity.XXXXXX";
static char      file[64];
static unsigned  seen;                    /* before it was on the disk */
static unsigned  intrudes;                /* another process is faster */


int
fsync(int fd)
{
    struct stat  sb;

    if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode)) {
        seen += access(file, F_OK) == 0;

        if (intrudes) {
            close(open(file, O_WRONLY | O_CREAT | O_EXCL, 0600));
        }
    }

    return (int) syscall(SYS_fsync, fd);
}


static unsigned
files(void)
{
    DIR       *d;
    unsigned   n;

    n = 0;
    d = opendir(dir);

    while (d && readdir(d)) {
        n++;
    }

    closedir(d);

    return n - 2;
}


static hars_identity_t *
key(int wanted)
{
    int               rc;
    hars_identity_t  *id;

    id = hars_identity_create();
    rc = hars_identity_key(id, file, 1);
    ok(rc == wanted, "%s", rc == HARS_OK ? "a key" : id->error);

    return id;
}


int
main(void)
{
    struct stat       sb;
    hars_identity_t  *made, *found;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(file, sizeof(file), "%s/own.key", dir);

    made = key(HARS_OK);
    ok(seen == 0, "it has its name when it is on the disk");
    ok(stat(file, &sb) == 0 && (sb.st_mode & 07777) == 0600, "mode 0600");
    ok(files() == 1, "nothing beside it");

    found = key(HARS_OK);
    ok(EVP_PKEY_eq(made->key, found->key) == 1, "the same from then on");
    hars_identity_free(found);
    hars_identity_free(made);

    unlink(file);
    intrudes = 1;
    hars_identity_free(key(HARS_ERROR));
    ok(stat(file, &sb) == 0 && sb.st_size == 0, "another's is left alone");
    ok(files() == 1, "nothing beside it");

    unlink(file);
    rmdir(dir);

    return tap_done();
}

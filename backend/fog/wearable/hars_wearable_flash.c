
/*
 * The flash of the device: 128 bytes in a file.  A write is a new file beside
 * it, synced, renamed over it, and the directory synced: whoever is killed
 * when, one whole image is there, the old one or the new one.
 */

#include "hars_wearable.h"
#include "aka_crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static int hars_flash_fail(const char *file, const char *what);
static int hars_flash_put(const char *file, const unsigned char *image);
static int hars_flash_directory(const char *file);


int
hars_flash_read(const char *file, hars_aka_device_t *device)
{
    int            fd;
    ssize_t        n;
    unsigned char  image[HARS_AKA_MEMORY + 1];

    fd = open(file, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return hars_flash_fail(file, strerror(errno));
    }

    n = read(fd, image, sizeof(image));
    close(fd);

    if (n != HARS_AKA_MEMORY
        || hars_aka_device_recall(device, image) != HARS_AKA_OK)
    {
        hars_aka_wipe(image, sizeof(image));
        return hars_flash_fail(file, "is no image of 128 bytes: make it with "
                               "hars-wearable provision");
    }

    hars_aka_wipe(image, sizeof(image));

    return HARS_OK;
}


int
hars_flash_write(const char *file, const hars_aka_device_t *device)
{
    int            rc;
    char           name[PATH_MAX];
    unsigned char  image[HARS_AKA_MEMORY];

    if ((size_t) snprintf(name, sizeof(name), "%s.new", file)
        >= sizeof(name))
    {
        return hars_flash_fail(file, "is too long a name");
    }

    hars_aka_device_memory(device, image);
    rc = hars_flash_put(name, image);
    hars_aka_wipe(image, sizeof(image));

    if (rc != HARS_OK || rename(name, file) == -1) {
        rc = hars_flash_fail(file, strerror(errno));
        (void) unlink(name);
        return rc;
    }

    return hars_flash_directory(file);
}


static int
hars_flash_put(const char *file, const unsigned char *image)
{
    int  fd, rc, failed;

    fd = open(file, O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        return HARS_ERROR;
    }

    errno = ENOSPC;
    rc = write(fd, image, HARS_AKA_MEMORY) == HARS_AKA_MEMORY
         && fsync(fd) == 0 ? HARS_OK : HARS_ERROR;
    failed = errno;
    close(fd);
    errno = failed;

    return rc;
}


static int
hars_flash_directory(const char *file)
{
    int   fd, rc;
    char  name[PATH_MAX];

    snprintf(name, sizeof(name), "%s", file);
    fd = open(dirname(name), O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return hars_flash_fail(file, strerror(errno));
    }

    rc = fsync(fd) == 0 ? HARS_OK : hars_flash_fail(file, strerror(errno));
    close(fd);

    return rc;
}


static int
hars_flash_fail(const char *file, const char *what)
{
    fprintf(stderr, "hars-wearable: --flash %s: %s\n", file, what);

    return HARS_ERROR;
}

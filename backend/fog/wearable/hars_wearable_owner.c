
/*
 * What the device's owner has in the head, from a file or, "-", standard
 * input: the identity in the first line, the password in the second.  Neither
 * stands in a command line, where everybody reads it.
 */

#include "hars_wearable.h"
#include "aka_crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


static int hars_owner_split(const char *file, const char *text, size_t len,
    hars_owner_t *owner);
static int hars_owner_line(const char **text, size_t *len,
    unsigned char *dst, size_t size, size_t *n);


int
hars_owner_read(const char *file, hars_owner_t *owner)
{
    int      fd, rc;
    char     text[512];
    size_t   len;
    ssize_t  n;

    fd = strcmp(file, "-") ? open(file, O_RDONLY|O_CLOEXEC) : STDIN_FILENO;

    if (fd == -1) {
        fprintf(stderr, "hars-wearable: --owner-file %s: %s\n", file,
                strerror(errno));
        return HARS_ERROR;
    }

    for (len = 0; len < sizeof(text); len += (size_t) n) {
        n = read(fd, text + len, sizeof(text) - len);

        if (n <= 0) {
            break;
        }
    }

    rc = hars_owner_split(file, text, len, owner);
    hars_aka_wipe(text, sizeof(text));

    if (fd != STDIN_FILENO) {
        close(fd);
    }

    return rc;
}


static int
hars_owner_split(const char *file, const char *text, size_t len,
    hars_owner_t *owner)
{
    memset(owner, 0, sizeof(hars_owner_t));

    if (hars_owner_line(&text, &len, owner->id, sizeof(owner->id),
                        &owner->id_len)
        != HARS_OK
        || hars_owner_line(&text, &len, owner->password,
                           sizeof(owner->password), &owner->len)
           != HARS_OK
        || len)
    {
        hars_aka_wipe(owner, sizeof(hars_owner_t));
        fprintf(stderr, "hars-wearable: --owner-file %s: has to have two "
                "lines, the identity (1 to 64 bytes) and the password (1 to "
                "256)\n", file);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_owner_line(const char **text, size_t *len, unsigned char *dst,
    size_t size, size_t *n)
{
    const char  *end;

    end = memchr(*text, '\n', *len);
    *n = end ? (size_t) (end - *text) : *len;

    if (*n == 0 || *n > size) {
        return HARS_ERROR;
    }

    memcpy(dst, *text, *n);
    *text += *n + (end != NULL);
    *len -= *n + (end != NULL);

    return HARS_OK;
}

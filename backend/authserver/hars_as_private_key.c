
/* See hars_as_private_key.h for what this is. */

#include "hars_as_private_key.h"
#include "hars_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>


static int hars_private_key_mute(char *buf, int size, int rwflag, void *data);


EVP_PKEY *
hars_private_key_read(const char *path, const char **error)
{
    int        fd;
    FILE      *fp;
    EVP_PKEY  *key;

    *error = "cannot be read";
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd == -1) {
        *error = (errno == ENOENT)
                 ? "does not exist"
                 : "cannot be opened, see that this user may read it";
        return NULL;
    }

    fp = (hars_key_file_check(fd, error) == HARS_OK) ? fdopen(fd, "r") : NULL;

    if (fp == NULL) {
        close(fd);
        return NULL;
    }

    key = PEM_read_PrivateKey(fp, NULL, hars_private_key_mute, NULL);
    fclose(fp);
    ERR_clear_error();

    if (key == NULL) {
        *error = "has no private key in PEM without a passphrase";
    }

    return key;
}


/* nobody is there who could type one */
static int
hars_private_key_mute(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return -1;
}

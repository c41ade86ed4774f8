
/* See hars_owner.h for what this is. */

#include "hars_owner.h"
#include "hars_log.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hars_record.h>


static int hars_owner_directory(const char *path, struct stat *sb);


int
hars_owner_check(const char *what, const char *path)
{
    char         name[HARS_OWNER_NAME];
    struct stat  sb;

    if (geteuid() != 0 || stat(path, &sb) == 0 || errno != ENOENT
        || hars_owner_directory(path, &sb) != HARS_OK || sb.st_uid == 0)
    {
        return HARS_OK;
    }

    hars_owner_name(sb.st_uid, name);

    hars_log_error("%s \"%s\" does not exist, and its directory belongs to "
                   "%s, who could not open one of root's: run this as that "
                   "user, runuser -u %s -- ...", what, path, name, name);

    return HARS_ERROR;
}


/* what else is wrong with it says who makes the file */
static int
hars_owner_directory(const char *path, struct stat *sb)
{
    char         dir[PATH_MAX];
    const char  *end;

    end = strrchr(path, '/');

    if (end == NULL) {
        return stat(".", sb) == 0 ? HARS_OK : HARS_ERROR;
    }

    if (end - path >= PATH_MAX - 1) {
        return HARS_ERROR;
    }

    snprintf(dir, sizeof(dir), "%.*s", (int) (end - path) + 1, path);

    return stat(dir, sb) == 0 ? HARS_OK : HARS_ERROR;
}


const char *
hars_owner_name(uid_t uid, char name[HARS_OWNER_NAME])
{
    char            buf[4096];
    struct passwd   pw, *found;

    if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found) {
        snprintf(name, HARS_OWNER_NAME, "%s", pw.pw_name);

    } else {
        snprintf(name, HARS_OWNER_NAME, "#%lu", (unsigned long) uid);
    }

    return name;
}

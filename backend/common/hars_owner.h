
/*
 * Whose the files are that a service keeps.  They are closed to other users,
 * so what root makes in its place, by a command typed in a hurry, the
 * service cannot read: it is refused before it is there.
 */

#ifndef HARS_OWNER_H
#define HARS_OWNER_H


#include <sys/types.h>


#define HARS_OWNER_NAME  64


/*
 * HARS_OK: the file is there, or may be made; HARS_ERROR: this is root, and
 * the directory another user's, after the log has said so.  "what" names the
 * file: its setting.
 */
int hars_owner_check(const char *what, const char *path);

/* the user's name, or its number where it has none */
const char *hars_owner_name(uid_t uid, char name[HARS_OWNER_NAME]);


#endif /* HARS_OWNER_H */

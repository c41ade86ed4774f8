
/*
 * A private key in a PEM file, closed to others (hars_key_file_check()) and
 * without a passphrase, since nobody is there who could type one: the
 * authority's, and those that sign answers and the audit log.
 */

#ifndef HARS_AS_PRIVATE_KEY_H
#define HARS_AS_PRIVATE_KEY_H


struct evp_pkey_st;


/* NULL, and *error the words that follow the file's name */
struct evp_pkey_st *hars_private_key_read(const char *path, const char **error);


#endif /* HARS_AS_PRIVATE_KEY_H */

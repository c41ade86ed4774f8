
/*
 * Subject names, RFC 8705 section 2.1.2: the registered one is an RFC 4514
 * string, the certificate's is DER.  Attribute types compare as OIDs, the
 * order of RDNs counts, the order inside one does not, values compare as
 * characters, exactly: case and inner spaces count.  A "#" value compares as
 * DER.  The string is parsed, never the certificate's name printed.  Pure, but
 * for what is kept of it.
 */

#ifndef HARS_AS_DN_H
#define HARS_AS_DN_H


#include <stddef.h>


/* HARS_OK, or HARS_ERROR and a constant text that tells the mend */
int hars_dn_check(const char *dn, const char **error);

/* HARS_OK: the DER of a Name is the one that the string says */
int hars_dn_match(const char *dn, const unsigned char *der, size_t len);

/* hars_as_dn_memo.c: the same, and thread-safe, for pairs that come again */
int hars_dn_match_kept(const char *dn, const unsigned char *der, size_t len);

/*
 * hars_as_dn_encode.c: the DER of the Name that the string says, UTF8String
 * but where RFC 5280 wants another type.  HARS_ERROR: a value breaks a limit
 * of RFC 5280's appendix A, or the DER is longer than "size".
 */
int hars_dn_encode(const char *dn, unsigned char *der, size_t size,
    size_t *len);

/* HARS_OK: the one CN that the string has is "cn" */
int hars_dn_common_name(const char *dn, const char *cn);


#endif /* HARS_AS_DN_H */

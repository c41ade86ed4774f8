
/*
 * The names that a client's certificate gets: by its registration alone,
 * never by what it asks for.
 *
 *     registered by subject_dn    that subject, whose CN is the client_id
 *     by san_dns, _uri, _ip,      CN=client_id, and that one name as
 *     _email                      SubjectAltName
 *
 * Others are not enrolled here: their certificates come from elsewhere.
 */

#ifndef HARS_AS_NAMES_H
#define HARS_AS_NAMES_H


#include "hars_as.h"
#include "hars_as_cert.h"


typedef struct {
    char            dn[HARS_AS_DN_SIZE];  /* RFC 4514 */
    size_t          subject_len;
    unsigned char   subject[HARS_CERT_NAME];           /* Name, DER */
    size_t          san_len;              /* 0: there is none */
    unsigned char   san[HARS_CERT_NAME];  /* GeneralNames, DER: one */
} hars_names_t;


/*
 * HARS_DECLINED and a text: this client is not enrolled.  "issuer", the DER
 * of the issuing authority's name, is held against a registered issuer_dn;
 * NULL: it is not.
 */
int hars_names_of(const hars_client_t *client, const unsigned char *issuer,
    size_t issuer_len, hars_names_t *names, const char **why);


#endif /* HARS_AS_NAMES_H */

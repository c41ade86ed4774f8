
/*
 * Which names were found to match: parsing both costs as much as all else
 * that is asked of a client, and the same pairs come again and again.  What
 * is kept is the whole of both, compared byte by byte: a hit says nothing that
 * hars_dn_match() has not said.
 */

#include "hars_as.h"
#include "hars_as_cert.h"
#include "hars_as_dn.h"

#include <pthread.h>
#include <string.h>


#define HARS_DN_MEMO  256                 /* pairs, a power of two */


typedef struct {
    size_t           len;                 /* 0: none */
    char             dn[HARS_AS_DN_SIZE];
    unsigned char    der[HARS_CERT_NAME];
} hars_dn_memo_t;


static unsigned hars_dn_memo_at(const char *dn, size_t len);


static pthread_mutex_t  hars_dn_memo_mutex = PTHREAD_MUTEX_INITIALIZER;
static hars_dn_memo_t   hars_dn_memo[HARS_DN_MEMO];


int
hars_dn_match_kept(const char *dn, const unsigned char *der, size_t len)
{
    size_t           n;
    unsigned         known;
    hars_dn_memo_t  *memo;

    n = strlen(dn);
    memo = &hars_dn_memo[hars_dn_memo_at(dn, n)];

    pthread_mutex_lock(&hars_dn_memo_mutex);

    known = memo->len == len && len != 0
            && memcmp(memo->der, der, len) == 0
            && strcmp(memo->dn, dn) == 0;

    pthread_mutex_unlock(&hars_dn_memo_mutex);

    if (known) {
        return HARS_OK;
    }

    if (hars_dn_match(dn, der, len) != HARS_OK) {
        return HARS_DECLINED;
    }

    if (n < sizeof(memo->dn) && len <= sizeof(memo->der)) {
        pthread_mutex_lock(&hars_dn_memo_mutex);

        memcpy(memo->dn, dn, n + 1);
        memcpy(memo->der, der, len);
        memo->len = len;

        pthread_mutex_unlock(&hars_dn_memo_mutex);
    }

    return HARS_OK;
}


/* FNV-1a */
static unsigned
hars_dn_memo_at(const char *dn, size_t len)
{
    uint32_t  hash;

    for (hash = 0x811c9dc5; len; len--) {
        hash = (hash ^ (unsigned char) *dn++) * 0x01000193;
    }

    return (hash ^ hash >> 16) & (HARS_DN_MEMO - 1);
}

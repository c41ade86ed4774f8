
/*
 * What is made of the two key files: x and the X25519 pair of the protocol,
 * and of x two keys of this service's own: one for names of rows, which are
 * aliases (docs/fog.md), and one that seals whose a row is.  Labels that are
 * none of the protocol's keep them apart from its keys.
 */

#ifndef HARS_FC_KEYS_H
#define HARS_FC_KEYS_H


#include "aka_keys.h"
#include "hars_fc.h"


#define HARS_FC_NAME    16
#define HARS_FC_ALIAS   (2 * HARS_FC_NAME + 1)
#define HARS_FC_SEALED  (HARS_AKA_NONCE + HARS_WHO_ID + HARS_AKA_TAG)


/* of two files' bytes */
int hars_fc_keys(hars_fc_t *fc, const unsigned char x[32],
    const unsigned char sk[32]);

/* the row's name: the same for the same kind and id, and says nothing */
int hars_fc_name(const hars_fc_t *fc, unsigned kind, const char *id,
    unsigned char name[HARS_FC_NAME]);

/* as it stands in URLs and answers */
void hars_fc_alias(const unsigned char name[HARS_FC_NAME],
    char alias[HARS_FC_ALIAS]);

/* exactly "len" bytes in lower-case hexadecimal, or HARS_DECLINED */
int hars_fc_unhex(const char *text, unsigned char *dst, size_t len);

/* a sub or client id of row "number", zero-padded; HARS_ERROR */
int hars_fc_who_seal(const hars_fc_t *fc, uint64_t number,
    const char who[HARS_WHO_ID], unsigned char sealed[HARS_FC_SEALED]);
int hars_fc_who_open(const hars_fc_t *fc, uint64_t number,
    const unsigned char sealed[HARS_FC_SEALED], char who[HARS_WHO_ID]);


#endif /* HARS_FC_KEYS_H */


/*
 * What the two files of the paper's scheme share: its hash h over up to three
 * strings one after the other (NULL, 0 for those that there are not), as
 * SHA-256, and xor of 32 bytes.  The output may be an input.
 */

#ifndef HARS_AKA_PAPER_PRIVATE_H
#define HARS_AKA_PAPER_PRIVATE_H


#include <stddef.h>


int hars_paper_hash(unsigned char *hash, const void *a, size_t a_len,
    const void *b, size_t b_len, const void *c, size_t c_len);

void hars_paper_xor(unsigned char out[32], const unsigned char *a,
    const unsigned char *b);


#endif /* HARS_AKA_PAPER_PRIVATE_H */

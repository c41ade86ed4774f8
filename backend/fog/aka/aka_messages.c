
/*
 * See aka_messages.h for what this is.  A message has one length, one type,
 * and a suite of 5.1; whatever differs in a byte of its header is none.  The
 * header of M3 is not in the data that its boxes authenticate: that every
 * flipped bit is refused hangs on these comparisons.
 */

#include "aka_messages.h"


static int hars_aka_header_is(const hars_aka_header_t *head, unsigned type);


int
hars_aka_suite_known(unsigned suite)
{
    return suite == HARS_AKA_SYM_AES || suite == HARS_AKA_X25519_AES
           || suite == HARS_AKA_SYM_CHACHA || suite == HARS_AKA_X25519_CHACHA;
}


int
hars_aka_suite_x25519(unsigned suite)
{
    return (suite & 0x02) != 0;
}


void
hars_aka_header(hars_aka_header_t *head, unsigned type, unsigned suite,
    unsigned code)
{
    head->version = HARS_AKA_VERSION;
    head->type = (unsigned char) type;
    head->suite = (unsigned char) suite;
    head->code = (unsigned char) code;
}


const hars_aka_m1_t *
hars_aka_m1(const unsigned char *m, size_t len)
{
    const hars_aka_m1_t  *m1 = (const hars_aka_m1_t *) m;

    return len == HARS_AKA_M1 && hars_aka_header_is(&m1->head, 1) ? m1 : NULL;
}


const hars_aka_m2_t *
hars_aka_m2(const unsigned char *m, size_t len)
{
    const hars_aka_m2_t  *m2 = (const hars_aka_m2_t *) m;

    if (len != HARS_AKA_M2 || !hars_aka_header_is(&m2->head, 2)
        || !hars_aka_header_is(&m2->m1.head, 1)
        || m2->head.suite != m2->m1.head.suite)
    {
        return NULL;
    }

    return m2;
}


const hars_aka_m3_t *
hars_aka_m3(const unsigned char *m, size_t len, unsigned suite)
{
    const hars_aka_m3_t  *m3 = (const hars_aka_m3_t *) m;

    if (len != HARS_AKA_M3 || !hars_aka_header_is(&m3->head, 3)
        || m3->head.suite != suite)
    {
        return NULL;
    }

    return m3;
}


const hars_aka_m4_t *
hars_aka_m4(const unsigned char *m, size_t len, unsigned suite)
{
    const hars_aka_m4_t  *m4 = (const hars_aka_m4_t *) m;

    if (len != HARS_AKA_M4 || !hars_aka_header_is(&m4->head, 4)
        || m4->head.suite != suite)
    {
        return NULL;
    }

    return m4;
}


const hars_aka_err_t *
hars_aka_err(const unsigned char *m, size_t len)
{
    const hars_aka_err_t  *err = (const hars_aka_err_t *) m;

    if (len != HARS_AKA_ERR || err->head.version != HARS_AKA_VERSION
        || err->head.type != HARS_AKA_TYPE_ERR || err->head.code == 0)
    {
        return NULL;
    }

    return err;
}


static int
hars_aka_header_is(const hars_aka_header_t *head, unsigned type)
{
    return head->version == HARS_AKA_VERSION && head->type == type
           && hars_aka_suite_known(head->suite) && head->code == 0;
}


void
hars_aka_put(unsigned char *p, unsigned size, uint64_t v)
{
    while (size--) {
        p[size] = (unsigned char) v;
        v >>= 8;
    }
}


uint64_t
hars_aka_get(const unsigned char *p, unsigned size)
{
    uint64_t  v;

    for (v = 0; size--; p++) {
        v = v << 8 | *p;
    }

    return v;
}


/* See hars_dcm_name.h for what this is. */

#include "hars_dcm_name.h"
#include "hars_dcm.h"

#include <string.h>


typedef struct {
    uint32_t  from;
    uint32_t  to;
} hars_name_range_t;


static int hars_name_next(const unsigned char **p, uint32_t *c);
static unsigned hars_name_visible(uint32_t c);
static unsigned hars_name_joins(uint32_t c);


/* Unicode's Cc, Cf, Zl, Zp, Co, noncharacters and blanks that look like none */
static const hars_name_range_t  hars_name_hidden[] = {
    { 0x0000, 0x001f },
    { 0x007f, 0x009f },
    { 0x00ad, 0x00ad },
    { 0x034f, 0x034f },
    { 0x0600, 0x0605 },
    { 0x061c, 0x061c },
    { 0x06dd, 0x06dd },
    { 0x070f, 0x070f },
    { 0x0890, 0x0891 },
    { 0x08e2, 0x08e2 },
    { 0x115f, 0x1160 },
    { 0x17b4, 0x17b5 },
    { 0x180e, 0x180e },
    { 0x200b, 0x200b },
    { 0x200e, 0x200f },
    { 0x2028, 0x202e },
    { 0x2060, 0x206f },
    { 0x2800, 0x2800 },
    { 0x3164, 0x3164 },
    { 0xd800, 0xf8ff },
    { 0xfdd0, 0xfdef },
    { 0xfeff, 0xfeff },
    { 0xffa0, 0xffa0 },
    { 0xfff0, 0xffff },
    { 0x110bd, 0x110bd },
    { 0x110cd, 0x110cd },
    { 0x13430, 0x1345f },
    { 0x1bca0, 0x1bca3 },
    { 0x1d173, 0x1d17a },
    { 0x1fffe, 0x1ffff },
    { 0xe0000, UINT32_MAX },
    { 0, 0 }
};


int
hars_name_check(const char *name)
{
    size_t                len;
    uint32_t              c;
    unsigned              first;
    const unsigned char  *p;

    len = strlen(name);

    if (len == 0 || len >= HARS_NAME_SIZE || name[0] == ' '
        || name[len - 1] == ' ')
    {
        return HARS_DECLINED;
    }

    for (p = (const unsigned char *) name; *p; /* void */) {

        first = (p == (const unsigned char *) name);

        if (hars_name_next(&p, &c) != HARS_OK || !hars_name_visible(c)
            || (first && hars_name_joins(c)))
        {
            return HARS_DECLINED;
        }
    }

    return HARS_OK;
}


/* RFC 3629, 4: no overlong form, no surrogate, nothing above U+10FFFF */
static int
hars_name_next(const unsigned char **p, uint32_t *c)
{
    unsigned              i, more;
    const unsigned char  *s;

    static const uint32_t  least[] = { 0, 0x80, 0x800, 0x10000 };

    s = *p;

    more = s[0] < 0x80 ? 0
           : s[0] >= 0xc0 && s[0] < 0xe0 ? 1
           : s[0] >= 0xe0 && s[0] < 0xf0 ? 2
           : s[0] >= 0xf0 && s[0] < 0xf8 ? 3 : 4;

    if (more == 4) {
        return HARS_DECLINED;
    }

    *c = more ? s[0] & (0x3fu >> more) : s[0];

    /* the 0 at the end is not one of these */

    for (i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return HARS_DECLINED;
        }

        *c = *c << 6 | (s[i] & 0x3f);
    }

    *p = s + more + 1;

    return *c >= least[more] && *c <= 0x10ffff
           && (*c < 0xd800 || *c > 0xdfff) ? HARS_OK : HARS_DECLINED;
}


static unsigned
hars_name_visible(uint32_t c)
{
    const hars_name_range_t  *range;

    for (range = hars_name_hidden; range->to; range++) {
        if (c >= range->from && c <= range->to) {
            return 0;
        }
    }

    return 1;
}


/* what Persian names and many a picture have between their characters */
static unsigned
hars_name_joins(uint32_t c)
{
    return c == 0x200c || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f)
           || (c >= 0x180b && c <= 0x180f);
}

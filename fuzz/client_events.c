
/*
 * A stream of events, whole and cut anywhere: the same events either way, an
 * id that can go into a header.
 */

#include "../backend/client/hars_events.c"
#include "../backend/common/hars_text.c"

#include <stdint.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
keep(void *owner, const char *data, size_t len)
{
    hars_text_t  *all;

    all = owner;
    hars_text_add(all, data, len);
    hars_text_add(all, "", 1);

    return HARS_OK;
}


static int
feed(hars_events_t *events, hars_text_t *all, const char *p, size_t len,
    size_t step)
{
    int     rc;
    size_t  n;

    memset(events, 0, sizeof(hars_events_t));
    memset(all, 0, sizeof(hars_text_t));
    events->take = keep;
    events->owner = all;
    rc = HARS_OK;

    while (len && rc == HARS_OK) {
        n = len < step ? len : step;
        rc = hars_events_feed(events, p, n);
        p += n;
        len -= n;
    }

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            rc;
    hars_text_t    one, two;
    hars_events_t  a, b;

    rc = feed(&a, &one, (const char *) data, size, size ? size : 1);

    if (rc != feed(&b, &two, (const char *) data, size,
                   size ? 1 + data[0] % 5 : 1)
        || one.len != two.len
        || (one.len && memcmp(one.data, two.data, one.len) != 0)
        || strcmp(a.id, b.id) != 0
        || strpbrk(a.id, "\r\n: ") != NULL)
    {
        abort();
    }

    hars_events_reset(&a);
    hars_events_reset(&b);
    hars_text_free(&one);
    hars_text_free(&two);

    return 0;
}

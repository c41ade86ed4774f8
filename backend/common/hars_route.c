
/* See hars_route.h for what this is. */

#include "hars_route.h"
#include "hars_record.h"

#include <string.h>


static unsigned hars_route_any(const char *pattern, const char *p);
static int hars_route_decode(const char *src, size_t len, char *dst,
    size_t size);
static int hars_route_hex(int c);


unsigned
hars_route_at(const hars_route_t *route, const char *path)
{
    size_t       len;
    const char  *p;

    if (route->prefix) {

        /* something has to follow it */

        len = strlen(route->path);

        return strncmp(route->path, path, len) == 0 && path[len] != '\0';
    }

    for (p = route->path; *p; p++) {

        if (hars_route_any(route->path, p)) {
            len = strcspn(path, "/");

            if (len == 0) {
                return 0;
            }

            path += len;

        } else if (*p != *path++) {
            return 0;
        }
    }

    return *path == '\0';
}


/* a "*" is one where it is the whole segment */
static unsigned
hars_route_any(const char *pattern, const char *p)
{
    return *p == '*' && p > pattern && p[-1] == '/'
           && (p[1] == '/' || p[1] == '\0');
}


int
hars_route_segment(hars_request_t *r, unsigned i, char *dst, size_t size)
{
    size_t       len;
    const char  *p, *path;

    dst[0] = '\0';

    if (r->route == NULL || r->route->prefix) {
        return HARS_DECLINED;
    }

    path = r->path;

    for (p = r->route->path; *p; p++) {

        if (!hars_route_any(r->route->path, p)) {
            path++;
            continue;
        }

        len = strcspn(path, "/");

        if (i-- == 0) {
            return hars_route_decode(path, len, dst, size);
        }

        path += len;
    }

    return HARS_DECLINED;
}


static int
hars_route_decode(const char *src, size_t len, char *dst, size_t size)
{
    int          c;
    char        *out;
    const char  *end;

    out = dst;
    end = src + len;

    while (src < end) {
        c = (unsigned char) *src++;

        if (c == '%') {
            if (end - src < 2 || hars_route_hex(src[0]) < 0
                || hars_route_hex(src[1]) < 0)
            {
                return HARS_DECLINED;
            }

            c = hars_route_hex(src[0]) << 4 | hars_route_hex(src[1]);
            src += 2;
        }

        if (c < 0x20 || c == 0x7f || (size_t) (out - dst) + 1 >= size) {
            dst[0] = '\0';
            return HARS_DECLINED;
        }

        *out++ = (char) c;
    }

    *out = '\0';

    return HARS_OK;
}


static int
hars_route_hex(int c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

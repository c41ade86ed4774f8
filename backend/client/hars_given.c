
/*
 * What the command line names, before anybody is asked: a URL that is one,
 * files that can be read.  What is wrong here is no "could not connect", and
 * nothing is made for it, no key above all.  What is in the files is judged
 * by who reads them.
 */

#include "hars_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>


#define HARS_GIVEN_SCHEME  8              /* https:// */


static size_t hars_given_origin(const char *url);
static int hars_given_file(const char *name, const char *file);


int
hars_given(const hars_options_t *options, unsigned identity)
{
    char  url[HARS_URL_SIZE];

    if (hars_given_url(options, "", url) != HARS_OK
        || hars_given_file(identity ? "--cacert" : "--ca", options->cacert)
           != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (!identity) {
        return HARS_OK;
    }

    return hars_given_file("--cert", options->cert) == HARS_OK
           ? hars_given_file("--key", options->key) : HARS_ERROR;
}


int
hars_given_url(const hars_options_t *options, const char *path,
    char url[HARS_URL_SIZE])
{
    int          n;
    size_t       len;
    const char  *end;

    n = -1;
    len = hars_given_origin(options->url);
    end = options->url + len;

    if (len && (*end == '\0' || strcmp(end, "/") == 0)) {
        n = snprintf(url, HARS_URL_SIZE, "https://%.*s%s",
                     (int) len - HARS_GIVEN_SCHEME,
                     options->url + HARS_GIVEN_SCHEME, path);

    } else if (len) {
        n = snprintf(url, HARS_URL_SIZE, "%s", options->url);
    }

    if (n < 0 || n >= HARS_URL_SIZE) {
        fprintf(stderr, "hars: --url has to be https://HOST[:PORT][/PATH]\n");
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* the length of "https://HOST[:PORT]"; 0: it is none, or has a user's name */
static size_t
hars_given_origin(const char *url)
{
    size_t  host;

    if (strncasecmp(url, "https://", HARS_GIVEN_SCHEME) != 0) {
        return 0;
    }

    url += HARS_GIVEN_SCHEME;
    host = strcspn(url, "/?#");

    return host && memchr(url, '@', host) == NULL ? HARS_GIVEN_SCHEME + host
                                                  : 0;
}


static int
hars_given_file(const char *name, const char *file)
{
    if (file && access(file, R_OK) == -1) {
        fprintf(stderr, "hars: %s %s: %s\n", name, file, strerror(errno));
        return HARS_ERROR;
    }

    return HARS_OK;
}

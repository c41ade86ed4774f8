
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
#include <unistd.h>


static int hars_given_file(const char *name, const char *file);


int
hars_given(const hars_options_t *options, unsigned identity)
{
    char  url[HARS_HTTPS_URL];

    if (hars_https_url(options->url, "", url) != HARS_OK) {
        fprintf(stderr, "hars: --url has to be https://HOST[:PORT][/PATH]\n");
        return HARS_ERROR;
    }

    if (hars_given_file(identity ? "--cacert" : "--ca", options->cacert)
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


static int
hars_given_file(const char *name, const char *file)
{
    if (file && access(file, R_OK) == -1) {
        fprintf(stderr, "hars: %s %s: %s\n", name, file, strerror(errno));
        return HARS_ERROR;
    }

    return HARS_OK;
}

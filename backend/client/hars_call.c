
/* A call as the command line says, what fails said on standard error. */

#include "hars_client.h"
#include "hars_tls.h"

#include <stdio.h>


int
hars_call(const hars_options_t *options, const hars_call_t *call,
    hars_answer_t *answer)
{
    int                 rc;
    hars_https_t       *https;
    hars_https_conf_t   conf = { .url = options->url };

    conf.cert = options->cert;
    conf.key = options->key;
    conf.cacert = options->cacert;
    conf.connect_to = options->connect_to;
    conf.shown = options->show_tls ? hars_tls_show : NULL;

    https = hars_https_create(&conf);

    if (https == NULL) {
        fprintf(stderr, "hars: libcurl cannot be set up\n");
        return HARS_ERROR;
    }

    rc = hars_https_call(https, call, answer);

    if (rc != HARS_OK) {
        fprintf(stderr, "hars: %s\n", answer->error);

    } else if (answer->withheld) {
        fprintf(stderr, "hars: the server names no authority of the "
                "certificate, which it was not shown\n");
    }

    hars_https_free(https);

    return rc;
}

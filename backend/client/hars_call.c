
/*
 * One request over TLS; see hars_client.h for what it never does.  The
 * only user of libcurl.
 */

#include "hars_client.h"
#include "hars_tls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>


#define HARS_CALL_ANSWER   (16 * 1024 * 1024)
#define HARS_CALL_CONNECT  10L            /* s */
#define HARS_CALL_TIMEOUT  60L            /* s */


typedef struct {
    CURL                  *curl;
    const hars_options_t  *options;
    hars_answer_t         *answer;
    unsigned               shown:1;       /* --show-tls is done */
} hars_transfer_t;


static int hars_call_setup(hars_transfer_t *transfer,
    const hars_call_t *call, const char *url);
static int hars_call_sent(CURL *curl, const hars_call_t *call);
static int hars_call_tls(CURL *curl, const hars_options_t *options,
    const hars_call_t *call);
static int hars_call_trust(CURL *curl, const hars_options_t *options,
    const hars_call_t *call);
static struct curl_slist *hars_call_headers(const hars_call_t *call);
static size_t hars_call_header(char *data, size_t size, size_t n, void *ptr);
static size_t hars_call_body(char *data, size_t size, size_t n, void *ptr);


int
hars_call(const hars_options_t *options, const hars_call_t *call,
    hars_answer_t *answer)
{
    int                 rc;
    char                url[HARS_URL_SIZE], error[CURL_ERROR_SIZE];
    CURLcode            code;
    hars_transfer_t     transfer = { .options = options, .answer = answer };
    struct curl_slist  *connect_to, *headers;

    if (hars_given_url(options, call->path, url) != HARS_OK) {
        return HARS_DECLINED;
    }

    rc = HARS_ERROR;
    error[0] = '\0';
    connect_to = NULL;
    headers = hars_call_headers(call);

    curl_global_init(CURL_GLOBAL_DEFAULT);
    transfer.curl = curl_easy_init();

    if (options->connect_to) {
        snprintf(error, sizeof(error), "::%s", options->connect_to);
        connect_to = curl_slist_append(NULL, error);
        error[0] = '\0';
    }

    if (transfer.curl == NULL
        || headers == NULL
        || (options->connect_to && connect_to == NULL)
        || curl_easy_setopt(transfer.curl, CURLOPT_ERRORBUFFER, error)
        || curl_easy_setopt(transfer.curl, CURLOPT_HTTPHEADER, headers)
        || curl_easy_setopt(transfer.curl, CURLOPT_CONNECT_TO, connect_to)
        || hars_call_setup(&transfer, call, url) != HARS_OK)
    {
        fprintf(stderr, "hars: libcurl cannot be set up\n");
        goto done;
    }

    code = curl_easy_perform(transfer.curl);

    if (code != CURLE_OK || answer->body.failed) {
        fprintf(stderr, "hars: %s: %s\n", url,
                error[0] ? error : curl_easy_strerror(code));

        if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
        {
            rc = HARS_DECLINED;
        }

        goto done;
    }

    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &answer->status);
    rc = HARS_OK;

done:

    curl_easy_cleanup(transfer.curl);
    curl_slist_free_all(connect_to);
    curl_slist_free_all(headers);
    curl_global_cleanup();

    return rc;
}


static int
hars_call_setup(hars_transfer_t *transfer, const hars_call_t *call,
    const char *url)
{
    CURL  *curl;

    curl = transfer->curl;

    if (curl_easy_setopt(curl, CURLOPT_URL, url)
        || curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https")
        || curl_easy_setopt(curl, CURLOPT_PROXY, "")
        || curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L)
        || curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L)
        || curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, HARS_CALL_CONNECT)
        || curl_easy_setopt(curl, CURLOPT_TIMEOUT, HARS_CALL_TIMEOUT)
        || hars_call_sent(curl, call) != HARS_OK
        || curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, hars_call_header)
        || curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer)
        || curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, hars_call_body)
        || curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer))
    {
        return HARS_ERROR;
    }

    return hars_call_tls(curl, transfer->options, call);
}


static int
hars_call_sent(CURL *curl, const hars_call_t *call)
{
    if (call->get) {
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) ? HARS_ERROR
                                                           : HARS_OK;
    }

    if (curl_easy_setopt(curl, CURLOPT_POST, 1L)
        || curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body)
        || curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) call->len))
    {
        return HARS_ERROR;
    }

    if (call->user
        && (curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC)
            || curl_easy_setopt(curl, CURLOPT_USERNAME, call->user)
            || curl_easy_setopt(curl, CURLOPT_PASSWORD, call->password)))
    {
        return HARS_ERROR;
    }

    return HARS_OK;
}


static int
hars_call_tls(CURL *curl, const hars_options_t *options,
    const hars_call_t *call)
{
    if (curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                         (long) CURL_SSLVERSION_TLSv1_3)
        || curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER,
                            call->unverified ? 0L : 1L)
        || curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST,
                            call->unverified ? 0L : 2L)
        /* or the system's CAs would be trusted beside it */
        || curl_easy_setopt(curl, CURLOPT_CAPATH, NULL)
        || hars_call_trust(curl, options, call) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (!call->anonymous
        && (curl_easy_setopt(curl, CURLOPT_SSLCERT, options->cert)
            || curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key)))
    {
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* "call->roots" is a blob: it replaces every file */
static int
hars_call_trust(CURL *curl, const hars_options_t *options,
    const hars_call_t *call)
{
    struct curl_blob  blob;

    if (call->roots == NULL) {
        return curl_easy_setopt(curl, CURLOPT_CAINFO, options->cacert)
               ? HARS_ERROR : HARS_OK;
    }

    blob.data = call->roots->data;
    blob.len = call->roots->len;
    blob.flags = CURL_BLOB_COPY;

    return curl_easy_setopt(curl, CURLOPT_CAINFO, NULL)
           || curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob)
           ? HARS_ERROR : HARS_OK;
}


static struct curl_slist *
hars_call_headers(const hars_call_t *call)
{
    char                header[HARS_TOKEN_SIZE + 64];
    struct curl_slist  *list, *last;

    /* no waiting for 100 (Continue) */

    list = curl_slist_append(NULL, "Expect:");
    last = list;

    if (last && call->type) {
        snprintf(header, sizeof(header), "Content-Type: %s", call->type);
        last = curl_slist_append(list, header);
    }

    last = last ? curl_slist_append(list, call->accept
                                          ? call->accept
                                          : "Accept: application/json")
                : NULL;

    if (last && call->token) {
        snprintf(header, sizeof(header), "Authorization: Bearer %s",
                 call->token);
        last = curl_slist_append(list, header);
        explicit_bzero(header, sizeof(header));
    }

    if (last == NULL) {
        curl_slist_free_all(list);
        return NULL;
    }

    return list;
}


static size_t
hars_call_header(char *data, size_t size, size_t n, void *ptr)
{
    size_t                      len;
    hars_answer_t              *answer;
    hars_transfer_t            *transfer;
    struct curl_tlssessioninfo *info;

    static const char  name[] = "WWW-Authenticate:";

    transfer = ptr;
    answer = transfer->answer;
    len = size * n;

    /* the session is libcurl's while the transfer lasts, and only then */

    if (transfer->options->show_tls && !transfer->shown
        && curl_easy_getinfo(transfer->curl, CURLINFO_TLS_SSL_PTR, &info)
           == CURLE_OK
        && info->backend == CURLSSLBACKEND_OPENSSL && info->internals)
    {
        transfer->shown = 1;
        hars_tls_show(info->internals);
    }

    if (answer->challenge[0] == '\0'
        && len > sizeof(name) - 1
        && strncasecmp(data, name, sizeof(name) - 1) == 0)
    {
        data += sizeof(name) - 1;
        len -= sizeof(name) - 1;

        snprintf(answer->challenge, sizeof(answer->challenge), "%.*s",
                 (int) len, data);
        answer->challenge[strcspn(answer->challenge, "\r\n")] = '\0';
    }

    return size * n;
}


static size_t
hars_call_body(char *data, size_t size, size_t n, void *ptr)
{
    hars_transfer_t  *transfer;

    transfer = ptr;

    if (transfer->answer->body.len + size * n > HARS_CALL_ANSWER) {
        return 0;
    }

    hars_text_add(&transfer->answer->body, data, size * n);

    return transfer->answer->body.failed ? 0 : size * n;
}

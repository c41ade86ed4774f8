
/* See hars_https.h for what this is.  The only user of libcurl. */

#include "hars_https.h"
#include "hars_tls_names.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <curl/curl.h>


#define HARS_HTTPS_ANSWER   (16 * 1024 * 1024)
#define HARS_HTTPS_CONNECT  10L           /* s */
#define HARS_HTTPS_TIMEOUT  60            /* s */


struct hars_https_s {
    CURL                     *curl;
    const hars_https_conf_t  *conf;
    struct curl_slist        *connect_to;
    uint64_t                  certificate;     /* that connections have */
    char                      said[CURL_ERROR_SIZE];

    /* of the call in hand */
    const hars_call_t        *call;
    hars_answer_t            *answer;
    unsigned                  shown:1;

    hars_tls_names_t          names;      /* of the last handshake */
};


static void hars_https_init(void);
static void hars_https_wipe(struct curl_slist *headers);
static int hars_https_setup(hars_https_t *https, const char *url);
static int hars_https_sent(CURL *curl, const hars_call_t *call);
static int hars_https_tls(hars_https_t *https);
static int hars_https_trust(hars_https_t *https);
static CURLcode hars_https_names(CURL *curl, void *ctx, void *data);
static struct curl_slist *hars_https_headers(const hars_call_t *call);
static struct curl_slist *hars_https_token(struct curl_slist *list,
    const char *token);
static void hars_https_failed(hars_https_t *https, const char *url,
    CURLcode code);
static size_t hars_https_header(char *data, size_t size, size_t n, void *ptr);
static const char *hars_https_value(const char *data, size_t len,
    const char *name);
static size_t hars_https_body(char *data, size_t size, size_t n, void *ptr);
static int hars_https_progress(void *ptr, curl_off_t dltotal,
    curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow);


hars_https_t *
hars_https_create(const hars_https_conf_t *conf)
{
    char                   text[256];
    hars_https_t          *https;
    static pthread_once_t  once = PTHREAD_ONCE_INIT;

    (void) pthread_once(&once, hars_https_init);

    https = calloc(1, sizeof(hars_https_t));

    if (https == NULL) {
        return NULL;
    }

    https->conf = conf;
    https->certificate = hars_https_certificate(conf);
    https->curl = curl_easy_init();

    if (conf->connect_to) {
        snprintf(text, sizeof(text), "::%s", conf->connect_to);
        https->connect_to = curl_slist_append(NULL, text);
    }

    if (https->curl == NULL || (conf->connect_to && !https->connect_to)) {
        hars_https_free(https);
        return NULL;
    }

    return https;
}


static void
hars_https_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}


void
hars_https_free(hars_https_t *https)
{
    if (https) {
        curl_easy_cleanup(https->curl);
        curl_slist_free_all(https->connect_to);
        free(https);
    }
}


/* a TLS session that is resumed has the certificate that it began with */
void
hars_https_fresh(hars_https_t *https)
{
    CURL  *curl;

    curl = curl_easy_init();

    if (curl) {
        curl_easy_cleanup(https->curl);
        https->curl = curl;
    }
}


/* it is renewed by renaming: another inode, another time */
uint64_t
hars_https_certificate(const hars_https_conf_t *conf)
{
    struct stat  sb;

    if (conf->cert == NULL || stat(conf->cert, &sb) == -1) {
        return 0;
    }

    return (uint64_t) sb.st_ino
           ^ ((uint64_t) sb.st_mtim.tv_sec * 1000000000
              + (uint64_t) sb.st_mtim.tv_nsec) << 16;
}


int
hars_https_call(hars_https_t *https, const hars_call_t *call,
    hars_answer_t *answer)
{
    int                 rc;
    char                url[HARS_HTTPS_URL];
    CURLcode            code;
    uint64_t            certificate;
    struct curl_slist  *headers;

    if (hars_https_url(https->conf->url, call->path, url) != HARS_OK) {
        snprintf(answer->error, sizeof(answer->error),
                 "the URL has to be https://HOST[:PORT][/PATH]");
        return HARS_DECLINED;
    }

    certificate = hars_https_certificate(https->conf);

    if (https->certificate != certificate) {
        https->certificate = certificate;
        hars_https_fresh(https);
    }

    https->call = call;
    https->answer = answer;
    https->shown = 0;
    https->said[0] = '\0';

    /* forgets all of the call before but the connection */

    curl_easy_reset(https->curl);

    rc = HARS_ERROR;
    headers = hars_https_headers(call);

    if (headers == NULL
        || curl_easy_setopt(https->curl, CURLOPT_HTTPHEADER, headers)
        || hars_https_setup(https, url) != HARS_OK)
    {
        snprintf(answer->error, sizeof(answer->error),
                 "libcurl cannot be set up");
        goto done;
    }

    code = curl_easy_perform(https->curl);

    if (code != CURLE_OK || answer->body.failed) {
        hars_https_failed(https, url, code);

        if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
        {
            rc = HARS_DECLINED;
        }

        goto done;
    }

    curl_easy_getinfo(https->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    rc = HARS_OK;

done:

    curl_easy_setopt(https->curl, CURLOPT_HTTPHEADER, NULL);
    hars_https_wipe(headers);
    answer->withheld = https->names.withheld;

    return rc;
}


/* one of them has the token */
static void
hars_https_wipe(struct curl_slist *headers)
{
    struct curl_slist  *h;

    for (h = headers; h; h = h->next) {
        explicit_bzero(h->data, strlen(h->data));
    }

    curl_slist_free_all(headers);
}


static int
hars_https_setup(hars_https_t *https, const char *url)
{
    CURL  *curl;
    long   seconds;

    curl = https->curl;
    seconds = https->call->seconds ? https->call->seconds
                                   : HARS_HTTPS_TIMEOUT;

    if (curl_easy_setopt(curl, CURLOPT_URL, url)
        || curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, https->said)
        || curl_easy_setopt(curl, CURLOPT_CONNECT_TO, https->connect_to)
        || curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https")
        || curl_easy_setopt(curl, CURLOPT_PROXY, "")
        || curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L)
        || curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L)
        || curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, HARS_HTTPS_CONNECT)
        || curl_easy_setopt(curl, CURLOPT_TIMEOUT, seconds)
        || hars_https_sent(curl, https->call) != HARS_OK
        || curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, hars_https_header)
        || curl_easy_setopt(curl, CURLOPT_HEADERDATA, https)
        || curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, hars_https_body)
        || curl_easy_setopt(curl, CURLOPT_WRITEDATA, https)
        || curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION,
                            hars_https_progress)
        || curl_easy_setopt(curl, CURLOPT_XFERINFODATA, https)
        || curl_easy_setopt(curl, CURLOPT_NOPROGRESS,
                            https->call->stop ? 0L : 1L))
    {
        return HARS_ERROR;
    }

    return hars_https_tls(https);
}


static int
hars_https_sent(CURL *curl, const hars_call_t *call)
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
hars_https_tls(hars_https_t *https)
{
    CURL               *curl;
    const hars_call_t  *call;

    curl = https->curl;
    call = https->call;

    if (curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                         (long) CURL_SSLVERSION_TLSv1_3)
        || curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER,
                            call->unverified ? 0L : 1L)
        || curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST,
                            call->unverified ? 0L : 2L)
        /* or the system's CAs would be trusted beside it */
        || curl_easy_setopt(curl, CURLOPT_CAPATH, NULL)
        || curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, hars_https_names)
        || curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, https)
        || hars_https_trust(https) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (!call->anonymous
        && (curl_easy_setopt(curl, CURLOPT_SSLCERT, https->conf->cert)
            || curl_easy_setopt(curl, CURLOPT_SSLKEY, https->conf->key)))
    {
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* "call->roots" is a blob: it replaces every file */
static int
hars_https_trust(hars_https_t *https)
{
    CURL              *curl;
    struct curl_blob   blob;

    curl = https->curl;

    if (https->call->roots == NULL) {
        return curl_easy_setopt(curl, CURLOPT_CAINFO, https->conf->cacert)
               ? HARS_ERROR : HARS_OK;
    }

    blob.data = https->call->roots->data;
    blob.len = https->call->roots->len;
    blob.flags = CURL_BLOB_COPY;

    return curl_easy_setopt(curl, CURLOPT_CAINFO, NULL)
           || curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob)
           ? HARS_ERROR : HARS_OK;
}


/* of each connection that is made */
static CURLcode
hars_https_names(CURL *curl, void *ctx, void *data)
{
    int            rc;
    hars_https_t  *https;

    (void) curl;

    https = data;

    rc = https->call->roots
         ? hars_tls_names_of(ctx, https->call->roots->data,
                             https->call->roots->len)
         : hars_tls_names_file(ctx, https->call->unverified
                                    ? NULL : https->conf->cacert);

    if (rc != HARS_OK) {
        return CURLE_SSL_CACERT_BADFILE;
    }

    hars_tls_names_ask(ctx, &https->names);

    return CURLE_OK;
}


int
hars_https_url(const char *url, const char *path, char dst[HARS_HTTPS_URL])
{
    int          n;
    size_t       host;
    const char  *p;

    if (strncasecmp(url, "https://", 8) != 0) {
        return HARS_ERROR;
    }

    p = url + 8;
    host = strcspn(p, "/?#");

    if (host == 0 || memchr(p, '@', host)) {
        return HARS_ERROR;
    }

    if (p[host] == '\0' || strcmp(p + host, "/") == 0) {
        n = snprintf(dst, HARS_HTTPS_URL, "https://%.*s%s", (int) host, p,
                     path);

    } else {
        n = snprintf(dst, HARS_HTTPS_URL, "%s", url);
    }

    return (n > 0 && n < HARS_HTTPS_URL) ? HARS_OK : HARS_ERROR;
}


static struct curl_slist *
hars_https_headers(const hars_call_t *call)
{
    char                header[256];
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

    if (last && call->header) {
        last = curl_slist_append(list, call->header);
    }

    if (last && call->token) {
        last = hars_https_token(list, call->token);
    }

    if (last == NULL) {
        curl_slist_free_all(list);
        return NULL;
    }

    return list;
}


static struct curl_slist *
hars_https_token(struct curl_slist *list, const char *token)
{
    char                header[HARS_TOKEN_SIZE + 64];
    struct curl_slist  *last;

    snprintf(header, sizeof(header), "Authorization: Bearer %s", token);
    last = curl_slist_append(list, header);
    explicit_bzero(header, sizeof(header));

    return last;
}


static void
hars_https_failed(hars_https_t *https, const char *url, CURLcode code)
{
    snprintf(https->answer->error, HARS_HTTPS_ERROR, "%.400s: %s%s", url,
             https->said[0] ? https->said : curl_easy_strerror(code),
             https->names.withheld
             ? "; the server names no authority of the certificate, which "
               "it therefore was not shown" : "");
}


static size_t
hars_https_header(char *data, size_t size, size_t n, void *ptr)
{
    const char                 *value;
    hars_https_t               *https;
    hars_answer_t              *answer;
    struct curl_tlssessioninfo *info;

    https = ptr;
    answer = https->answer;

    /* the session is libcurl's while the transfer lasts, and only then */

    if (https->conf->shown && !https->shown
        && curl_easy_getinfo(https->curl, CURLINFO_TLS_SSL_PTR, &info)
           == CURLE_OK
        && info->backend == CURLSSLBACKEND_OPENSSL && info->internals)
    {
        https->shown = 1;
        https->conf->shown(info->internals);
    }

    value = hars_https_value(data, size * n, "WWW-Authenticate:");

    if (value && answer->challenge[0] == '\0') {
        snprintf(answer->challenge, sizeof(answer->challenge), "%.*s",
                 (int) (data + size * n - value), value);
        answer->challenge[strcspn(answer->challenge, "\r\n")] = '\0';
    }

    value = hars_https_value(data, size * n, "Retry-After:");

    if (value && size * n < 64) {
        answer->retry_after = atol(value);
    }

    return size * n;
}


/* the line's value, if it is of this name; it ends with CR LF */
static const char *
hars_https_value(const char *data, size_t len, const char *name)
{
    size_t  n;

    n = strlen(name);

    return (len > n && strncasecmp(data, name, n) == 0) ? data + n : NULL;
}


static size_t
hars_https_body(char *data, size_t size, size_t n, void *ptr)
{
    long           status;
    hars_https_t  *https;

    https = ptr;
    status = 0;

    if (https->call->take) {
        curl_easy_getinfo(https->curl, CURLINFO_RESPONSE_CODE, &status);
    }

    if (status == 200) {
        return https->call->take(https->call->data, data, size * n)
               == HARS_OK ? size * n : 0;
    }

    if (https->answer->body.len + size * n > HARS_HTTPS_ANSWER) {
        return 0;
    }

    hars_text_add(&https->answer->body, data, size * n);

    return https->answer->body.failed ? 0 : size * n;
}


static int
hars_https_progress(void *ptr, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
    hars_https_t  *https;

    (void) dltotal;
    (void) dlnow;
    (void) ultotal;
    (void) ulnow;

    https = ptr;

    return https->call->stop && https->call->stop(https->call->data);
}

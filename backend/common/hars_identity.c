
/* See hars_identity.h for what this is: here are key, request and files. */

#include "hars_identity_private.h"
#include "hars_record.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>


static int hars_identity_make(hars_identity_t *id, const char *file);
static int hars_identity_private(hars_identity_t *id, FILE *fp);
static int hars_identity_read(hars_identity_t *id, const char *file, int fd);
static int hars_identity_names(hars_identity_t *id, X509_REQ *req);
static int hars_identity_file(hars_identity_t *id, const char *file,
    mode_t mode, int (*put)(hars_identity_t *id, FILE *fp),
    int (*place)(const char *from, const char *to));
static int hars_identity_pem(hars_identity_t *id, FILE *fp);
static int hars_identity_sync(hars_identity_t *id, const char *file);


hars_identity_t *
hars_identity_create(void)
{
    hars_identity_t  *id;

    id = calloc(1, sizeof(hars_identity_t));

    if (id) {
        id->roots = sk_X509_new_null();
        id->others = sk_X509_new_null();
    }

    if (id == NULL || id->roots == NULL || id->others == NULL) {
        hars_identity_free(id);
        return NULL;
    }

    return id;
}


void
hars_identity_free(hars_identity_t *id)
{
    if (id) {
        EVP_PKEY_free(id->key);
        X509_free(id->old);
        X509_free(id->cert);
        sk_X509_pop_free(id->roots, X509_free);
        sk_X509_pop_free(id->others, X509_free);
        free(id);
        ERR_clear_error();
    }
}


int
hars_identity_key(hars_identity_t *id, const char *file, unsigned make)
{
    int  fd, rc;

    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd == -1 && errno == ENOENT && make) {
        return hars_identity_make(id, file);
    }

    if (fd == -1) {
        return hars_identity_failed(id, "%s: %s", file, strerror(errno));
    }

    rc = hars_identity_read(id, file, fd);
    close(fd);

    return rc;
}


/* an attempt that failed has left it: the next one takes it */
static int
hars_identity_read(hars_identity_t *id, const char *file, int fd)
{
    FILE         *fp;
    struct stat   sb;

    if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode)
        || (sb.st_mode & (S_IRWXG | S_IRWXO)))
    {
        return hars_identity_failed(id, "%s: is open to others, use \"chmod "
                                    "600\"", file);
    }

    fp = fdopen(dup(fd), "r");

    if (fp) {
        id->key = PEM_read_PrivateKey(fp, NULL, NULL, "");
        fclose(fp);
    }

    if (id->key == NULL) {
        return hars_identity_failed(id, "%s: has no private key in PEM "
                                    "without a password", file);
    }

    return HARS_OK;
}


static int
hars_identity_make(hars_identity_t *id, const char *file)
{
    id->key = EVP_EC_gen("P-256");

    if (id->key == NULL) {
        return hars_identity_failed(id, "%s: the key cannot be made", file);
    }

    return hars_identity_file(id, file, 0600, hars_identity_private, link);
}


static int
hars_identity_private(hars_identity_t *id, FILE *fp)
{
    return PEM_write_PKCS8PrivateKey(fp, id->key, NULL, NULL, 0, NULL, NULL)
           ? HARS_OK : HARS_ERROR;
}


int
hars_identity_old(hars_identity_t *id, const char *file)
{
    FILE  *fp;

    fp = fopen(file, "re");

    if (fp == NULL) {
        return hars_identity_failed(id, "%s: %s", file, strerror(errno));
    }

    id->old = PEM_read_X509(fp, NULL, NULL, NULL);
    fclose(fp);

    if (id->old == NULL) {
        return hars_identity_failed(id, "%s: has no certificate in PEM", file);
    }

    if (EVP_PKEY_eq(X509_get0_pubkey(id->old), id->key) != 1) {
        return hars_identity_failed(id, "%s: is not of this key", file);
    }

    return HARS_OK;
}


int
hars_identity_times(hars_identity_t *id, int64_t *from, int64_t *to)
{
    struct tm  begin, end;

    if (!ASN1_TIME_to_tm(X509_get0_notBefore(id->old), &begin)
        || !ASN1_TIME_to_tm(X509_get0_notAfter(id->old), &end))
    {
        return hars_identity_failed(id, "the certificate has no times");
    }

    *from = timegm(&begin);
    *to = timegm(&end);

    return HARS_OK;
}


int
hars_identity_request(hars_identity_t *id, hars_text_t *body)
{
    int             len;
    char           *text;
    X509_REQ       *req;
    unsigned char  *der;

    req = X509_REQ_new();
    der = NULL;
    text = NULL;

    len = req
          && X509_REQ_set_version(req, X509_REQ_VERSION_1)
          && X509_REQ_set_pubkey(req, id->key)
          && hars_identity_names(id, req) == HARS_OK
          && X509_REQ_sign(req, id->key, EVP_sha256()) > 0
          ? i2d_X509_REQ(req, &der) : -1;

    if (len > 0) {
        text = malloc((size_t) len / 3 * 4 + 8);
    }

    if (text) {
        EVP_EncodeBlock((unsigned char *) text, der, len);
        hars_text_puts(body, text);
        hars_text_puts(body, "\n");
    }

    free(text);
    OPENSSL_free(der);
    X509_REQ_free(req);

    if (text == NULL || body->failed) {
        return hars_identity_failed(id, "the request cannot be made: the key "
                                    "has to be P-256, P-384 or RSA");
    }

    return HARS_OK;
}


/* RFC 7030, 4.2.2: those of the old one; the first time the server has them */
static int
hars_identity_names(hars_identity_t *id, X509_REQ *req)
{
    int                        i, rc;
    STACK_OF(X509_EXTENSION)  *exts;

    if (id->old == NULL) {
        return HARS_OK;
    }

    if (!X509_REQ_set_subject_name(req, X509_get_subject_name(id->old))) {
        return HARS_ERROR;
    }

    i = X509_get_ext_by_NID(id->old, NID_subject_alt_name, -1);

    if (i == -1) {
        return HARS_OK;
    }

    exts = sk_X509_EXTENSION_new_null();

    rc = exts
         && sk_X509_EXTENSION_push(exts, X509_get_ext(id->old, i)) > 0
         && X509_REQ_add_extensions(req, exts)
         ? HARS_OK : HARS_ERROR;

    sk_X509_EXTENSION_free(exts);

    return rc;
}


int
hars_identity_write(hars_identity_t *id, const char *file)
{
    return hars_identity_file(id, file, 0644, hars_identity_pem, rename);
}


/*
 * It has its name, by link() or rename(), when it is on the disk: who loses
 * power before has no file, or the one of before.
 */
static int
hars_identity_file(hars_identity_t *id, const char *file, mode_t mode,
    int (*put)(hars_identity_t *id, FILE *fp),
    int (*place)(const char *from, const char *to))
{
    int    fd, good;
    char   path[PATH_MAX];
    FILE  *fp;

    if ((size_t) snprintf(path, sizeof(path), "%s.XXXXXX", file)
        >= sizeof(path))
    {
        return hars_identity_failed(id, "%s: is too long", file);
    }

    fd = mkstemp(path);
    fp = (fd != -1) ? fdopen(fd, "w") : NULL;

    if (fp == NULL) {
        return hars_identity_failed(id, "%s: %s", path, strerror(errno));
    }

    good = fchmod(fd, mode) == 0
           && put(id, fp) == HARS_OK
           && fflush(fp) == 0
           && fsync(fd) == 0;

    if (fclose(fp) == EOF || !good || place(path, file) == -1) {
        (void) hars_identity_failed(id, "%s: cannot be written: %s", file,
                                    strerror(errno));
        unlink(path);
        return HARS_ERROR;
    }

    /* beside link() it still has the other name */

    unlink(path);

    return hars_identity_sync(id, file);
}


/* servers that know the root alone want what is between */
static int
hars_identity_pem(hars_identity_t *id, FILE *fp)
{
    int    i;
    X509  *other;

    if (!PEM_write_X509(fp, id->cert)) {
        return HARS_ERROR;
    }

    for (i = 0; i < sk_X509_num(id->others); i++) {
        other = sk_X509_value(id->others, i);

        if (X509_check_issued(other, id->cert) == X509_V_OK) {
            return PEM_write_X509(fp, other) ? HARS_OK : HARS_ERROR;
        }
    }

    return HARS_OK;
}


static int
hars_identity_sync(hars_identity_t *id, const char *file)
{
    int   fd, rc;
    char  path[PATH_MAX];

    snprintf(path, sizeof(path), "%s", file);

    fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = (fd != -1) ? fsync(fd) : -1;

    if (fd != -1) {
        close(fd);
    }

    return rc == 0 ? HARS_OK
                   : hars_identity_failed(id, "%s: %s", file, strerror(errno));
}


const char *
hars_identity_error(const hars_identity_t *id)
{
    return id->error;
}


int
hars_identity_failed(hars_identity_t *id, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(id->error, sizeof(id->error), fmt, args);
    va_end(args);

    return HARS_ERROR;
}

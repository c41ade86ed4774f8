
/*
 * See hars_as_ca_make.h for what this is.  The files are written into a
 * directory beside the one that is wanted, which is renamed at last: that
 * works where there is none, or an empty one, and nowhere else.
 */

#include "hars_as_ca_make.h"
#include "hars_as_ca.h"
#include "hars_as_crl.h"
#include "hars_as_dn.h"
#include "hars_as_ocsp.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>


#define HARS_CA_MAKE_PATH  4096


typedef struct {
    const hars_ca_make_t  *make;
    char                   dir[HARS_CA_MAKE_PATH];     /* ends in .XXXXXX */
    EVP_PKEY              *root_key;
    EVP_PKEY              *issuing_key;
    X509                  *root;
    X509                  *issuing;
    X509_CRL              *crl;
    unsigned char         *ocsp;          /* the root's, of issuing */
    size_t                 ocsp_len;
} hars_ca_new_t;


static int hars_ca_make_keys(hars_ca_new_t *new);
static X509 *hars_ca_make_cert(hars_ca_new_t *new, hars_ca_profile_e profile);
static X509_CRL *hars_ca_make_crl(hars_ca_new_t *new);
static int hars_ca_make_ocsp(hars_ca_new_t *new);
static int hars_ca_make_dir(hars_ca_new_t *new);
static int hars_ca_make_files(hars_ca_new_t *new);
static FILE *hars_ca_make_file(hars_ca_new_t *new, const char *name,
    mode_t mode);
static int hars_ca_make_written(FILE *fp, int good, const char *name);
static int hars_ca_make_place(hars_ca_new_t *new);
static int hars_ca_sync(const char *path);
static void hars_ca_make_forget(hars_ca_new_t *new);
static int hars_ca_failed(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));


static const char *const  hars_ca_files[] = {
    HARS_CA_ROOT_CRT, HARS_CA_ROOT_KEY, HARS_CA_ROOT_CRL, HARS_CA_ROOT_OCSP,
    HARS_CA_ISSUING_CRT, HARS_CA_ISSUING_KEY, HARS_CA_BUNDLE, NULL
};


int
hars_ca_make(const hars_ca_make_t *make)
{
    int            rc;
    hars_ca_new_t  new;

    memset(&new, 0, sizeof(new));
    new.make = make;

    rc = hars_ca_make_keys(&new);

    if (rc == HARS_OK) {
        new.root = hars_ca_make_cert(&new, HARS_CA_ROOT);
        new.issuing = new.root ? hars_ca_make_cert(&new, HARS_CA_ISSUING)
                               : NULL;
        new.crl = new.issuing ? hars_ca_make_crl(&new) : NULL;

        rc = new.crl && hars_ca_make_ocsp(&new) == HARS_OK
                     ? hars_ca_make_dir(&new)
                     : hars_ca_failed("the certificates cannot be signed");
    }

    if (rc == HARS_OK) {
        rc = hars_ca_make_files(&new);

        if (rc == HARS_OK) {
            rc = hars_ca_make_place(&new);
        }

        if (rc != HARS_OK) {
            hars_ca_make_forget(&new);
        }
    }

    free(new.ocsp);
    X509_CRL_free(new.crl);
    X509_free(new.issuing);
    X509_free(new.root);
    EVP_PKEY_free(new.issuing_key);
    EVP_PKEY_free(new.root_key);
    hars_ca_key_end();
    ERR_clear_error();

    return rc;
}


static int
hars_ca_make_keys(hars_ca_new_t *new)
{
    const char  *error;

    new->root_key = EVP_EC_gen(new->make->curve);

    if (new->make->key == NULL) {
        new->issuing_key = EVP_EC_gen(new->make->curve);

    } else {
        new->issuing_key = hars_ca_key_load(new->make->key, &error);

        if (new->issuing_key == NULL) {
            return hars_ca_failed("ca_key (PKCS#11) %s", error);
        }
    }

    if (new->root_key == NULL || new->issuing_key == NULL) {
        return hars_ca_failed("the keys cannot be made");
    }

    if (!EVP_PKEY_is_a(new->issuing_key, "EC")) {
        return hars_ca_failed("ca_key has to be of P-256 or P-384");
    }

    return HARS_OK;
}


static X509 *
hars_ca_make_cert(hars_ca_new_t *new, hars_ca_profile_e profile)
{
    int64_t          first, last;
    hars_ca_plan_t   plan;
    char             dn[HARS_AS_DN_SIZE];
    unsigned char    subject[HARS_CERT_NAME], serial[HARS_CA_SERIAL];

    memset(&plan, 0, sizeof(plan));

    snprintf(dn, sizeof(dn), "CN=%s CA,%s",
             profile == HARS_CA_ROOT ? "Root" : "Issuing", new->make->name);

    if (hars_dn_encode(dn, subject, sizeof(subject), &plan.subject_len)
        != HARS_OK
        || hars_ca_serial(serial) != HARS_OK)
    {
        return NULL;
    }

    plan.profile = profile;
    plan.subject = subject;
    plan.serial = serial;
    plan.not_before = new->make->now - HARS_CA_BACKDATE;

    if (profile == HARS_CA_ROOT) {
        plan.not_after = new->make->now
                         + (int64_t) new->make->root_days * HARS_CA_DAY;
        plan.key = new->root_key;

        return hars_ca_build(&plan, NULL, NULL);
    }

    plan.not_after = new->make->now
                     + (int64_t) new->make->issuing_days * HARS_CA_DAY;
    plan.key = new->issuing_key;

    if (hars_ca_dates(new->root, &first, &last) != HARS_OK) {
        return NULL;
    }

    if (plan.not_after > last) {
        plan.not_after = last;
    }

    return hars_ca_build(&plan, new->root, new->root_key);
}


/* RFC 5280, 5: empty, number 1 */
static X509_CRL *
hars_ca_make_crl(hars_ca_new_t *new)
{
    int64_t          first;
    hars_crl_plan_t  plan;

    memset(&plan, 0, sizeof(plan));

    plan.issuer = new->root;
    plan.key = new->root_key;
    plan.number = 1;
    plan.this_update = new->make->now - HARS_CA_BACKDATE;

    return hars_ca_dates(new->root, &first, &plan.next_update) == HARS_OK
           ? hars_crl_build(&plan) : NULL;
}


/* RFC 6960, as long as the list */
static int
hars_ca_make_ocsp(hars_ca_new_t *new)
{
    int64_t  first, last;

    if (hars_ca_dates(new->root, &first, &last) != HARS_OK) {
        return HARS_ERROR;
    }

    new->ocsp = hars_ocsp_root_sign(new->root, new->root_key, new->issuing,
                                    new->make->now - HARS_CA_BACKDATE, last,
                                    &new->ocsp_len);

    return new->ocsp ? HARS_OK : HARS_ERROR;
}


static int
hars_ca_make_dir(hars_ca_new_t *new)
{
    size_t  len;

    len = strlen(new->make->dir);

    while (len > 1 && new->make->dir[len - 1] == '/') {
        len--;
    }

    if (len > sizeof(new->dir) - 32) {
        return hars_ca_failed("ca_dir: the path is too long");
    }

    sprintf(new->dir, "%.*s.XXXXXX", (int) len, new->make->dir);

    if (mkdtemp(new->dir) == NULL) {
        return hars_ca_failed("a directory beside ca_dir \"%s\" cannot be "
                              "made: %s", new->make->dir, strerror(errno));
    }

    return HARS_OK;
}


static int
hars_ca_make_files(hars_ca_new_t *new)
{
    FILE  *fp;

    if ((fp = hars_ca_make_file(new, HARS_CA_ROOT_KEY, 0600)) == NULL
        || hars_ca_make_written(fp, PEM_write_PKCS8PrivateKey(fp,
                                    new->root_key, NULL, NULL, 0, NULL, NULL),
                                HARS_CA_ROOT_KEY) != HARS_OK
        || (fp = hars_ca_make_file(new, HARS_CA_ROOT_CRT, 0644)) == NULL
        || hars_ca_make_written(fp, PEM_write_X509(fp, new->root),
                                HARS_CA_ROOT_CRT) != HARS_OK
        || (fp = hars_ca_make_file(new, HARS_CA_ROOT_CRL, 0644)) == NULL
        || hars_ca_make_written(fp, PEM_write_X509_CRL(fp, new->crl),
                                HARS_CA_ROOT_CRL) != HARS_OK
        || (fp = hars_ca_make_file(new, HARS_CA_ROOT_OCSP, 0644)) == NULL
        || hars_ca_make_written(fp, fwrite(new->ocsp, new->ocsp_len, 1, fp)
                                    == 1,
                                HARS_CA_ROOT_OCSP) != HARS_OK
        || (fp = hars_ca_make_file(new, HARS_CA_ISSUING_CRT, 0644)) == NULL
        || hars_ca_make_written(fp, PEM_write_X509(fp, new->issuing),
                                HARS_CA_ISSUING_CRT) != HARS_OK
        || (fp = hars_ca_make_file(new, HARS_CA_BUNDLE, 0644)) == NULL
        || hars_ca_make_written(fp, PEM_write_X509(fp, new->issuing)
                                    && PEM_write_X509(fp, new->root),
                                HARS_CA_BUNDLE) != HARS_OK)
    {
        return HARS_ERROR;
    }

    if (new->make->key == NULL
        && ((fp = hars_ca_make_file(new, HARS_CA_ISSUING_KEY, 0600)) == NULL
            || hars_ca_make_written(fp, PEM_write_PKCS8PrivateKey(fp,
                                 new->issuing_key, NULL, NULL, 0, NULL, NULL),
                                    HARS_CA_ISSUING_KEY) != HARS_OK))
    {
        return HARS_ERROR;
    }

    return hars_ca_sync(new->dir);
}


static FILE *
hars_ca_make_file(hars_ca_new_t *new, const char *name, mode_t mode)
{
    int    fd;
    char   path[HARS_CA_MAKE_PATH + 32];
    FILE  *fp;

    snprintf(path, sizeof(path), "%s/%s", new->dir, name);

    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    fp = (fd != -1 && fchmod(fd, mode) == 0) ? fdopen(fd, "w") : NULL;

    if (fp == NULL) {
        (void) hars_ca_failed("\"%s\" cannot be made: %s", path,
                              strerror(errno));

        if (fd != -1) {
            close(fd);
        }
    }

    return fp;
}


static int
hars_ca_make_written(FILE *fp, int good, const char *name)
{
    good = good && fflush(fp) == 0 && fsync(fileno(fp)) == 0;

    if (fclose(fp) == EOF || !good) {
        return hars_ca_failed("%s cannot be written: %s", name,
                              strerror(errno));
    }

    return HARS_OK;
}


static int
hars_ca_make_place(hars_ca_new_t *new)
{
    char  parent[HARS_CA_MAKE_PATH];

    if (rename(new->dir, new->make->dir) == -1) {

        if (errno == ENOTEMPTY || errno == EEXIST) {
            return hars_ca_failed("ca_dir \"%s\" has files already: nothing "
                                  "is overwritten", new->make->dir);
        }

        return hars_ca_failed("ca_dir \"%s\" cannot be made: %s",
                              new->make->dir, strerror(errno));
    }

    strcpy(parent, new->dir);

    return hars_ca_sync(dirname(parent));
}


static int
hars_ca_sync(const char *path)
{
    int  fd, rc;

    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = (fd != -1) ? fsync(fd) : -1;

    if (fd != -1) {
        close(fd);
    }

    if (rc == -1) {
        return hars_ca_failed("\"%s\" cannot be written to the disk: %s",
                              path, strerror(errno));
    }

    return HARS_OK;
}


static void
hars_ca_make_forget(hars_ca_new_t *new)
{
    char                path[HARS_CA_MAKE_PATH + 32];
    const char *const  *name;

    for (name = hars_ca_files; *name; name++) {
        snprintf(path, sizeof(path), "%s/%s", new->dir, *name);
        unlink(path);
    }

    rmdir(new->dir);
}


static int
hars_ca_failed(const char *fmt, ...)
{
    va_list  args;

    fprintf(stderr, "hars-authserver: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);

    return HARS_ERROR;
}


/* See hars_as_ca.h for what this is. */

#include "hars_as_ca.h"
#include "hars_log.h"
#include "hars_owner.h"
#include "hars_sha256.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>


#define HARS_CA_PATH  4096


struct hars_ca_s {
    char              dir[HARS_CA_PATH];
    X509             *root;
    X509             *issuing;
    EVP_PKEY         *key;                /* of issuing */
    pthread_mutex_t   signing;
    const char       *crl_url;            /* NULL: none */
    const char       *ocsp_url;
};


static int hars_ca_open_dir(const char *dir);
static X509 *hars_ca_open_cert(const hars_ca_t *ca, const char *name);
static int hars_ca_open_key(hars_ca_t *ca, const char *key);
static const char *hars_ca_wrong(const hars_ca_t *ca, int64_t now);
static void hars_ca_root_key(const hars_ca_t *ca);
static int hars_ca_plan(hars_ca_t *ca, const hars_names_t *names,
    int64_t now, unsigned long days, hars_ca_plan_t *plan);


int
hars_ca_load(hars_as_t *as)
{
    char  path[HARS_CA_PATH];

    if (as->conf.ca_dir == NULL) {
        return HARS_OK;
    }

    as->ca = hars_ca_open(as->conf.ca_dir, as->conf.ca_key);

    if (as->ca == NULL) {
        return HARS_ERROR;
    }

    hars_ca_root_key(as->ca);
    hars_ca_urls(as->ca, as->conf.ca_crl_url, as->conf.ca_ocsp_url);

    /* who was enrolled here is a client here */

    snprintf(path, sizeof(path), "%s/" HARS_CA_ISSUING_CRT, as->conf.ca_dir);

    return hars_certs_add(as->certs, path);
}


hars_ca_t *
hars_ca_open(const char *dir, const char *key)
{
    hars_ca_t   *ca;
    const char  *wrong;

    if (strlen(dir) > HARS_CA_PATH - 32) {
        hars_log_error("ca_dir: the path is too long");
        return NULL;
    }

    if (hars_ca_open_dir(dir) != HARS_OK) {
        return NULL;
    }

    ca = calloc(1, sizeof(hars_ca_t));
    if (ca == NULL) {
        hars_log_error("no memory");
        return NULL;
    }

    strcpy(ca->dir, dir);
    pthread_mutex_init(&ca->signing, NULL);

    ca->root = hars_ca_open_cert(ca, HARS_CA_ROOT_CRT);
    ca->issuing = ca->root ? hars_ca_open_cert(ca, HARS_CA_ISSUING_CRT)
                           : NULL;

    if (ca->issuing == NULL || hars_ca_open_key(ca, key) != HARS_OK) {
        hars_ca_close(ca);
        return NULL;
    }

    wrong = hars_ca_wrong(ca, time(NULL));

    if (wrong) {
        hars_log_error("ca_dir \"%s\": %s", dir, wrong);
        hars_ca_close(ca);
        return NULL;
    }

    return ca;
}


void
hars_ca_close(hars_ca_t *ca)
{
    if (ca) {
        EVP_PKEY_free(ca->key);
        X509_free(ca->issuing);
        X509_free(ca->root);
        pthread_mutex_destroy(&ca->signing);
        free(ca);
        hars_ca_key_end();
    }
}


/* whoever writes there is the authority */
static int
hars_ca_open_dir(const char *dir)
{
    char         name[HARS_OWNER_NAME];
    struct stat  sb;

    if (stat(dir, &sb) == -1) {
        hars_log_error("ca_dir \"%s\" cannot be read: %s%s", dir,
                       strerror(errno),
                       errno == ENOENT ? ": \"hars-authserver ca init\" "
                                         "makes it" : "");
        return HARS_ERROR;
    }

    if (!S_ISDIR(sb.st_mode)) {
        hars_log_error("ca_dir \"%s\" is no directory", dir);
        return HARS_ERROR;
    }

    if (geteuid() == 0 && sb.st_uid != 0) {
        hars_owner_name(sb.st_uid, name);
        hars_log_error("ca_dir \"%s\" belongs to %s: run this as that user, "
                       "runuser -u %s -- ...", dir, name, name);
        return HARS_ERROR;
    }

    if ((sb.st_uid != 0 && sb.st_uid != geteuid())
        || (sb.st_mode & (S_IWGRP | S_IWOTH)))
    {
        hars_log_error("ca_dir \"%s\" has to be owned by root or by this "
                       "user, and written to by nobody else: use chown and "
                       "\"chmod 700\"", dir);
        return HARS_ERROR;
    }

    return HARS_OK;
}


static X509 *
hars_ca_open_cert(const hars_ca_t *ca, const char *name)
{
    char   path[HARS_CA_PATH + 64];
    FILE  *fp;
    X509  *cert;

    snprintf(path, sizeof(path), "%s/%s", ca->dir, name);

    fp = fopen(path, "re");

    if (fp == NULL) {
        hars_log_error("ca_dir: \"%s\" cannot be read: %s%s", path,
                       strerror(errno),
                       errno == ENOENT ? ": \"hars-authserver ca init\" "
                                         "makes it" : "");
        return NULL;
    }

    cert = PEM_read_X509(fp, NULL, NULL, NULL);
    fclose(fp);
    ERR_clear_error();

    if (cert == NULL) {
        hars_log_error("ca_dir: \"%s\" has no certificate in PEM", path);
    }

    return cert;
}


static int
hars_ca_open_key(hars_ca_t *ca, const char *key)
{
    char         path[HARS_CA_PATH + 64];
    const char  *error;

    if (key == NULL) {
        snprintf(path, sizeof(path), "%s/" HARS_CA_ISSUING_KEY, ca->dir);
        key = path;
    }

    ca->key = hars_ca_key_load(key, &error);

    if (ca->key == NULL) {

        /* a URI may have the PIN in it */

        hars_log_error("ca_key %s%s%s %s",
                       hars_ca_key_is_uri(key) ? "(" : "\"",
                       hars_ca_key_is_uri(key) ? "PKCS#11" : key,
                       hars_ca_key_is_uri(key) ? ")" : "\"", error);
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* NULL: it is an authority that works */
static const char *
hars_ca_wrong(const hars_ca_t *ca, int64_t now)
{
    int64_t  not_before, not_after;

    if (X509_check_ca(ca->root) != 1 || X509_check_ca(ca->issuing) != 1) {
        return "root.crt and issuing.crt have to be of authorities";
    }

    if (X509_check_issued(ca->root, ca->issuing) != X509_V_OK
        || X509_verify(ca->issuing, X509_get0_pubkey(ca->root)) != 1)
    {
        return "root.crt has not signed issuing.crt";
    }

    if (EVP_PKEY_eq(X509_get0_pubkey(ca->issuing), ca->key) != 1) {
        return "ca_key is not the key of issuing.crt";
    }

    if (hars_ca_dates(ca->issuing, &not_before, &not_after) != HARS_OK
        || now < not_before || now >= not_after)
    {
        return "issuing.crt has ended, or is not valid yet: make another one "
               "with the root's key, or see the clock";
    }

    return NULL;
}


static void
hars_ca_root_key(const hars_ca_t *ca)
{
    char  path[HARS_CA_PATH + 64];

    snprintf(path, sizeof(path), "%s/" HARS_CA_ROOT_KEY, ca->dir);

    if (access(path, F_OK) == 0) {
        hars_log_warn("\"%s\" is still here: keep the root's key offline",
                      path);
    }
}


const char *
hars_ca_dir(const hars_ca_t *ca)
{
    return ca->dir;
}


X509 *
hars_ca_root(const hars_ca_t *ca)
{
    return ca->root;
}


X509 *
hars_ca_issuing(const hars_ca_t *ca)
{
    return ca->issuing;
}


EVP_PKEY *
hars_ca_key(const hars_ca_t *ca)
{
    return ca->key;
}


void
hars_ca_urls(hars_ca_t *ca, const char *crl, const char *ocsp)
{
    ca->crl_url = crl;
    ca->ocsp_url = ocsp;
}


void
hars_ca_lock(hars_ca_t *ca)
{
    pthread_mutex_lock(&ca->signing);
}


void
hars_ca_unlock(hars_ca_t *ca)
{
    pthread_mutex_unlock(&ca->signing);
}


int
hars_ca_serial(unsigned char serial[HARS_CA_SERIAL])
{
    serial[0] = 0x01;                     /* positive, and never shorter */

    return RAND_bytes(serial + 1, HARS_CA_SERIAL - 1) == 1
           ? HARS_OK : HARS_ERROR;
}


int
hars_ca_issue(hars_ca_t *ca, const hars_names_t *names, const hars_csr_t *csr,
    const unsigned char serial[HARS_CA_SERIAL], int64_t now,
    unsigned long days, unsigned char **der, size_t *len,
    hars_certificate_t *row)
{
    int              n;
    X509            *cert;
    hars_ca_plan_t   plan;
    unsigned char   *p;

    if (hars_ca_plan(ca, names, now, days, &plan) != HARS_OK) {
        hars_log_error("the issuing authority has ended: nobody is enrolled");
        return HARS_ERROR;
    }

    plan.serial = serial;
    plan.key = csr->key;

    hars_ca_lock(ca);
    cert = hars_ca_build(&plan, ca->issuing, ca->key);
    hars_ca_unlock(ca);

    n = cert ? i2d_X509(cert, NULL) : -1;
    *der = (n > 0) ? malloc((size_t) n) : NULL;

    if (*der == NULL) {
        hars_log_error("a certificate cannot be signed");
        X509_free(cert);
        return HARS_ERROR;
    }

    p = *der;
    *len = (size_t) i2d_X509(cert, &p);
    X509_free(cert);

    memcpy(row->serial, serial, HARS_CA_SERIAL);
    row->not_after = plan.not_after;
    row->issued_at = now;
    row->revoked_at = 0;
    row->reason = 0;

    if (hars_sha256(row->thumbprint, *der, *len) != HARS_OK
        || hars_csr_key_hash(csr, row->key) != HARS_OK)
    {
        free(*der);
        return HARS_ERROR;
    }

    return HARS_OK;
}


/* RFC 5280, 4.1.2.5: within the issuer's own time */
static int
hars_ca_plan(hars_ca_t *ca, const hars_names_t *names, int64_t now,
    unsigned long days, hars_ca_plan_t *plan)
{
    int64_t  first, last;

    if (hars_ca_dates(ca->issuing, &first, &last) != HARS_OK || now >= last) {
        return HARS_ERROR;
    }

    memset(plan, 0, sizeof(hars_ca_plan_t));

    plan->profile = HARS_CA_CLIENT;
    plan->crl_url = ca->crl_url;
    plan->ocsp_url = ca->ocsp_url;
    plan->subject = names->subject;
    plan->subject_len = names->subject_len;
    plan->san = names->san;
    plan->san_len = names->san_len;

    plan->not_before = now - HARS_CA_BACKDATE;
    plan->not_after = now + (int64_t) days * HARS_CA_DAY;

    if (plan->not_before < first) {
        plan->not_before = first;
    }

    if (plan->not_after > last) {
        plan->not_after = last;
    }

    return HARS_OK;
}

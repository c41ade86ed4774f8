
/*
 * PKCS#10 (RFC 2986): the forms of a body, and every cut and every changed
 * byte of a good request.  What is refused for what stands in t/e2e/est.t.
 */

/* link: -lcrypto */

#include "../../backend/authserver/hars_as_csr.c"
#include "../../backend/common/hars_sha256.c"

#include "tap.h"


static unsigned char  good[1024];
static size_t         good_len;


static void
make(void)
{
    EVP_PKEY                  *key;
    X509_REQ                  *req;
    X509_NAME                 *name;
    unsigned char             *p;
    X509_EXTENSION            *ext;
    STACK_OF(X509_EXTENSION)  *exts;

    key = EVP_EC_gen("P-256");
    req = X509_REQ_new();
    name = X509_REQ_get_subject_name(req);

    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *) "dcm-1", -1, -1, 0);
    X509_REQ_set_version(req, X509_REQ_VERSION_1);
    X509_REQ_set_pubkey(req, key);

    exts = sk_X509_EXTENSION_new_null();
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                              "DNS:dcm.example,URI:urn:dcm");
    sk_X509_EXTENSION_push(exts, ext);
    X509_REQ_add_extensions(req, exts);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);

    X509_REQ_sign(req, key, EVP_sha256());

    p = good;
    good_len = (size_t) i2d_X509_REQ(req, &p);

    X509_REQ_free(req);
    EVP_PKEY_free(key);
}


/* HARS_OK, HARS_ERROR, and always a text with the latter */
static int
parse(const unsigned char *der, size_t len)
{
    int          rc;
    hars_csr_t   csr;
    const char  *error;

    error = NULL;
    rc = hars_csr_parse(&csr, der, len, &error);

    if (rc == HARS_OK) {
        hars_csr_free(&csr);
        return error ? 100 : HARS_OK;
    }

    return (error && csr.key == NULL) ? rc : 101;
}


static void
requests(void)
{
    int             rc;
    size_t          i;
    hars_csr_t      csr;
    unsigned        bad;
    const char     *error;
    unsigned char   der[sizeof(good) + 1];

    rc = hars_csr_parse(&csr, good, good_len, &error);
    ok(rc == HARS_OK, "a request");
    ok(csr.key != NULL && csr.sans == 2 && csr.names.san_len > 0
       && csr.names.subject_len == 18, "... its key and names");
    hars_csr_free(&csr);

    for (i = 0, bad = 0; i < good_len; i++) {
        bad += parse(good, i) != HARS_ERROR;
    }

    ok(bad == 0, "cut anywhere: none");

    for (i = 0, bad = 0; i < 8 * good_len; i++) {
        memcpy(der, good, good_len);
        der[i / 8] ^= (unsigned char) (1 << i % 8);
        bad += parse(der, good_len) != HARS_ERROR;
    }

    ok(bad == 0, "any bit changed: none");

    memcpy(der, good, good_len);
    der[good_len] = 0;
    ok(parse(der, good_len + 1) == HARS_ERROR, "a byte behind it");
    ok(parse(good, HARS_CSR_MAX + 1) == HARS_ERROR, "too long, unread");
}


static int
decode(const char *text, size_t len, size_t *der_len)
{
    int            rc;
    char          *body;
    unsigned char *der;

    body = malloc(HARS_CSR_TEXT + 1);
    der = malloc(HARS_CSR_TEXT);
    memcpy(body, text, len);
    rc = hars_csr_decode(body, len, der, der_len);

    if (rc == HARS_OK && *der_len >= 3 && memcmp(der, "abc", 3) != 0) {
        rc = 100;
    }

    free(der);
    free(body);

    return rc;
}


static void
bodies(void)
{
    char    big[HARS_CSR_TEXT];
    size_t  i, len;

    static const struct {
        const char  *text;
        int          rc;
        size_t       len;
    } cases[] = {
        { "YWJj", HARS_OK, 3 },
        { "YWJjZA==", HARS_OK, 4 },
        { "YWJjZGU=", HARS_OK, 5 },
        { "YWJj\n", HARS_OK, 3 },
        { "YW\r\nJj\r\n", HARS_OK, 3 },
        { "  Y W\tJ j", HARS_OK, 3 },
        { "-----BEGIN CERTIFICATE REQUEST-----\nYWJj\n"
          "-----END CERTIFICATE REQUEST-----\n", HARS_OK, 3 },
        { "\n-----BEGIN X-----YWJj-----END X-----", HARS_OK, 3 },
        { "", HARS_ERROR, 0 },
        { " \n", HARS_ERROR, 0 },
        { "=", HARS_ERROR, 0 },
        { "====", HARS_ERROR, 0 },
        { "YWJ", HARS_ERROR, 0 },
        { "YWJjZA", HARS_ERROR, 0 },
        { "YWJjZA=", HARS_ERROR, 0 },
        { "YWJj====", HARS_ERROR, 0 },
        { "YW==YWJj", HARS_ERROR, 0 },
        { "YWJj*", HARS_ERROR, 0 },
        { "YW-_", HARS_ERROR, 0 },
        { "-----BEGIN ", HARS_ERROR, 0 },
        { "-----BEGIN -----END ", HARS_ERROR, 0 },
        { "-----BEGIN X-----END X-----", HARS_ERROR, 0 },
        { "-----BEGIN X-----YWJj", HARS_ERROR, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = 0;
        ok(decode(cases[i].text, strlen(cases[i].text), &len) == cases[i].rc
           && (cases[i].rc != HARS_OK || len == cases[i].len),
           "body \"%.*s\"", (int) strcspn(cases[i].text, "\r\n\t"),
           cases[i].text);
    }

    ok(decode("YWJj\0YWJj", 9, &len) == HARS_ERROR, "a zero byte");

    for (i = 0; i < sizeof(big); i += 4) {
        memcpy(big + i, "YWJj", 4);
    }

    ok(decode(big, sizeof(big), &len) == HARS_OK
       && len == sizeof(big) / 4 * 3, "the longest body");
}


int
main(void)
{
    make();
    requests();
    bodies();

    return tap_done();
}

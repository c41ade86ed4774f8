
/* the Client-Cert header: RFC 9440, with a certificate made for the moment */

/* link: common/hars_record.c -lcrypto -lpthread */

#include "../../backend/authserver/hars_as_cert.c"
#include "../../backend/common/hars_log.c"
#include "../../backend/common/hars_sha256.c"

#include "tap.h"


#define NOW  1800000000


static char           header[8192];
static unsigned char  der[4096];
static size_t         der_len;


static X509 *
make(void)
{
    X509           *x509;
    EVP_PKEY       *key;
    X509_NAME      *name;
    unsigned char  *p;

    key = EVP_EC_gen("P-256");
    x509 = X509_new();
    name = X509_get_subject_name(x509);

    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *) "dcm-1", -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_set_version(x509, X509_VERSION_3);
    X509_set_pubkey(x509, key);
    ASN1_TIME_set(X509_getm_notBefore(x509), NOW - 100);
    ASN1_TIME_set(X509_getm_notAfter(x509), NOW + 100);
    X509_sign(x509, key, EVP_sha256());

    p = der;
    der_len = (size_t) i2d_X509(x509, &p);

    EVP_PKEY_free(key);

    return x509;
}


/* ":base64:" of the first "len" bytes */
static void
encode(size_t len)
{
    int  n;

    header[0] = ':';
    n = EVP_EncodeBlock((unsigned char *) header + 1, der, (int) len);
    header[1 + n] = ':';
    header[2 + n] = '\0';
}


static int
parse(const char *text, time_t now)
{
    hars_cert_t  cert;

    return hars_cert_parse(NULL, &cert, text, now);
}


/*
 * One that an authority believes in is not looked at again for a minute: it
 * stays believed though the authority is gone.
 */
static void
kept(X509 *x509)
{
    FILE          *fp;
    char           file[] = "/tmp/hars_as_cert.XXXXXX", *name = file;
    X509_STORE    *store;
    hars_cert_t    cert, again;
    hars_certs_t  *certs;

    fp = fdopen(mkstemp(file), "w");
    PEM_write_X509(fp, x509);
    fclose(fp);

    certs = hars_certs_create(&name, 1);
    unlink(file);

    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(certs->store), NOW);

    memset(&again, 0, sizeof(again));
    memset(&cert, 0, sizeof(cert));
    encode(der_len);
    ok(hars_cert_parse(certs, &cert, header, NOW) == HARS_OK && cert.trusted,
       "one that is believed");

    store = certs->store;
    certs->store = X509_STORE_new();

    hars_cert_parse(certs, &again, header, NOW + 59);
    ok(memcmp(&again, &cert, sizeof(cert)) == 0, "is for a minute, all of it");

    hars_cert_parse(certs, &again, header, NOW + 60);
    ok(!again.trusted, "and is looked at again then");

    hars_cert_parse(certs, &again, header, NOW - 101);
    ok(!again.valid, "when it is valid is looked at each time");

    /* its last byte but twenty: of the signature, and in no slot's hash */

    der[der_len - 20] ^= 1;
    encode(der_len);
    der[der_len - 20] ^= 1;

    hars_cert_parse(certs, &again, header, NOW);
    ok(hars_cert_kept(certs, header, strlen(header))->header != NULL
       && !again.trusted
       && memcmp(again.thumbprint, cert.thumbprint, HARS_SHA256_LEN) != 0,
       "another one, in its place, is not taken for it");

    X509_STORE_free(certs->store);
    certs->store = store;
    hars_certs_free(certs);
}


int
main(void)
{
    X509          *x509;
    size_t         len, i;
    hars_cert_t    cert;
    unsigned char  digest[HARS_SHA256_LEN];

    static const char  *bad[] = {
        "", ":", "::", ":=:", ":====:", ":AA=:", ":AAA:", ":AA==", "AA==:",
        ":AA\n=:", ":A A=:", ":AAAA:;x=1", " :AAAA:", ":AAAA:, :AAAA:",
        ":AA-_:", ":AB==:", "-----BEGIN CERTIFICATE-----"
    };

    x509 = make();
    kept(x509);
    X509_free(x509);

    encode(der_len);

    ok(hars_cert_parse(NULL, &cert, header, NOW) == HARS_OK, "a certificate");
    EVP_Digest(der, der_len, digest, NULL, EVP_sha256(), NULL);
    ok(memcmp(cert.thumbprint, digest, HARS_SHA256_LEN) == 0,
       "its thumbprint is SHA-256 of the DER");
    ok(cert.subject_len > 10
       && memcmp(cert.subject + cert.subject_len - 5, "dcm-1", 5) == 0,
       "its subject, as DER");
    ok(cert.valid, "within its period");

    hars_cert_parse(NULL, &cert, header, NOW + 101);
    ok(!cert.valid, "expired");
    hars_cert_parse(NULL, &cert, header, NOW - 101);
    ok(!cert.valid, "not yet valid");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(parse(bad[i], NOW) == HARS_ERROR, "refused: \"%s\"", bad[i]);
    }

    encode(der_len - 1);
    ok(parse(header, NOW) == HARS_ERROR, "refused: shortened");

    der[der_len] = 0;
    encode(der_len + 1);
    ok(parse(header, NOW) == HARS_ERROR, "refused: a byte behind");

    memcpy(der + der_len, der, der_len);
    encode(2 * der_len);
    ok(parse(header, NOW) == HARS_ERROR, "refused: two certificates");

    /* every shortening of a header, for the sanitizers too */

    encode(der_len);
    len = strlen(header);

    for (i = 0; i < len; i++) {
        header[len - 1 - i] = '\0';

        if (parse(header, NOW) != HARS_ERROR) {
            break;
        }
    }

    ok(i == len, "refused: every beginning of a header");

    memset(header, 'A', sizeof(header) - 1);
    header[0] = ':';
    ok(parse(header, NOW) == HARS_ERROR, "refused: as long as may be");

    return tap_done();
}

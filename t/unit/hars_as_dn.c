
/*
 * Subject names: RFC 8705 2.1.2, RFC 4514.  The certificates' names are made
 * here attribute by attribute, not from the strings that they are held
 * against.
 */

/* link: -lcrypto */

#include "../../backend/authserver/hars_as_dn.c"
#include "../../backend/authserver/hars_as_dn_parse.c"
#include "../../backend/authserver/hars_as_dn_encode.c"

#include "tap.h"


/* one attribute; "set" -1: in the RDN of the one before */
typedef struct {
    int                   nid;
    int                   type;
    const char           *value;
    int                   len;
    int                   set;
} attr_t;

#define UTF8(nid, value)  { nid, V_ASN1_UTF8STRING, value, -1, 0 }
#define MORE(nid, value)  { nid, V_ASN1_UTF8STRING, value, -1, -1 }
#define END               { 0, 0, NULL, 0, 0 }


static unsigned char  der[4096];


static size_t
name(const attr_t *attr)
{
    X509_NAME      *n;
    unsigned char  *p;
    int             len;

    n = X509_NAME_new();

    for ( /* void */ ; attr->value; attr++) {
        if (!X509_NAME_add_entry_by_NID(n, attr->nid, attr->type,
                                        (const unsigned char *) attr->value,
                                        attr->len, -1, attr->set))
        {
            abort();
        }
    }

    p = der;
    len = i2d_X509_NAME(n, &p);
    X509_NAME_free(n);

    return len < 0 ? 0 : (size_t) len;
}


/* C=DE, O=HARS, CN=dcm-1 in the order of the DER */
static const attr_t  plain[] = {
    { NID_countryName, V_ASN1_PRINTABLESTRING, "DE", -1, 0 },
    UTF8(NID_organizationName, "HARS"), UTF8(NID_commonName, "dcm-1"), END
};


static void
equal(void)
{
    size_t  i, len;

    static const char  *same[] = {
        "CN=dcm-1,O=HARS,C=DE",
        "cn=dcm-1,o=HARS,c=DE",
        " CN = dcm-1 , O = HARS , C = DE ",
        "2.5.4.3=dcm-1,O=HARS,C=DE",
        "CN=\\64cm-1,O=HARS,C=DE",
        "CN=dcm\\2D1,O=HARS,C=DE",
        "CN=#0C0564636D2D31,O=HARS,C=DE",
        "CN=dcm-1,O=HARS,C=#13024445",
    };

    static const char  *other[] = {
        "C=DE,O=HARS,CN=dcm-1",                /* the order counts */
        "CN=dcm-1,O=HARS",
        "CN=dcm-1",
        "CN=dcm-1,O=HARS,C=DE,C=DE",
        "CN=dcm-1,O=HARS,L=X,C=DE",
        "CN=Dcm-1,O=HARS,C=DE",                /* values are exact */
        "CN=dcm-1,O=hars,C=DE",
        "CN=dcm-10,O=HARS,C=DE",
        "CN=dcm-,O=HARS,C=DE",
        "CN=dcm-1+O=HARS,C=DE",                /* other RDNs */
        "OU=dcm-1,O=HARS,C=DE",
        "CN=dcm-1\\,O\\=HARS,C=DE",
        "CN=dcm-1\\ ,O=HARS,C=DE",
        "CN=#130564636D2D31,O=HARS,C=DE",      /* PrintableString, not UTF8 */
        "",
    };

    len = name(plain);

    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        ok(hars_dn_match(same[i], der, len) == HARS_OK, "same: %s", same[i]);
    }

    for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        ok(hars_dn_match(other[i], der, len) != HARS_OK, "other: %s",
           other[i]);
    }

    ok(hars_dn_match(same[0], der, len - 1) != HARS_OK, "shortened DER");
    der[len] = 0;
    ok(hars_dn_match(same[0], der, len + 1) != HARS_OK, "DER with more");
}


static void
special(void)
{
    size_t  i;

    static const attr_t  names[][4] = {
        { UTF8(NID_commonName, "a,b+c"), END },
        { UTF8(NID_commonName, " #x "), END },
        { UTF8(NID_commonName, "J\xc3\xbcrgen"), END },
        { { NID_commonName, V_ASN1_BMPSTRING, "\0J\0\xfc", 4, 0 }, END },
        { UTF8(NID_organizationName, "O"), UTF8(NID_commonName, "x"),
          MORE(NID_serialNumber, "7"), END },
        { UTF8(NID_organizationalUnitName, "x"),
          MORE(NID_organizationalUnitName, "x"), END },
        { { NID_commonName, V_ASN1_T61STRING, "x", 1, 0 }, END },
        { { NID_commonName, V_ASN1_UTF8STRING, "x\0y", 3, 0 }, END },
        { { NID_pkcs9_emailAddress, V_ASN1_IA5STRING, "a@b", -1, 0 },
          { NID_domainComponent, V_ASN1_IA5STRING, "org", -1, 0 }, END },
        { END },
    };

    static const struct {
        unsigned     name;
        const char  *dn;
        int          match;
    } cases[] = {
        { 0, "CN=a\\,b\\+c", 1 },
        { 0, "CN=a\\2cb\\2Bc", 1 },
        { 0, "CN=a,CN=b", 0 },
        { 1, "CN=\\ \\#x\\ ", 1 },
        { 1, "CN= \\#x ", 0 },
        { 2, "CN=J\xc3\xbcrgen", 1 },
        { 2, "CN=J\\C3\\BCrgen", 1 },
        { 2, "CN=Jurgen", 0 },
        { 3, "CN=J\xc3\xbc", 1 },
        { 4, "CN=x+serialNumber=7,O=O", 1 },
        { 4, "serialNumber=7+CN=x,O=O", 1 },
        { 4, "serialNumber=7,CN=x,O=O", 0 },
        { 4, "CN=x+CN=x,O=O", 0 },
        { 4, "CN=x,serialNumber=7+O=O", 0 },
        { 5, "OU=x+OU=x", 1 },
        { 5, "OU=x", 0 },
        { 6, "CN=x", 0 },
        { 7, "CN=x", 0 },
        { 8, "DC=org,emailAddress=a@b", 1 },
        { 9, "CN=x", 0 },
        { 9, "", 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ok((hars_dn_match(cases[i].dn, der, name(names[cases[i].name]))
            == HARS_OK) == cases[i].match, "name %u %s: %s", cases[i].name,
           cases[i].match ? "is" : "is not", cases[i].dn);
    }
}


static void
malformed(void)
{
    char         longer[HARS_DN_VALUE + 8];
    size_t       i;
    const char  *error;

    static const char  *bad[] = {
        "", "CN", "=x", "CN=", "CN= ", "CN=x,", "CN=x,,O=y", "CN=x+",
        "CN=a;b", "CN=\"x\"", "CN=<x>", "CN=x\\", "CN=x\\q", "CN=x\\0",
        "CN=x\\00", "CN=#", "CN=#0", "CN=#0g", "CN=#0C0178x", "XY=x",
        "1.=x", "CN x=y", "9.9.9=x"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = NULL;
        ok(hars_dn_check(bad[i], &error) == HARS_ERROR && error != NULL,
           "refused: %s", bad[i]);
    }

    ok(hars_dn_check("CN=x,1.2.3.4=y", &error) == HARS_OK,
       "an attribute by its object identifier");

    memset(longer, 'x', sizeof(longer));
    memcpy(longer, "CN=", 3);
    longer[3 + HARS_DN_VALUE] = '\0';
    ok(hars_dn_check(longer, &error) == HARS_OK, "the longest value");
    longer[3 + HARS_DN_VALUE] = 'x';
    longer[4 + HARS_DN_VALUE] = '\0';
    ok(hars_dn_check(longer, &error) == HARS_ERROR, "one longer");
}


int
main(void)
{
    equal();
    special();
    malformed();

    return tap_done();
}

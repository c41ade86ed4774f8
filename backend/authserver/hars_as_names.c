
/* See hars_as_names.h for what this is. */

#include "hars_as_names.h"
#include "hars_as_auth.h"
#include "hars_as_dn.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/x509v3.h>


static int hars_names_san(const hars_client_t *client, hars_names_t *names);
static int hars_names_type(const hars_client_t *client);
static ASN1_STRING *hars_names_value(int type, const char *text);
static ASN1_STRING *hars_names_address(const char *text);


int
hars_names_of(const hars_client_t *client, const unsigned char *issuer,
    size_t issuer_len, hars_names_t *names, const char **why)
{
    int  type;

    memset(names, 0, sizeof(hars_names_t));

    type = hars_names_type(client);

    if (type == GEN_DIRNAME) {
        strcpy(names->dn, client->auth_value);

        if (hars_dn_common_name(names->dn, client->id) != HARS_OK) {
            *why = "has a registered subject whose CN is not its client_id";
            return HARS_DECLINED;
        }

    } else if (type != -1) {
        strcpy(names->dn, "CN=");
        strcat(names->dn, client->id);

    } else {
        *why = "is not registered by a subject or a name of its certificate";
        return HARS_DECLINED;
    }

    if (issuer && client->issuer_dn[0]
        && hars_dn_match(client->issuer_dn, issuer, issuer_len) != HARS_OK)
    {
        *why = "is registered with another issuer";
        return HARS_DECLINED;
    }

    /* what was encoded has to be what was registered */

    if (hars_dn_encode(names->dn, names->subject, sizeof(names->subject),
                       &names->subject_len) != HARS_OK
        || hars_dn_match(names->dn, names->subject, names->subject_len)
           != HARS_OK
        || (type != GEN_DIRNAME && hars_names_san(client, names) != HARS_OK))
    {
        *why = "has a registered name that RFC 5280 does not allow";
        return HARS_DECLINED;
    }

    return HARS_OK;
}


/* GEN_DIRNAME: the subject; -1: by nothing that stands in a certificate */
static int
hars_names_type(const hars_client_t *client)
{
    size_t  i;

    static const struct {
        const char  *auth;
        int          type;
    } types[] = {
        { "subject_dn", GEN_DIRNAME },
        { "san_dns", GEN_DNS },
        { "san_uri", GEN_URI },
        { "san_ip", GEN_IPADD },
        { "san_email", GEN_EMAIL }
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(client->auth->name, types[i].auth) == 0) {
            return types[i].type;
        }
    }

    return -1;
}


/* RFC 5280, 4.2.1.6; it has to be what this client is known by later */
static int
hars_names_san(const hars_client_t *client, hars_names_t *names)
{
    int             len, type;
    hars_cert_t     cert;
    ASN1_STRING    *value;
    GENERAL_NAME   *name;
    GENERAL_NAMES  *all;
    unsigned char  *p;

    type = hars_names_type(client);
    all = sk_GENERAL_NAME_new_null();
    name = GENERAL_NAME_new();
    value = hars_names_value(type, client->auth_value);
    len = -1;

    if (all && name && value) {
        GENERAL_NAME_set0_value(name, type, value);
        value = NULL;

        if (sk_GENERAL_NAME_push(all, name) > 0) {
            name = NULL;
            len = i2d_GENERAL_NAMES(all, NULL);
        }
    }

    if (len > 0 && len <= HARS_CERT_NAME) {
        p = names->san;
        names->san_len = (size_t) i2d_GENERAL_NAMES(all, &p);
    }

    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(all);

    memset(&cert, 0, sizeof(cert));
    memcpy(cert.san, names->san, names->san_len);
    cert.san_len = names->san_len;

    return client->auth->match(client->auth_value, &cert);
}


static ASN1_STRING *
hars_names_value(int type, const char *text)
{
    ASN1_STRING  *value;

    if (type == GEN_IPADD) {
        return hars_names_address(text);
    }

    value = ASN1_STRING_type_new(V_ASN1_IA5STRING);

    if (value && !ASN1_STRING_set(value, text, -1)) {
        ASN1_STRING_free(value);
        value = NULL;
    }

    return value;
}


static ASN1_STRING *
hars_names_address(const char *text)
{
    int             len;
    ASN1_STRING    *value;
    unsigned char   ip[16];

    len = (inet_pton(AF_INET, text, ip) == 1) ? 4
          : (inet_pton(AF_INET6, text, ip) == 1) ? 16 : 0;

    value = len ? ASN1_STRING_type_new(V_ASN1_OCTET_STRING) : NULL;

    if (value && !ASN1_STRING_set(value, ip, len)) {
        ASN1_STRING_free(value);
        value = NULL;
    }

    return value;
}

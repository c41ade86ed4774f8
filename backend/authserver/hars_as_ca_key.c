
/*
 * Private keys of the authority: a PEM file that is closed to others, or a
 * key in a PKCS#11 token, named by a URI (RFC 7512), which never leaves it.
 *
 * The token is reached by the provider "pkcs11" where OpenSSL has one
 * (pkcs11-provider, Debian 13), otherwise by the engine of that name
 * (libengine-pkcs11-openssl, Debian 12).  The PIN stands in a file that the
 * URI names (pin-source), or in the URI (pin-value).
 *
 * The only user of OpenSSL's engines, which are on their way out.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "hars_as_ca.h"
#include "hars_as_private_key.h"

#include <strings.h>

#include <openssl/conf.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>


#define HARS_CA_PKCS11  "pkcs11"


static EVP_PKEY *hars_ca_key_provider(const char *uri);
static OSSL_LIB_CTX *hars_ca_key_context(void);
static EVP_PKEY *hars_ca_key_engine(const char *uri, const char **error);


/* the provider's, of its own: it ends with it, and not after main() */
static OSSL_LIB_CTX  *hars_ca_context;
static ENGINE        *hars_ca_engine;


int
hars_ca_key_is_uri(const char *where)
{
    return strncasecmp(where, HARS_CA_PKCS11 ":",
                       sizeof(HARS_CA_PKCS11)) == 0;
}


EVP_PKEY *
hars_ca_key_load(const char *where, const char **error)
{
    EVP_PKEY  *key;

    if (!hars_ca_key_is_uri(where)) {
        return hars_private_key_read(where, error);
    }

    *error = "is not to be had: see the URI (token, object, type), the PIN "
             "that it names by pin-source=file:..., and the module "
             "(PKCS11_PROVIDER_MODULE, PKCS11_MODULE_PATH)";

    key = hars_ca_key_provider(where);

    if (key == NULL) {
        key = hars_ca_key_engine(where, error);
    }

    ERR_clear_error();

    return key;
}


/* NULL: there is no such provider, or it does not have the key */
static EVP_PKEY *
hars_ca_key_provider(const char *uri)
{
    EVP_PKEY         *key;
    OSSL_STORE_CTX   *store;
    OSSL_STORE_INFO  *info;

    if (hars_ca_context == NULL) {
        hars_ca_context = hars_ca_key_context();
    }

    store = hars_ca_context
            ? OSSL_STORE_open_ex(uri, hars_ca_context, NULL, UI_null(), NULL,
                                 NULL, NULL, NULL)
            : NULL;
    key = NULL;

    if (store) {
        (void) OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    }

    while (store && key == NULL && !OSSL_STORE_eof(store)) {
        info = OSSL_STORE_load(store);

        if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
            key = OSSL_STORE_INFO_get1_PKEY(info);
        }

        OSSL_STORE_INFO_free(info);
    }

    if (store) {
        OSSL_STORE_close(store);
    }

    return key;
}


/* with the settings of openssl.cnf, which may name the token's module */
static OSSL_LIB_CTX *
hars_ca_key_context(void)
{
    char          *conf;
    OSSL_LIB_CTX  *context;

    context = OSSL_LIB_CTX_new();
    conf = CONF_get1_default_config_file();

    if (context && conf) {
        (void) OSSL_LIB_CTX_load_config(context, conf);
    }

    OPENSSL_free(conf);

    if (context
        && (OSSL_PROVIDER_try_load(context, HARS_CA_PKCS11, 1) == NULL
            || OSSL_PROVIDER_load(context, "default") == NULL))
    {
        OSSL_LIB_CTX_free(context);
        context = NULL;
    }

    return context;
}


static EVP_PKEY *
hars_ca_key_engine(const char *uri, const char **error)
{
    EVP_PKEY  *key;

    if (hars_ca_engine == NULL) {
        ENGINE_load_builtin_engines();
        hars_ca_engine = ENGINE_by_id(HARS_CA_PKCS11);

        if (hars_ca_engine == NULL || !ENGINE_init(hars_ca_engine)) {
            ENGINE_free(hars_ca_engine);
            hars_ca_engine = NULL;

            if (hars_ca_context == NULL) {
                *error = "needs the package pkcs11-provider or "
                         "libengine-pkcs11-openssl, and its settings";
            }

            return NULL;
        }
    }

    key = ENGINE_load_private_key(hars_ca_engine, uri,
                                  (UI_METHOD *) UI_null(), NULL);

    return key;
}


void
hars_ca_key_end(void)
{
    if (hars_ca_engine) {
        ENGINE_finish(hars_ca_engine);
        ENGINE_free(hars_ca_engine);
        hars_ca_engine = NULL;
    }

    OSSL_LIB_CTX_free(hars_ca_context);
    hars_ca_context = NULL;
}

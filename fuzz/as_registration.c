
/*
 * Client metadata, as whoever has an initial access token may send it: what
 * is taken authenticates in one way that its own check takes, inside its
 * sizes, and is JSON again when it is written; what is refused says why.
 */

#include "../backend/authserver/hars_as_answer.c"
#include "../backend/authserver/hars_as_json.c"
#include "../backend/authserver/hars_as_auth.c"
#include "../backend/authserver/hars_as_cert.c"
#include "../backend/authserver/hars_as_dn.c"
#include "../backend/authserver/hars_as_dn_memo.c"
#include "../backend/authserver/hars_as_dn_parse.c"
#include "../backend/authserver/hars_as_form.c"
#include "../backend/authserver/hars_as_kind.c"
#include "../backend/authserver/hars_as_registration.c"
#include "../backend/authserver/hars_as_registration_echo.c"
#include "../backend/authserver/hars_as_registration_jwks.c"
#include "../backend/authserver/hars_as_words.c"
#include "../backend/common/hars_log.c"
#include "../backend/common/hars_sha256.c"

#include <stdint.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                          rc;
    char                        *text;
    json_t                      *root;
    const char                  *error;
    hars_client_t               *client;
    static hars_registration_t   reg;

    rc = hars_registration_read(&reg, (const char *) data, size,
                                size && data[size - 1] == ' ');
    client = &reg.client;

    if (rc != HARS_OK) {

        if (reg.why[0] == '\0' || strpbrk(reg.why, "\"\\")) {
            abort();
        }

        return 0;
    }

    if (client->auth == &hars_auths[0]
        || client->auth->check(client->auth_value, &error) != HARS_OK
        || (client->issuer_dn[0]
            && hars_dn_check(client->issuer_dn, &error) != HARS_OK)
        || (client->scope[0] && !hars_words_scope(client->scope)))
    {
        abort();
    }

    client->kind = hars_kind_find("service");
    text = hars_registration_answer(client, "https://x/", "y", NULL);
    root = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (!json_is_object(root)
        || json_object_get(root, "client_secret")
        || !json_is_true(json_object_get(root,
                         "tls_client_certificate_bound_access_tokens")))
    {
        abort();
    }

    json_decref(root);
    free(text);

    return 0;
}

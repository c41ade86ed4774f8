
/*
 * The lines of the audit log, one function for each event; see
 * hars_as_audit.h.
 */

#include "hars_as_audit_private.h"
#include "hars_as_answer.h"
#include "hars_as_crl.h"
#include "hars_as_publish.h"
#include "hars_as_words.h"

#include <jansson.h>


static void hars_audit_cert(json_t *what, const unsigned char *thumbprint);
static void hars_audit_family(json_t *what,
    const unsigned char family[HARS_FAMILY_LEN]);


int
hars_audit_issue(hars_as_t *as, const hars_token_t *token)
{
    char     id[HARS_TOKEN_ID_LEN + 1];
    json_t  *what;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    what = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}",
                     "client_id", token->client_id,
                     "sub", token->sub,
                     "hars_kind", token->kind->name,
                     "scope", token->scope,
                     "aud", hars_answer_list(token->aud, HARS_WORDS_RESOURCE),
                     "exp", (json_int_t) token->exp);

    /* as the gateway's own logs name it */

    if (as->publish
        && hars_publish_token_id(as->publish, token->id.hash, id) == HARS_OK)
    {
        json_object_set_new(what, "token", json_string(id));
    }

    hars_audit_cert(what, token->cnf);

    if (token->has_family) {
        hars_audit_family(what, token->family);
    }

    return hars_audit_write(as, "issue", what);
}


int
hars_audit_refuse(hars_as_t *as, const hars_request_t *r, const char *error,
    const char *description)
{
    json_t                  *what;
    const hars_audit_who_t  *who;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    who = r->ctx;

    what = json_pack("{s:s, s:s, s:s}",
                     "endpoint", r->route ? r->route->path : "",
                     "error", error,
                     "reason", who && who->reason ? who->reason
                                                  : description);

    if (who && who->client_id) {
        json_object_set_new(what, "client_id", json_string(who->client_id));
    }

    if (who && who->has_cert) {
        hars_audit_cert(what, who->thumbprint);
    }

    return hars_audit_write(as, "refuse", what);
}


int
hars_audit_revoke(hars_as_t *as, const char *by,
    const hars_revoke_t *revoke, uint64_t tokens)
{
    char     id[HARS_TOKEN_ID_LEN + 1];
    json_t  *what;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    what = json_pack("{s:s, s:I}", "by", by, "tokens", (json_int_t) tokens);

    switch (revoke->what) {

    case HARS_REVOKE_TOKEN:
        if (as->publish
            && hars_publish_token_id(as->publish, revoke->token.hash, id)
               == HARS_OK)
        {
            json_object_set_new(what, "token", json_string(id));
        }

        break;

    case HARS_REVOKE_FAMILY:
        hars_audit_family(what, revoke->family);
        break;

    case HARS_REVOKE_CLIENT:
        json_object_set_new(what, "client_id", json_string(revoke->id));
        break;

    case HARS_REVOKE_SUB:
        json_object_set_new(what, "sub", json_string(revoke->id));
        break;

    case HARS_REVOKE_CERT:
        hars_audit_cert(what, revoke->cert);
        json_object_set_new(what, "reason",
                       json_string(hars_crl_reason_name(revoke->reason)));
        break;
    }

    return hars_audit_write(as, "revoke", what);
}


/* "old": the thumbprint of the one that it follows, or NULL */
int
hars_audit_certificate(hars_as_t *as, const char *what,
    const hars_certificate_t *cert, const unsigned char *old)
{
    char     serial[2 * HARS_CA_SERIAL + 1], text[HARS_B64_SHA256_LEN];
    json_t  *line;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    hars_hex(serial, cert->serial, HARS_CA_SERIAL);
    serial[sizeof(serial) - 1] = '\0';

    line = json_pack("{s:s, s:s, s:s, s:I}",
                     "what", what,
                     "client_id", cert->client_id,
                     "serial", serial,
                     "not_after", (json_int_t) cert->not_after);

    hars_audit_cert(line, cert->thumbprint);

    if (old) {
        hars_b64url_sha256_encode(text, old);
        json_object_set_new(line, "follows",
                            json_stringn(text, sizeof(text)));
    }

    return hars_audit_write(as, "certificate", line);
}


int
hars_audit_crl(hars_as_t *as, const hars_crl_state_t *state, size_t entries)
{
    if (as->audit == NULL) {
        return HARS_OK;
    }

    return hars_audit_write(as, "crl", json_pack("{s:I, s:I}",
                                "number", (json_int_t) state->number,
                                "entries", (json_int_t) entries));
}


int
hars_audit_client(hars_as_t *as, const char *what, const char *client_id)
{
    if (as->audit == NULL) {
        return HARS_OK;
    }

    return hars_audit_write(as, "client", json_pack("{s:s, s:s}",
                                                    "what", what,
                                                    "client_id", client_id));
}


int
hars_audit_register(hars_as_t *as, const hars_request_t *r, const char *what,
    const char *client_id, const char *token)
{
    json_t                  *line;
    const hars_audit_who_t  *who;

    if (as->audit == NULL) {
        return HARS_OK;
    }

    who = r->ctx;

    line = json_pack("{s:s, s:s, s:s}",
                     "what", what,
                     "client_id", client_id,
                     "endpoint", r->route->path);

    if (token) {
        json_object_set_new(line, "register_token", json_string(token));
    }

    hars_audit_cert(line, who->thumbprint);

    return hars_audit_write(as, "client", line);
}


int
hars_audit_register_token(hars_as_t *as, const char *what, const char *token)
{
    if (as->audit == NULL) {
        return HARS_OK;
    }

    return hars_audit_write(as, "register_token",
                            json_pack("{s:s, s:s}",
                                      "what", what,
                                      "register_token", token));
}


static void
hars_audit_cert(json_t *what, const unsigned char *thumbprint)
{
    char  text[HARS_B64_SHA256_LEN];

    hars_b64url_sha256_encode(text, thumbprint);
    json_object_set_new(what, "certificate",
                        json_stringn(text, sizeof(text)));
}


static void
hars_audit_family(json_t *what, const unsigned char family[HARS_FAMILY_LEN])
{
    char  text[2 * HARS_FAMILY_LEN];

    hars_hex(text, family, HARS_FAMILY_LEN);
    json_object_set_new(what, "family", json_stringn(text, sizeof(text)));
}


/*
 * The fog node's registration (5.3): fogcloud is asked for key and seed under
 * the node's own name, once; or the answer of a re-key, which an operator
 * brings in a file, is taken.  Both become the sealed state.
 */

#include "hars_fn.h"
#include "aka_crypto.h"
#include "hars_log.h"
#include "hars_peer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>


static int hars_register_ask(hars_fn_t *fn, json_t **root);
static int hars_register_call(hars_fn_t *fn, hars_peer_t *peer,
    hars_answer_t *answer);
static int hars_register_take(hars_fn_t *fn, const json_t *root);
static int hars_register_hex(const json_t *root, const char *name,
    unsigned char dst[32]);


int
hars_fn_register(hars_fn_t *fn, const char *file)
{
    int           rc;
    json_t       *root;
    json_error_t  error;

    if (file) {
        root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);

        if (root == NULL) {
            hars_log_error("%s: %s", file, error.text);
            return HARS_ERROR;
        }

    } else if (access(fn->conf.state, F_OK) == 0) {
        hars_log_error("state \"%s\" is there: this fog node is registered; "
                       "for another key see --answer", fn->conf.state);
        return HARS_ERROR;

    } else if (hars_register_ask(fn, &root) != HARS_OK) {
        return HARS_ERROR;
    }

    rc = hars_register_take(fn, root);
    json_decref(root);

    return rc == HARS_OK ? hars_fn_state_write(fn) : HARS_ERROR;
}


static int
hars_register_ask(hars_fn_t *fn, json_t **root)
{
    int             rc;
    hars_answer_t   answer;
    atomic_uint     stop;
    hars_peer_t     peer;

    atomic_init(&stop, 0);
    memset(&answer, 0, sizeof(answer));
    memset(&peer, 0, sizeof(peer));
    *root = NULL;

    rc = hars_peer_create(&peer, &fn->conf.self, fn->conf.fog_url,
                          fn->conf.fog_resource, "fog:relay", &stop);

    if (rc == HARS_OK) {
        rc = hars_register_call(fn, &peer, &answer);
    }

    if (rc != HARS_OK) {
        hars_log_error("fogcloud: %s", answer.error);

    } else if (answer.status != 201) {
        hars_log_error("fogcloud: status %ld: %.*s", answer.status,
                       (int) (answer.body.len < 300 ? answer.body.len : 300),
                       answer.body.data ? answer.body.data : "");
        rc = HARS_ERROR;

    } else {
        *root = json_loadb(answer.body.data, answer.body.len,
                           JSON_REJECT_DUPLICATES, NULL);
    }

    hars_text_free(&answer.body);
    hars_peer_free(&peer);

    return rc == HARS_OK && *root ? HARS_OK : HARS_ERROR;
}


static int
hars_register_call(hars_fn_t *fn, hars_peer_t *peer,
    hars_answer_t *answer)
{
    int            rc;
    char          *body;
    json_t        *root;
    hars_call_t    call;
    hars_https_t  *https;

    memset(&call, 0, sizeof(call));
    root = json_pack("{s:s}", "client_id", fn->conf.self.client_id);
    body = root ? json_dumps(root, JSON_COMPACT) : NULL;
    https = hars_https_create(&peer->conf);
    rc = HARS_ERROR;

    if (body && https) {
        call.path = "/v1/fog/nodes";
        call.type = "application/json";
        call.body = body;
        call.len = strlen(body);
        rc = hars_peer_call(peer, https, &call, answer);
    }

    hars_https_free(https);
    json_decref(root);
    free(body);

    return rc;
}


static int
hars_register_take(hars_fn_t *fn, const json_t *root)
{
    int            rc;
    unsigned char  key[HARS_AKA_KEY], seed[HARS_AKA_SEED];

    rc = hars_register_hex(root, "key", key) == HARS_OK
         ? hars_register_hex(root, "seed", seed) : HARS_ERROR;

    if (rc == HARS_OK) {
        hars_aka_fog_make(&fn->fog, key, seed);

    } else {
        hars_log_error("this is no answer of a registration of a fog node: "
                       "key and seed have 64 hexadecimal digits");
    }

    hars_aka_wipe(key, sizeof(key));
    hars_aka_wipe(seed, sizeof(seed));

    return rc;
}


static int
hars_register_hex(const json_t *root, const char *name,
    unsigned char dst[32])
{
    unsigned            i;
    const char         *s, *high, *low;
    static const char   digits[] = "0123456789abcdef";

    s = json_string_value(json_object_get(root, name));

    if (s == NULL || strlen(s) != 64) {
        return HARS_ERROR;
    }

    for (i = 0; i < 32; i++) {
        high = strchr(digits, s[2 * i]);
        low = strchr(digits, s[2 * i + 1]);

        if (high == NULL || low == NULL) {
            return HARS_ERROR;
        }

        dst[i] = (unsigned char) ((high - digits) << 4 | (low - digits));
    }

    return HARS_OK;
}

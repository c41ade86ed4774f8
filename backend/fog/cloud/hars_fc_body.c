
/*
 * See hars_fc_body.h for what this is.  What is not known is refused: a
 * member that is misspelt would be taken for its preset.
 */

#include "hars_fc_body.h"
#include "aka.h"

#include <string.h>

#include <jansson.h>


static json_t *hars_fc_body_read(const char *text, size_t len,
    const char *const *members, const char **why);
static int hars_fc_body_id(json_t *root, const char *member,
    char id[HARS_WHO_ID]);
static int hars_fc_body_suite(json_t *root, unsigned *suite);


static const char *const  hars_fc_of_device[] = {
    "id", "suite", "patient", NULL
};

static const char *const  hars_fc_of_node[] = { "client_id", NULL };


int
hars_fc_body_device(hars_fc_body_t *body, const char *text, size_t len,
    const char **why)
{
    int      rc;
    json_t  *root;

    memset(body, 0, sizeof(hars_fc_body_t));
    root = hars_fc_body_read(text, len, hars_fc_of_device, why);

    if (root == NULL) {
        return HARS_DECLINED;
    }

    rc = HARS_OK;

    if (hars_fc_body_id(root, "id", body->id) != HARS_OK) {
        *why = "id has to be 1 to 64 characters of A-Z a-z 0-9 . _ -.";
        rc = HARS_DECLINED;

    } else if (json_object_get(root, "patient")
               && hars_fc_body_id(root, "patient", body->patient) != HARS_OK)
    {
        *why = "patient has to be a patient's sub.";
        rc = HARS_DECLINED;

    } else if (hars_fc_body_suite(root, &body->suite) != HARS_OK) {
        *why = "suite has to be 2 (X25519, AES-256-GCM; the preset), 18 "
               "(X25519, ChaCha20-Poly1305), 1 or 17 (the same without "
               "X25519, for devices that cannot do it).";
        rc = HARS_DECLINED;
    }

    json_decref(root);

    return rc;
}


int
hars_fc_body_node(hars_fc_body_t *body, const char *text, size_t len,
    const char **why)
{
    int      rc;
    json_t  *root;

    memset(body, 0, sizeof(hars_fc_body_t));
    root = hars_fc_body_read(text, len, hars_fc_of_node, why);

    if (root == NULL) {
        return HARS_DECLINED;
    }

    rc = hars_fc_body_id(root, "client_id", body->id);

    if (rc != HARS_OK) {
        *why = "client_id has to be that of the fog node, 1 to 64 characters "
               "of A-Z a-z 0-9 . _ -.";
    }

    json_decref(root);

    return rc;
}


static json_t *
hars_fc_body_read(const char *text, size_t len, const char *const *members,
    const char **why)
{
    void        *at;
    json_t      *root;
    unsigned     i;
    const char  *name;

    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(root)) {
        *why = "The body has to be a JSON object.";
        json_decref(root);
        return NULL;
    }

    for (at = json_object_iter(root); at;
         at = json_object_iter_next(root, at))
    {
        name = json_object_iter_key(at);

        for (i = 0; members[i] && strcmp(members[i], name) != 0; i++) {
            /* void */
        }

        if (members[i] == NULL) {
            *why = "The body has a member that is none of this request: see "
                   "docs/fog.md.";
            json_decref(root);
            return NULL;
        }
    }

    return root;
}


static int
hars_fc_body_id(json_t *root, const char *member, char id[HARS_WHO_ID])
{
    const char  *value;

    value = json_string_value(json_object_get(root, member));

    if (value == NULL || hars_id_check(value) != HARS_OK) {
        return HARS_DECLINED;
    }

    strcpy(id, value);

    return HARS_OK;
}


/* 5.1 */
static int
hars_fc_body_suite(json_t *root, unsigned *suite)
{
    json_t      *value;
    json_int_t   n;

    value = json_object_get(root, "suite");

    if (value == NULL) {
        *suite = HARS_AKA_X25519_AES;
        return HARS_OK;
    }

    n = json_integer_value(value);

    if (!json_is_integer(value)
        || (n != HARS_AKA_SYM_AES && n != HARS_AKA_X25519_AES
            && n != HARS_AKA_SYM_CHACHA && n != HARS_AKA_X25519_CHACHA))
    {
        return HARS_DECLINED;
    }

    *suite = (unsigned) n;

    return HARS_OK;
}


/*
 * The metadata that is only there for people (RFC 7591, 2), and the JWK set
 * that a client authenticates by: kept as JSON, in the order that it came,
 * and echoed.  Types, lengths and characters are checked, since somebody will
 * show it to somebody.
 */

#include "hars_as_registration_private.h"
#include "hars_as_auth.h"

#include <string.h>

#include <jansson.h>


#define HARS_REGISTRATION_TEXT  512       /* longest value that is echoed */
#define HARS_REGISTRATION_TAG   35        /* RFC 5646, 4.4.1 */


typedef struct {
    const char  *name;
    unsigned     url:1;
    unsigned     language:1;              /* name#tag, 2.2 */
} hars_registration_text_t;


static const hars_registration_text_t *hars_registration_known(
    const char *name);
static int hars_registration_text(hars_registration_t *reg,
    const hars_registration_text_t *text, json_t *value);
static unsigned hars_registration_url(const char *s);
static int hars_registration_contacts(hars_registration_t *reg,
    json_t *value);
static unsigned hars_registration_legible(const char *s);


static const hars_registration_text_t  hars_registration_texts[] = {
    { "client_name", 0, 1 },
    { "client_uri", 1, 1 },
    { "logo_uri", 1, 1 },
    { "tos_uri", 1, 1 },
    { "policy_uri", 1, 1 },
    { "software_id", 0, 0 },
    { "software_version", 0, 0 },
    { NULL, 0, 0 }
};


int
hars_registration_echo(hars_registration_t *reg, json_t *root)
{
    int                              rc;
    size_t                           len;
    json_t                          *kept, *value;
    const char                      *name;
    const hars_registration_text_t  *text;

    rc = HARS_OK;
    kept = json_object();

    json_object_foreach(root, name, value) {
        text = hars_registration_known(name);

        if (json_is_null(value)) {
            continue;
        }

        if (text) {
            rc = hars_registration_text(reg, text, value);

        } else if (strcmp(name, "contacts") == 0) {
            rc = hars_registration_contacts(reg, value);

        } else if (strcmp(name, "jwks") != 0
                   || strcmp(reg->client.auth->name, "self_signed") != 0)
        {
            continue;
        }

        if (rc != HARS_OK || json_object_set(kept, name, value) == -1) {
            break;
        }
    }

    if (rc == HARS_OK && json_object_size(kept)) {
        len = json_dumpb(kept, reg->client.metadata,
                         sizeof(reg->client.metadata) - 1, JSON_COMPACT);

        if (len == 0 || len >= sizeof(reg->client.metadata)) {
            len = 0;
            rc = hars_registration_refuse(reg, "All that is to be kept is "
                                          "too long together.");
        }

        reg->client.metadata[len] = '\0';
    }

    json_decref(kept);

    return rc;
}


/* RFC 7591, 2.2: a language tag may stand behind "#" */
static const hars_registration_text_t *
hars_registration_known(const char *name)
{
    size_t                           len, tag;
    const hars_registration_text_t  *text;

    len = strcspn(name, "#");
    tag = strspn(name + len + (name[len] == '#'),
                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                 "0123456789-");

    for (text = hars_registration_texts; text->name; text++) {

        if (strlen(text->name) != len || strncmp(text->name, name, len) != 0)
        {
            continue;
        }

        if (name[len] == '\0'
            || (text->language && tag && tag <= HARS_REGISTRATION_TAG
                && name[len + 1 + tag] == '\0'))
        {
            return text;
        }
    }

    return NULL;
}


static int
hars_registration_text(hars_registration_t *reg,
    const hars_registration_text_t *text, json_t *value)
{
    const char  *s;

    s = json_string_value(value);

    if (s == NULL || *s == '\0' || !hars_registration_legible(s)) {
        return hars_registration_refuse(reg, "%s has to be a string of up to "
                                        "%d bytes without control "
                                        "characters.", text->name,
                                        HARS_REGISTRATION_TEXT);
    }

    if (text->url && !hars_registration_url(s)) {
        return hars_registration_refuse(reg, "%s has to be the URL of a web "
                                        "page.", text->name);
    }

    return HARS_OK;
}


/* RFC 3986, 2: its characters */
static unsigned
hars_registration_url(const char *s)
{
    if (strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0) {
        return 0;
    }

    for ( /* void */ ; *s; s++) {
        if (*s <= ' ' || *s > '~' || strchr("\"<>\\^`{|}", *s)) {
            return 0;
        }
    }

    return 1;
}


static int
hars_registration_contacts(hars_registration_t *reg, json_t *value)
{
    size_t       i;
    json_t      *contact;
    const char  *s;

    if (!json_is_array(value)) {
        return hars_registration_refuse(reg, "contacts has to be an array.");
    }

    json_array_foreach(value, i, contact) {
        s = json_string_value(contact);

        if (s == NULL || !hars_registration_legible(s)) {
            return hars_registration_refuse(reg, "contacts has to be an "
                                            "array of strings.");
        }
    }

    return HARS_OK;
}


/* jansson has seen that it is UTF-8 without zero bytes */
static unsigned
hars_registration_legible(const char *s)
{
    size_t  i;

    for (i = 0; s[i]; i++) {
        if ((unsigned char) s[i] < ' ' || s[i] == 0x7f) {
            return 0;
        }
    }

    return i <= HARS_REGISTRATION_TEXT;
}

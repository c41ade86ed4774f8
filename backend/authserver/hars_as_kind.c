
/*
 * The one table of who may get what: a client's registered scope lies inside
 * its kind's, a token's inside the client's.
 */

#include "hars_as.h"

#include <string.h>


const hars_kind_t  hars_kinds[] = {

    { .name = "patient",
      .scope = "recordings:write activities:read samples:read consent:write "
               "fog:register",
      .person = 1, .grant = 1 },

    { .name = "caregiver",
      .scope = "activities:read",
      .person = 1, .grant = 1 },

    { .name = "doctor",
      .scope = "activities:read samples:read",
      .person = 1, .grant = 1 },

    { .name = "service",
      .scope = "ml:recognize ml:probabilities fog:resolve",
      .grant = 1 },

    { .name = "fog_node",
      .scope = "recordings:fog activities:read fog:relay",
      .grant = 1 },

    { .name = "resource_server",
      .scope = "",
      .introspect = 1 },

    { .name = "operator",
      .scope = "fog:register",
      .person = 1, .grant = 1, .revoke = 1 },

    { .name = NULL }
};


const hars_kind_t *
hars_kind_find(const char *name)
{
    const hars_kind_t  *kind;

    for (kind = hars_kinds; kind->name; kind++) {
        if (strcmp(kind->name, name) == 0) {
            return kind;
        }
    }

    return NULL;
}

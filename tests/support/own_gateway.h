/* own_gateway.h - the gateway as a role of this process (own_role.h), with a door of its own. */
#ifndef METAOPS_TESTS_SUPPORT_OWN_GATEWAY_H
#define METAOPS_TESTS_SUPPORT_OWN_GATEWAY_H

#include <stdbool.h>

#include "support/own_role.h"
#include "support/raw_http.h"

struct own_gateway {
    struct own_role role;
    struct reserved_port door;
};

/* As own_role_open; the flag for the door is added, too. */
bool own_gateway_open(struct own_gateway *gw, const char *const *flags);

/* As own_role_close. */
int own_gateway_close(struct own_gateway *gw);

/* A POST to the door over a connection of its own; the answer is the caller's (raw_http_fini). */
struct raw_answer own_gateway_post(const struct own_gateway *gw, const char *path,
                                   const char *headers, struct str body);

#endif

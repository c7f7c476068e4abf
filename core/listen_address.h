/* listen_address.h - the addresses that roles listen on: host:port, [v6]:port, :port for all. */
#ifndef METAOPS_CORE_LISTEN_ADDRESS_H
#define METAOPS_CORE_LISTEN_ADDRESS_H

#include <stdbool.h>

#include "err.h"

struct addrinfo;

/* The addresses behind text, to be freed by freeaddrinfo. May ask a name server. FATAL with text. */
MUST_CHECK enum verdict listen_address_resolve(const char *text, struct addrinfo **out_list,
                                               struct err *err);

/* Whether only this machine can reach what listens on text: every address behind it is loopback.
 * False also when it cannot be resolved. */
bool listen_address_is_loopback(const char *text);

#endif

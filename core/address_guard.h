/* address_guard.h - may we speak to this address when somebody else named it?
 *
 * A URL from a file of routes, a database or an event must not make us knock at doors that only we can
 * reach: the machine itself, private networks, the metadata service of a cloud. Judged is the address
 * that a socket is about to be connected to, never a name: what a name means may change between two
 * looks. Pure functions, thread-safe. */
#ifndef METAOPS_CORE_ADDRESS_GUARD_H
#define METAOPS_CORE_ADDRESS_GUARD_H

#include <stdbool.h>

#include <sys/socket.h>

/* True for unicast addresses of the public internet, IPv4 or IPv6. An IPv6 address that stands for an
 * IPv4 one (mapped, NAT64) is judged as that. False for any other family. */
bool address_guard_is_public(const struct sockaddr *address);

/* As above for the text of an address, without a zone; false for what is none. */
bool address_guard_is_public_text(const char *text);

#endif

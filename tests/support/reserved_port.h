/* reserved_port.h - ports for roles that have to be told theirs before they listen. */
#ifndef METAOPS_TESTS_SUPPORT_RESERVED_PORT_H
#define METAOPS_TESTS_SUPPORT_RESERVED_PORT_H

struct reserved_port {
    int fd;
    int number;
};

/* A free port of 127.0.0.1 that the system gives to nobody else: a server that sets SO_REUSEADDR, as ours
 * do, may listen there, and while none does, connections are refused. Ends the program when there is none. */
struct reserved_port reserved_port_open(void);

/* The same for a port that nobody listens on any more, before somebody does again. */
struct reserved_port reserved_port_keep(int number);

/* A zeroed struct is allowed. */
void reserved_port_close(struct reserved_port *port);

#endif

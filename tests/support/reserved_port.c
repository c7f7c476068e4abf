#include "support/reserved_port.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct reserved_port reserved_port_open(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    struct reserved_port port = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int on = 1;

    /* Bound before it is shared: the system may give one shared port to two. */
    if (bind(port.fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(port.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        getsockname(port.fd, (struct sockaddr *)&address, &len) != 0) {
        perror("reserved_port");
        abort();
    }
    port.number = ntohs(address.sin_port);
    return port;
}

void reserved_port_close(struct reserved_port *port)
{
    if (port->number > 0) {
        close(port->fd);
    }
    *port = (struct reserved_port){.number = 0};
}

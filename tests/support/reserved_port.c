#include "support/reserved_port.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(int failure)
{
    if (failure) {
        perror("reserved_port");
        abort();
    }
}

static struct reserved_port bound(int number, int is_shared)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    struct reserved_port port = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    setsockopt(port.fd, SOL_SOCKET, SO_REUSEADDR, &is_shared, sizeof(is_shared));
    must(bind(port.fd, (struct sockaddr *)&address, sizeof(address)));
    must(getsockname(port.fd, (struct sockaddr *)&address, &len));
    port.number = ntohs(address.sin_port);
    return port;
}

struct reserved_port reserved_port_open(void)
{
    struct reserved_port port = bound(0, 0);
    int on = 1;

    /* Shared only once it is bound: the system may give one shared port to two. */
    must(setsockopt(port.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
    return port;
}

struct reserved_port reserved_port_keep(int number)
{
    return bound(number, 1); /* connections of the one who listened may still be there */
}

void reserved_port_close(struct reserved_port *port)
{
    if (port->number > 0) {
        close(port->fd);
    }
    *port = (struct reserved_port){.number = 0};
}

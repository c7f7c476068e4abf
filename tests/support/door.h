/* door.h - a small HTTP server that keeps what it is sent and answers as it is told; for tests of
 * senders. One connection at a time, on a thread of its own. */
#ifndef METAOPS_TESTS_SUPPORT_DOOR_H
#define METAOPS_TESTS_SUPPORT_DOOR_H

#include <stdbool.h>
#include <stddef.h>

struct door;

struct door_request {
    char head[4096]; /* cut */
    char *body;      /* ended by a NUL byte */
};

enum door_mood {
    DOOR_TAKES,         /* 201 */
    DOOR_OVERLOADED,    /* 503 */
    DOOR_UNAUTHORIZED,  /* 401 */
    DOOR_NO_BATCHES,    /* 404 for batches, 201 for single events */
    DOOR_REFUSES_SECOND /* of a batch the second event is refused with 400, singles are taken */
};

/* Listens on 127.0.0.1 at port, 0: a free one. */
struct door *door_open(int port);
int door_port(const struct door *door);
void door_set_mood(struct door *door, enum door_mood mood);

/* A request, from 0; NULL when there are not so many. Lives as long as the door. */
const struct door_request *door_request(struct door *door, size_t index);

/* Numbers N of the events {... "name":"jN" ...} of all requests answered with 201 or 200, in order;
 * how many, at most max. */
size_t door_events(struct door *door, long *out, size_t max);

void door_close(struct door *door);

#endif

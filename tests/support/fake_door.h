/* fake_door.h - a small HTTP server that keeps what it is sent and answers as it is told; for tests of
 * senders. One connection at a time, on a thread of its own. */
#ifndef METAOPS_TESTS_SUPPORT_FAKE_DOOR_H
#define METAOPS_TESTS_SUPPORT_FAKE_DOOR_H

#include <stdbool.h>
#include <stddef.h>

struct fake_door;

struct fake_door_request {
    char head[4096]; /* cut */
    char *body;      /* ended by a NUL byte */
};

enum fake_door_mood {
    FAKE_DOOR_TAKES,          /* 201 */
    FAKE_DOOR_OVERLOADED,     /* 503 */
    FAKE_DOOR_UNAUTHORIZED,   /* 401 */
    FAKE_DOOR_NO_BATCHES,     /* 404 for batches, 201 for single events */
    FAKE_DOOR_REFUSES_SECOND, /* of a batch the second event is refused with 400, singles are taken */
    FAKE_DOOR_NOT_FOUND,      /* 404 for everything */
    FAKE_DOOR_FORBIDS,        /* 403 */
    FAKE_DOOR_FORBIDS_GONE,   /* 403 for the emitter test/gone, 201 for others */
    FAKE_DOOR_TAKES_NONE_NOW, /* 207 for batches, each event 503; 503 for single events */
};

/* Listens on 127.0.0.1 at port, 0: a free one. */
struct fake_door *fake_door_open(int port, enum fake_door_mood mood);
int fake_door_port(const struct fake_door *door);
void fake_door_set_mood(struct fake_door *door, enum fake_door_mood mood);

/* A request, from 0; NULL when there are not so many. Lives as long as the door. */
const struct fake_door_request *fake_door_request(struct fake_door *door, size_t index);

/* Numbers N of the events {... "name":"jN" ...} of all requests answered with 201 or 200, in order;
 * how many, at most max. */
size_t fake_door_events(struct fake_door *door, long *out, size_t max);

void fake_door_close(struct fake_door *door);

#endif

/* fake_mlserver.h - a server on the loopback that gives captured answers of MLServer, byte for byte but for line ends; for tests
 * of who asks one. One connection at a time, on a thread of its own. */
#ifndef METAOPS_TESTS_SUPPORT_FAKE_MLSERVER_H
#define METAOPS_TESTS_SUPPORT_FAKE_MLSERVER_H

#include <stdbool.h>
#include <stddef.h>

struct fake_mlserver;

/* Listens on a free port of 127.0.0.1. What it has no answer for gets 404 in plain text. */
struct fake_mlserver *fake_mlserver_open(void);
int fake_mlserver_port(const struct fake_mlserver *fake);

/* From now on path (as "GET /v2") is answered with this status line and body. */
void fake_mlserver_set(struct fake_mlserver *fake, const char *path, const char *status,
                       const char *body);

/* The same with what a file of tests/data/mlserver says: a request, a line ---, its answer. */
void fake_mlserver_replay(struct fake_mlserver *fake, const char *file);

/* From now on who asks for path is hung up on. */
void fake_mlserver_hang_up(struct fake_mlserver *fake, const char *path);

/* While it is silent it takes questions and answers none of them. */
void fake_mlserver_be_silent(struct fake_mlserver *fake, bool is_silent);

/* How often path was asked for. */
size_t fake_mlserver_asked(struct fake_mlserver *fake, const char *path);

void fake_mlserver_close(struct fake_mlserver *fake);

#endif

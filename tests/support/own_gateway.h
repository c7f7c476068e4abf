/* own_gateway.h - the gateway role in a thread of this process, on ports of its own, against a mock cluster of librdkafka.
 *
 * open, topics made by the test, start; what the test changes in between is its own business. A failure is printed. */
#ifndef METAOPS_TESTS_SUPPORT_OWN_GATEWAY_H
#define METAOPS_TESTS_SUPPORT_OWN_GATEWAY_H

#include <stdbool.h>

#include <pthread.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/settings.h"
#include "support/raw_http.h"
#include "support/reserved_port.h"

/* For what a slow machine does late. */
#define OWN_GATEWAY_WAIT_MS 60000

struct own_gateway {
    struct settings st;
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    pthread_t thread;
    struct reserved_port door;
    struct reserved_port admin;
    int exit_code;
    bool is_running;
    char added_flags[3][128];
};

/* Ports, one broker and settings: flags, count of them, beside those for ports and broker, which are added. */
bool own_gateway_open(struct own_gateway *gw, const char *const *flags, int count);

bool own_gateway_start(struct own_gateway *gw);

/* By SIGTERM, to this process; returns when the role has ended. */
void own_gateway_stop(struct own_gateway *gw);

/* Stops it and frees everything. Returns the exit code of the role. */
int own_gateway_close(struct own_gateway *gw);

/* A POST to the door over a connection of its own; the answer is the caller's (raw_http_fini). */
struct raw_answer own_gateway_post(const struct own_gateway *gw, const char *path,
                                   const char *headers, struct str body);

#endif

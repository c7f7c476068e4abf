/* mock_outage.h - a broker of librdkafka's mock cluster is away for a while.
 *
 * The mock lets go of the broker's port meanwhile, and the library ends the program when it cannot have it
 * back: any connection going out could have got it. So the port is kept for it. */
#ifndef METAOPS_TESTS_SUPPORT_MOCK_OUTAGE_H
#define METAOPS_TESTS_SUPPORT_MOCK_OUTAGE_H

#include "support/reserved_port.h"

struct rd_kafka_mock_cluster_s;

struct mock_outage {
    struct rd_kafka_mock_cluster_s *cluster;
    int broker;
    struct reserved_port port;
};

/* broker counts from 1. */
struct mock_outage mock_outage_begin(struct rd_kafka_mock_cluster_s *cluster, int broker);

void mock_outage_end(struct mock_outage *outage);

#endif

#include "support/mock_outage.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* Of the list host:port,host:port in the order of the brokers. */
static int port_of(const rd_kafka_mock_cluster_t *cluster, int broker)
{
    const char *at = rd_kafka_mock_cluster_bootstraps(cluster);

    for (int i = 1; i < broker; i++) {
        at = strchr(at, ',') + 1;
    }
    return (int)strtol(strchr(at, ':') + 1, NULL, 10);
}

struct mock_outage mock_outage_begin(struct rd_kafka_mock_cluster_s *cluster, int broker)
{
    struct mock_outage outage = {.cluster = cluster, .broker = broker};

    rd_kafka_mock_broker_set_down(cluster, broker);
    outage.port = reserved_port_keep(port_of(cluster, broker));
    return outage;
}

void mock_outage_end(struct mock_outage *outage)
{
    rd_kafka_mock_broker_set_up(outage->cluster, outage->broker);
    reserved_port_close(&outage->port);
}

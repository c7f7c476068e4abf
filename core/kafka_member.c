#include "core/kafka_member.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/kafka_client.h"
#include "core/settings.h"

/* The library stops fetching for a whole second when the queue is full, so it must hold more than
 * a second of work: 12,000 records/s of 1.5 kB stalled for 460 ms with 8 MiB and not with 16. Ours
 * are 1.1 kB and 9,000 a second at most: 12 MiB. Larger records come whatever the fetch limits say,
 * one at a time. */
#define QUEUE_KBYTES "12288"
#define INSTANCE_ID_BYTES 256

/* "auto" is host name and admin port: the same after a restart, another for each worker of a
 * host. */
static void kafka_member_instance_id(const struct settings *st, char *out, size_t size)
{
    char host[128] = "";

    if (strcmp(st->worker.instance_id, "auto") != 0) {
        snprintf(out, size, "%s", st->worker.instance_id);
        return;
    }
    gethostname(host, sizeof(host) - 1);
    const char *colon = strrchr(st->worker.admin_listen, ':');
    snprintf(out, size, "%s-%s", host, colon ? colon + 1 : st->worker.admin_listen);
    for (char *c = out; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '_') {
            *c = '-';
        }
    }
}

static enum verdict kafka_member_build(const struct settings *st, const char *group,
                                       const char *instance_id, const char *offset_reset,
                                       void **out_conf, struct err *err)
{
    char session[24], heartbeat[24], poll_max[24];
    long long session_ms = st->worker.session_timeout_ms;

    snprintf(session, sizeof(session), "%lld", session_ms);
    /* Members learn of a rebalance by their heartbeats only: this is how long the others pause. */
    snprintf(heartbeat, sizeof(heartbeat), "%lld", session_ms < 3000 ? session_ms / 3 + 1 : 1000);
    snprintf(poll_max, sizeof(poll_max), "%lld", session_ms > 300000 ? session_ms : 300000);
    const struct kafka_property properties[] = {
        {.name = "group.id", .value = group},
        {.name = "group.instance.id", .value = instance_id},
        {.name = "partition.assignment.strategy", .value = "range"},
        {.name = "enable.auto.commit", .value = "false"},
        {.name = "enable.auto.offset.store", .value = "false"},
        {.name = "auto.offset.reset", .value = offset_reset},
        {.name = "isolation.level", .value = "read_committed"},
        {.name = "check.crcs", .value = "true"},
        {.name = "enable.partition.eof", .value = "false"},
        {.name = "session.timeout.ms", .value = session},
        {.name = "heartbeat.interval.ms", .value = heartbeat},
        {.name = "max.poll.interval.ms", .value = poll_max},
        {.name = "fetch.min.bytes", .value = "1"},
        {.name = "fetch.wait.max.ms", .value = "100"},
        {.name = "fetch.error.backoff.ms", .value = "100"},
        {.name = "fetch.message.max.bytes", .value = "262144"},
        {.name = "fetch.max.bytes", .value = "2097152"},
        {.name = "queued.min.messages", .value = "100000"},
        {.name = "queued.max.messages.kbytes", .value = QUEUE_KBYTES},
        {.name = NULL, .value = NULL},
    };
    return kafka_client_conf(st, KAFKA_CONSUMER, properties, out_conf, err);
}

enum verdict kafka_member_conf(const struct settings *st, void **out_conf, struct err *err)
{
    char instance_id[INSTANCE_ID_BYTES];

    kafka_member_instance_id(st, instance_id, sizeof(instance_id));
    return kafka_member_build(st, st->worker.group, instance_id, "error", out_conf, err);
}

enum verdict kafka_member_foreign_conf(const struct settings *st, void **out_conf, struct err *err)
{
    return kafka_member_build(st, st->poll.group, "", "earliest", out_conf, err);
}

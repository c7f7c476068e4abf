/* own_role.h - a role of the program in a thread of this process, on an admin port of its own, against a mock cluster of
 * librdkafka with one broker.
 *
 * The setup of a test opens it, its teardown closes it: teardowns run behind failed assertions, too, the rest of a test does
 * not, and a role that nobody stops keeps the program from ending. In between topics are made and settings are changed by the
 * test, then start. All calls by the thread of the test. For roles that wait for signals as sigtimedwait does. */
#ifndef METAOPS_TESTS_SUPPORT_OWN_ROLE_H
#define METAOPS_TESTS_SUPPORT_OWN_ROLE_H

#include <stdbool.h>

#include <pthread.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/settings.h"
#include "schemas/lineage_event.h"
#include "support/reserved_port.h"

/* For what a slow machine does late. */
#define OWN_ROLE_WAIT_MS 60000

struct own_role_reader;

struct own_role {
    int (*run)(const struct settings *st);
    struct settings st;
    rd_kafka_t *host; /* of the cluster */
    rd_kafka_mock_cluster_t *cluster;
    struct reserved_port admin;
    struct own_role_reader *reader; /* NULL: nothing was read yet */
    pthread_t thread;
    bool is_running;
    int exit_code; /* of the last run that has ended */
};

/* Port, broker and settings: flags, NULL-ended, and those for port (admin_flag is its name, dashes and all) and broker,
 * which are added. False, and nothing left open, when that fails; why is printed. */
bool own_role_open(struct own_role *role, int (*run)(const struct settings *st),
                   const char *admin_flag, const char *const *flags);

/* Again, too, once it has been stopped. */
void own_role_start(struct own_role *role);

/* SIGTERM, and no waiting. No other role of the process gets it, nor a later run of this one. */
void own_role_ask_to_stop(struct own_role *role);

/* SIGTERM, then waits until the role has ended; ends the program when it does not within two minutes. Returns the exit code
 * of the role; that of the last run when none is running. */
int own_role_stop(struct own_role *role);

/* Stops it and frees everything. Returns the exit code of the last run, which is what a teardown should return. */
int own_role_close(struct own_role *role);

/* The next event of partition 0 of the topic of events, from its beginning; NULL when none comes within OWN_ROLE_WAIT_MS.
 * Valid until the next call or the end. */
const struct lineage_event *own_role_next_event(struct own_role *role);

#endif

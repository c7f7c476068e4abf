/* alerter_kafka.h - messages about alerts on kafka.topic_alerts, keyed by alert.
 *
 * The producer answers on its own thread; answers are handed over here, so that all functions are for one thread, and
 * none blocks but open and close. */
#ifndef METAOPS_SINKS_ALERTER_KAFKA_H
#define METAOPS_SINKS_ALERTER_KAFKA_H

#include "alerter_message.h"
#include "core/err.h"

struct alerter_kafka;
struct settings;

typedef void (*alerter_kafka_done)(void *request_arg, enum verdict verdict, const char *reason);

/* Connects in the background. st must outlive it. FATAL for settings that cannot work. */
MUST_CHECK enum verdict alerter_kafka_open(const struct settings *st, alerter_kafka_done on_done,
                                           struct alerter_kafka **out_kafka, struct err *err);

/* After OK on_done follows, from alerter_kafka_turn. */
MUST_CHECK enum verdict alerter_kafka_send(struct alerter_kafka *kafka,
                                           const struct alerter_message *msg, void *request_arg,
                                           struct err *err);

/* Readable when alerter_kafka_turn has something to do; -1 for NULL. */
int alerter_kafka_fd(const struct alerter_kafka *kafka);

/* Calls on_done for what was answered. NULL is allowed. */
void alerter_kafka_turn(struct alerter_kafka *kafka);

/* What has no answer gets none. NULL is allowed. */
void alerter_kafka_close(struct alerter_kafka *kafka);

#endif

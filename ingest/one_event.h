/* one_event.h - a request that brings one event: kept until the broker has it, then answered. */
#ifndef METAOPS_INGEST_ONE_EVENT_H
#define METAOPS_INGEST_ONE_EVENT_H

#include <stddef.h>

struct http_request;
struct one_event;
struct publish;
struct publish_record;
struct publish_refusal;

/* NULL when too much waits for Kafka, or memory is short: answered already. status is that of an event
 * that the broker has. */
struct one_event *one_event_begin(struct publish *publish, struct http_request *request,
                                  int status);

/* To be published. */
struct publish_record *one_event_record(struct one_event *event);

/* Handed over. Its request, whose body is gone, and event must not be touched afterwards. */
void one_event_sent(struct one_event *event);

/* Not handed over: answers, and frees event. */
void one_event_refused(struct one_event *event, const struct publish_refusal *refusal);

/* As one_event_refused for what was found out without publishing. */
void one_event_refuse(struct one_event *event, int status, const char *reason);

/* What is taken and passed over: answers with its status and text, a literal of JSON, and frees event. */
void one_event_pass_over(struct one_event *event, const char *text);

#endif

/* poll_mlserver.h - looks at servers of MLServer (poll.mlserver_servers) and tells what it saw (server_report.h): at first, when
 * something changes, and once an hour all of it.
 *
 * A server that does not answer is something seen, too; so is one whose answers cannot be used. A thread for each server: none
 * waits for another. What was seen is told in the order in which it was seen; while Kafka does not take it, nobody looks. */
#ifndef METAOPS_INGEST_POLL_MLSERVER_H
#define METAOPS_INGEST_POLL_MLSERVER_H

struct poll_source;

/* Wanted when a server is named. */
extern const struct poll_source poll_mlserver_source;

#endif

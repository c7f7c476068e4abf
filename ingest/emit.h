/* emit.h - the command `metaops emit`: events from files to a gateway or straight to Kafka. */
#ifndef METAOPS_INGEST_EMIT_H
#define METAOPS_INGEST_EMIT_H

struct settings;

#define EMIT_HELP                                                                                  \
    "Events are JSON objects, one a line; blank lines are skipped; - is stdin (also without a\n"   \
    "file). Exit 0 only when every event was accepted.\n"                                          \
    "\n"                                                                                           \
    "  --to URL         gateway (default: METAOPS_GATEWAY_URL, OPENLINEAGE_URL, else\n"            \
    "                   http://127.0.0.1:5000); http only\n"                                       \
    "                   An API key is sent when METAOPS_EMIT_API_KEY, METAOPS_EMIT_API_KEY_FILE\n" \
    "                   or OPENLINEAGE_API_KEY gives one\n"                                        \
    "  --kafka          write Avro to kafka.topic_events instead\n"                                \
    "  --spool DIR      instead of events from files, ship what emitters that are gone left in\n"  \
    "                   their spool, or in those right below it, all to this one destination "     \
    "(api\n"                                                                                       \
    "                   key and certificates: METAOPS_EMIT_*, see metaops_emit(3))\n"              \
    "  --window N       requests under way at once, 1 to 256 (default 16)\n"                       \
    "  --batch N        events in one request, 1 to 1000 (default 1: each its own POST)\n"         \
    "  --rate N         at most N events a second\n"                                               \
    "  --retries N      further tries of an event that gets 503 or no answer (default 8)\n"        \
    "  --latency        also print p50 and p99 of the requests in milliseconds\n"                  \
    "  --json           the summary as one JSON object\n"                                          \
    "  --quiet          no progress bar\n"

/* argv: the words behind the command that are no settings. Blocks until all is sent. Returns an
 * enum exit_code. Uses stdout for the summary, stderr for refusals and the progress bar. */
int emit_run(const struct settings *st, int argc, char **argv);

#endif

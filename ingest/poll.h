/* poll.h - the role `metaops poll`: fetches what other systems do not send by themselves. */
#ifndef METAOPS_INGEST_POLL_H
#define METAOPS_INGEST_POLL_H

struct settings;

/* Runs until SIGTERM or SIGINT. Returns an exit code. */
int poll_run(const struct settings *st);

#endif

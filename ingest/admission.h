/* admission.h - whether the gateway takes a request now, judged by what waits for the broker:
 * saying 503 at once is kinder than saying it after seconds. Thread-safe. */
#ifndef METAOPS_INGEST_ADMISSION_H
#define METAOPS_INGEST_ADMISSION_H

#include <stddef.h>

struct settings;

/* What kafka_producer_load says. */
struct admission_load {
    size_t messages;
    size_t bytes;
    int delivery_ms;
};

/* 0: come in. Else the seconds after which to come again, 1 to 10. */
int admission_retry_after_s(const struct settings *st, const struct admission_load *load);

#endif

#include "ingest/emitter/rdkafka_calls.h"

#include <dlfcn.h>

enum verdict rdkafka_calls_load(struct rdkafka_calls *out_calls, struct err *err)
{
    struct rdkafka_calls calls;
    /* Never closed: its threads may outlive the emitter. */
    void *library = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (!library) {
        const char *reason = dlerror();
        return err_set(err, RETRY, "kafka", "kafka:// needs librdkafka: %s", reason ? reason : "?");
    }
#define RDKAFKA_CALLS_LOAD(name)                                                                   \
    calls.name = (__typeof__(rd_kafka_##name) *)dlsym(library, "rd_kafka_" #name);                 \
    if (!calls.name) {                                                                             \
        return err_set(err, RETRY, "kafka", "librdkafka has no rd_kafka_" #name);                  \
    }
    RDKAFKA_CALLS(RDKAFKA_CALLS_LOAD)
#undef RDKAFKA_CALLS_LOAD
    *out_calls = calls;
    return OK;
}

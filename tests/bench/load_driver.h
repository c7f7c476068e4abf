/* load_driver.h - an HTTP client that is cheap enough not to disturb what it measures.
 *
 * POSTs the block of a load set over keep-alive connections, one request open on each, with epoll
 * and no copies. A send that was answered 503, or whose connection broke, is repeated a fifth of a second
 * later, as clients do; any other answer than 201 is final. One thread. */
#ifndef METAOPS_BENCH_LOAD_DRIVER_H
#define METAOPS_BENCH_LOAD_DRIVER_H

#include "tests/bench/load_set.h"

struct load_driver;

struct load_driver_options {
    const char *host; /* IPv4 address */
    int port;
    int connections;
    bool is_tls;
    const char *bearer; /* an API key to show with each POST; NULL: none */
};

struct load_driver_counts {
    size_t accepted;  /* POSTs answered 201 */
    size_t refused;   /* POSTs with another final answer */
    int last_refusal; /* its status */
    size_t busy;      /* answers 503 */
    size_t broken;    /* connections that broke with a request open */
};

MUST_CHECK enum verdict load_driver_open(const struct load_driver_options *options,
                                         struct load_driver **out_driver, struct err *err);

/* Begins with the block of set. Send n is due at start_us + n * step_us (load_driver_now_us; step_us
 * 0: all at once, as fast as the connections go). */
MUST_CHECK enum verdict load_driver_begin(struct load_driver *driver, struct load_set *set,
                                          int64_t start_us, int64_t step_us, struct err *err);

/* Waits up to timeout_ms for the network, handles what came and sends what is due. FATAL when the
 * gateway cannot be reached any more or a send was repeated without end. */
MUST_CHECK enum verdict load_driver_step(struct load_driver *driver, int timeout_ms,
                                         struct err *err);

/* Every send of the block has its final answer. */
bool load_driver_is_done(const struct load_driver *driver);

/* Sends of the block that were begun, in order. */
size_t load_driver_begun(const struct load_driver *driver);

/* Since open. */
struct load_driver_counts load_driver_counts(const struct load_driver *driver);

/* Monotonic clock. */
int64_t load_driver_now_us(void);

/* NULL is allowed. */
void load_driver_close(struct load_driver *driver);

#endif

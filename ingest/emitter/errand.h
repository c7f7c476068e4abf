/* errand.h - a thread that does one thing at a time for another which waits: what would cost the
 * program's thread too much CPU, though not too much time. */
#ifndef METAOPS_INGEST_EMITTER_ERRAND_H
#define METAOPS_INGEST_EMITTER_ERRAND_H

struct errand;

/* NULL when there is no memory or no thread to be had. */
struct errand *errand_start(void);

/* Runs run(arg) on the thread and returns when it is done. One caller at a time. */
void errand_do(struct errand *errand, void (*run)(void *arg), void *arg);

/* Ends the thread and frees. NULL is allowed. */
void errand_stop(struct errand *errand);

#endif

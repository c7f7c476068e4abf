#include "ingest/emitter/errand.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#define STACK_BYTES ((size_t)256 << 10)

struct errand {
    pthread_t thread;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t given;
    pthread_cond_t done;
    void (*run)(void *arg); /* NULL: nothing to do */
    void *arg;
    bool is_stopping;
};

static void *errand_main(void *given)
{
    struct errand *errand = given;

    pthread_mutex_lock(&errand->lock);
    while (!errand->is_stopping) {
        if (errand->run) {
            errand->run(errand->arg);
            errand->run = NULL;
            pthread_cond_signal(&errand->done);
        } else {
            pthread_cond_wait(&errand->given, &errand->lock);
        }
    }
    pthread_mutex_unlock(&errand->lock);
    return NULL;
}

struct errand *errand_start(void)
{
    struct errand *errand = calloc(1, sizeof(*errand));
    pthread_attr_t attr;
    sigset_t every;
    sigset_t old;

    if (!errand) {
        return NULL;
    }
    pthread_mutex_init(&errand->lock, NULL);
    pthread_cond_init(&errand->given, NULL);
    pthread_cond_init(&errand->done, NULL);
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &old); /* the program's signals are none of its */
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int code = pthread_create(&errand->thread, &attr, errand_main, errand);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code != 0) {
        free(errand);
        return NULL;
    }
    return errand;
}

void errand_do(struct errand *errand, void (*run)(void *arg), void *arg)
{
    pthread_mutex_lock(&errand->lock);
    errand->arg = arg;
    errand->run = run;
    pthread_cond_signal(&errand->given);
    while (errand->run) {
        pthread_cond_wait(&errand->done, &errand->lock);
    }
    pthread_mutex_unlock(&errand->lock);
}

void errand_stop(struct errand *errand)
{
    if (!errand) {
        return;
    }
    pthread_mutex_lock(&errand->lock);
    errand->is_stopping = true;
    pthread_cond_signal(&errand->given);
    pthread_mutex_unlock(&errand->lock);
    pthread_join(errand->thread, NULL);
    pthread_cond_destroy(&errand->done);
    pthread_cond_destroy(&errand->given);
    pthread_mutex_destroy(&errand->lock);
    free(errand);
}

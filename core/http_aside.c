#include "core/http_aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/http_request.h"

struct http_aside {
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct http_request *first; /* linked by next, which nobody else needs before the answer */
    struct http_request *last;
    bool is_over;
    int thread_count;
    pthread_t threads[];
};

static struct http_request *http_aside_pop(struct http_aside *aside)
{
    struct http_request *request;

    pthread_mutex_lock(&aside->lock);
    while (!aside->first && !aside->is_over) {
        pthread_cond_wait(&aside->has_work, &aside->lock);
    }
    request = aside->first;
    if (request) {
        aside->first = request->next;
    }
    pthread_mutex_unlock(&aside->lock);
    return request;
}

static void *http_aside_run(void *arg)
{
    struct http_aside *aside = arg;
    struct http_request *request;

    while ((request = http_aside_pop(aside))) {
        if (atomic_load(&request->state) == HTTP_REQUEST_EXPIRED) {
            http_request_free(request);
        } else {
            request->route->handle(aside->arg, request);
        }
    }
    return NULL;
}

static bool http_aside_start_thread(struct http_aside *aside, struct err *err)
{
    sigset_t all;
    sigset_t before;
    int failure;

    /* Signals are the role's business, on its own thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&aside->threads[aside->thread_count], NULL, http_aside_run, aside);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure) {
        (void)err_set(err, FATAL, "http_aside", "no thread: %s", strerror(failure));
        return false;
    }
    pthread_setname_np(aside->threads[aside->thread_count], "http-aside");
    aside->thread_count++;
    return true;
}

enum verdict http_aside_start(int threads, void *arg, struct http_aside **out_aside,
                              struct err *err)
{
    struct http_aside *aside = calloc(1, sizeof(*aside) + sizeof(pthread_t) * (size_t)threads);

    if (!aside) {
        return err_set(err, FATAL, "http_aside", "out of memory");
    }
    aside->arg = arg;
    pthread_mutex_init(&aside->lock, NULL);
    pthread_cond_init(&aside->has_work, NULL);
    for (int i = 0; i < threads; i++) {
        if (!http_aside_start_thread(aside, err)) {
            http_aside_stop(aside);
            return FATAL;
        }
    }
    *out_aside = aside;
    return OK;
}

void http_aside_push(struct http_aside *aside, struct http_request *request)
{
    request->next = NULL;
    pthread_mutex_lock(&aside->lock);
    if (aside->first) {
        aside->last->next = request;
    } else {
        aside->first = request;
    }
    aside->last = request;
    pthread_cond_signal(&aside->has_work);
    pthread_mutex_unlock(&aside->lock);
}

void http_aside_stop(struct http_aside *aside)
{
    if (!aside) {
        return;
    }
    pthread_mutex_lock(&aside->lock);
    aside->is_over = true;
    pthread_cond_broadcast(&aside->has_work);
    pthread_mutex_unlock(&aside->lock);
    for (int i = 0; i < aside->thread_count; i++) {
        pthread_join(aside->threads[i], NULL);
    }
    pthread_cond_destroy(&aside->has_work);
    pthread_mutex_destroy(&aside->lock);
    free(aside);
}

/* librdkafka uses C11 threads, which ThreadSanitizer of gcc 12 does not know: the first
 * allocation in such a thread crashes. In programs built for it, the calls lead to POSIX
 * threads, which are the same objects in glibc; then it also sees the library's locks. Empty in
 * every other build. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BUILT_FOR_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define BUILT_FOR_TSAN
#endif

#ifdef BUILT_FOR_TSAN

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start {
    thrd_start_t run;
    void *arg;
};

static void *begin(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    return (void *)(intptr_t)start.run(start.arg);
}

static int result(int failure)
{
    return failure == 0 ? thrd_success : failure == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int thrd_create(thrd_t *out_thread, thrd_start_t run, void *arg)
{
    struct start *start = malloc(sizeof(*start));

    if (!start) {
        return thrd_nomem;
    }
    *start = (struct start){.run = run, .arg = arg};
    return result(pthread_create((pthread_t *)out_thread, NULL, begin, start));
}

int thrd_join(thrd_t thread, int *out_code)
{
    void *code = NULL;
    int failure = pthread_join((pthread_t)thread, &code);

    if (out_code) {
        *out_code = (int)(intptr_t)code;
    }
    return result(failure);
}

int mtx_init(mtx_t *mutex, int type)
{
    (void)type;
    return result(pthread_mutex_init((pthread_mutex_t *)mutex, NULL));
}

int mtx_lock(mtx_t *mutex)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int cnd_init(cnd_t *condition)
{
    return result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_signal(cnd_t *condition)
{
    return result(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return result(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

#else

typedef int tsan_threads_not_needed;

#endif

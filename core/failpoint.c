#include "core/failpoint.h"

#ifdef METAOPS_FAILPOINTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/timebase.h"

#define PLACES_MAX 64

static pthread_once_t failpoint_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t failpoint_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *failpoint_seen[PLACES_MAX];
static char failpoint_name[64];
static char failpoint_action[32];
static atomic_long failpoint_left;
static int failpoint_list_fd = -1;

static void failpoint_setup(void)
{
    const char *text = getenv("FAILPOINT");
    const char *list = getenv("FAILPOINT_LIST");
    long nth = 1;

    if (list) {
        failpoint_list_fd = open(list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    if (text && (sscanf(text, "%63[^@:]@%ld:%31s", failpoint_name, &nth, failpoint_action) == 3 ||
                 sscanf(text, "%63[^@:]:%31s", failpoint_name, failpoint_action) == 2)) {
        atomic_store(&failpoint_left, nth);
    }
}

static void failpoint_note(const char *name)
{
    size_t i = 0;

    pthread_mutex_lock(&failpoint_lock);
    while (i < PLACES_MAX && failpoint_seen[i] && strcmp(failpoint_seen[i], name) != 0) {
        i++;
    }
    if (i < PLACES_MAX && !failpoint_seen[i]) {
        failpoint_seen[i] = name;
        (void)!dprintf(failpoint_list_fd, "%s\n", name);
    }
    pthread_mutex_unlock(&failpoint_lock);
}

static void failpoint_act(void)
{
    if (strcmp(failpoint_action, "kill") == 0) {
        kill(getpid(), SIGKILL);
        pause(); /* the signal may take another thread first */
    } else if (strcmp(failpoint_action, "stop") == 0) {
        kill(getpid(), SIGSTOP);
    } else if (strncmp(failpoint_action, "sleep-", 6) == 0) {
        timebase_sleep_us(strtol(failpoint_action + 6, NULL, 10) * 1000);
    }
}

void failpoint_hit(const char *name)
{
    pthread_once(&failpoint_once, failpoint_setup);
    if (failpoint_list_fd >= 0) {
        failpoint_note(name);
    }
    if (strcmp(name, failpoint_name) == 0 && atomic_fetch_sub(&failpoint_left, 1) == 1) {
        failpoint_act();
    }
}

#endif

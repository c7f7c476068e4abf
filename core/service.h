/* service.h - what a long-running role owes its surroundings: SIGHUP, files that change under it, and
 * signs of life for the service manager.
 *
 *   service_open, service_add..., service_ready, then service_turn a few times a second,
 *   service_stopping when the end begins, service_close
 *
 * All calls from the role's main thread; one service in a process. The settings that the role was
 * started with stay as they are: other threads read them. On SIGHUP they are read anew into a second
 * struct; each part takes from it what may change while running, the rest is named in the log. */
#ifndef METAOPS_CORE_SERVICE_H
#define METAOPS_CORE_SERVICE_H

#include <stdbool.h>

#include "err.h"

#define SERVICE_PARTS_MAX 8

struct settings;
struct service;

/* Something that follows settings or files. name is a literal for log lines. */
struct service_part {
    const char *name;
    void *arg;

    /* SIGHUP came: takes its reloadable settings from fresh (copies what it keeps) and reads its
     * files again. Anything but OK: nothing has changed for it, the reason is logged. */
    enum verdict (*reload)(void *arg, const struct settings *fresh, struct err *err);

    /* Every other second, NULL allowed: reads its files again if they have changed, and says so. */
    enum verdict (*refresh)(void *arg, bool *out_is_new, struct err *err);
};

/* role is its name in the settings table. Takes over SIGHUP and the manager's variables: before
 * threads start. FATAL when memory is short. */
MUST_CHECK enum verdict service_open(const char *role, const struct settings *st,
                                     struct service **out_service, struct err *err);

/* At most SERVICE_PARTS_MAX; parts with a NULL arg are left out. */
void service_add(struct service *service, struct service_part part);

/* The role has started: READY=1. */
void service_ready(struct service *service);

/* A word for `systemctl status`; sent only when it is another than before. */
void service_status(struct service *service, const char *status);

/* Does what is due: reload, look at files, a sign of life when is_alive. Cheap. */
void service_turn(struct service *service, bool is_alive);

void service_stopping(struct service *service);

/* NULL is allowed. */
void service_close(struct service *service);

#endif

#include "core/service.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/sd_notify.h"
#include "core/settings.h"
#include "core/timebase.h"

#define REFRESH_US 2000000
#define STATUS_BYTES 200
#define SIGNS_PER_WATCHDOG 3 /* of life, in the time that the manager waits for one */

struct service {
    const char *role;
    const struct settings *st; /* as started */
    struct settings last;      /* as last read; extra NULL: never */
    struct service_part parts[SERVICE_PARTS_MAX];
    int part_count;
    bool is_ready;
    char status[STATUS_BYTES];
    int64_t refresh_at_us;
    int64_t sign_at_us;
};

/* Set by the handler on whichever thread. */
static atomic_bool is_hung_up;

static void on_hangup(int signal_number)
{
    (void)signal_number;
    is_hung_up = true;
}

enum verdict service_open(const char *role, const struct settings *st, struct service **out_service,
                          struct err *err)
{
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    struct service *service = calloc(1, sizeof(*service));

    if (!service) {
        return err_set(err, FATAL, "service", "out of memory");
    }
    service->role = role;
    service->st = st;
    snprintf(service->status, sizeof(service->status), "starting");
    is_hung_up = false;
    sigaction(SIGHUP, &action, NULL);
    sd_notify_open();
    *out_service = service;
    return OK;
}

void service_add(struct service *service, struct service_part part)
{
    if (part.arg && service->part_count < SERVICE_PARTS_MAX) {
        service->parts[service->part_count++] = part;
    }
}

void service_ready(struct service *service)
{
    service->is_ready = true;
    sd_notify_ready(service->status);
}

void service_status(struct service *service, const char *status)
{
    if (strncmp(service->status, status, sizeof(service->status) - 1) != 0) {
        snprintf(service->status, sizeof(service->status), "%s", status);
        sd_notify_status(service->status);
    }
}

static bool reads(const struct service *service, const char *roles)
{
    return strcmp(roles, "all") == 0 || strstr(roles, service->role);
}

static void warn_of_change(void *arg, const char *key, const char *roles, bool is_reloadable)
{
    if (!is_reloadable && reads(arg, roles)) {
        log_warn("setting needs a restart, the old value stays key=%s", key);
    }
}

static void tell_change(void *arg, const char *key, const char *roles, bool is_reloadable)
{
    if (is_reloadable && reads(arg, roles)) {
        log_info("setting changed key=%s", key);
    }
}

static void reload_parts(struct service *service, const struct settings *fresh)
{
    log_setup((enum log_level)log_level_parse(fresh->log.level),
              (enum log_format)log_format_parse(service->st->log.format),
              (unsigned)fresh->log.lines_per_second);
    for (int i = 0; i < service->part_count; i++) {
        struct service_part *part = &service->parts[i];
        struct err err = {.text = ""};
        if (part->reload(part->arg, fresh, &err) == OK) {
            log_info("read again part=\"%s\"", part->name);
        } else {
            log_error("cannot be read again, the old stays part=\"%s\": %s", part->name, err.text);
        }
    }
}

static void reload(struct service *service)
{
    struct settings fresh;
    struct err err = {.text = ""};

    sd_notify_reloading();
    if (settings_reload(service->st, &fresh, &err) == OK) {
        settings_each_change(service->st, &fresh, warn_of_change, service);
        settings_each_change(service->last.extra ? &service->last : service->st, &fresh,
                             tell_change, service);
        reload_parts(service, &fresh);
        settings_fini(&service->last);
        service->last = fresh;
        log_info("settings read again");
    } else {
        log_error("settings cannot be read again, nothing changes: %s", err.text);
    }
    sd_notify_ready(service->status);
}

static void refresh(struct service *service)
{
    for (int i = 0; i < service->part_count; i++) {
        struct service_part *part = &service->parts[i];
        struct err err = {.text = ""};
        bool is_new = false;

        if (!part->refresh) {
            continue;
        }
        if (part->refresh(part->arg, &is_new, &err) != OK) {
            log_error("changed file is of no use, the old stays part=\"%s\": %s", part->name,
                      err.text);
        } else if (is_new) {
            log_info("changed file read part=\"%s\"", part->name);
        }
    }
}

void service_turn(struct service *service, bool is_alive)
{
    int64_t now_us = timebase_mono_us();
    int64_t watchdog_us = sd_notify_watchdog_us();

    if (service->is_ready && atomic_exchange(&is_hung_up, false)) {
        reload(service);
    }
    if (now_us >= service->refresh_at_us) {
        service->refresh_at_us = now_us + REFRESH_US;
        refresh(service);
    }
    if (is_alive && watchdog_us > 0 && now_us >= service->sign_at_us) {
        service->sign_at_us = now_us + watchdog_us / SIGNS_PER_WATCHDOG;
        sd_notify_alive();
    }
}

void service_stopping(struct service *service)
{
    sd_notify_stopping();
    service->is_ready = false;
}

void service_close(struct service *service)
{
    if (!service) {
        return;
    }
    sd_notify_close();
    settings_fini(&service->last);
    free(service);
}

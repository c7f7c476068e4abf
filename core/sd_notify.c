#include "core/sd_notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/timebase.h"

#define MESSAGE_BYTES_MAX 512

static int notify_fd = -1;
static struct sockaddr_un manager;
static socklen_t manager_len;
static int64_t watchdog_us;

/* A path, or @ for a name in the abstract space. */
static bool set_address(const char *name)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(manager.sun_path)) {
        return false;
    }
    memset(&manager, 0, sizeof(manager));
    manager.sun_family = AF_UNIX;
    memcpy(manager.sun_path, name, len);
    if (name[0] == '@') {
        manager.sun_path[0] = '\0';
    }
    manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    return true;
}

void sd_notify_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    const char *interval = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");

    sd_notify_close();
    if (name && set_address(name)) {
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    if (notify_fd >= 0 && interval && (!pid || strtol(pid, NULL, 10) == (long)getpid())) {
        long long wanted_us = strtoll(interval, NULL, 10);
        watchdog_us = wanted_us > 0 ? wanted_us : 0;
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

PRINTF_LIKE(1, 2) static void notify(const char *format, ...)
{
    char text[MESSAGE_BYTES_MAX];
    va_list args;
    int len;

    if (notify_fd < 0) {
        return;
    }
    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len >= (int)sizeof(text)) {
        len = (int)sizeof(text) - 1;
    }
    /* A manager that does not listen now is told the next time. */
    (void)sendto(notify_fd, text, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&manager,
                 manager_len);
}

/* Line ends separate the manager's assignments. */
static const char *one_line(const char *status, char *out, size_t size)
{
    snprintf(out, size, "%s", status);
    out[strcspn(out, "\r\n")] = '\0';
    return out;
}

void sd_notify_ready(const char *status)
{
    char line[MESSAGE_BYTES_MAX / 2];

    notify("READY=1\nSTATUS=%s", one_line(status, line, sizeof(line)));
}

void sd_notify_reloading(void)
{
    notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)timebase_mono_us());
}

void sd_notify_stopping(void)
{
    notify("STOPPING=1\nSTATUS=stopping");
}

void sd_notify_status(const char *status)
{
    char line[MESSAGE_BYTES_MAX / 2];

    notify("STATUS=%s", one_line(status, line, sizeof(line)));
}

void sd_notify_alive(void)
{
    notify("WATCHDOG=1");
}

int64_t sd_notify_watchdog_us(void)
{
    return watchdog_us;
}

void sd_notify_close(void)
{
    if (notify_fd >= 0) {
        close(notify_fd);
    }
    notify_fd = -1;
    watchdog_us = 0;
}

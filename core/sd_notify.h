/* sd_notify.h - tells the service manager how the role is: systemd's protocol over $NOTIFY_SOCKET,
 * without its library. Everything does nothing when no manager listens. One thread. */
#ifndef METAOPS_CORE_SD_NOTIFY_H
#define METAOPS_CORE_SD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* Takes socket and watchdog from the environment and removes them there, so that no child speaks
 * in our name. Before threads start. */
void sd_notify_open(void);

/* READY=1 with a line for `systemctl status`. */
void sd_notify_ready(const char *status);

/* RELOADING=1 with the time it began; to be followed by sd_notify_ready. */
void sd_notify_reloading(void);

void sd_notify_stopping(void);

/* STATUS= alone. */
void sd_notify_status(const char *status);

/* WATCHDOG=1. */
void sd_notify_alive(void);

/* How long the manager waits for a sign of life; 0: it does not. */
int64_t sd_notify_watchdog_us(void);

void sd_notify_close(void);

#endif

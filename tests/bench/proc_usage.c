#include "tests/bench/proc_usage.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN 10

/* Inode of the socket that listens on port, by one of the kernel's tables; 0: none. */
static unsigned long listening_inode(const char *table, unsigned port)
{
    char line[512];
    unsigned long inode = 0;
    FILE *file = fopen(table, "re");
    if (!file) {
        return 0;
    }
    while (!inode && fgets(line, sizeof(line), file)) {
        unsigned local_port;
        unsigned state;
        unsigned long found;
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local_port,
                   &state, &found) == 3 &&
            local_port == port && state == TCP_LISTEN) {
            inode = found;
        }
    }
    fclose(file);
    return inode;
}

static bool has_socket(const char *pid, const char *wanted)
{
    char path[300];
    char target[64];
    bool is_found = false;
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *fds = opendir(path);
    if (!fds) {
        return false;
    }
    const struct dirent *entry;
    while (!is_found && (entry = readdir(fds))) {
        ssize_t len = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);
        if (len > 0) {
            target[len] = '\0';
            is_found = strcmp(target, wanted) == 0;
        }
    }
    closedir(fds);
    return is_found;
}

/* Child processes may hold the socket too (PostgreSQL's do not): the lowest number began first. */
static long listener(unsigned port)
{
    char wanted[64];
    long lowest = 0;
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    if (!inode) {
        inode = listening_inode("/proc/net/tcp6", port);
    }
    DIR *proc = inode ? opendir("/proc") : NULL;
    if (!proc) {
        return 0;
    }
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    const struct dirent *entry;
    while ((entry = readdir(proc))) {
        if (isdigit((unsigned char)entry->d_name[0]) && has_socket(entry->d_name, wanted)) {
            long pid = strtol(entry->d_name, NULL, 10);
            lowest = lowest == 0 || pid < lowest ? pid : lowest;
        }
    }
    closedir(proc);
    return lowest;
}

/* The process's own time and that of its reaped children, in ticks; false when it is gone. */
static bool read_stat(const char *pid, long *out_parent, int64_t *out_ticks)
{
    char path[300];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    /* The name in parentheses may hold anything: the fields begin behind the last one. */
    const char *fields = strrchr(text, ')');
    long user;
    long system;
    long children_user;
    long children_system;
    if (!fields ||
        sscanf(fields + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld",
               out_parent, &user, &system, &children_user, &children_system) != 5) {
        return false;
    }
    *out_ticks = (int64_t)user + system + children_user + children_system;
    return true;
}

static int64_t tree_ticks(long pid)
{
    int64_t sum = 0;
    DIR *proc = opendir("/proc");
    if (!proc) {
        return 0;
    }
    const struct dirent *entry;
    while ((entry = readdir(proc))) {
        long parent;
        int64_t ticks;
        if (isdigit((unsigned char)entry->d_name[0]) && read_stat(entry->d_name, &parent, &ticks) &&
            (parent == pid || strtol(entry->d_name, NULL, 10) == pid)) {
            sum += ticks;
        }
    }
    closedir(proc);
    return sum;
}

static double peak_mb(long pid)
{
    char path[64];
    char line[256];
    double peak_kb = 0;
    snprintf(path, sizeof(path), "/proc/%ld/status", pid);
    FILE *file = fopen(path, "re");
    if (!file) {
        return 0;
    }
    while (fgets(line, sizeof(line), file) && sscanf(line, "VmHWM: %lf", &peak_kb) != 1) {
    }
    fclose(file);
    return peak_kb / 1024;
}

enum verdict proc_usage_of_ports(const char *ports, struct proc_usage *out_usage, struct err *err)
{
    struct proc_usage usage = {0};
    const char *at = ports;
    while (*at) {
        char *end;
        unsigned long port = strtoul(at, &end, 10);
        long pid = end == at ? 0 : listener((unsigned)port);
        if (pid == 0) {
            return err_set(err, FATAL, "proc_usage", "no process found that listens on %s", at);
        }
        usage.cpu_us += tree_ticks(pid) * (1000000 / sysconf(_SC_CLK_TCK));
        double mb = peak_mb(pid);
        usage.rss_peak_mb = mb > usage.rss_peak_mb ? mb : usage.rss_peak_mb;
        at = *end == ',' ? end + 1 : end;
    }
    *out_usage = usage;
    return OK;
}

#include "own_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/gateway.h"

#define FLAGS_MAX 32

static bool load_settings(struct own_gateway *gw, const char *const *flags, int count)
{
    enum { ADDED = sizeof(gw->added_flags) / sizeof(gw->added_flags[0]) };
    char *args[ADDED + FLAGS_MAX];
    struct settings_rest rest = {0};
    struct err err;

    if (count > FLAGS_MAX) {
        print_error("%d flags are too many\n", count);
        return false;
    }
    snprintf(gw->added_flags[0], sizeof(gw->added_flags[0]), "--ingest.listen=127.0.0.1:%d",
             gw->door.number);
    snprintf(gw->added_flags[1], sizeof(gw->added_flags[1]), "--ingest.admin-listen=127.0.0.1:%d",
             gw->admin.number);
    snprintf(gw->added_flags[2], sizeof(gw->added_flags[2]), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(gw->cluster));
    for (int i = 0; i < ADDED; i++) {
        args[i] = gw->added_flags[i];
    }
    for (int i = 0; i < count; i++) {
        args[ADDED + i] = (char *)(uintptr_t)flags[i];
    }
    enum verdict verdict = settings_load(&gw->st, ADDED + count, args, &rest, &err);
    free(rest.words);
    if (verdict != OK) {
        print_error("%s\n", err.text);
    }
    return verdict == OK;
}

bool own_gateway_open(struct own_gateway *gw, const char *const *flags, int count)
{
    char text[256] = "";

    memset(gw, 0, sizeof(*gw));
    gw->door = reserved_port_open();
    gw->admin = reserved_port_open();
    gw->rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    gw->cluster = gw->rk ? rd_kafka_mock_cluster_new(gw->rk, 1) : NULL;
    if (!gw->cluster) {
        print_error("no mock cluster: %s\n", text);
        return false;
    }
    return load_settings(gw, flags, count);
}

static void *run_gateway(void *arg)
{
    struct own_gateway *gw = arg;

    gw->exit_code = gateway_run(&gw->st);
    return NULL;
}

bool own_gateway_start(struct own_gateway *gw)
{
    gw->is_running = pthread_create(&gw->thread, NULL, run_gateway, gw) == 0;
    return gw->is_running;
}

void own_gateway_stop(struct own_gateway *gw)
{
    if (gw->is_running) {
        kill(getpid(), SIGTERM);
        pthread_join(gw->thread, NULL);
        gw->is_running = false;
    }
}

int own_gateway_close(struct own_gateway *gw)
{
    own_gateway_stop(gw);
    rd_kafka_mock_cluster_destroy(gw->cluster);
    rd_kafka_destroy(gw->rk);
    settings_fini(&gw->st);
    reserved_port_close(&gw->door);
    reserved_port_close(&gw->admin);
    return gw->exit_code;
}

struct raw_answer own_gateway_post(const struct own_gateway *gw, const char *path,
                                   const char *headers, struct str body)
{
    int fd = raw_http_connect(gw->door.number);
    struct raw_answer answer;

    assert_true(fd >= 0);
    assert_true(raw_http_post(fd, path, headers, body));
    answer = raw_http_read(fd, OWN_GATEWAY_WAIT_MS);
    close(fd);
    return answer;
}

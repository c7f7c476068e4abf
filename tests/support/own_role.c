#include "support/own_role.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <signal.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/timebase.h"
#include "schemas/event_codec.h"

#define FLAGS_MAX 32
#define STOP_S 120
#define BODY_BYTES_MAX (1 << 20)
#define ARENA_BYTES_MAX (4 << 20)
#define POLL_MS 100

struct own_role_reader {
    rd_kafka_t *rk;
    rd_kafka_message_t *msg; /* that the event lies in; NULL: none yet */
    struct event_codec *codec;
    struct arena *arena;
    struct lineage_event ev;
};

static bool load_settings(struct own_role *role, const char *admin_flag, const char *const *flags)
{
    char admin[64];
    char brokers[128];
    char *args[FLAGS_MAX] = {admin, brokers};
    int count = 2;
    struct settings_rest rest = {0};
    struct err err;

    snprintf(admin, sizeof(admin), "%s=127.0.0.1:%d", admin_flag, role->admin.number);
    snprintf(brokers, sizeof(brokers), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(role->cluster));
    for (; *flags; flags++) {
        assert_true(count < FLAGS_MAX);
        args[count++] = (char *)(uintptr_t)*flags;
    }
    enum verdict verdict = settings_load(&role->st, count, args, &rest, &err);
    free(rest.words);
    if (verdict != OK) {
        print_error("%s\n", err.text);
    }
    return verdict == OK;
}

static void close_cluster(struct own_role *role)
{
    if (role->cluster) {
        rd_kafka_mock_cluster_destroy(role->cluster);
    }
    if (role->host) {
        rd_kafka_destroy(role->host);
    }
    reserved_port_close(&role->admin);
}

bool own_role_open(struct own_role *role, int (*run)(const struct settings *st),
                   const char *admin_flag, const char *const *flags)
{
    char text[256] = "";

    *role = (struct own_role){.run = run, .admin = reserved_port_open()};
    role->host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    role->cluster = role->host ? rd_kafka_mock_cluster_new(role->host, 1) : NULL;
    if (!role->cluster) {
        print_error("no mock cluster: %s\n", text);
    } else if (load_settings(role, admin_flag, flags)) {
        return true;
    }
    close_cluster(role);
    return false;
}

static void *run_role(void *arg)
{
    struct own_role *role = arg;

    role->exit_code = role->run(&role->st);
    return NULL;
}

void own_role_start(struct own_role *role)
{
    sigset_t signals, before;

    /* The thread inherits them blocked: one may come before the role itself has blocked them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    role->is_running = pthread_create(&role->thread, NULL, run_role, role) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_true(role->is_running);
}

void own_role_ask_to_stop(struct own_role *role)
{
    if (role->is_running) {
        pthread_kill(role->thread, SIGTERM);
    }
}

int own_role_stop(struct own_role *role)
{
    struct timespec deadline;

    own_role_ask_to_stop(role);
    if (role->is_running) {
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += STOP_S;
        if (pthread_timedjoin_np(role->thread, NULL, &deadline) != 0) {
            print_error("the role does not end\n");
            abort();
        }
        role->is_running = false;
    }
    return role->exit_code;
}

static void reader_free(struct own_role_reader *reader)
{
    if (reader) {
        if (reader->msg) {
            rd_kafka_message_destroy(reader->msg);
        }
        rd_kafka_destroy(reader->rk);
        event_codec_free(reader->codec);
        arena_free(reader->arena);
        free(reader);
    }
}

int own_role_close(struct own_role *role)
{
    int exit_code = own_role_stop(role);

    reader_free(role->reader);
    close_cluster(role);
    settings_fini(&role->st);
    return exit_code;
}

static struct own_role_reader *reader_new(const struct own_role *role)
{
    struct own_role_reader *reader = calloc(1, sizeof(*reader));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char text[256];

    assert_non_null(reader);
    reader->codec = event_codec_new(BODY_BYTES_MAX);
    reader->arena = arena_new(ARENA_BYTES_MAX);
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(role->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "group.id", "reader", text, sizeof(text));
    reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    assert_true(reader->codec && reader->arena && reader->rk);
    rd_kafka_topic_partition_list_add(list, role->st.kafka.topic_events, 0)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(reader->rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

/* Errors pass: the broker may be made to have some. NULL: no record came. */
static rd_kafka_message_t *next_record(rd_kafka_t *rk)
{
    int64_t end_us = timebase_mono_us() + (int64_t)OWN_ROLE_WAIT_MS * 1000;

    while (timebase_mono_us() < end_us) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, POLL_MS);
        if (msg && !msg->err) {
            return msg;
        }
        if (msg) {
            rd_kafka_message_destroy(msg);
        }
    }
    return NULL;
}

const struct lineage_event *own_role_next_event(struct own_role *role)
{
    struct own_role_reader *reader =
        role->reader ? role->reader : (role->reader = reader_new(role));
    struct err err = {.text = ""};

    if (reader->msg) {
        rd_kafka_message_destroy(reader->msg);
    }
    arena_reset(reader->arena, 0);
    reader->msg = next_record(reader->rk);
    if (!reader->msg) {
        return NULL;
    }
    struct str bytes = {reader->msg->payload, reader->msg->len};
    if (event_codec_decode(reader->codec, bytes, reader->arena, &reader->ev, &err) != OK) {
        fail_msg("a record is no event: %s", err.text);
    }
    return &reader->ev;
}

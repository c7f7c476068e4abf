/* libmetaops_emit as its users see it, against a small HTTP server and the mock cluster of
 * librdkafka: order, outages, refusals, threads, forks, kill -9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/timebase.h"
#include "ingest/emitter/metaops_emit.h"
#include "schemas/event_codec.h"
#include "schemas/redact.h"
#include "support/fake_door.h"
#include "support/mock_outage.h"
#include "support/reserved_port.h"

#define EVENTS_MAX 20000
#define WAIT_MS 60000 /* for what a slow machine does late */

static char spool[64];
static struct reserved_port reserved; /* of the door, also while it is shut */
static struct fake_door *door;
static long numbers[EVENTS_MAX];

static int set_up(void **state)
{
    (void)state;
    snprintf(spool, sizeof(spool), "/tmp/metaops-emitter-XXXXXX");
    assert_non_null(mkdtemp(spool));
    reserved = reserved_port_open();
    door = fake_door_open(reserved.number, FAKE_DOOR_TAKES);
    return door ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    fake_door_close(door);
    door = NULL;
    reserved_port_close(&reserved);
    snprintf(command, sizeof(command), "rm -rf %s", spool);
    return system(command);
}

static struct metaops_emit *open_with(const char *more)
{
    struct metaops_emit *emitter = NULL;
    char config[1024];
    char reason[256];

    snprintf(config, sizeof(config),
             "to = http://127.0.0.1:%d\nspool = %s\nemitter = test/e\nretry_ms_max = 100\n%s",
             fake_door_port(door), spool, more);
    int status = metaops_emit_open(config, &emitter, reason, sizeof(reason));
    if (status != METAOPS_EMIT_OK) {
        fail_msg("open: %s", reason);
    }
    return emitter;
}

static int emit(struct metaops_emit *emitter, long number)
{
    char event[200];
    int len = snprintf(event, sizeof(event),
                       "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"job\":{\"namespace\":\"n\","
                       "\"name\":\"j%ld\"}}",
                       number);
    return metaops_emit_json(emitter, event, (size_t)len);
}

static void emit_range(struct metaops_emit *emitter, long from, long to)
{
    for (long i = from; i <= to; i++) {
        assert_int_equal(emit(emitter, i), METAOPS_EMIT_OK);
    }
}

static struct metaops_emit_stats stats_of(struct metaops_emit *emitter)
{
    struct metaops_emit_stats stats = {.size = sizeof(stats)};
    assert_int_equal(metaops_emit_get_stats(emitter, &stats), METAOPS_EMIT_OK);
    return stats;
}

/* Until it has failed so often more: then it has tried what was there at the call. */
static void wait_retries(struct metaops_emit *emitter, uint64_t more)
{
    uint64_t wanted = stats_of(emitter).retries + more;

    for (int i = 0; i < WAIT_MS / 10 && stats_of(emitter).retries < wanted; i++) {
        usleep(10000);
    }
    assert_true(stats_of(emitter).retries >= wanted);
}

/* The backend goes away; it comes back at the same place with fake_door_open(port). */
static int shut(void)
{
    int port = fake_door_port(door);
    fake_door_close(door);
    door = NULL;
    return port;
}

static void reopen(int port, enum fake_door_mood mood)
{
    door = fake_door_open(port, mood);
    assert_non_null(door);
}

static struct metaops_emit *open_at(int port, const char *more)
{
    struct metaops_emit *emitter = NULL;
    char config[1024];
    char reason[256];

    snprintf(config, sizeof(config),
             "to = http://127.0.0.1:%d\nspool = %s\nemitter = test/e\nretry_ms_max = 100\n%s", port,
             spool, more);
    assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)), METAOPS_EMIT_OK);
    return emitter;
}

static void assert_range_arrived(long from, long to)
{
    size_t count = fake_door_events(door, numbers, EVENTS_MAX);
    assert_int_equal(count, to - from + 1);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(numbers[i], from + (long)i);
    }
}

static bool is_spool_empty(void)
{
    char command[100];
    snprintf(command, sizeof(command), "test -z \"$(ls -A %s)\"", spool);
    return system(command) == 0;
}

static void test_emitter_events_arrive_in_order_with_their_numbers(void **state)
{
    (void)state;
    struct metaops_emit *emitter = open_with("api_key = k3y\n");
    char wanted[100];

    emit_range(emitter, 1, 300);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_range_arrived(1, 300);
    struct metaops_emit_stats stats = stats_of(emitter);
    assert_int_equal(stats.accepted, 300);
    assert_int_equal(stats.delivered, 300);
    assert_int_equal(stats.sequence, 300);
    assert_int_equal(stats.is_durable, 1);
    const struct fake_door_request *first = fake_door_request(door, 0);
    snprintf(wanted, sizeof(wanted), "MetaOps-Emitter: test/e; epoch=%lld; seq=1\r\n",
             (long long)stats.epoch);
    assert_non_null(strstr(first->head, wanted));
    assert_non_null(strstr(first->head, "Authorization: Bearer k3y\r\n"));
    assert_null(strstr(first->head, "MetaOps-Gap"));
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_true(is_spool_empty());
}

static void test_emitter_outage_only_delays(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "");
    char reason[256];

    emit_range(emitter, 1, 100);
    assert_int_equal(metaops_emit_flush(emitter, 300), METAOPS_EMIT_PENDING);
    wait_retries(emitter, 2);
    assert_true(metaops_emit_last_error(emitter, reason, sizeof(reason)) > 0);
    assert_non_null(strstr(reason, "refused"));
    assert_int_equal(stats_of(emitter).pending, 100);
    reopen(port, FAKE_DOOR_OVERLOADED);
    emit_range(emitter, 101, 200);
    assert_int_equal(metaops_emit_flush(emitter, 500), METAOPS_EMIT_PENDING);
    fake_door_set_mood(door, FAKE_DOOR_UNAUTHORIZED);
    assert_int_equal(metaops_emit_flush(emitter, 300), METAOPS_EMIT_PENDING);
    fake_door_set_mood(door, FAKE_DOOR_TAKES);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_range_arrived(1, 200);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
}

static void test_emitter_refused_event_is_a_gap_of_the_next(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "");

    emit_range(emitter, 1, 3);
    wait_retries(emitter, 2); /* all three are one batch from now on */
    reopen(port, FAKE_DOOR_REFUSES_SECOND);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    struct metaops_emit_stats stats = stats_of(emitter);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.delivered, 2);
    emit_range(emitter, 4, 4);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    emit_range(emitter, 5, 5);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    size_t last = 0;
    while (fake_door_request(door, last + 1)) {
        last++;
    }
    assert_non_null(
        strstr(fake_door_request(door, last - 1)->head, "MetaOps-Gap: 2-2; reason=refused\r\n"));
    assert_null(strstr(fake_door_request(door, last)->head, "MetaOps-Gap"));
    metaops_emit_close(emitter, WAIT_MS);
}

/* A wrong URL, a proxy, a rollout: nothing of that speaks of the events. */
static void test_emitter_keeps_what_the_wrong_place_answers(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "");

    emit_range(emitter, 1, 50);
    reopen(port, FAKE_DOOR_NOT_FOUND);
    assert_int_equal(metaops_emit_flush(emitter, 400), METAOPS_EMIT_PENDING);
    assert_int_equal(stats_of(emitter).refused, 0);
    assert_int_equal(stats_of(emitter).pending, 50);
    /* As a batch and alone each time, and 50 ms at least are between two times. */
    assert_null(fake_door_request(door, 20));
    fake_door_set_mood(door, FAKE_DOOR_TAKES);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_range_arrived(1, 50);
    metaops_emit_close(emitter, WAIT_MS);
}

static void test_emitter_event_of_its_own_is_refused_by_403(void **state)
{
    (void)state;
    struct metaops_emit *emitter = open_with("");

    fake_door_set_mood(door, FAKE_DOOR_FORBIDS);
    emit_range(emitter, 1, 3);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_int_equal(stats_of(emitter).refused, 3);
    metaops_emit_close(emitter, WAIT_MS);
}

static void test_emitter_gap_is_told_until_an_event_with_it_is_taken(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "spool_bytes_max = 64KiB\n");

    emit_range(emitter, 1, 1000);
    reopen(port, FAKE_DOOR_TAKES_NONE_NOW);
    assert_int_equal(metaops_emit_flush(emitter, 400), METAOPS_EMIT_PENDING);
    wait_retries(emitter, 2);
    size_t taken = 0;
    while (fake_door_request(door, taken)) {
        taken++;
    }
    assert_true(taken > 0);
    fake_door_set_mood(door, FAKE_DOOR_TAKES);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    while (fake_door_request(door, taken) &&
           !strstr(fake_door_request(door, taken)->head, "MetaOps-Gap: 1-")) {
        taken++;
    }
    assert_non_null(fake_door_request(door, taken));
    metaops_emit_close(emitter, WAIT_MS);
}

static void test_emitter_goes_one_by_one_where_there_are_no_batches(void **state)
{
    (void)state;
    struct metaops_emit *emitter = open_with("");

    fake_door_set_mood(door, FAKE_DOOR_NO_BATCHES);
    emit_range(emitter, 1, 50);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_range_arrived(1, 50);
    metaops_emit_close(emitter, WAIT_MS);
}

static void test_emitter_full_spool_reports_what_it_dropped(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "spool_bytes_max = 64KiB\n");
    char wanted[100];

    emit_range(emitter, 1, 1000);
    struct metaops_emit_stats stats = stats_of(emitter);
    assert_int_equal(stats.dropped + stats.pending, 1000);
    assert_true(stats.dropped > 0 && stats.pending > 200);
    assert_true(stats.spool_bytes <= 65536);
    reopen(port, FAKE_DOOR_TAKES);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_range_arrived((long)stats.dropped + 1, 1000);
    snprintf(wanted, sizeof(wanted), "MetaOps-Gap: 1-%llu; reason=spool full\r\n",
             (unsigned long long)stats.dropped);
    assert_non_null(strstr(fake_door_request(door, 0)->head, wanted));
    metaops_emit_close(emitter, WAIT_MS);
}

static void *emit_many(void *arg)
{
    for (long i = 0; i < 500; i++) {
        if (emit(arg, i) != METAOPS_EMIT_OK) {
            return arg;
        }
    }
    return NULL;
}

static void test_emitter_takes_from_many_threads(void **state)
{
    (void)state;
    struct metaops_emit *emitter = open_with("block_ms_max = 60000\n");
    pthread_t threads[8];
    size_t times[500] = {0};

    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, emit_many, emitter), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_int_equal(fake_door_events(door, numbers, EVENTS_MAX), 4000);
    for (size_t i = 0; i < 4000; i++) {
        times[numbers[i]]++;
    }
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(times[i], 8);
    }
    metaops_emit_close(emitter, WAIT_MS);
}

static size_t count_epochs(void)
{
    size_t count = 0;
    char epochs[10][32];

    for (size_t i = 0; fake_door_request(door, i); i++) {
        const char *at = strstr(fake_door_request(door, i)->head, "epoch=");
        char epoch[32];
        size_t j = 0;
        assert_non_null(at);
        snprintf(epoch, sizeof(epoch), "%.*s", (int)strcspn(at, ";"), at);
        while (j < count && strcmp(epochs[j], epoch) != 0) {
            j++;
        }
        if (j == count) {
            assert_true(count < 10);
            memcpy(epochs[count++], epoch, sizeof(epoch));
        }
    }
    return count;
}

__attribute__((unused)) static void test_emitter_child_and_parent_ship_their_own_once(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "");
    int status = 0;

    emit_range(emitter, 1, 20);
    pid_t pid = fork();
    if (pid == 0) {
        for (long i = 21; i <= 30; i++) {
            if (emit(emitter, i) != METAOPS_EMIT_OK) {
                _exit(1);
            }
        }
        struct metaops_emit_stats stats = {.size = sizeof(stats)};
        metaops_emit_get_stats(emitter, &stats);
        _exit(stats.sequence == 10 && metaops_emit_close(emitter, 0) == METAOPS_EMIT_PENDING ? 0
                                                                                             : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    reopen(port, FAKE_DOOR_TAKES);
    emit_range(emitter, 31, 40);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    /* The child has left its events to whoever looks round next: the parent. */
    for (int i = 0; i < WAIT_MS / 100 && stats_of(emitter).adopted < 10; i++) {
        usleep(100000);
    }
    assert_int_equal(stats_of(emitter).adopted, 10);
    assert_int_equal(fake_door_events(door, numbers, EVENTS_MAX), 40);
    size_t times[41] = {0};
    for (size_t i = 0; i < 40; i++) {
        times[numbers[i]]++;
    }
    for (size_t i = 1; i <= 40; i++) {
        assert_int_equal(times[i], 1);
    }
    assert_int_equal(count_epochs(), 2);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_true(is_spool_empty());
}

static void *emit_for_ever(void *arg)
{
    for (long i = 0; i < 10000; i++) {
        (void)emit(arg, 0);
    }
    return NULL;
}

/* A fork while another thread is in the middle of an emit must not leave the child with a lock. */
__attribute__((unused)) static void test_emitter_fork_in_the_middle_of_emits(void **state)
{
    (void)state;
    struct metaops_emit *emitter = open_with("block_ms_max = 60000\n");
    pthread_t thread;
    int status = 0;

    assert_int_equal(pthread_create(&thread, NULL, emit_for_ever, emitter), 0);
    for (int i = 0; i < 50; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(120);
            int code = emit(emitter, 1000 + i) == METAOPS_EMIT_OK ? 0 : 1;
            _exit(metaops_emit_close(emitter, 0) > METAOPS_EMIT_PENDING ? 2 : code);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    pthread_join(thread, NULL);
    metaops_emit_close(emitter, 60000);
}

static void test_emitter_killed_program_loses_nothing(void **state)
{
    (void)state;
    int port = shut();
    int ready[2];
    char byte;
    int status = 0;

    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct metaops_emit *emitter = open_at(port, "");
        for (long i = 1; i <= 500; i++) {
            if (emit(emitter, i) != METAOPS_EMIT_OK) {
                _exit(1);
            }
        }
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(ready[0]);
    close(ready[1]);
    reopen(port, FAKE_DOOR_TAKES);
    struct metaops_emit *emitter = open_at(port, "");
    for (int i = 0; i < WAIT_MS / 100 && stats_of(emitter).adopted < 500; i++) {
        usleep(100000);
    }
    assert_range_arrived(1, 500);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_true(is_spool_empty());
}

/* Where every program is as short as that, nobody else would find the time. */
static void test_emitter_close_ships_what_others_left(void **state)
{
    (void)state;
    int port = shut();

    for (long i = 1; i <= 5; i++) {
        struct metaops_emit *gone = open_at(port, "");
        emit_range(gone, i, i);
        assert_int_equal(metaops_emit_close(gone, 0), METAOPS_EMIT_PENDING);
    }
    reopen(port, FAKE_DOOR_TAKES);
    struct metaops_emit *emitter = open_at(port, "");
    emit_range(emitter, 6, 6);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_int_equal(fake_door_events(door, numbers, EVENTS_MAX), 6);
    assert_true(is_spool_empty());
}

/* What another key was meant for is kept for that key, and does not stand in the way. */
static void test_emitter_orphan_that_is_forbidden_waits_for_its_key(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *gone = open_at(port, "emitter = test/gone\n");

    emit_range(gone, 1, 5);
    assert_int_equal(metaops_emit_close(gone, 0), METAOPS_EMIT_PENDING);
    reopen(port, FAKE_DOOR_FORBIDS_GONE);
    struct metaops_emit *emitter = open_at(port, "retry_ms_max = 5000\n");
    int64_t end_us = timebase_mono_us() + WAIT_MS * INT64_C(1000);
    for (long i = 6; i <= 25; i++) {
        emit_range(emitter, i, i);
        int left_ms = (int)((end_us - timebase_mono_us()) / 1000);
        assert_int_equal(metaops_emit_flush(emitter, left_ms), METAOPS_EMIT_OK);
        usleep(50000);
    }
    wait_retries(emitter, stats_of(emitter).retries == 0);
    assert_int_equal(stats_of(emitter).refused, 0);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_range_arrived(6, 25);
    assert_false(is_spool_empty());
    fake_door_set_mood(door, FAKE_DOOR_TAKES);
    emitter = open_at(port, "");
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_int_equal(fake_door_events(door, numbers, EVENTS_MAX), 25);
    assert_true(is_spool_empty());
}

static void test_emitter_default_spool_is_the_destinations_own(void **state)
{
    (void)state;
    struct metaops_emit *emitter = NULL;
    char config[200];
    char reason[256];

    setenv("XDG_STATE_HOME", spool, 1);
    assert_int_equal(
        metaops_emit_open("to = http://127.0.0.1:1\n", &emitter, reason, sizeof(reason)),
        METAOPS_EMIT_OK);
    emit_range(emitter, 1, 3);
    assert_int_equal(metaops_emit_close(emitter, 0), METAOPS_EMIT_PENDING);
    static const char *const keys[] = {"", "api_key = mo_00000000000000aa_x\n",
                                       "api_key = mo_00000000000000ab_x\n", "api_key_file = /k\n"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(config, sizeof(config), "to = http://127.0.0.1:%d\n%s", fake_door_port(door),
                 keys[i]);
        assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)),
                         METAOPS_EMIT_OK);
        assert_int_equal(stats_of(emitter).is_durable, 1);
        assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    }
    unsetenv("XDG_STATE_HOME");
    assert_int_equal(fake_door_events(door, numbers, EVENTS_MAX), 0);
    snprintf(config, sizeof(config), "test $(ls %s/metaops/spool | wc -l) = 5", spool);
    assert_int_equal(system(config), 0);
}

/* Also while the backend is away and the own events wait. */
static void test_emitter_spool_stays_bounded_whatever_others_left(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "spool_bytes_max = 64KiB\n");
    char command[200];

    emit_range(emitter, 1, 1);
    for (int i = 0; i < 3; i++) {
        struct metaops_emit *gone = open_at(port, "spool_bytes_max = 1MiB\n");
        emit_range(gone, 1, 400);
        assert_int_equal(metaops_emit_close(gone, 0), METAOPS_EMIT_PENDING);
    }
    snprintf(command, sizeof(command), "test $(cat %s/*/*.seg | wc -c) -le 65536", spool);
    assert_int_not_equal(system(command), 0);
    for (int i = 0; i < WAIT_MS / 100 && system(command) != 0; i++) {
        usleep(100000);
    }
    assert_int_equal(system(command), 0);
    assert_true(stats_of(emitter).dropped > 0);
    assert_int_equal(stats_of(emitter).pending, 1);
    metaops_emit_close(emitter, 0);
}

static void test_emitter_secrets_never_reach_the_spool(void **state)
{
    (void)state;
    int port = shut();
    struct metaops_emit *emitter = open_at(port, "");
    char command[200];
    const char *event = "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"job\":{\"namespace\":"
                        "\"n\",\"name\":\"j1\"},\"producer\":\"postgres://u:Sesame77@h/db\"}";

    assert_int_equal(metaops_emit_json(emitter, event, strlen(event)), METAOPS_EMIT_OK);
    snprintf(command, sizeof(command), "grep -rq Sesame77 %s", spool);
    assert_int_not_equal(system(command), 0);
    snprintf(command, sizeof(command), "grep -rq '%s' %s", REDACT_MARK, spool);
    assert_int_equal(system(command), 0);
    assert_int_equal(stats_of(emitter).redactions, 1);
    reopen(port, FAKE_DOOR_TAKES);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_null(strstr(fake_door_request(door, 0)->body, "Sesame77"));
    metaops_emit_close(emitter, WAIT_MS);
}

static void test_emitter_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        const char *wanted;
    } bad[] = {
        {"to = ftp://h", "ftp://h"},
        {"colour = red", "no key colour"},
        {"spool_bytes_max = 3", "spool_bytes_max"},
        {"spool = relative", "absolute"},
        {"disabled = perhaps", "disabled"},
        {"emitter = a;b", "emitter"},
        {"just words", "without ="},
        {"to = kafka://", "kafka://BROKER"},
        {"rdkafka.acks = 1", "rdkafka.acks"},
        {"rdkafka.request.required.acks = 0", "rdkafka.request.required.acks"},
        {"rdkafka.enable.idempotence = false", "rdkafka.enable.idempotence"},
        {"rdkafka.delivery.report.only.error = true", "rdkafka.delivery.report.only.error"},
    };
    struct metaops_emit *emitter = NULL;
    char reason[256];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(metaops_emit_open(bad[i].config, &emitter, reason, sizeof(reason)),
                         METAOPS_EMIT_CONFIG);
        assert_null(emitter);
        assert_non_null(strstr(reason, bad[i].wanted));
    }
    emitter = open_with("");
    assert_int_equal(metaops_emit_json(emitter, "{\"a\":", 5), METAOPS_EMIT_INVALID);
    assert_true(metaops_emit_last_error(emitter, reason, sizeof(reason)) > 0);
    assert_int_equal(metaops_emit_json(emitter, "{}", 2), METAOPS_EMIT_INVALID);
    metaops_emit_last_error(emitter, reason, sizeof(reason));
    assert_non_null(strstr(reason, "eventTime"));
    assert_int_equal(metaops_emit_json(emitter, NULL, 0), METAOPS_EMIT_INVALID);
    assert_int_equal(stats_of(emitter).invalid, 3);
    assert_int_equal(stats_of(emitter).sequence, 0);
    metaops_emit_close(emitter, 0);
}

static void test_emitter_key_too_long_for_a_head_is_refused(void **state)
{
    (void)state;
    struct metaops_emit *emitter = NULL;
    char *config = malloc(9000);
    char reason[256];

    int len = snprintf(config, 9000, "spool = none\napi_key = ");
    memset(config + len, 'k', 8500);
    config[len + 8500] = '\0';
    assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)),
                     METAOPS_EMIT_CONFIG);
    assert_non_null(strstr(reason, "4095"));
    assert_null(strstr(reason, "kkk"));
    free(config);
}

/* librdkafka takes no topic of more than 512 characters: each try must find the producer whole. */
static void test_emitter_topic_that_cannot_be_is_only_tried_again(void **state)
{
    (void)state;
    struct metaops_emit *emitter = NULL;
    char config[1024];
    char reason[256];

    int len = snprintf(config, sizeof(config),
                       "spool = none\nretry_ms_max = 100\nto = kafka://127.0.0.1:1/");
    memset(config + len, 't', 600);
    config[len + 600] = '\0';
    assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)), METAOPS_EMIT_OK);
    emit_range(emitter, 1, 3);
    assert_int_equal(metaops_emit_flush(emitter, 300), METAOPS_EMIT_PENDING);
    wait_retries(emitter, 2);
    metaops_emit_last_error(emitter, reason, sizeof(reason));
    assert_non_null(strstr(reason, "no topic"));
    metaops_emit_close(emitter, 0);
}

static void test_emitter_disabled_does_nothing(void **state)
{
    (void)state;
    setenv("OPENLINEAGE_DISABLED", "true", 1);
    struct metaops_emit *emitter = open_with("");
    unsetenv("OPENLINEAGE_DISABLED");
    emit_range(emitter, 1, 3);
    assert_int_equal(metaops_emit_json(emitter, "no", 2), METAOPS_EMIT_OK);
    assert_int_equal(metaops_emit_flush(emitter, 0), METAOPS_EMIT_OK);
    assert_int_equal(metaops_emit_close(emitter, 0), METAOPS_EMIT_OK);
    assert_null(fake_door_request(door, 0));
    assert_true(is_spool_empty());
}

static void test_emitter_reads_openlineage_environment(void **state)
{
    (void)state;
    struct metaops_emit *emitter = NULL;
    char url[64];
    char config[100];
    char reason[256];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fake_door_port(door));
    setenv("OPENLINEAGE_URL", url, 1);
    setenv("OPENLINEAGE_API_KEY", "from-env", 1);
    setenv("OPENLINEAGE_ENDPOINT", "own/place", 1);
    snprintf(config, sizeof(config), "spool = %s", spool);
    assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)), METAOPS_EMIT_OK);
    unsetenv("OPENLINEAGE_URL");
    unsetenv("OPENLINEAGE_API_KEY");
    unsetenv("OPENLINEAGE_ENDPOINT");
    emit_range(emitter, 1, 2);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_non_null(strstr(fake_door_request(door, 0)->head, "POST /own/place HTTP/1.1\r\n"));
    assert_non_null(strstr(fake_door_request(door, 0)->head, "Bearer from-env\r\n"));
    metaops_emit_close(emitter, WAIT_MS);
}

static void test_emitter_run_states_become_events(void **state)
{
    (void)state;
    static const char *const inputs[] = {"postgres://db:5432/shop.raw.orders", "file//data/a b",
                                         NULL};
    static const char *const outputs[] = {"s3://bucket/k\"ey", NULL};
    char run_id[37];
    struct metaops_emit *emitter = open_with("");
    struct metaops_emit_run_state run = {
        .size = sizeof(run),
        .event_type = "FAIL",
        .run_id = run_id,
        .job_namespace = "cron",
        .job_name = "j7",
        .parent = "ns/up.stairs/01941f29-7c00-7000-8000-000000000000",
        .inputs = inputs,
        .outputs = outputs,
        .error_message = "exit code 3",
        .job_type = "COMMAND",
    };

    metaops_emit_run_id(run_id);
    assert_int_equal(strlen(run_id), 36);
    assert_int_equal(run_id[14], '7');
    assert_int_equal(metaops_emit_run(emitter, &run), METAOPS_EMIT_OK);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    const char *body = fake_door_request(door, 0)->body;
    assert_non_null(strstr(body, "\"inputs\":[{\"namespace\":\"postgres://db:5432\",\"name\":"
                                 "\"shop.raw.orders\"},{\"namespace\":\"file\",\"name\":"
                                 "\"/data/a b\"}]"));
    assert_non_null(
        strstr(body, "\"outputs\":[{\"namespace\":\"s3://bucket\",\"name\":\"k\\\"ey\"}]"));
    assert_non_null(strstr(body, "\"job\":{\"namespace\":\"ns\",\"name\":\"up.stairs\"},\"run\":{"
                                 "\"runId\":\"01941f29-7c00-7000-8000-000000000000\"}"));
    assert_non_null(strstr(body, "\"message\":\"exit code 3\""));
    run.event_type = "ENDED";
    assert_int_equal(metaops_emit_run(emitter, &run), METAOPS_EMIT_INVALID);
    run.size = 8;
    assert_int_equal(metaops_emit_run(emitter, &run), METAOPS_EMIT_INVALID);
    metaops_emit_close(emitter, WAIT_MS);
}

/* Sanitizers take their share of it. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define CALLER_US_MAX 10000
#else
#define CALLER_US_MAX 1000
#endif

static int64_t thread_cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void test_emitter_never_takes_much_cpu_of_the_caller(void **state)
{
    (void)state;
    static const size_t sizes[] = {1000, 30000, 40000, 1000000, 8000000};
    char *event = malloc(8000100);
    struct metaops_emit *emitter = open_with("spool = none\n");

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int len = snprintf(event, 200,
                           "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"job\":{\"namespace\":\"n\","
                           "\"name\":\"j1\"},\"producer\":\"");
        memset(event + len, 'x', sizes[i]);
        memcpy(event + (size_t)len + sizes[i], "\"}", 2);
        int64_t least_us = INT64_MAX;
        for (int j = 0; j < 5; j++) {
            int64_t start_us = thread_cpu_us();
            assert_int_equal(metaops_emit_json(emitter, event, (size_t)len + sizes[i] + 2),
                             METAOPS_EMIT_OK);
            int64_t took_us = thread_cpu_us() - start_us;
            least_us = took_us < least_us ? took_us : least_us;
        }
        print_message("%zu bytes: %lld us of the caller's CPU\n", sizes[i], (long long)least_us);
        assert_true(least_us < CALLER_US_MAX);
    }
    metaops_emit_close(emitter, WAIT_MS);
    free(event);
}

struct bed {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
};

static void open_bed(struct bed *bed)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text));
    bed->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    bed->cluster = rd_kafka_mock_cluster_new(bed->host, 1);
    rd_kafka_mock_topic_create(bed->cluster, "metaops.events", 1, 1);
}

static void close_bed(struct bed *bed)
{
    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
}

/* A reader of the events' topic from its beginning. */
static rd_kafka_t *open_topic(const struct bed *bed)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bed->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "group.id", "g", text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "metaops.events", 0)->offset = 0;
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

/* What stands on the topic: each event under its own number, the same in repetitions. Those come, and
 * the order goes, where records time out in the library: all from the first of them on are sent again. */
static void assert_on_topic(struct bed *bed, long count, int64_t epoch, bool may_time_out)
{
    static bool is_known[EVENTS_MAX + 1];
    rd_kafka_t *rk = open_topic(bed);
    struct event_codec *codec = event_codec_new(1 << 20);
    struct arena *arena = arena_new(1 << 24);

    memset(is_known, 0, sizeof(is_known));
    for (long known = 0; known < count;) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, WAIT_MS);
        struct lineage_event ev;
        struct err err;
        assert_non_null(msg);
        assert_int_equal(msg->err, 0);
        struct str bytes = {.ptr = msg->payload, .len = msg->len};
        assert_int_equal(event_codec_decode(codec, bytes, arena, &ev, &err), OK);
        assert_int_equal(ev.source, SOURCE_EMITTER);
        assert_true(str_eq(ev.emitter_id, STR("test/e")));
        assert_int_equal(ev.emitter_epoch, epoch);
        assert_in_range(ev.emitter_sequence, 1, count);
        assert_int_equal(msg->key_len, 16);
        assert_int_equal(strtol(strstr(ev.body.ptr, "\"name\":\"j") + 9, NULL, 10),
                         ev.emitter_sequence);
        assert_true(may_time_out || ev.emitter_sequence == known + 1);
        known += !is_known[ev.emitter_sequence];
        is_known[ev.emitter_sequence] = true;
        rd_kafka_message_destroy(msg);
    }
    arena_free(arena);
    event_codec_free(codec);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

/* Reads up to the record with the last number: every number before it is on the topic or in a gap that a
 * record tells. Those under way when they were dropped may be both. */
static void assert_gaps_told(struct bed *bed, int64_t last)
{
    static bool is_known[EVENTS_MAX + 1];
    rd_kafka_t *rk = open_topic(bed);
    struct event_codec *codec = event_codec_new(1 << 20);
    struct arena *arena = arena_new(1 << 24);
    struct lineage_event ev = {.emitter_sequence = 0};
    bool is_told = false;
    struct err err;

    assert_in_range(last, 1, EVENTS_MAX);
    memset(is_known, 0, sizeof(is_known));
    while (ev.emitter_sequence != last) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, WAIT_MS);
        assert_non_null(msg);
        assert_int_equal(msg->err, 0);
        struct str bytes = {.ptr = msg->payload, .len = msg->len};
        assert_int_equal(event_codec_decode(codec, bytes, arena, &ev, &err), OK);
        assert_in_range(ev.emitter_sequence, 1, last);
        is_known[ev.emitter_sequence] = true;
        for (uint32_t i = 0; i < ev.gap_count; i++) {
            assert_true(ev.gaps[i].from_seq > 0 && ev.gaps[i].to_seq < ev.emitter_sequence);
            assert_true(str_eq(ev.gaps[i].reason, STR("spool full")));
            for (int64_t number = ev.gaps[i].from_seq; number <= ev.gaps[i].to_seq; number++) {
                is_known[number] = true;
            }
            is_told = true;
        }
        rd_kafka_message_destroy(msg);
    }
    for (int64_t number = 1; number <= last; number++) {
        assert_true(is_known[number]);
    }
    assert_true(is_told);
    arena_free(arena);
    event_codec_free(codec);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

static void test_emitter_writes_avro_straight_to_kafka(void **state)
{
    (void)state;
    struct bed bed;
    struct metaops_emit *emitter = NULL;
    char config[512];
    char reason[256];

    open_bed(&bed);
    /* Once the broker takes nothing: everything is sent again, in order. */
    rd_kafka_mock_push_request_errors(bed.cluster, 0, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    snprintf(config, sizeof(config),
             "to = kafka://%s\nspool = %s\nemitter = test/e\ntimeout_ms = 60000\n"
             "rdkafka.retry.backoff.ms = 10\n",
             rd_kafka_mock_cluster_bootstraps(bed.cluster), spool);
    assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)), METAOPS_EMIT_OK);
    emit_range(emitter, 1, 1200);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_on_topic(&bed, 1200, stats_of(emitter).epoch, false);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_true(is_spool_empty());
    close_bed(&bed);
}

static void test_emitter_tells_kafka_of_its_gaps(void **state)
{
    (void)state;
    struct bed bed;
    struct metaops_emit *emitter = NULL;
    char config[512];
    char reason[256];

    open_bed(&bed);
    struct mock_outage outage = mock_outage_begin(bed.cluster, 1);
    snprintf(config, sizeof(config),
             "to = kafka://%s\nspool = %s\nemitter = test/e\ntimeout_ms = 500\nretry_ms_max = 100\n"
             "rdkafka.reconnect.backoff.max.ms = 200\nspool_bytes_max = 64KiB\n",
             rd_kafka_mock_cluster_bootstraps(bed.cluster), spool);
    assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)), METAOPS_EMIT_OK);
    emit_range(emitter, 1, 1000);
    assert_true(stats_of(emitter).dropped > 0);
    mock_outage_end(&outage);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_gaps_told(&bed, 1000);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    close_bed(&bed);
}

static void test_emitter_kafka_outage_only_delays(void **state)
{
    (void)state;
    struct bed bed;
    struct metaops_emit *emitter = NULL;
    char config[512];
    char reason[256];

    open_bed(&bed);
    struct mock_outage outage = mock_outage_begin(bed.cluster, 1);
    snprintf(config, sizeof(config),
             "to = kafka://%s\nspool = %s\nemitter = test/e\ntimeout_ms = 500\nretry_ms_max = 100\n"
             "rdkafka.reconnect.backoff.max.ms = 200\n",
             rd_kafka_mock_cluster_bootstraps(bed.cluster), spool);
    assert_int_equal(metaops_emit_open(config, &emitter, reason, sizeof(reason)), METAOPS_EMIT_OK);
    emit_range(emitter, 1, 50);
    assert_int_equal(metaops_emit_flush(emitter, 1500), METAOPS_EMIT_PENDING);
    assert_int_equal(stats_of(emitter).pending, 50);
    mock_outage_end(&outage);
    assert_int_equal(metaops_emit_flush(emitter, WAIT_MS), METAOPS_EMIT_OK);
    assert_on_topic(&bed, 50, stats_of(emitter).epoch, true);
    assert_int_equal(metaops_emit_close(emitter, WAIT_MS), METAOPS_EMIT_OK);
    close_bed(&bed);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Under the thread sanitizer no thread can be made after a fork of a threaded process; under the address sanitizer the
 * child may find the allocator locked for ever by a thread that only the parent has. */
#if defined(__SANITIZE_THREAD__)
#define FORK_CASE(name) cmocka_unit_test(skip_under_sanitizer)
#define BUSY_FORK_CASE(name) cmocka_unit_test(skip_under_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define FORK_CASE(name) CASE(name)
#define BUSY_FORK_CASE(name) cmocka_unit_test(skip_under_sanitizer)
#else
#define FORK_CASE(name) CASE(name)
#define BUSY_FORK_CASE(name) CASE(name)
#endif

__attribute__((unused)) static void skip_under_sanitizer(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_emitter_events_arrive_in_order_with_their_numbers),
        CASE(test_emitter_outage_only_delays),
        CASE(test_emitter_refused_event_is_a_gap_of_the_next),
        CASE(test_emitter_keeps_what_the_wrong_place_answers),
        CASE(test_emitter_event_of_its_own_is_refused_by_403),
        CASE(test_emitter_gap_is_told_until_an_event_with_it_is_taken),
        CASE(test_emitter_goes_one_by_one_where_there_are_no_batches),
        CASE(test_emitter_full_spool_reports_what_it_dropped),
        CASE(test_emitter_takes_from_many_threads),
        FORK_CASE(test_emitter_child_and_parent_ship_their_own_once),
        BUSY_FORK_CASE(test_emitter_fork_in_the_middle_of_emits),
        CASE(test_emitter_killed_program_loses_nothing),
        CASE(test_emitter_close_ships_what_others_left),
        CASE(test_emitter_orphan_that_is_forbidden_waits_for_its_key),
        CASE(test_emitter_default_spool_is_the_destinations_own),
        CASE(test_emitter_spool_stays_bounded_whatever_others_left),
        CASE(test_emitter_secrets_never_reach_the_spool),
        CASE(test_emitter_says_what_is_wrong),
        CASE(test_emitter_key_too_long_for_a_head_is_refused),
        CASE(test_emitter_topic_that_cannot_be_is_only_tried_again),
        CASE(test_emitter_disabled_does_nothing),
        CASE(test_emitter_reads_openlineage_environment),
        CASE(test_emitter_run_states_become_events),
        CASE(test_emitter_never_takes_much_cpu_of_the_caller),
        CASE(test_emitter_writes_avro_straight_to_kafka),
        CASE(test_emitter_tells_kafka_of_its_gaps),
        CASE(test_emitter_kafka_outage_only_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

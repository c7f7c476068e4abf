/* A role as its surroundings see it: a service manager at the other end of a socket, SIGHUP, and a
 * settings file that changes, for better and for worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/service.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "support/capture.h"

#define MESSAGE_BYTES_MAX 1024

struct fixture {
    int manager_fd;
    char *config_path;
    char socket_path[64];
    struct settings st;
    struct service *service;
    int reloads;
    int refreshes;
    long lines_per_second; /* as the part last saw it */
    enum verdict answer;
};

static void write_config(const struct fixture *fx, const char *text)
{
    FILE *file = fopen(fx->config_path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int listen_at(const char *name, size_t len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    memcpy(address.sun_path, name, len);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
    return fd;
}

/* The next message, "" when none is there. */
static const char *heard(const struct fixture *fx)
{
    static char text[MESSAGE_BYTES_MAX];
    struct pollfd ready = {.fd = fx->manager_fd, .events = POLLIN};
    ssize_t got = poll(&ready, 1, 0) == 1 ? recv(fx->manager_fd, text, sizeof(text) - 1, 0) : 0;

    text[got > 0 ? got : 0] = '\0';
    return text;
}

static enum verdict part_reload(void *arg, const struct settings *fresh, struct err *err)
{
    struct fixture *fx = arg;

    fx->reloads++;
    fx->lines_per_second = (long)fresh->log.lines_per_second;
    return fx->answer == OK ? OK : err_set(err, fx->answer, "part", "the part says no");
}

static enum verdict part_refresh(void *arg, bool *out_is_new, struct err *err)
{
    struct fixture *fx = arg;

    (void)err;
    fx->refreshes++;
    *out_is_new = false;
    return OK;
}

static void load(struct fixture *fx)
{
    char *args[] = {"--config", fx->config_path, NULL};
    struct settings_rest rest;
    struct err err;

    assert_int_equal(settings_load(&fx->st, 2, args, &rest, &err), OK);
    free(rest.words);
}

static void open_service(struct fixture *fx)
{
    struct err err;

    assert_int_equal(service_open("gateway", &fx->st, &fx->service, &err), OK);
    service_add(fx->service,
                (struct service_part){
                    .name = "a part", .arg = fx, .reload = part_reload, .refresh = part_refresh});
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *fx = &fixture;

    memset(fx, 0, sizeof(*fx));
    snprintf(fx->socket_path, sizeof(fx->socket_path), "/tmp/metaops-notify-%d", (int)getpid());
    unlink(fx->socket_path);
    fx->manager_fd = listen_at(fx->socket_path, strlen(fx->socket_path) + 1);
    setenv("NOTIFY_SOCKET", fx->socket_path, 1);
    fx->config_path = capture_file("", 0);
    write_config(fx, "log.level = warn\nlog.lines_per_second = 0\n");
    load(fx);
    log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT, 0);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    service_close(fx->service);
    settings_fini(&fx->st);
    close(fx->manager_fd);
    unlink(fx->socket_path);
    unlink(fx->config_path);
    free(fx->config_path);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

static void test_service_tells_the_manager_how_it_is(void **state)
{
    struct fixture *fx = *state;

    open_service(fx);
    assert_null(getenv("NOTIFY_SOCKET")); /* no child speaks in our name */
    service_ready(fx->service);
    assert_string_equal(heard(fx), "READY=1\nSTATUS=starting");
    service_status(fx->service, "taking events");
    assert_string_equal(heard(fx), "STATUS=taking events");
    service_status(fx->service, "taking events");
    assert_string_equal(heard(fx), "");
    service_status(fx->service, "two\nSTOPPING=1");
    assert_string_equal(heard(fx), "STATUS=two");
    service_turn(fx->service, true);
    assert_string_equal(heard(fx), ""); /* nobody asked for signs of life */
    service_stopping(fx->service);
    assert_string_equal(heard(fx), "STOPPING=1\nSTATUS=stopping");
}

static void test_service_finds_the_manager_in_the_abstract_space(void **state)
{
    struct fixture *fx = *state;
    char name[64];
    size_t len = (size_t)snprintf(name, sizeof(name), "@metaops-notify-%d", (int)getpid());

    setenv("NOTIFY_SOCKET", name, 1);
    close(fx->manager_fd);
    name[0] = '\0';
    fx->manager_fd = listen_at(name, len);
    open_service(fx);
    service_ready(fx->service);
    assert_string_equal(heard(fx), "READY=1\nSTATUS=starting");
}

static void test_service_lives_without_a_manager(void **state)
{
    struct fixture *fx = *state;

    unsetenv("NOTIFY_SOCKET");
    open_service(fx);
    service_ready(fx->service);
    service_turn(fx->service, true);
    assert_string_equal(heard(fx), "");
    service_close(fx->service);
    setenv("NOTIFY_SOCKET", "neither path nor abstract", 1);
    open_service(fx);
    service_ready(fx->service);
}

static void test_service_shows_life_only_when_there_is_some(void **state)
{
    struct fixture *fx = *state;
    char pid[32];
    int signs = 0;

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "300000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    open_service(fx);
    service_ready(fx->service);
    (void)heard(fx);
    for (int i = 0; i < 30; i++) {
        service_turn(fx->service, false);
        usleep(10 * 1000);
    }
    assert_string_equal(heard(fx), "");
    /* A third of the time lies between two of them, or more where the machine is busy. */
    int64_t begin_us = timebase_mono_us();
    for (int i = 0; i < 6000 && signs < 4; i++) {
        service_turn(fx->service, true);
        signs += strcmp(heard(fx), "WATCHDOG=1") == 0;
        usleep(10 * 1000);
    }
    assert_int_equal(signs, 4);
    assert_true(timebase_mono_us() - begin_us >= 3 * 100000);
}

static void test_service_ignores_a_watchdog_for_others(void **state)
{
    struct fixture *fx = *state;

    setenv("WATCHDOG_USEC", "300000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    open_service(fx);
    service_turn(fx->service, true);
    assert_string_equal(heard(fx), "");
}

/* Raises SIGHUP and does a turn; what was logged, for the caller to free. */
static char *hang_up(struct fixture *fx)
{
    struct capture capture;

    capture_begin(&capture, 2);
    raise(SIGHUP);
    service_turn(fx->service, true);
    return capture_end(&capture);
}

static void expect_logged(char *log, const char *text, bool is_wanted)
{
    if ((strstr(log, text) != NULL) != is_wanted) {
        fail_msg("%s%s in:\n%s", is_wanted ? "no " : "", text, log);
    }
}

static void test_service_reads_settings_again_on_sighup(void **state)
{
    struct fixture *fx = *state;
    long long began_us = 0;
    char *log;

    open_service(fx);
    service_ready(fx->service);
    (void)heard(fx);
    write_config(fx, "log.level = info\nlog.lines_per_second = 77\ningest.threads = 3\n"
                     "worker.lanes = 2\n");
    int64_t before_us = timebase_mono_us();
    log = hang_up(fx);
    assert_int_equal(fx->reloads, 1);
    assert_int_equal(fx->lines_per_second, 77);
    assert_true(log_enabled(LOG_LEVEL_INFO));
    expect_logged(log, "needs a restart, the old value stays key=ingest.threads", true);
    expect_logged(log, "worker.lanes", false); /* of another role */
    expect_logged(log, "needs a restart, the old value stays key=log", false);
    free(log);
    assert_int_equal(sscanf(heard(fx), "RELOADING=1\nMONOTONIC_USEC=%lld", &began_us), 1);
    assert_in_range(began_us, before_us, timebase_mono_us());
    assert_string_equal(heard(fx), "READY=1\nSTATUS=starting");

    /* The same again: what changed is told once, what waits for a restart each time. */
    log = hang_up(fx);
    expect_logged(log, "setting changed", false);
    expect_logged(log, "key=ingest.threads", true);
    expect_logged(log, "settings read again", true);
    free(log);
    assert_int_equal(fx->reloads, 2);

    write_config(fx, "log.level = error\n");
    free(hang_up(fx));
    assert_false(log_enabled(LOG_LEVEL_WARN));
}

static void test_service_keeps_everything_when_the_file_is_wrong(void **state)
{
    static const char *const wrong[] = {"log.level = loud\n", "log.levle = info\n", "no equals\n",
                                        "ingest.tls_key_file = /x.key\n"};
    struct fixture *fx = *state;

    open_service(fx);
    service_ready(fx->service);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "log.lines_per_second = 99\n%s", wrong[i]);
        write_config(fx, text);
        char *log = hang_up(fx);
        expect_logged(log, "settings cannot be read again, nothing changes", true);
        expect_logged(log, i == 3 ? "tls_certificate_file" : fx->config_path, true);
        free(log);
    }
    unlink(fx->config_path);
    free(hang_up(fx));
    assert_int_equal(fx->reloads, 0);
    assert_true(log_enabled(LOG_LEVEL_WARN));
    assert_false(log_enabled(LOG_LEVEL_INFO));
    (void)heard(fx);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(strncmp(heard(fx), "RELOADING=1\n", 12), 0);
        assert_int_equal(strncmp(heard(fx), "READY=1\n", 8), 0); /* as good as before */
    }
    write_config(fx, "log.level = info\n");
}

static void test_service_tells_of_a_part_that_says_no(void **state)
{
    struct fixture *fx = *state;
    char *log;

    open_service(fx);
    service_ready(fx->service);
    fx->answer = REJECT;
    log = hang_up(fx);
    expect_logged(log, "the part says no", true);
    free(log);
}

static void test_service_waits_with_a_signal_until_it_is_ready(void **state)
{
    struct fixture *fx = *state;

    open_service(fx);
    free(hang_up(fx));
    assert_int_equal(fx->reloads, 0);
    service_ready(fx->service);
    service_turn(fx->service, true);
    assert_int_equal(fx->reloads, 1);
    assert_int_equal(fx->refreshes, 1); /* every other second only */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_service_tells_the_manager_how_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_service_finds_the_manager_in_the_abstract_space, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_service_lives_without_a_manager, setup, teardown),
        cmocka_unit_test_setup_teardown(test_service_shows_life_only_when_there_is_some, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_service_ignores_a_watchdog_for_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_service_reads_settings_again_on_sighup, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_service_keeps_everything_when_the_file_is_wrong, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_service_tells_of_a_part_that_says_no, setup, teardown),
        cmocka_unit_test_setup_teardown(test_service_waits_with_a_signal_until_it_is_ready, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

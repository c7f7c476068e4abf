/* What does not want to speak TLS properly: plain HTTP, junk, cut and oversize records, slow and
 * endless handshakes, crowds. Nothing of it may harm the neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/metrics.h"
#include "core/timebase.h"
#include "core/tls_conn.h"
#include "support/raw_http.h"
#include "support/tls_bed.h"

#define CONNECTIONS_MAX 30
#define CROWD 1000
#define CROWD_BYTES_MAX 40000 /* resident, for each idle connection */
#define ROUNDS 300
#define HELLO_BYTES_MAX 1024
#define HEAD_TIMEOUT_MS 500
#define LATE_MS 20000 /* a deadline is absolute, however slow the machine is */

static const struct tls_client_options plain_client = {.version = 0};

static int setup(void **state)
{
    static struct tls_bed bed;

    tls_bed_open(
        &bed, &(struct tls_bed_options){.client_ca = "ca.pem", .connections_max = CONNECTIONS_MAX});
    *state = &bed;
    return 0;
}

static int setup_short_head(void **state)
{
    static struct tls_bed bed;

    tls_bed_open(&bed, &(struct tls_bed_options){.connections_max = CONNECTIONS_MAX,
                                                 .head_timeout_ms = HEAD_TIMEOUT_MS});
    *state = &bed;
    return 0;
}

static int teardown(void **state)
{
    tls_bed_close(*state);
    return 0;
}

static int raw_connected(const struct tls_bed *bed)
{
    int fd = raw_http_connect(bed->port);

    assert_true(fd >= 0);
    return fd;
}

static void expect_service(struct tls_bed *bed)
{
    struct tls_client client;

    assert_true(tls_client_open(&client, &bed->world, bed->port, &plain_client));
    assert_int_equal(tls_client_post(&client, "/echo", STR("well"), NULL), 200);
    tls_client_close(&client);
}

/* Reads until the other side ends. False when it does not in time. */
static bool drains(int fd, int timeout_ms)
{
    int64_t deadline_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    char bytes[4096];

    for (;;) {
        int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) != 1) {
            return false;
        }
        if (recv(fd, bytes, sizeof(bytes), 0) <= 0) {
            return true;
        }
    }
}

/* Counting comes just behind what a client can see. */
static void expect_metric(enum metric metric, int64_t value)
{
    for (int i = 0; i < 3000 && metrics_read(metric) != value; i++) {
        usleep(10 * 1000);
    }
    assert_int_equal(metrics_read(metric), value);
}

/* A client's first record, as OpenSSL writes it. */
static size_t client_hello(char *out)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *written = BIO_new(BIO_s_mem());
    int len;

    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), written);
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    len = BIO_read(written, out, HELLO_BYTES_MAX);
    SSL_free(ssl);
    SSL_CTX_free(context);
    assert_true(len > 100);
    return (size_t)len;
}

static void test_http_tls_tells_a_plain_client_what_to_do(void **state)
{
    struct tls_bed *bed = *state;
    int64_t plain = metrics_read(METRIC_GATEWAY_TLS_PLAIN);
    int fd = raw_connected(bed);
    struct raw_answer answer;

    assert_true(raw_http_post(fd, "/echo", "", STR("secret")));
    answer = raw_http_read(fd, 30000);
    assert_int_equal(answer.status, 400);
    assert_true(answer.is_closing);
    assert_non_null(strstr(answer.body, "use https://"));
    raw_http_fini(&answer);
    /* Whatever it sends now is not looked at, if it can still be sent. */
    (void)raw_http_post(fd, "/echo", "", STR("more"));
    answer = raw_http_read(fd, 30000);
    assert_int_equal(answer.status, 0);
    assert_string_equal(answer.head, "");
    assert_true(drains(fd, 30000));
    close(fd);
    expect_metric(METRIC_GATEWAY_TLS_PLAIN, plain + 1);
    expect_service(bed);
}

static void test_http_tls_survives_junk(void **state)
{
    struct tls_bed *bed = *state;
    struct tls_client neighbour;
    unsigned seed = 20260401;
    char junk[3000];

    assert_true(tls_client_open(&neighbour, &bed->world, bed->port, &plain_client));
    for (int round = 0; round < ROUNDS; round++) {
        int fd = raw_connected(bed);
        size_t len = 1 + (size_t)rand_r(&seed) % sizeof(junk);
        for (size_t i = 0; i < len; i++) {
            junk[i] = (char)rand_r(&seed);
        }
        if (round % 2) {
            memcpy(junk, "\x16\x03\x01", 3); /* at least it begins like a handshake */
        }
        raw_http_send(fd, (struct str){junk, len});
        shutdown(fd, SHUT_WR);
        assert_true(drains(fd, 30000));
        close(fd);
        /* The reasons of one connection must not be taken for those of another. */
        assert_int_equal(tls_client_post(&neighbour, "/echo", STR("well"), NULL), 200);
    }
    tls_client_close(&neighbour);
}

static void test_http_tls_survives_spoilt_handshakes(void **state)
{
    struct tls_bed *bed = *state;
    unsigned seed = 4711;
    char hello[HELLO_BYTES_MAX];
    size_t len = client_hello(hello);

    for (int round = 0; round < ROUNDS; round++) {
        char spoilt[HELLO_BYTES_MAX];
        int fd = raw_connected(bed);
        size_t cut = round % 3 ? len : (size_t)rand_r(&seed) % len;
        memcpy(spoilt, hello, len);
        for (int i = rand_r(&seed) % 4; i >= 0; i--) {
            spoilt[(size_t)rand_r(&seed) % len] = (char)rand_r(&seed);
        }
        raw_http_send(fd, (struct str){spoilt, cut});
        shutdown(fd, SHUT_WR);
        assert_true(drains(fd, 30000));
        close(fd);
    }
    expect_service(bed);
}

/* Behind a good handshake: spoilt, cut and oversize records, and ones of unknown kinds. */
static void test_http_tls_survives_spoilt_records(void **state)
{
    static const char *const heads[] = {
        "\x17\x03\x03\xff\xff", /* 65,535 bytes: more than a record may have */
        "\x17\x03\x03\x00\x01x",
        "\x17\x03\x03\x00\x40 cut off",
        "\x18\x03\x03\x00\x03\x01\xff\xff",
        "\x63\x03\x03\x00\x02zz",
        "POST /echo HTTP/1.1\r\n\r\n",
    };
    static const size_t lengths[] = {5, 6, 13, 8, 7, 23};
    struct tls_bed *bed = *state;

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        char filler[4096] = "";
        struct tls_client client;
        assert_true(tls_client_open(&client, &bed->world, bed->port, &plain_client));
        assert_true(tls_client_send(&client, STR("POST /echo HTTP/1.1\r\nHost: a\r\n"
                                                 "Content-Length: 100\r\n\r\nabc")));
        raw_http_send(client.fd, (struct str){heads[i], lengths[i]});
        raw_http_send(client.fd, (struct str){filler, sizeof(filler)});
        assert_true(drains(client.fd, 30000));
        tls_client_close(&client);
    }
    expect_service(bed);
}

static void test_http_tls_survives_clients_that_leave(void **state)
{
    struct tls_bed *bed = *state;
    char hello[HELLO_BYTES_MAX];
    size_t len = client_hello(hello);

    for (int round = 0; round < 50; round++) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        struct tls_client client;
        int fd = raw_connected(bed);
        raw_http_send(fd, (struct str){hello, len});
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        assert_true(tls_client_open(&client, &bed->world, bed->port, &plain_client));
        assert_true(tls_client_send(&client, STR("POST /echo HTTP/1.1\r\nHost: a\r\n"
                                                 "Content-Length: 4\r\n\r\nabcd")));
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        tls_client_close(&client);
    }
    expect_service(bed);
}

/* The answer to half a request cannot be sent, and the loop must not try it until the timeout, which no test
 * lives to see. */
static void test_http_tls_lets_go_of_who_says_the_end_and_resets(void **state)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct tls_bed *bed = *state;

    for (int round = 0; round < 20; round++) {
        struct tls_client client;
        assert_true(tls_client_open(&client, &bed->world, bed->port, &plain_client));
        assert_true(tls_client_post(&client, "/echo", STR("well"), NULL) == 200);
        assert_true(tls_client_send(&client, STR("POST /echo HTTP/1.1\r\nHost: a\r\n"
                                                 "Content-Length: 100\r\n\r\nabc")));
        SSL_shutdown(client.ssl);
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        tls_client_flush(&client);
        tls_client_close(&client);
    }
    expect_metric(METRIC_GATEWAY_CONNECTIONS, 0);
    expect_service(bed);
}

/* A write that fails behind the client's end is a failure, not zero bytes sent. */
static void test_tls_conn_send_fails_when_the_client_is_gone(void **state)
{
    struct tls_bed *bed = *state;
    struct tls_server_files files = tls_bed_files(bed, NULL);
    struct tls_server *tls = NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(context);
    struct tls_conn *conn;
    struct err err;
    char room[16];
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(tls_server_new(&files, &tls, &err), OK);
    conn = tls_conn_open(tls, fds[0]);
    assert_non_null(conn);
    assert_int_equal(SSL_set_fd(client, fds[1]), 1);
    for (int i = 0; i < 10 && SSL_connect(client) != 1; i++) {
        assert_int_equal(tls_conn_recv(conn, room, sizeof(room)), -1);
    }
    assert_int_equal(SSL_write(client, "abc", 3), 3);
    assert_int_equal(tls_conn_recv(conn, room, sizeof(room)), 3);
    SSL_shutdown(client);
    assert_int_equal(tls_conn_recv(conn, room, sizeof(room)), 0);
    close(fds[1]);
    assert_int_equal(tls_conn_send(conn, "answer", 6), -1);
    assert_int_equal(errno, EPIPE);
    tls_conn_close(conn);
    close(fds[0]);
    SSL_free(client);
    SSL_CTX_free(context);
    tls_server_free(tls);
}

static void test_http_tls_cuts_a_slow_handshake_at_its_deadline(void **state)
{
    struct tls_bed *bed = *state;
    int64_t failed = metrics_read(METRIC_GATEWAY_TLS_FAILED);
    int64_t start_us = timebase_mono_us();
    char hello[HELLO_BYTES_MAX];
    size_t len = client_hello(hello);
    int silent = raw_connected(bed);
    int slow = raw_connected(bed);
    size_t sent = 0;

    while (sent < len && timebase_mono_us() - start_us < LATE_MS * INT64_C(1000)) {
        struct pollfd ready = {.fd = slow, .events = POLLIN};
        if (!raw_http_send(slow, (struct str){hello + sent, 1}) || poll(&ready, 1, 40) == 1) {
            break;
        }
        sent++;
    }
    int64_t took_ms = (timebase_mono_us() - start_us) / 1000;
    assert_in_range(took_ms, HEAD_TIMEOUT_MS, LATE_MS);
    assert_true(drains(slow, 30000));
    assert_true(drains(silent, 30000));
    close(silent);
    close(slow);
    expect_metric(METRIC_GATEWAY_TLS_FAILED, failed + 2);
}

static void test_http_tls_counts_handshakes_against_the_cap(void **state)
{
    struct tls_bed *bed = *state;
    int64_t refused = metrics_read(METRIC_GATEWAY_CONNECTIONS_REFUSED);
    int fds[CONNECTIONS_MAX];
    int one_more;

    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = raw_connected(bed);
    }
    one_more = raw_connected(bed);
    assert_true(drains(one_more, 30000));
    expect_metric(METRIC_GATEWAY_CONNECTIONS_REFUSED, refused + 1);
    close(one_more);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
}

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (file) {
        if (fscanf(file, "%*u %lu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* What the crowd has to know of the server. */
struct place {
    char dir[sizeof(((struct tls_world *)NULL)->dir)];
    int port;
};

/* In a process of its own, so that only the server's side is measured. */
static int run_crowd(int go_fd, int done_fd)
{
    static struct tls_client clients[CROWD];
    struct tls_world world = {.ca = NULL};
    struct place place;
    char byte = 0;

    if (read(go_fd, &place, sizeof place) != sizeof place) {
        return 1;
    }
    memcpy(world.dir, place.dir, sizeof world.dir);
    for (int i = 0; i < CROWD; i++) {
        if (!tls_client_open(&clients[i], &world, place.port, &plain_client) ||
            tls_client_post(&clients[i], "/echo", STR("well"), NULL) != 200) {
            return 1;
        }
    }
    return write(done_fd, "", 1) == 1 && read(go_fd, &byte, 1) == 1 ? 0 : 1;
}

/* Before the server has threads: what another thread holds locked at that moment stays locked in the child for ever. */
static pid_t fork_crowd(int *out_go_fd, int *out_done_fd)
{
    int go[2], done[2];

    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(go[1]);
        close(done[0]);
        _exit(run_crowd(go[0], done[1]));
    }
    close(go[0]);
    close(done[1]);
    *out_go_fd = go[1];
    *out_done_fd = done[0];
    return child;
}

static void tell_place(const struct tls_bed *bed, int go_fd)
{
    struct place place = {.port = bed->port};

    memcpy(place.dir, bed->world.dir, sizeof place.dir);
    assert_int_equal(write(go_fd, &place, sizeof place), sizeof place);
}

static void test_http_tls_keeps_little_for_idle_connections(void **state)
{
    struct rlimit limit;
    struct tls_bed bed;
    int go_fd, done_fd;
    char byte;
    int status;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < CROWD + 100) {
        skip();
    }
    pid_t child = fork_crowd(&go_fd, &done_fd);
    tls_bed_open(&bed, &(struct tls_bed_options){.connections_max = CROWD + 10});
    expect_service(&bed);
    size_t before_bytes = resident_bytes();
    tell_place(&bed, go_fd);
    assert_int_equal(read(done_fd, &byte, 1), 1);
    size_t each_bytes = (resident_bytes() - before_bytes) / CROWD;
    print_message("%zu bytes resident for each of %d idle connections\n", each_bytes, CROWD);
    assert_int_equal(write(go_fd, "", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(go_fd);
    close(done_fd);
    tls_bed_close(&bed);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_in_range(each_bytes, 0, CROWD_BYTES_MAX);
#endif
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_http_tls_tells_a_plain_client_what_to_do),
        SERVED(test_http_tls_survives_junk),
        SERVED(test_http_tls_survives_spoilt_handshakes),
        SERVED(test_http_tls_survives_spoilt_records),
        SERVED(test_http_tls_survives_clients_that_leave),
        SERVED(test_http_tls_lets_go_of_who_says_the_end_and_resets),
        SERVED(test_tls_conn_send_fails_when_the_client_is_gone),
        cmocka_unit_test_setup_teardown(test_http_tls_cuts_a_slow_handshake_at_its_deadline,
                                        setup_short_head, teardown),
        SERVED(test_http_tls_counts_handshakes_against_the_cap),
        cmocka_unit_test(test_http_tls_keeps_little_for_idle_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The doctor's question to an admin port, against a peer on this machine that says what the test
 * wants. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/timebase.h"
#include "sinks/doctor_http.h"

struct peer {
    int fd;
    char listen[32];
    const char *answer; /* NULL: reads and stays silent until the other end closes */
    pthread_t thread;
};

static void *peer_main(void *arg)
{
    struct peer *peer = arg;
    char request[1024];
    int fd = accept(peer->fd, NULL, NULL);

    if (recv(fd, request, sizeof(request), 0) > 0 && peer->answer) {
        (void)!write(fd, peer->answer, strlen(peer->answer));
    } else {
        (void)!recv(fd, request, sizeof(request), 0);
    }
    close(fd);
    return NULL;
}

static void peer_open(struct peer *peer, const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&address, &len), 0);
    snprintf(peer->listen, sizeof(peer->listen), "%s:%d", host, ntohs(address.sin_port));
}

static void peer_start(struct peer *peer, const char *answer)
{
    peer->answer = answer;
    assert_int_equal(listen(peer->fd, 1), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_main, peer), 0);
}

static void peer_stop(struct peer *peer)
{
    pthread_join(peer->thread, NULL);
    close(peer->fd);
}

static void test_doctor_http_reads_status_and_first_line(void **state)
{
    (void)state;
    struct peer peer;
    struct err err;
    char line[32];
    int status = 0;

    peer_open(&peer, "0.0.0.0"); /* all interfaces: asked on this machine */
    peer_start(&peer,
               "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\n\r\nno broker\nx\n");
    assert_int_equal(
        doctor_http_get(peer.listen, "/readyz", 2000, &status, line, sizeof(line), &err), OK);
    assert_int_equal(status, 503);
    assert_string_equal(line, "no broker");
    peer_stop(&peer);
}

static void test_doctor_http_tells_what_is_no_http(void **state)
{
    (void)state;
    struct peer peer;
    struct err err;
    char line[32];
    int status = 0;

    peer_open(&peer, "127.0.0.1");
    peer_start(&peer, "220 mail.example.org ESMTP\r\n");
    assert_int_equal(
        doctor_http_get(peer.listen, "/readyz", 2000, &status, line, sizeof(line), &err), REJECT);
    peer_stop(&peer);
}

static void test_doctor_http_gives_up_on_a_silent_peer(void **state)
{
    (void)state;
    struct peer peer;
    struct err err;
    char line[32];
    int status = 0;

    peer_open(&peer, "127.0.0.1");
    peer_start(&peer, NULL);
    int64_t start_us = timebase_mono_us();
    assert_int_equal(
        doctor_http_get(peer.listen, "/readyz", 200, &status, line, sizeof(line), &err), RETRY);
    int64_t took_us = timebase_mono_us() - start_us;
    assert_in_range(took_us, 150000, 20000000);
    peer_stop(&peer);
}

static void test_doctor_http_says_retry_when_nothing_listens(void **state)
{
    (void)state;
    struct peer peer;
    struct err err;
    char line[32];
    int status = 0;

    peer_open(&peer, "127.0.0.1"); /* bound, so that nobody else has the port, but not listening */
    assert_int_equal(
        doctor_http_get(peer.listen, "/readyz", 2000, &status, line, sizeof(line), &err), RETRY);
    close(peer.fd);
}

static void test_doctor_http_refuses_an_address_without_port(void **state)
{
    (void)state;
    struct err err;
    char line[32];
    int status = 0;

    assert_int_equal(
        doctor_http_get("localhost", "/readyz", 2000, &status, line, sizeof(line), &err), FATAL);
    assert_int_equal(
        doctor_http_get("localhost:", "/readyz", 2000, &status, line, sizeof(line), &err), FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doctor_http_reads_status_and_first_line),
        cmocka_unit_test(test_doctor_http_tells_what_is_no_http),
        cmocka_unit_test(test_doctor_http_gives_up_on_a_silent_peer),
        cmocka_unit_test(test_doctor_http_says_retry_when_nothing_listens),
        cmocka_unit_test(test_doctor_http_refuses_an_address_without_port),
    };
    return cmocka_run_group_tests_name("doctor_http", tests, NULL, NULL);
}

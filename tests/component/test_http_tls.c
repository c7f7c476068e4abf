/* HTTPS over loopback: what plain connections do works the same inside TLS, clients are known by
 * their certificates, sessions are taken up again, and certificates change under a running server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

#include <cmocka.h>

#include "core/metrics.h"
#include "support/raw_http.h"
#include "support/tls_bed.h"

#define CONNECTIONS_MAX 50

static const struct tls_client_options plain_client = {.version = 0};

static int start(void **state, struct tls_bed_options options)
{
    static struct tls_bed bed;

    options.connections_max = CONNECTIONS_MAX;
    tls_bed_open(&bed, &options);
    *state = &bed;
    return 0;
}

static int setup(void **state)
{
    return start(state, (struct tls_bed_options){.client_ca = NULL});
}

static int setup_short_idle(void **state)
{
    return start(state, (struct tls_bed_options){.idle_timeout_ms = 900});
}

static int setup_optional(void **state)
{
    return start(state, (struct tls_bed_options){.client_ca = "ca.pem"});
}

static int setup_required(void **state)
{
    return start(state,
                 (struct tls_bed_options){.client_ca = "ca.pem", .is_client_required = true});
}

static int teardown(void **state)
{
    tls_bed_close(*state);
    return 0;
}

static struct tls_client connected(const struct tls_bed *bed,
                                   const struct tls_client_options *options)
{
    struct tls_client client;

    assert_true(tls_client_open(&client, &bed->world, bed->port, options));
    return client;
}

/* A body in which a byte out of place is seen. */
static struct str long_body(size_t bytes)
{
    char *text = malloc(bytes);

    for (size_t i = 0; i < bytes; i++) {
        text[i] = (char)('a' + (i * 7 + i / 1000) % 26);
    }
    return (struct str){text, bytes};
}

static void expect_echo(struct tls_client *client, struct str body)
{
    char *answer = NULL;

    assert_int_equal(tls_client_post(client, "/echo", body, &answer), 200);
    assert_memory_equal(answer, body.ptr, body.len);
    free(answer);
}

static void test_http_tls_answers_many_requests_on_one_connection(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        struct tls_client_options options = {.version = versions[i]};
        struct tls_client client = connected(*state, &options);
        struct str large = long_body(3000000);
        for (int round = 0; round < 20; round++) {
            expect_echo(&client, STR("hello"));
            expect_echo(&client, (struct str){large.ptr, (size_t)round * 1700});
        }
        expect_echo(&client, large);
        free((char *)large.ptr);
        tls_client_close(&client);
    }
}

/* Silent for longer than buffers are kept, between requests and in the middle of a record. */
static void test_http_tls_goes_on_after_a_silence(void **state)
{
    static const char one[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    char start[8]; /* more than a record's head, less than a record */

    for (size_t i = 0; i < 2; i++) {
        struct tls_client_options options = {.version = versions[i]};
        struct tls_client client = connected(*state, &options);
        expect_echo(&client, STR("before"));
        usleep(1500000);
        expect_echo(&client, STR("after"));
        assert_true(SSL_write(client.ssl, one, sizeof(one) - 1) > 0);
        assert_int_equal(BIO_read(client.out, start, sizeof(start)), sizeof(start));
        assert_true(raw_http_send(client.fd, (struct str){start, sizeof(start)}));
        usleep(1500000);
        assert_true(tls_client_flush(&client));
        assert_int_equal(tls_client_read(&client, NULL), 200);
        tls_client_close(&client);
    }
}

/* What TLS has taken off the socket is not announced by it again. */
static void test_http_tls_serves_requests_that_came_in_one_go(void **state)
{
    static const char one[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    struct tls_client client = connected(*state, &plain_client);
    char text[20 * sizeof(one)];
    size_t one_bytes = sizeof(one) - 1;
    int count = 0;

    /* Twenty requests in one record, then as many records in one piece. */
    for (int i = 0; i < 20; i++) {
        memcpy(text + (size_t)i * one_bytes, one, one_bytes);
    }
    assert_true(tls_client_send(&client, (struct str){text, 20 * one_bytes}));
    while (count < 20) {
        assert_int_equal(tls_client_read(&client, NULL), 200);
        count++;
    }
    for (int i = 0; i < 40; i++) {
        assert_true(SSL_write(client.ssl, one, (int)one_bytes) > 0);
    }
    assert_true(tls_client_flush(&client));
    while (count < 60) {
        assert_int_equal(tls_client_read(&client, NULL), 200);
        count++;
    }
    tls_client_close(&client);
}

static void test_http_tls_takes_everything_byte_by_byte(void **state)
{
    struct tls_client_options options = {.piece_bytes = 1};
    struct tls_client client = connected(*state, &options);

    expect_echo(&client, STR("in small pieces"));
    client.piece_bytes = 777; /* records that end anywhere */
    struct str body = long_body(200000);
    expect_echo(&client, body);
    expect_echo(&client, STR("and whole again"));
    free((char *)body.ptr);
    tls_client_close(&client);
}

static void test_http_tls_waits_for_a_client_that_reads_late(void **state)
{
    struct tls_client client = connected(*state, &plain_client);
    struct str body = long_body(TLS_BED_BODY_BYTES_MAX);
    char head[128];
    char *answer = NULL;

    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             body.len);
    assert_true(tls_client_send(&client, str_view(head)));
    assert_true(tls_client_send(&client, body));
    usleep(300 * 1000);
    assert_int_equal(tls_client_read(&client, &answer), 200);
    assert_memory_equal(answer, body.ptr, body.len);
    free(answer);
    expect_echo(&client, STR("next"));
    free((char *)body.ptr);
    tls_client_close(&client);
}

static void test_http_tls_asks_for_the_body_when_told_to(void **state)
{
    struct tls_client client = connected(*state, &plain_client);

    assert_true(
        tls_client_send(&client, STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue"
                                     "\r\nContent-Length: 2\r\n\r\n")));
    assert_int_equal(tls_client_read(&client, NULL), 100);
    assert_true(tls_client_send(&client, STR("ok")));
    assert_int_equal(tls_client_read(&client, NULL), 200);
    tls_client_close(&client);
}

static void test_http_tls_refuses_bad_http_and_says_good_bye(void **state)
{
    struct tls_client client = connected(*state, &plain_client);

    assert_true(tls_client_send(&client, STR("POST /echo HTTP/1.1\r\nHost : a\r\n\r\n")));
    assert_int_equal(tls_client_read(&client, NULL), 400);
    assert_int_equal(tls_client_wait_end(&client), 1);
    tls_client_close(&client);
}

static void test_http_tls_says_good_bye_to_idle_connections(void **state)
{
    struct tls_client client = connected(*state, &plain_client);

    expect_echo(&client, STR("x"));
    assert_int_equal(tls_client_wait_end(&client), 1);
    tls_client_close(&client);
}

/* One alert, protocol_version or no_application_protocol, as the RFCs number them. */
static void expect_alert(struct tls_bed *bed, const struct tls_client_options *options)
{
    int64_t failed = metrics_read(METRIC_GATEWAY_TLS_FAILED);
    struct tls_client client;

    assert_false(tls_client_open(&client, &bed->world, bed->port, options));
    tls_client_close(&client);
    for (int i = 0; i < 3000 && metrics_read(METRIC_GATEWAY_TLS_FAILED) == failed; i++) {
        usleep(10 * 1000);
    }
    assert_int_equal(metrics_read(METRIC_GATEWAY_TLS_FAILED), failed + 1);
}

static void test_http_tls_refuses_old_versions_and_other_protocols(void **state)
{
    struct tls_client client;
    const unsigned char *chosen;
    unsigned len;

    expect_alert(*state, &(struct tls_client_options){.version = TLS1_1_VERSION});
    expect_alert(*state, &(struct tls_client_options){.alpn = "\x02h2"});
    client = connected(*state, &(struct tls_client_options){.alpn = "\x02h2\x08http/1.1"});
    SSL_get0_alpn_selected(client.ssl, &chosen, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
    tls_client_close(&client);
}

static void test_http_tls_does_not_renegotiate(void **state)
{
    struct tls_client client =
        connected(*state, &(struct tls_client_options){.version = TLS1_2_VERSION});

    assert_int_equal(SSL_renegotiate(client.ssl), 1);
    SSL_do_handshake(client.ssl);
    assert_true(tls_client_flush(&client));
    /* The warning no_renegotiation makes OpenSSL's client give up; ours goes on with others. */
    assert_int_equal(tls_client_read(&client, NULL), 0);
    tls_client_close(&client);
    client = connected(*state, &plain_client);
    expect_echo(&client, STR("still there"));
    tls_client_close(&client);
}

static void test_http_tls_takes_sessions_up_again(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        struct tls_client_options options = {.version = versions[i]};
        int64_t resumed = metrics_read(METRIC_GATEWAY_TLS_RESUMED);
        int64_t full = metrics_read(METRIC_GATEWAY_TLS_FULL);
        struct tls_client client = connected(*state, &options);
        expect_echo(&client, STR("first"));
        options.session = SSL_get1_session(client.ssl);
        tls_client_close(&client);
        client = connected(*state, &options);
        expect_echo(&client, STR("second"));
        assert_true(SSL_session_reused(client.ssl));
        tls_client_close(&client);
        SSL_SESSION_free(options.session);
        assert_int_equal(metrics_read(METRIC_GATEWAY_TLS_RESUMED), resumed + 1);
        assert_int_equal(metrics_read(METRIC_GATEWAY_TLS_FULL), full + 1);
    }
}

static void expect_name(struct tls_bed *bed, const char *certificate, const char *name)
{
    struct tls_client_options options = {.certificate = certificate};
    char *answer = NULL;

    /* With a new session and with one that was taken up. */
    for (int round = 0; round < 2; round++) {
        struct tls_client client = connected(bed, &options);
        assert_int_equal(tls_client_post(&client, "/who", STR(""), &answer), 200);
        assert_string_equal(answer, name);
        assert_int_equal(SSL_session_reused(client.ssl), round);
        free(answer);
        SSL_SESSION_free(options.session);
        options.session = SSL_get1_session(client.ssl);
        tls_client_close(&client);
    }
    SSL_SESSION_free(options.session);
}

static void test_http_tls_names_clients_by_their_certificates(void **state)
{
    struct tls_bed *bed = *state;

    tls_world_issue(&bed->world, "uri", "a", "DNS:host.example,URI:spiffe://shop/airflow");
    tls_world_issue(&bed->world, "dns", "b", "email:a@example.com,DNS:host.example");
    tls_world_issue(&bed->world, "cn", "spark-1", NULL);
    tls_world_issue(&bed->world, "words", "two words", NULL);
    expect_name(bed, "uri", "spiffe://shop/airflow");
    expect_name(bed, "dns", "host.example");
    expect_name(bed, "cn", "spark-1");
    expect_name(bed, "words", "");
    expect_name(bed, NULL, "");
}

/* In TLS 1.3 a client learns after its own handshake that it was turned away. */
static void expect_turned_away(struct tls_bed *bed, const struct tls_world *world,
                               const struct tls_client_options *options)
{
    struct tls_client client;

    if (tls_client_open(&client, world, bed->port, options)) {
        assert_int_equal(tls_client_post(&client, "/who", STR(""), NULL), 0);
    }
    tls_client_close(&client);
}

static void test_http_tls_turns_strangers_away(void **state)
{
    struct tls_bed *bed = *state;
    struct tls_world other;
    char command[512];

    tls_world_open(&other);
    tls_world_issue(&other, "stranger", "spark-1", NULL);
    snprintf(command, sizeof(command), "cp %s/ca.pem %s/stranger-ca.pem && cp %s/stranger.* %s/",
             bed->world.dir, other.dir, other.dir, bed->world.dir);
    assert_int_equal(system(command), 0);
    expect_turned_away(bed, &bed->world, &(struct tls_client_options){.certificate = "stranger"});
    expect_turned_away(
        bed, &bed->world,
        &(struct tls_client_options){.certificate = "stranger", .version = TLS1_2_VERSION});
    tls_world_close(&other);
}

static void test_http_tls_wants_a_certificate_when_told_to(void **state)
{
    struct tls_bed *bed = *state;

    expect_turned_away(bed, &bed->world, &plain_client);
    test_http_tls_turns_strangers_away(state);
    tls_world_issue(&bed->world, "cn", "spark-1", NULL);
    expect_name(bed, "cn", "spark-1");
}

static long serial_of(const struct tls_bed *bed)
{
    struct tls_client client = connected(bed, &plain_client);
    long serial = tls_client_server_serial(&client);

    tls_client_close(&client);
    return serial;
}

static void test_http_tls_follows_changed_files(void **state)
{
    struct tls_bed *bed = *state;
    struct tls_server *tls = http_server_tls(bed->server);
    struct tls_client old = connected(bed, &plain_client);
    long first = tls_client_server_serial(&old);
    struct err err;
    bool is_new = true;

    assert_int_equal(tls_server_refresh(tls, &is_new, &err), OK);
    assert_false(is_new);

    /* Half of a renewal: the new certificate does not fit the old key, and is told once. */
    tls_world_issue(&bed->world, "next", "server", "DNS:localhost");
    tls_world_replace(&bed->world, "next.pem", "server.pem");
    assert_int_equal(tls_server_refresh(tls, &is_new, &err), REJECT);
    assert_non_null(strstr(err.text, "server.key"));
    assert_int_equal(tls_server_refresh(tls, &is_new, &err), OK);
    assert_false(is_new);
    assert_int_equal(serial_of(bed), first);

    tls_world_replace(&bed->world, "next.key", "server.key");
    assert_int_equal(tls_server_refresh(tls, &is_new, &err), OK);
    assert_true(is_new);
    assert_int_not_equal(serial_of(bed), first);
    expect_echo(&old, STR("with the old one"));
    tls_client_close(&old);
}

static void test_http_tls_keeps_what_it_has_when_files_are_broken(void **state)
{
    struct tls_bed *bed = *state;
    struct tls_server *tls = http_server_tls(bed->server);
    struct tls_server_files files = tls_bed_files(bed, NULL);
    long first = serial_of(bed);
    struct err err;

    files.certificate = tls_world_path(&bed->world, "missing.pem");
    assert_int_equal(tls_server_reload(tls, &files, &err), REJECT);
    assert_non_null(strstr(err.text, "No such file"));
    files = tls_bed_files(bed, NULL);
    files.key = tls_world_path(&bed->world, "ca.pem"); /* no key in it */
    assert_int_equal(tls_server_reload(tls, &files, &err), REJECT);
    files = tls_bed_files(bed, "server.key"); /* no certificate in it */
    assert_int_equal(tls_server_reload(tls, &files, &err), REJECT);
    assert_int_equal(serial_of(bed), first);
    files = tls_bed_files(bed, NULL);
    assert_int_equal(tls_server_reload(tls, &files, &err), OK);
    assert_int_equal(serial_of(bed), first);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_http_tls_answers_many_requests_on_one_connection),
        SERVED(test_http_tls_goes_on_after_a_silence),
        SERVED(test_http_tls_serves_requests_that_came_in_one_go),
        SERVED(test_http_tls_takes_everything_byte_by_byte),
        SERVED(test_http_tls_waits_for_a_client_that_reads_late),
        SERVED(test_http_tls_asks_for_the_body_when_told_to),
        SERVED(test_http_tls_refuses_bad_http_and_says_good_bye),
        cmocka_unit_test_setup_teardown(test_http_tls_says_good_bye_to_idle_connections,
                                        setup_short_idle, teardown),
        SERVED(test_http_tls_refuses_old_versions_and_other_protocols),
        SERVED(test_http_tls_does_not_renegotiate),
        SERVED(test_http_tls_takes_sessions_up_again),
        SERVED(test_http_tls_follows_changed_files),
        SERVED(test_http_tls_keeps_what_it_has_when_files_are_broken),
        cmocka_unit_test_setup_teardown(test_http_tls_names_clients_by_their_certificates,
                                        setup_optional, teardown),
        cmocka_unit_test_setup_teardown(test_http_tls_turns_strangers_away, setup_optional,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_http_tls_wants_a_certificate_when_told_to,
                                        setup_required, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

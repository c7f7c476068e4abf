/* The admin port: who may ask what with and without the token, over HTTP and HTTPS, and how token
 * and certificate change under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

#include <cmocka.h>

#include "core/admin_http.h"
#include "core/settings.h"
#include "support/capture.h"
#include "support/raw_http.h"
#include "support/reserved_port.h"
#include "support/tls_world.h"

#define WAIT_MS 30000
#define TOKEN "0123456789abcdef"
#define OTHER_TOKEN "fedcba9876543210"
#define REASON "the database cannot be written"

struct fixture {
    struct admin_http *admin;
    struct settings st;
    char *token_path;
    struct reserved_port reserved;
    char listen[32];
    int port;
    bool is_ready;
};

static bool is_ready(void *arg, char *reason, int size)
{
    const struct fixture *fx = arg;

    snprintf(reason, (size_t)size, REASON);
    return fx->is_ready;
}

static void write_token(const struct fixture *fx, const char *text)
{
    FILE *file = fopen(fx->token_path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup_with(struct fixture *fx, const char *token)
{
    struct err err;

    memset(fx, 0, sizeof(*fx));
    fx->reserved = reserved_port_open();
    fx->port = fx->reserved.number;
    snprintf(fx->listen, sizeof(fx->listen), "127.0.0.1:%d", fx->port);
    fx->token_path = capture_file(token, strlen(token));
    fx->st.admin.token_file = *token ? fx->token_path : "";
    fx->st.admin.tls_certificate_file = "";
    fx->st.admin.tls_key_file = "";
    if (admin_http_start(fx->listen, &fx->st, is_ready, fx, &fx->admin, &err) != OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int setup(void **state)
{
    static struct fixture fixture;

    *state = &fixture;
    return setup_with(&fixture, TOKEN "\n");
}

static int setup_open(void **state)
{
    static struct fixture fixture;

    *state = &fixture;
    return setup_with(&fixture, "");
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    admin_http_stop(fx->admin);
    reserved_port_close(&fx->reserved);
    unlink(fx->token_path);
    free(fx->token_path);
    return 0;
}

/* authorization NULL: no such header. The body is checked to contain text. */
static void expect(const struct fixture *fx, const char *path, const char *authorization,
                   int status, const char *text)
{
    char request[512];
    int fd = raw_http_connect(fx->port);
    struct raw_answer answer;

    assert_true(fd >= 0);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n%s%s%s\r\n", path,
             authorization ? "Authorization: " : "", authorization ? authorization : "",
             authorization ? "\r\n" : "");
    raw_http_send(fd, str_view(request));
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, status);
    if (!strstr(answer.body, text)) {
        fail_msg("%s: %s", path, answer.body);
    }
    if (status == 401) {
        assert_non_null(strstr(answer.head, "\r\nWWW-Authenticate: Bearer\r\n"));
    }
    if (status == 503 && !authorization && fx->st.admin.token_file[0]) {
        assert_null(strstr(answer.body, REASON));
    }
    raw_http_fini(&answer);
    close(fd);
}

static void test_admin_http_without_a_token_tells_all(void **state)
{
    struct fixture *fx = *state;

    expect(fx, "/metrics", NULL, 200, "metaops_build_info");
    expect(fx, "/healthz", NULL, 200, "ok");
    expect(fx, "/readyz", NULL, 503, REASON);
    fx->is_ready = true;
    expect(fx, "/readyz", NULL, 200, "ready");
}

static void test_admin_http_with_a_token_tells_only_who_shows_it(void **state)
{
    static const char *const wrong[] = {"Bearer " OTHER_TOKEN,
                                        "Bearer " TOKEN "x",
                                        "Bearer 0123456789abcde",
                                        "Bearer ",
                                        "Bearer",
                                        "Basic " TOKEN,
                                        TOKEN};
    struct fixture *fx = *state;

    expect(fx, "/metrics", NULL, 401, "admin.token_file");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        expect(fx, "/metrics", wrong[i], 401, "admin.token_file");
        expect(fx, "/readyz", wrong[i], 503, "not ready");
    }
    expect(fx, "/metrics", "Bearer " TOKEN, 200, "metaops_build_info");
    expect(fx, "/metrics", "bearer  " TOKEN, 200, "metaops_build_info");
    expect(fx, "/healthz", NULL, 200, "ok");
    expect(fx, "/readyz", NULL, 503, "not ready");
    expect(fx, "/readyz", "Bearer " TOKEN, 503, REASON);
    fx->is_ready = true;
    expect(fx, "/readyz", NULL, 200, "ready");
}

static void test_admin_http_follows_the_token_file(void **state)
{
    struct fixture *fx = *state;
    struct service_part part = admin_http_part(fx->admin);
    struct err err;
    bool is_new = true;

    assert_int_equal(part.refresh(part.arg, &is_new, &err), OK);
    assert_false(is_new);
    write_token(fx, OTHER_TOKEN "\n");
    assert_int_equal(part.refresh(part.arg, &is_new, &err), OK);
    assert_true(is_new);
    expect(fx, "/metrics", "Bearer " TOKEN, 401, "");
    expect(fx, "/metrics", "Bearer " OTHER_TOKEN, 200, "");

    /* A token that cannot be one is told once and changes nothing; the text does not show it. */
    write_token(fx, "too short");
    assert_int_equal(part.refresh(part.arg, &is_new, &err), REJECT);
    assert_null(strstr(err.text, "too short"));
    assert_int_equal(part.refresh(part.arg, &is_new, &err), OK);
    assert_int_equal(part.reload(part.arg, &fx->st, &err), REJECT);
    expect(fx, "/metrics", "Bearer " OTHER_TOKEN, 200, "");
    expect(fx, "/metrics", NULL, 401, "");
    unlink(fx->token_path);
    assert_int_equal(part.reload(part.arg, &fx->st, &err), REJECT);
    expect(fx, "/metrics", NULL, 401, "");

    write_token(fx, "  " TOKEN "  \n\n");
    assert_int_equal(part.reload(part.arg, &fx->st, &err), OK);
    expect(fx, "/metrics", "Bearer " TOKEN, 200, "");
}

static void test_admin_http_speaks_https(void **state)
{
    struct fixture *fx = *state;
    struct tls_client_options options = {.version = 0};
    struct tls_client client;
    struct tls_world world;
    struct err err;
    char *body = NULL;

    tls_world_open(&world);
    tls_world_issue(&world, "admin", "admin", "DNS:localhost");
    fx->st.admin.tls_certificate_file = (char *)tls_world_path(&world, "admin.pem");
    fx->st.admin.tls_key_file = (char *)tls_world_path(&world, "admin.key");

    /* Not while it runs. */
    struct service_part part = admin_http_part(fx->admin);
    assert_int_equal(part.reload(part.arg, &fx->st, &err), REJECT);
    assert_non_null(strstr(err.text, "restart"));

    admin_http_stop(fx->admin);
    fx->admin = NULL;
    assert_int_equal(admin_http_start(fx->listen, &fx->st, is_ready, fx, &fx->admin, &err), OK);
    assert_true(tls_client_open(&client, &world, fx->port, &options));
    assert_true(tls_client_send(&client, STR("GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: "
                                             "Bearer " TOKEN "\r\n\r\n")));
    assert_int_equal(tls_client_read(&client, &body), 200);
    assert_non_null(strstr(body, "metaops_build_info"));
    free(body);
    tls_client_close(&client);
    expect(fx, "/healthz", NULL, 400, "https://");
    tls_world_close(&world);
}

static void test_admin_http_does_not_start_with_a_bad_token(void **state)
{
    static const char *const bad[] = {"", "short", "0123456789 abcdef", "0123456789abcde\x7f",
                                      "0123456789abcdef\n0123456789abcdef"};
    struct fixture *fx = *state;
    struct admin_http *admin = NULL;
    struct err err;

    admin_http_stop(fx->admin);
    fx->admin = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_token(fx, bad[i]);
        assert_int_equal(admin_http_start(fx->listen, &fx->st, is_ready, fx, &admin, &err), FATAL);
        assert_non_null(strstr(err.text, "admin.token_file"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_admin_http_without_a_token_tells_all, setup_open,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_admin_http_with_a_token_tells_only_who_shows_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_admin_http_follows_the_token_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_admin_http_speaks_https, setup, teardown),
        cmocka_unit_test_setup_teardown(test_admin_http_does_not_start_with_a_bad_token, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

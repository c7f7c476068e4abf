/* The list of servers in the settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/mlserver_list.h"

static struct mlserver_place places[MLSERVER_LIST_MAX];

static void test_servers_have_names_and_addresses(void **state)
{
    size_t count = 9;
    struct err err;

    (void)state;
    assert_int_equal(mlserver_list_read("", "home", places, &count, &err), OK);
    assert_int_equal(count, 0);
    assert_int_equal(mlserver_list_read(" iris-server = http://127.0.0.1:8080/ ,,fraud/iris-server="
                                        "https://u:p@mlserver.fraud.svc/base=1//,",
                                        "home", places, &count, &err),
                     OK);
    assert_int_equal(count, 2);
    assert_string_equal(places[0].namespace_, "home");
    assert_string_equal(places[0].name, "iris-server");
    assert_string_equal(places[0].url, "http://127.0.0.1:8080");
    assert_string_equal(places[1].namespace_, "fraud");
    assert_string_equal(places[1].name, "iris-server");
    assert_string_equal(places[1].url, "https://u:p@mlserver.fraud.svc/base=1");
}

static void test_what_is_no_list_is_refused(void **state)
{
    static const char *const bad[] = {"x",
                                      "=http://h",
                                      "a=",
                                      "a=ftp://h",
                                      "/a=http://h",
                                      "a/=http://h",
                                      "a=nonsense",
                                      "a=http://h,a=http://other",
                                      "home/a=http://h,a=http://h"};
    char many[4096] = "";
    char name[300];
    size_t count = 0;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(mlserver_list_read(bad[i], "home", places, &count, &err), FATAL);
        assert_non_null(strstr(err.text, "poll.mlserver_servers"));
    }
    for (int i = 0; i <= MLSERVER_LIST_MAX; i++) {
        snprintf(many + strlen(many), 32, "s%d=http://h,", i);
    }
    assert_int_equal(mlserver_list_read(many, "", places, &count, &err), FATAL);
    memset(name, 'n', sizeof(name));
    memcpy(name + sizeof(name) - 10, "=http://h", 10);
    assert_int_equal(mlserver_list_read(name, "", places, &count, &err), FATAL);
}

/* A password in a URL is shown to nobody. */
static void test_refusals_show_no_password(void **state)
{
    size_t count = 0;
    struct err err;

    (void)state;
    assert_int_equal(mlserver_list_read("a=http://u:hunter2@h:bad", "", places, &count, &err),
                     FATAL);
    assert_null(strstr(err.text, "hunter2"));
    assert_int_equal(mlserver_list_read("http://u:hunter2@h", "", places, &count, &err), FATAL);
    assert_null(strstr(err.text, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers_have_names_and_addresses),
        cmocka_unit_test(test_what_is_no_list_is_refused),
        cmocka_unit_test(test_refusals_show_no_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

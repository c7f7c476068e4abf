/* Files of routes: what each means, and what each fault is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/alerter_routes_file.h"

static const char world[] = "receiver.oncall.type = slack\n"
                            "receiver.oncall.url = https://hooks.example.com/x\n"
                            "receiver.am.type = alertmanager\n"
                            "receiver.am.url = http://am.internal:9093\n"
                            "receiver.log.type = stdout # every alert\n"
                            "receiver.bus.type = kafka\n"
                            "route.all.receivers = log\n"
                            "route.all.continue = yes\n"
                            "route.bad.severity = critical\n"
                            "route.bad.kind = schema, con*\n"
                            "route.bad.receivers = oncall, am\n"
                            "route.team.owner = team-?\n"
                            "route.team.namespace = postgres://prod*\n"
                            "route.team.receivers = bus\n"
                            "route.rest.severity = *\n"
                            "route.rest.receivers = am\n";

static struct alerter_routes *routes_of(const char *text, const char *trusted, struct err *err)
{
    struct alerter_routes *routes = calloc(1, sizeof *routes);
    assert_non_null(routes);
    routes->users = 1;
    if (alerter_routes_file_read(routes, str_view(text), trusted, err) != OK) {
        alerter_routes_drop(routes);
        return NULL;
    }
    return routes;
}

/* Names of the chosen, in order of the file, a space behind each. */
static void assert_chosen(const struct alerter_routes *routes, struct alerter_subject subject,
                          const char *expected)
{
    bool chosen[ALERTER_RECEIVERS_MAX];
    char names[256] = "";
    size_t count = 0;
    size_t said = alerter_routes_choose(routes, &subject, chosen);
    for (size_t i = 0; i < routes->receiver_count; i++) {
        if (chosen[i]) {
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s ",
                     routes->receivers[i].name);
            count++;
        }
    }
    assert_string_equal(names, expected);
    assert_int_equal(said, count);
}

static void test_alerter_routes_first_match_counts(void **state)
{
    struct err err = {.text = ""};
    struct alerter_routes *routes = routes_of(world, "am.internal", &err);
    (void)state;
    assert_string_equal(err.text, "");
    assert_non_null(routes);
#define SUBJECT(...) ((struct alerter_subject){.what = "opened", __VA_ARGS__})
    assert_chosen(routes, SUBJECT(.kind = "schema", .severity = "critical"), "oncall am log ");
    assert_chosen(routes, SUBJECT(.kind = "contract", .severity = "critical"), "oncall am log ");
    assert_chosen(routes, SUBJECT(.kind = "code", .severity = "critical"), "am log ");
    assert_chosen(routes,
                  SUBJECT(.kind = "code", .severity = "info", .namespace_name = "postgres://prod/a",
                          .owners = "someone\nteam-a"),
                  "log bus ");
    assert_chosen(routes,
                  SUBJECT(.kind = "code", .severity = "info", .namespace_name = "postgres://prod",
                          .owners = "team-ab"),
                  "am log ");
    assert_chosen(routes, SUBJECT(.kind = "code", .severity = "info", .owners = "team-a"),
                  "am log ");
    assert_chosen(routes, SUBJECT(.kind = "code"), "log ");
    alerter_routes_drop(routes);
}

static void test_alerter_routes_decisions_are_for_who_shows_what_is_open(void **state)
{
    struct err err;
    struct alerter_routes *routes = routes_of(world, "am.internal:9093", &err);
    (void)state;
    assert_non_null(routes);
    assert_chosen(
        routes,
        (struct alerter_subject){.what = "expected", .kind = "schema", .severity = "critical"},
        "am ");
    assert_chosen(
        routes,
        (struct alerter_subject){.what = "ignored", .kind = "schema", .severity = "critical"},
        "am ");
    alerter_routes_drop(routes);
}

static void test_alerter_routes_guard_all_but_trusted_hosts(void **state)
{
    struct err err;
    struct alerter_routes *routes = routes_of(world, "other, AM.internal:9093", &err);
    (void)state;
    assert_non_null(routes);
    assert_true(alerter_routes_find(routes, "oncall")->is_guarded);
    assert_false(alerter_routes_find(routes, "am")->is_guarded);
    assert_null(alerter_routes_find(routes, "nobody"));
    alerter_routes_drop(routes);
    assert_null(routes_of(world, "am.internal:9094, internal, xam.internal", &err));
    assert_string_equal(err.text, "receiver am: only https, unless alerts.trusted_hosts names "
                                  "am.internal:9093");
}

static void test_alerter_routes_faults_are_named(void **state)
{
#define LOG "receiver.log.type = stdout\nroute.a.receivers = log\n"
    static const struct {
        const char *text;
        const char *fault;
    } rows[] = {
        {"receiver.log.type = pager\n", "line 1: receiver.log.type: must be webhook, cloudevents, "
                                        "slack, alertmanager, kafka or stdout"},
        {LOG "nothing = 1\n", "line 3: nothing: neither receiver.NAME.x nor route.NAME.x"},
        {LOG "receiver..type = kafka\n",
         "line 3: receiver..type: neither receiver.NAME.x nor route.NAME.x"},
        {LOG "receiver.a\"b.type = kafka\n",
         "line 3: receiver.a\"b.type: neither receiver.NAME.x nor route.NAME.x"},
        {LOG "receiver.log.colour = red\n",
         "line 3: receiver.log.colour: a receiver has type, url, url_file, key_file and ca_file"},
        {LOG "route.a.colour = red\n", "line 3: route.a.colour: a route has kind, severity, "
                                       "namespace, owner, receivers and continue"},
        {LOG "route.a.receivers = log\n", "line 3: route.a.receivers: said twice"},
        {LOG "route.a.continue = maybe\n", "line 3: route.a.continue: must be yes or no"},
        {LOG "route.b.receivers = log, lag\n", "route b: there is no receiver lag"},
        {LOG "route.b.kind = code\n", "route b has no receivers"},
        {LOG "receiver.b.type = kafka\n", "no route leads to receiver b"},
        {LOG "receiver.b.url = https://x\n", "receiver b has no type"},
        {LOG "receiver.b.type = webhook\n", "receiver b has no url"},
        {LOG "receiver.log.url = https://x\n", "receiver log takes no url"},
        {LOG "receiver.webhook_url.type = kafka\n",
         "line 3: receiver.webhook_url.type: this name is taken by the setting alerts.webhook_url"},
        {LOG "receiver.b.type = webhook\nreceiver.b.url = http://example.com/\n",
         "receiver b: only https, unless alerts.trusted_hosts names example.com:80"},
        {LOG "receiver.b.type = webhook\nreceiver.b.url = ftp://example.com/\n",
         "receiver b: a URL with http or https is needed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {.text = ""};
        assert_null(routes_of(rows[i].text, "", &err));
        assert_string_equal(err.text, rows[i].fault);
        assert_int_equal(err.verdict, FATAL);
    }
}

static void test_alerter_routes_live_while_somebody_uses_them(void **state)
{
    struct err err;
    struct alerter_routes *routes = routes_of(world, "am.internal", &err);
    (void)state;
    assert_non_null(routes);
    assert_ptr_equal(alerter_routes_use(routes), routes);
    alerter_routes_drop(routes);
    assert_string_equal(routes->receivers[0].name, "oncall");
    alerter_routes_drop(routes);
    alerter_routes_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alerter_routes_first_match_counts),
        cmocka_unit_test(test_alerter_routes_decisions_are_for_who_shows_what_is_open),
        cmocka_unit_test(test_alerter_routes_guard_all_but_trusted_hosts),
        cmocka_unit_test(test_alerter_routes_faults_are_named),
        cmocka_unit_test(test_alerter_routes_live_while_somebody_uses_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

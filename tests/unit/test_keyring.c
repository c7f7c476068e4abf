/* The keys of a gateway: what changes do to them, whom they let in, how much, and what is counted.
 * The clock is the test's own. The last test prints what a check costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "core/settings.h"
#include "ingest/keyring.h"
#include "schemas/refusal_report.h"

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)
#define NOW (20000 * DAY + 3600 * SECOND) /* an hour past midnight UTC */
#define ID "00000000000000a1"

static struct settings st;
static struct keyring *ring;

static int setup(void **state)
{
    char *args[] = {NULL};
    struct settings_rest rest = {0};
    struct err err;

    (void)state;
    if (settings_load(&st, 0, args, &rest, &err) != OK) {
        return -1;
    }
    free(rest.words);
    ring = keyring_new(&st);
    return ring ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    keyring_free(ring);
    settings_fini(&st);
    return 0;
}

static struct key_change added(const char *id)
{
    struct key_change change = {.key_id = str_view(id), .expires_at_us = KEY_CHANGE_NEVER};

    change.hash = api_key_digest(str_view(id));
    return change;
}

static struct key *apply(const struct key_change *change)
{
    struct err err;

    assert_int_equal(keyring_apply(ring, change, &err), OK);
    return keyring_find(ring, change->key_id);
}

static void assert_why(const struct key *key, int64_t now_us, enum refusal expected)
{
    struct api_key_hash hash = api_key_digest(keyring_id(key));
    enum refusal why = REFUSAL_COUNT;

    assert_false(keyring_is_good(key, &hash, now_us, &why));
    assert_int_equal(why, expected);
}

static bool is_good(const struct key *key, int64_t now_us)
{
    struct api_key_hash hash = api_key_digest(keyring_id(key));
    enum refusal why;

    return keyring_is_good(key, &hash, now_us, &why);
}

static void test_a_key_is_good_from_its_adding_to_its_revocation(void **state)
{
    struct key_change change = added(ID);
    struct api_key_hash wrong = api_key_digest(STR("something else"));
    enum refusal why;

    (void)state;
    assert_null(keyring_find(ring, STR(ID)));
    struct key *key = apply(&change);
    assert_true(is_good(key, NOW));
    assert_false(keyring_is_good(key, &wrong, NOW, &why));
    assert_int_equal(why, REFUSAL_UNKNOWN);
    assert_int_equal(keyring_active(ring, NOW), 1);

    change.is_revoked = true;
    assert_ptr_equal(apply(&change), key);
    assert_why(key, NOW, REFUSAL_REVOKED);
    assert_false(keyring_is_valid(key, NOW, &why));
    assert_int_equal(keyring_active(ring, NOW), 0);
    /* Who does not have the key learns nothing of it. */
    assert_false(keyring_is_good(key, &wrong, NOW, &why));
    assert_int_equal(why, REFUSAL_UNKNOWN);
}

static void test_once_revoked_a_key_stays_so(void **state)
{
    struct key_change change = added(ID);
    struct key_change revoked = {.is_revoked = true, .key_id = STR(ID)};

    (void)state;
    (void)apply(&revoked); /* before its adding */
    struct key *key = apply(&change);
    assert_why(key, NOW, REFUSAL_UNKNOWN); /* its hash was never taken */
    (void)apply(&change);
    assert_int_equal(keyring_active(ring, NOW), 0);
}

static void test_a_second_word_about_a_key_changes_nothing(void **state)
{
    struct str only = STR("a");
    struct key_change change = added(ID);
    struct key_change other = added(ID);

    (void)state;
    change.namespaces = &only;
    change.namespace_count = 1;
    struct key *key = apply(&change);
    other.hash = api_key_digest(STR("a stranger's"));
    assert_ptr_equal(apply(&other), key);
    assert_true(is_good(key, NOW));
    assert_false(keyring_covers(key, STR("b")));
}

static void test_a_key_ends_at_its_time(void **state)
{
    struct key_change change = added(ID);

    (void)state;
    change.expires_at_us = NOW + SECOND;
    struct key *key = apply(&change);
    assert_true(is_good(key, NOW + SECOND - 1));
    assert_why(key, NOW + SECOND, REFUSAL_EXPIRED);
}

static void test_what_was_forgotten_counts_no_more_until_it_comes_again(void **state)
{
    struct key_change change = added(ID);
    enum refusal why;

    (void)state;
    struct key *key = apply(&change);
    keyring_forget(ring);
    assert_null(keyring_find(ring, STR(ID)));
    assert_false(keyring_is_valid(key, NOW, &why)); /* a request that came before */
    assert_int_equal(why, REFUSAL_UNKNOWN);
    struct key *again = apply(&change);
    assert_true(is_good(again, NOW));
    assert_int_equal(keyring_active(ring, NOW), 1);
}

static void test_a_scope_covers_what_its_patterns_say(void **state)
{
    struct str patterns[] = {STR("shared"), STR("team-a/*"), STR("zz"), STR("p*1"),
                             STR("p*2"),    STR("p*3"),      STR("aa"), STR("*/x")};
    struct key_change change = added(ID);
    char long_name[300] = "team-a/";

    (void)state;
    memset(long_name + 7, 'y', sizeof(long_name) - 7);
    assert_true(keyring_covers(apply(&change), STR("anything")));
    /* Few stars are matched, more remembered: both ways must agree. */
    for (uint32_t count = 3; count <= 8; count++) {
        char id[17];
        snprintf(id, sizeof(id), "%016x", count);
        struct key_change some = added(id);
        some.namespaces = patterns;
        some.namespace_count = count;
        struct key *key = apply(&some);
        for (int round = 0; round < 3; round++) {
            assert_true(keyring_covers(key, STR("team-a/etl")));
            assert_true(keyring_covers(key, STR("shared")));
            assert_true(keyring_covers(key, STR("zz")));
            assert_false(keyring_covers(key, STR("team-b/etl")));
            assert_false(keyring_covers(key, STR("share")));
            assert_false(keyring_covers(key, STR("shared ")));
            assert_false(keyring_covers(key, STR("")));
            assert_int_equal(keyring_covers(key, STR("aa")), count >= 7);
            assert_int_equal(keyring_covers(key, STR("q/x")), count == 8);
        }
        assert_true(keyring_covers(key, (struct str){long_name, sizeof(long_name)}));
        assert_false(keyring_covers(key, (struct str){long_name + 1, sizeof(long_name) - 1}));
    }
}

static int sent(struct key *key, size_t bytes, int64_t now_us, enum refusal *out_why,
                int *out_retry_after_s)
{
    int count = 0;

    while (count < 1000 && keyring_take(ring, key, bytes, now_us, out_why, out_retry_after_s)) {
        count++;
    }
    return count;
}

static void test_a_rate_is_kept_and_says_when_to_come_again(void **state)
{
    struct key_change change = added(ID);
    enum refusal why = REFUSAL_COUNT;
    int retry_after_s = -1;

    (void)state;
    change.rate_per_s = 3;
    struct key *key = apply(&change);
    assert_int_equal(sent(key, 10, NOW, &why, &retry_after_s), 3); /* its burst: a second's */
    assert_int_equal(why, REFUSAL_RATE);
    assert_int_equal(retry_after_s, 1);
    assert_false(keyring_may_send(ring, key, NOW, &why, &retry_after_s));
    assert_true(keyring_may_send(ring, key, NOW + SECOND, &why, &retry_after_s));
    assert_int_equal(sent(key, 10, NOW + 2 * SECOND, &why, &retry_after_s), 3);
}

static void test_a_burst_is_the_keys_own(void **state)
{
    struct key_change change = added(ID);
    enum refusal why;
    int retry_after_s;

    (void)state;
    change.rate_per_s = 1;
    change.burst = 20;
    assert_int_equal(sent(apply(&change), 10, NOW, &why, &retry_after_s), 20);
}

static void test_quotas_are_for_a_day(void **state)
{
    struct key_change events = added("00000000000000b1");
    struct key_change bytes = added("00000000000000b2");
    enum refusal why = REFUSAL_COUNT;
    int retry_after_s = -1;

    (void)state;
    events.events_per_day = 4;
    bytes.bytes_per_day = 100;
    struct key *key = apply(&events);
    assert_int_equal(sent(key, 1000, NOW, &why, &retry_after_s), 4);
    assert_int_equal(why, REFUSAL_EVENTS_PER_DAY);
    assert_int_equal(retry_after_s, 10); /* clients sleep as long as they are told */
    assert_int_equal(sent(key, 1000, NOW + 22 * 3600 * SECOND, &why, &retry_after_s), 0);
    assert_int_equal(sent(key, 1000, NOW + 23 * 3600 * SECOND, &why, &retry_after_s), 4);

    key = apply(&bytes);
    assert_int_equal(sent(key, 30, NOW, &why, &retry_after_s), 3);
    assert_int_equal(why, REFUSAL_BYTES_PER_DAY);
    assert_true(keyring_may_send(ring, key, NOW, &why, &retry_after_s)); /* 10 are left */
    assert_int_equal(sent(key, 10, NOW, &why, &retry_after_s), 1);
    assert_false(keyring_may_send(ring, key, NOW, &why, &retry_after_s));
}

static void test_what_is_given_back_can_be_sent_again_on_its_day(void **state)
{
    struct key_change change = added("00000000000000b3");
    enum refusal why = REFUSAL_COUNT;
    int retry_after_s = -1;

    (void)state;
    change.events_per_day = 4;
    change.bytes_per_day = 400;
    struct key *key = apply(&change);
    assert_int_equal(sent(key, 100, NOW, &why, &retry_after_s), 4);
    keyring_give_back(key, 100, NOW);
    assert_int_equal(sent(key, 100, NOW, &why, &retry_after_s), 1);
    /* The next day owes nothing to the one before. */
    assert_int_equal(sent(key, 100, NOW + 24 * 3600 * SECOND, &why, &retry_after_s), 4);
    keyring_give_back(key, 100, NOW);
    assert_int_equal(sent(key, 100, NOW + 24 * 3600 * SECOND, &why, &retry_after_s), 0);
}

static void test_keys_without_limits_have_those_of_the_settings(void **state)
{
    struct key_change change = added(ID);
    enum refusal why;
    int retry_after_s;

    (void)state;
    struct key *key = apply(&change);
    assert_int_equal(sent(key, 10, NOW, &why, &retry_after_s), 1000); /* as many as are tried */
    st.ingest.key_rate_per_s_max = 2;
    st.ingest.key_burst_max = 6;
    keyring_set_limits(ring, &st); /* as on SIGHUP */
    assert_int_equal(sent(key, 10, NOW + 100 * SECOND, &why, &retry_after_s), 6);
}

static void test_refusals_are_counted_for_each_key_and_reason(void **state)
{
    struct key_change change = added(ID);
    struct refusal_entry entries[8];

    (void)state;
    struct key *key = apply(&change);
    assert_int_equal(keyring_take_refusals(ring, entries, 8), 0);
    keyring_count(ring, key, REFUSAL_NAMESPACE, NOW);
    keyring_count(ring, key, REFUSAL_NAMESPACE, NOW + 5);
    keyring_count(ring, NULL, REFUSAL_MISSING, NOW + 1);
    keyring_count(ring, NULL, REFUSAL_UNKNOWN, NOW + 2);
    keyring_count(ring, NULL, REFUSAL_MALFORMED, NOW + 3);
    assert_int_equal(keyring_take_refusals(ring, entries, 2), 2); /* what has no room waits */
    assert_true(str_eq(entries[0].key_id, STR("anonymous")));
    assert_int_equal(entries[0].status, 401);
    assert_true(str_eq(entries[1].key_id, STR("unknown")));
    assert_true(str_eq(entries[1].reason, STR("malformed")));
    assert_int_equal(keyring_take_refusals(ring, entries, 8), 2);
    assert_true(str_eq(entries[0].reason, STR("unknown")));
    assert_true(str_eq(entries[1].key_id, STR(ID)));
    assert_int_equal(entries[1].status, 403);
    assert_int_equal(entries[1].count, 2);
    assert_int_equal(entries[1].first_us, NOW);
    assert_int_equal(entries[1].last_us, NOW + 5);
    assert_int_equal(keyring_take_refusals(ring, entries, 8), 0);
}

static void test_there_is_an_end_to_keys(void **state)
{
    struct err err;
    char id[17];

    (void)state;
    keyring_free(ring);
    st.ingest.keys_max = 200;
    ring = keyring_new(&st);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "%016x", i * 977);
        struct key_change change = added(id);
        assert_true(is_good(apply(&change), NOW));
    }
    struct key_change change = added("ffffffffffffffff");
    assert_int_equal(keyring_apply(ring, &change, &err), REJECT);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "%016x", i * 977);
        assert_non_null(keyring_find(ring, str_view(id)));
    }
    change = added("0000000000000000");
    change.is_revoked = true;
    assert_why(apply(&change), NOW, REFUSAL_REVOKED); /* revoking needs no room */
}

static double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* All that the door does for one event with a key, apart from reading the header. */
static double check_ns(unsigned keys, unsigned namespaces, unsigned patterns)
{
    enum { ROUNDS = 100000 };
    static char names[1000][32];
    static struct str list[1000];
    struct key_change change;
    enum refusal why;
    int retry_after_s;
    char text[API_KEY_CHARS + 1];
    char id[17];

    for (unsigned i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "postgres://db-%u:5432", i);
        list[i] = str_view(names[i]);
    }
    for (unsigned i = 0; i < keys; i++) {
        snprintf(id, sizeof(id), "%016x", i * 2654435761u);
        change = added(id);
        change.namespaces = list;
        change.namespace_count = patterns;
        change.rate_per_s = 1000000000;
        snprintf(text, sizeof(text), "mo_%s_%064u", id, i);
        change.hash = api_key_digest(str_view(text));
        (void)apply(&change);
    }
    double begin_ns = cpu_ns();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct str key_id;
        memset(id, '0', 16);
        snprintf(id, sizeof(id), "%016x", i % keys * 2654435761u);
        memcpy(text + 3, id, 16);
        snprintf(text + 20, 65, "%064u", i % keys);
        assert_true(api_key_parse(str_view(text), &key_id));
        struct api_key_hash hash = api_key_digest(str_view(text));
        struct key *key = keyring_find(ring, key_id);
        assert_true(keyring_is_good(key, &hash, NOW + i, &why));
        assert_true(keyring_may_send(ring, key, NOW + i, &why, &retry_after_s));
        assert_true(keyring_covers(key, list[i * 7 % namespaces]));
        assert_true(keyring_take(ring, key, 1000, NOW + i, &why, &retry_after_s));
    }
    return (cpu_ns() - begin_ns) / ROUNDS;
}

static void test_a_check_costs_the_same_with_many_keys(void **state)
{
    (void)state;
    double few_ns = check_ns(1, 1, 1);
    teardown(NULL);
    assert_int_equal(setup(NULL), 0);
    double many_ns = check_ns(100, 1000, 1000);
    print_message("a check with 1 key, 1 namespace: %.0f ns; 100 keys, 1,000 namespaces each: "
                  "%.0f ns\n",
                  few_ns, many_ns);
    assert_true(many_ns < 100000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_key_is_good_from_its_adding_to_its_revocation),
        TEST(test_once_revoked_a_key_stays_so),
        TEST(test_a_second_word_about_a_key_changes_nothing),
        TEST(test_a_key_ends_at_its_time),
        TEST(test_what_was_forgotten_counts_no_more_until_it_comes_again),
        TEST(test_a_scope_covers_what_its_patterns_say),
        TEST(test_a_rate_is_kept_and_says_when_to_come_again),
        TEST(test_a_burst_is_the_keys_own),
        TEST(test_quotas_are_for_a_day),
        TEST(test_what_is_given_back_can_be_sent_again_on_its_day),
        TEST(test_keys_without_limits_have_those_of_the_settings),
        TEST(test_refusals_are_counted_for_each_key_and_reason),
        TEST(test_there_is_an_end_to_keys),
        TEST(test_a_check_costs_the_same_with_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

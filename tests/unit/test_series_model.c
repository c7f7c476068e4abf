/* What is usual and what is off, on series made by hand: a constant one needs no statistics to say what must come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "schemas/graph_rows.h"
#include "sinks/series_codec.h"

#define DAY_US INT64_C(86400000000)
#define HOUR_US INT64_C(3600000000)
#define START_US (INT64_C(20454) * DAY_US) /* 2026-01-01, a Thursday */
#define LATENESS_US (7 * DAY_US)

static struct id128 run_id(int number)
{
    struct id128 id = {{1}};
    id.bytes[15] = (uint8_t)number;
    return id;
}

static struct series_view before;
static struct series_view after;

static bool observe_at(struct series_state *state, int16_t metric, int number, int64_t at_us,
                       double value)
{
    struct series_point point;
    memset(&point, 0, sizeof point); /* states are compared with the bytes between their fields */
    point.at_us = at_us;
    point.run = run_id(number);
    point.value = (float)value;
    return series_model_observe(state, metric, &point, LATENESS_US, &before, &after);
}

/* The run of that number, a day each. */
static void observe(struct series_state *state, int number, double value)
{
    assert_true(observe_at(state, GRAPH_METRIC_ROWS, number, START_US + number * DAY_US, value));
}

/* Two rows more, two less, by turns: 1000 +- 0.2 %. */
static double quiet(int number)
{
    return 1000 + (number % 2 ? 2 : -2);
}

static void observe_quiet(struct series_state *state, int from, int to)
{
    for (int number = from; number <= to; number++) {
        observe(state, number, quiet(number));
        assert_int_equal(after.episode_count, 0);
    }
}

static void test_series_model_a_jump_is_one_episode_until_it_is_back(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    observe_quiet(&state, 1, 30);
    observe(&state, 31, 500);
    assert_int_equal(before.episode_count, 0);
    assert_int_equal(after.episode_count, 1);
    const struct series_episode *episode = &after.episodes[0];
    assert_true(episode->is_open);
    assert_true(id128_eq(episode->run, run_id(31)));
    assert_true(id128_eq(episode->good_run, run_id(30)));
    assert_int_equal(episode->at_us, START_US + 31 * DAY_US);
    assert_true(episode->value == 500);
    assert_true(fabs(episode->expected - 1000) < 10);
    assert_true(episode->score < -10);
    observe(&state, 32, 520);
    assert_int_equal(after.episode_count, 1);
    assert_true(after.episodes[0].is_open);
    observe(&state, 33, 1001);
    assert_int_equal(after.episode_count, 1);
    assert_false(after.episodes[0].is_open);
}

static void test_series_model_tells_nothing_before_it_has_seen_enough(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    observe_quiet(&state, 1, SERIES_HISTORY_MIN - 2);
    observe(&state, SERIES_HISTORY_MIN - 1, 1);
    assert_int_equal(after.episode_count, 0);
    assert_true(isnan(after.score));
    memset(&state, 0, sizeof state);
    observe_quiet(&state, 1, SERIES_HISTORY_MIN - 1);
    observe(&state, SERIES_HISTORY_MIN, 1);
    assert_int_equal(after.episode_count, 1);
}

static void test_series_model_learns_a_level_that_stays(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    observe_quiet(&state, 1, 30);
    for (int number = 31; number < 50; number++) {
        observe(&state, number, 2000);
        assert_true(after.episode_count <= 1);
    }
    assert_int_equal(after.episode_count, 0);
    assert_true(fabs(after.expected - 2000) < 40);
}

static void test_series_model_a_weekend_is_usual(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    /* Day 1 is a Friday, so 2 and 3 of 7 are the weekend. */
    for (int number = 1; number <= 84; number++) {
        observe(&state, number, number % 7 == 2 || number % 7 == 3 ? 100 : quiet(number));
        assert_true(number < 30 || after.episode_count == 0);
    }
    observe(&state, 85, 100);
    assert_int_equal(after.episode_count, 1);
}

static void test_series_model_small_counts_scatter(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    for (int number = 1; number <= 30; number++) {
        observe(&state, number, 1);
    }
    observe(&state, 31, 3);
    assert_int_equal(after.episode_count, 0);
    observe(&state, 32, 100);
    assert_int_equal(after.episode_count, 1);
}

static void test_series_model_a_thousandth_is_no_change(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    for (int number = 1; number <= 32; number++) {
        int64_t at_us = START_US + number * DAY_US;
        double value = number == 31 ? 100.1 : number == 32 ? 102 : 100;
        assert_true(observe_at(&state, GRAPH_METRIC_MAX, number, at_us, value));
        assert_int_equal(after.episode_count, number == 32);
    }
}

static void test_series_model_a_late_point_takes_back_what_it_explains(void **state_)
{
    (void)state_;
    struct series_state in_order = {0};
    struct series_state late = {0};
    for (int number = 1; number <= 40; number++) {
        observe(&in_order, number, number > 36 ? 300 : quiet(number));
    }
    struct series_view expected = after;
    for (int number = 1; number <= 36; number++) {
        observe(&late, number, quiet(number));
    }
    observe(&late, 38, 300);
    assert_true(id128_eq(after.episodes[0].run, run_id(38)));
    observe(&late, 40, 300);
    observe(&late, 39, 300);
    observe(&late, 37, 300);
    /* The first that was off is another one now. */
    assert_true(id128_eq(before.episodes[0].run, run_id(38)));
    assert_true(id128_eq(after.episodes[0].run, run_id(37)));
    assert_memory_equal(&late, &in_order, sizeof late);
    assert_true(after.expected == expected.expected && after.score == expected.score);
}

static void test_series_model_takes_a_run_once_and_nothing_too_late(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    observe_quiet(&state, 1, 20);
    struct series_state same = state;
    assert_false(observe_at(&state, GRAPH_METRIC_ROWS, 20, START_US + 20 * DAY_US, quiet(20)));
    assert_false(observe_at(&state, GRAPH_METRIC_ROWS, 99, START_US + 12 * DAY_US, 1));
    assert_false(observe_at(&state, GRAPH_METRIC_ROWS, 99, START_US + 10 * DAY_US, 1));
    assert_memory_equal(&state, &same, sizeof state);
    /* A later event of a run that is still pending counts instead of the earlier one. */
    assert_true(observe_at(&state, GRAPH_METRIC_ROWS, 20, START_US + 20 * DAY_US + 1, 1003));
    assert_int_equal(after.points, 20);
}

static void test_series_model_expects_the_next_write(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    for (int number = 0; number <= 40; number++) {
        assert_true(
            observe_at(&state, GRAPH_METRIC_GAP, number + 1, START_US + number * HOUR_US, 0));
        assert_true(number < SERIES_HISTORY_MIN ? after.late_at_us == 0 : after.late_at_us > 0);
    }
    int64_t last_us = START_US + 40 * HOUR_US;
    assert_int_equal(after.points, 40);
    assert_true(fabs(after.expected - 3600) < 36);
    assert_true(after.late_at_us > last_us + HOUR_US * 5 / 4);
    assert_true(after.late_at_us < last_us + 2 * HOUR_US);
    assert_true(after.stale_at_us > after.late_at_us);
    assert_true(after.stale_at_us < last_us + 4 * HOUR_US);
}

static void test_series_model_one_point_nearly_back_ends_nothing(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    observe_quiet(&state, 1, 30);
    observe(&state, 31, 500);
    double spread = after.spread;
    observe(&state, 32, after.expected - 1.5 * spread);
    assert_true(after.episodes[0].is_open);
    observe(&state, 33, 500);
    assert_int_equal(after.episode_count, 1);
    assert_true(after.episodes[0].is_open);
    assert_true(id128_eq(after.episodes[0].run, run_id(31)));
    observe(&state, 34, after.expected - 1.5 * spread);
    observe(&state, 35, after.expected - 1.5 * spread);
    assert_int_equal(after.episode_count, 1);
    assert_false(after.episodes[0].is_open);
}

/* Hours from a Thursday on, with a half at weekends; the first weekend is learned. */
static double hourly(int number)
{
    int day = number / 24 % 7;
    return (day == 2 || day == 3 ? 0.5 : 1) * (1000 + (number % 2 ? 100 : -100));
}

static void test_series_model_knows_a_weekend_that_it_saw_once(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    for (int number = 0; number < 24 * 7 * 4; number++) {
        struct series_point point = {.at_us = START_US + number * HOUR_US,
                                     .run = run_id(number % 251),
                                     .value = (float)hourly(number)};
        point.run.bytes[14] = (uint8_t)(number / 251);
        assert_true(
            series_model_observe(&state, GRAPH_METRIC_ROWS, &point, LATENESS_US, &before, &after));
        assert_int_equal(after.episode_count, 0);
    }
}

static void test_series_model_takes_an_accepted_level_as_usual(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    observe_quiet(&state, 1, 30);
    for (int number = 31; number <= 33; number++) {
        observe(&state, number, 2 * quiet(number));
    }
    assert_true(after.episodes[0].is_open);
    series_model_accept(&state, GRAPH_METRIC_ROWS, run_id(31));
    for (int number = 34; number <= 50; number++) {
        observe(&state, number, 2 * quiet(number));
        assert_int_equal(before.episode_count, 0);
        assert_int_equal(after.episode_count, 0);
        assert_true(number < 35 || fabs(after.score) < 2);
    }
    observe(&state, 51, 1000);
    assert_int_equal(after.episode_count, 1);
    assert_true(fabs(after.episodes[0].expected - 2000) < 40);
}

/* As the same when what began is settled, and when it is new. */
static void test_series_model_accepts_at_once_and_late(void **state_)
{
    (void)state_;
    for (int accepted = 31; accepted <= 36; accepted += 5) {
        struct series_state state = {0};
        observe_quiet(&state, 1, 30);
        for (int number = 31; number <= 60; number++) {
            observe(&state, number, number < 45 ? 2 * quiet(number) : 4 * quiet(number));
            if (number == accepted) {
                series_model_accept(&state, GRAPH_METRIC_ROWS, run_id(31));
            }
            assert_int_equal(after.episode_count,
                             number <= accepted || (number >= 45 && number <= 56));
        }
    }
}

static void test_series_model_accepts_only_what_goes_on(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    observe_quiet(&state, 1, 30);
    observe(&state, 31, 500);
    for (int number = 32; number <= 40; number++) {
        observe(&state, number, quiet(number));
    }
    struct series_state same = state;
    series_model_accept(&state, GRAPH_METRIC_ROWS, run_id(31));
    assert_memory_equal(&state, &same, sizeof state);
}

static void test_series_model_takes_an_accepted_gap_as_usual(void **state_)
{
    (void)state_;
    struct series_state state = {0};
    int64_t at_us = START_US;
    for (int number = 1; number <= 40; number++, at_us += HOUR_US) {
        assert_true(observe_at(&state, GRAPH_METRIC_GAP, number, at_us, 0));
    }
    series_model_accept(&state, GRAPH_METRIC_GAP, run_id(99));
    at_us += 5 * HOUR_US;
    assert_true(observe_at(&state, GRAPH_METRIC_GAP, 41, at_us, 0));
    assert_true(fabs(after.expected - 6 * 3600) < 600);
    assert_true(after.late_at_us > at_us + 6 * HOUR_US);
}

static void test_series_model_heeds_limits(void **state_)
{
    (void)state_;
    struct series_state strict = {.limits = {.sensitivity = 0.1F}};
    struct series_state young = {.limits = {.history_min = 9}};
    struct series_state old = {.limits = {.history_min = 40}};
    for (int number = 1; number <= 31; number++) {
        double value = number == 9 || number == 31 ? 800 : quiet(number);
        observe(&strict, number, value);
        assert_int_equal(after.episode_count, 0);
        observe(&old, number, value);
        assert_int_equal(after.episode_count, 0);
        assert_true(isnan(after.score));
        observe(&young, number, value);
        assert_true(number != 9 || after.episode_count == 1);
    }
    observe(&strict, 32, 50);
    assert_int_equal(after.episode_count, 1);
}

/* splitmix64 */
static uint64_t random_of(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#define SHUFFLED_RUNS 60

/* Each run is passed by fewer than SERIES_PENDING_MAX others, a third comes twice. */
static int shuffled(uint64_t *seed, int *order)
{
    int places[2 * SHUFFLED_RUNS];
    int count = 0;
    for (int number = 1; number <= SHUFFLED_RUNS; number++) {
        int place = number + (int)(random_of(seed) % SERIES_PENDING_MAX);
        for (int copy = random_of(seed) % 3 == 0; copy >= 0; copy--) {
            int at = count++;
            for (; at > 0 && places[at - 1] > place; at--) {
                places[at] = places[at - 1];
                order[at] = order[at - 1];
            }
            places[at] = place;
            order[at] = number;
        }
    }
    return count;
}

static double of_world(uint64_t world, int number)
{
    uint64_t seed = world * 1000 + (uint64_t)number;
    double noise = (double)(random_of(&seed) % 100) - 50;
    bool is_off = random_of(&seed) % 12 == 0 || (number > 30 && number < 30 + (int)(world % 20));
    return (is_off ? 3000 : 1000) + noise;
}

static void test_series_model_any_order_gives_the_same_bytes(void **state_)
{
    (void)state_;
    for (uint64_t world = 1; world <= 200; world++) {
        struct series_state in_order = {0};
        struct series_state late = {0};
        char bytes[2][SERIES_CODEC_BYTES_MAX];
        int order[2 * SHUFFLED_RUNS];
        uint64_t seed = world;
        for (int number = 1; number <= SHUFFLED_RUNS; number++) {
            observe(&in_order, number, of_world(world, number));
        }
        struct series_view expected;
        series_model_view(&in_order, GRAPH_METRIC_ROWS, &expected);
        int count = shuffled(&seed, order);
        for (int i = 0; i < count; i++) {
            (void)!observe_at(&late, GRAPH_METRIC_ROWS, order[i], START_US + order[i] * DAY_US,
                              of_world(world, order[i]));
        }
        struct series_view view;
        series_model_view(&late, GRAPH_METRIC_ROWS, &view);
        assert_int_equal(view.points, SHUFFLED_RUNS);
        assert_int_equal(view.episode_count, expected.episode_count);
        size_t len = series_codec_encode(&in_order, bytes[0]);
        assert_int_equal(series_codec_encode(&late, bytes[1]), len);
        assert_memory_equal(bytes[0], bytes[1], len);
    }
}

static void test_series_codec_keeps_what_is_accepted(void **state_)
{
    (void)state_;
    char bytes[SERIES_CODEC_BYTES_MAX];
    struct series_state state = {0};
    struct series_state read;
    observe_quiet(&state, 1, 30);
    for (int number = 31; number <= 36; number++) {
        observe(&state, number, 500);
    }
    series_model_accept(&state, GRAPH_METRIC_ROWS, run_id(31));
    size_t len = series_codec_encode(&state, bytes);
    assert_true(series_codec_decode((struct str){bytes, len}, &read));
    assert_true(id128_eq(read.learned.accepted_run, run_id(31)));
    assert_int_equal(read.learned.off_points, state.learned.off_points);
}

static void test_series_codec_gives_back_what_it_was_given(void **state_)
{
    (void)state_;
    char bytes[SERIES_CODEC_BYTES_MAX];
    struct series_state state = {0};
    for (int number = 1; number <= 40; number++) {
        struct series_state read;
        observe(&state, number, number == 33 ? 3 : quiet(number));
        size_t len = series_codec_encode(&state, bytes);
        assert_true(len <= sizeof bytes);
        assert_true(series_codec_decode((struct str){bytes, len}, &read));
        /* First points are of no use once there is a level. */
        if (state.learned.points >= SERIES_FIRST) {
            memset(state.learned.first_value, 0, sizeof state.learned.first_value);
            memset(state.learned.first_day, 0, sizeof state.learned.first_day);
            memset(state.learned.first_hour, 0, sizeof state.learned.first_hour);
        }
        assert_int_equal(read.pending_count, state.pending_count);
        assert_memory_equal(&read.learned.day, &state.learned.day, sizeof read.learned.day);
        struct series_view mine;
        struct series_view other;
        series_model_view(&state, GRAPH_METRIC_ROWS, &mine);
        series_model_view(&read, GRAPH_METRIC_ROWS, &other);
        assert_true(mine.expected == other.expected && mine.spread == other.spread);
        assert_int_equal(mine.episode_count, other.episode_count);
    }
}

static void test_series_codec_refuses_what_it_did_not_write(void **state_)
{
    (void)state_;
    char bytes[SERIES_CODEC_BYTES_MAX + 1];
    struct series_state state = {0};
    struct series_state read;
    assert_true(series_codec_decode((struct str){"", 0}, &read));
    assert_memory_equal(&read, &state, sizeof read);
    observe_quiet(&state, 1, 20);
    size_t len = series_codec_encode(&state, bytes);
    for (size_t cut = 1; cut < len; cut++) {
        assert_false(series_codec_decode((struct str){bytes, cut}, &read));
    }
    assert_false(series_codec_decode((struct str){bytes, len + 1}, &read));
    bytes[0]++;
    assert_false(series_codec_decode((struct str){bytes, len}, &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_model_a_jump_is_one_episode_until_it_is_back),
        cmocka_unit_test(test_series_model_tells_nothing_before_it_has_seen_enough),
        cmocka_unit_test(test_series_model_learns_a_level_that_stays),
        cmocka_unit_test(test_series_model_a_weekend_is_usual),
        cmocka_unit_test(test_series_model_small_counts_scatter),
        cmocka_unit_test(test_series_model_a_thousandth_is_no_change),
        cmocka_unit_test(test_series_model_a_late_point_takes_back_what_it_explains),
        cmocka_unit_test(test_series_model_takes_a_run_once_and_nothing_too_late),
        cmocka_unit_test(test_series_model_expects_the_next_write),
        cmocka_unit_test(test_series_model_one_point_nearly_back_ends_nothing),
        cmocka_unit_test(test_series_model_knows_a_weekend_that_it_saw_once),
        cmocka_unit_test(test_series_model_takes_an_accepted_level_as_usual),
        cmocka_unit_test(test_series_model_accepts_at_once_and_late),
        cmocka_unit_test(test_series_model_accepts_only_what_goes_on),
        cmocka_unit_test(test_series_model_takes_an_accepted_gap_as_usual),
        cmocka_unit_test(test_series_model_heeds_limits),
        cmocka_unit_test(test_series_model_any_order_gives_the_same_bytes),
        cmocka_unit_test(test_series_codec_keeps_what_is_accepted),
        cmocka_unit_test(test_series_codec_gives_back_what_it_was_given),
        cmocka_unit_test(test_series_codec_refuses_what_it_did_not_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

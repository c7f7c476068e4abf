/* The decision for each row of the SQLSTATE table, by real states of PostgreSQL 15's appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks/pg_verdict.h"

struct expected {
    const char *sqlstate;
    enum verdict verdict;
    bool needs_reconnect;
    bool message_is_safe;
};

static const struct expected table[] = {
    {"08006", RETRY, true, true},    /* connection_failure */
    {"53100", RETRY, true, true},    /* disk_full */
    {"53300", RETRY, true, true},    /* too_many_connections */
    {"57P01", RETRY, true, true},    /* admin_shutdown */
    {"57P03", RETRY, true, true},    /* cannot_connect_now */
    {"58030", RETRY, true, true},    /* io_error */
    {"25006", RETRY, true, true},    /* read_only_sql_transaction */
    {"25P03", RETRY, true, true},    /* idle_in_transaction_session_timeout */
    {"40001", RETRY, false, true},   /* serialization_failure */
    {"40P01", RETRY, false, true},   /* deadlock_detected */
    {"55P03", RETRY, false, true},   /* lock_not_available */
    {"57014", RETRY, false, true},   /* query_canceled: statement_timeout */
    {"21000", REJECT, false, true},  /* cardinality_violation */
    {"22021", REJECT, false, false}, /* character_not_in_repertoire */
    {"22P02", REJECT, false, false}, /* invalid_text_representation */
    {"23505", REJECT, false, false}, /* unique_violation */
    {"54000", REJECT, false, true},  /* program_limit_exceeded: index row too large */
    {"28P01", FATAL, false, true},   /* invalid_password */
    {"3D000", FATAL, false, true},   /* invalid_catalog_name */
    {"3F000", FATAL, false, true},   /* invalid_schema_name */
    {"42P01", FATAL, false, true},   /* undefined_table: a missing migration */
    {"42501", FATAL, false, true},   /* insufficient_privilege */
    {"P0001", RETRY, false, true},   /* raise_exception */
};

static void test_pg_verdict_of_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct expected *want = &table[i];
        if (pg_verdict_of(want->sqlstate) != want->verdict ||
            pg_verdict_needs_reconnect(want->sqlstate) != want->needs_reconnect ||
            pg_verdict_message_is_safe(want->sqlstate) != want->message_is_safe) {
            fail_msg("wrong row for SQLSTATE %s", want->sqlstate);
        }
    }
}

static void test_pg_verdict_unknown_states_are_retried_and_their_text_kept_back(void **state)
{
    (void)state;
    assert_int_equal(pg_verdict_of("XX000"), RETRY);
    assert_int_equal(pg_verdict_of("ZZ999"), RETRY);
    assert_false(pg_verdict_needs_reconnect("ZZ999"));
    assert_false(pg_verdict_message_is_safe("ZZ999"));
}

static void test_pg_verdict_a_missing_state_means_a_broken_connection(void **state)
{
    (void)state;
    assert_int_equal(pg_verdict_of(NULL), RETRY);
    assert_int_equal(pg_verdict_of(""), RETRY);
    assert_true(pg_verdict_needs_reconnect(NULL));
    assert_true(pg_verdict_needs_reconnect(""));
}

static void test_pg_verdict_code_is_base_36(void **state)
{
    (void)state;
    assert_int_equal(pg_verdict_code("00000"), 0);
    assert_int_equal(pg_verdict_code("00001"), 1);
    assert_int_equal(pg_verdict_code("0000Z"), 35);
    assert_int_equal(pg_verdict_code("00010"), 36);
    assert_int_equal(pg_verdict_code(NULL), 0);
    assert_int_equal(pg_verdict_code("42p01"), 0);
    assert_int_equal(pg_verdict_code("123"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg_verdict_of_every_row),
        cmocka_unit_test(test_pg_verdict_unknown_states_are_retried_and_their_text_kept_back),
        cmocka_unit_test(test_pg_verdict_a_missing_state_means_a_broken_connection),
        cmocka_unit_test(test_pg_verdict_code_is_base_36),
    };
    return cmocka_run_group_tests_name("pg_verdict", tests, NULL, NULL);
}

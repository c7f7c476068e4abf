/* Bytes in pieces: all of a piece is kept or none, up to the limit, and zeros follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/byte_buffer.h"
#include "core/json.h"

static void expect(const struct byte_buffer *buffer, struct str wanted)
{
    assert_int_equal(buffer->len, wanted.len);
    assert_memory_equal(buffer->bytes, wanted.ptr, wanted.len);
    for (size_t i = 0; i < JSON_PADDING_BYTES; i++) {
        assert_int_equal(buffer->bytes[wanted.len + i], 0);
    }
}

static void test_byte_buffer_keeps_pieces_in_their_order(void **state)
{
    (void)state;
    struct byte_buffer buffer = {.bytes_max = 10};

    assert_int_equal(byte_buffer_add(&buffer, STR("")), OK);
    expect(&buffer, STR(""));
    assert_int_equal(byte_buffer_add(&buffer, STR("one")), OK);
    assert_int_equal(byte_buffer_add(&buffer, STR("\0two")), OK);
    expect(&buffer, STR("one\0two"));
    byte_buffer_fini(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(byte_buffer_add(&buffer, STR("anew")), OK);
    expect(&buffer, STR("anew"));
    byte_buffer_fini(&buffer);
}

static void test_byte_buffer_takes_up_to_its_limit(void **state)
{
    (void)state;
    struct byte_buffer buffer = {.bytes_max = 10};

    assert_int_equal(byte_buffer_add(&buffer, STR("01234567890")), REJECT);
    assert_null(buffer.bytes);
    assert_int_equal(byte_buffer_add(&buffer, STR("0123456")), OK);
    assert_int_equal(byte_buffer_add(&buffer, STR("7890")), REJECT);
    expect(&buffer, STR("0123456"));
    assert_int_equal(byte_buffer_add(&buffer, STR("789")), OK);
    assert_int_equal(byte_buffer_add(&buffer, STR("0")), REJECT);
    expect(&buffer, STR("0123456789"));
    buffer.len = 0;
    assert_int_equal(byte_buffer_add(&buffer, STR("x")), OK);
    expect(&buffer, STR("x"));
    byte_buffer_fini(&buffer);
}

/* Byte by byte, over several times that it grows. */
static void test_byte_buffer_grows(void **state)
{
    (void)state;
    struct byte_buffer buffer = {.bytes_max = 100000};

    for (size_t i = 0; i < buffer.bytes_max; i++) {
        char byte = (char)(i * 7 % 251);
        assert_int_equal(byte_buffer_add(&buffer, (struct str){&byte, 1}), OK);
    }
    assert_int_equal(buffer.len, 100000);
    for (size_t i = 0; i < buffer.len; i++) {
        assert_int_equal(buffer.bytes[i], (char)(i * 7 % 251));
    }
    byte_buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_buffer_keeps_pieces_in_their_order),
        cmocka_unit_test(test_byte_buffer_takes_up_to_its_limit),
        cmocka_unit_test(test_byte_buffer_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

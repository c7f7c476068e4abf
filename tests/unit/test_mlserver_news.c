/* What is new on a server since it was looked at last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/mlserver_news.h"

#define MODEL(name, number, is)                                                                    \
    {                                                                                              \
        .model = STR(name), .version = STR(number), .state = STR(is), .reason = STR("")            \
    }

static struct server_model news[MLSERVER_NEWS_MAX];

static void is_row(const struct server_model *model, const char *name, const char *version,
                   const char *state)
{
    assert_true(str_eq(model->model, str_view(name)));
    assert_true(str_eq(model->version, str_view(version)));
    assert_true(str_eq(model->state, str_view(state)));
}

static void test_only_what_changed_is_new(void **state)
{
    const struct server_model first[] = {MODEL("a", "1", "READY"), MODEL("a", "2", "LOADING"),
                                         MODEL("b", "", "READY"), MODEL("c", "1", "READY")};
    const struct server_model second[] = {MODEL("a", "1", "READY"), MODEL("a", "2", "READY"),
                                          MODEL("a", "3", "LOADING"), MODEL("c", "1", "READY"),
                                          MODEL("d", "1", "READY")};
    struct server_model third = second[0];
    struct mlserver_memory memory;
    struct err err;

    (void)state;
    assert_int_equal(mlserver_memory_init(&memory, &err), OK);
    assert_int_equal(mlserver_news(&memory, first, 4, news), 4);
    assert_int_equal(mlserver_memory_keep(&memory, first, 4, &err), OK);
    assert_int_equal(mlserver_news(&memory, first, 4, news), 0);
    assert_int_equal(mlserver_news(&memory, second, 5, news), 4);
    is_row(&news[0], "a", "2", "READY");
    is_row(&news[1], "a", "3", "LOADING");
    is_row(&news[2], "b", "", "GONE");
    is_row(&news[3], "d", "1", "READY");
    assert_int_equal(mlserver_memory_keep(&memory, second, 5, &err), OK);
    third.reason = STR("slow");
    assert_int_equal(mlserver_news(&memory, &third, 1, news), 5);
    is_row(&news[0], "a", "1", "READY");
    assert_true(str_eq(news[0].reason, STR("slow")));
    is_row(&news[4], "d", "1", "GONE");
    assert_int_equal(mlserver_memory_keep(&memory, NULL, 0, &err), OK);
    assert_int_equal(mlserver_news(&memory, second, 5, news), 5);
    mlserver_memory_fini(&memory);
}

/* What is remembered does not lean on the texts it was read from. */
static void test_the_memory_has_texts_of_its_own(void **state)
{
    char name[] = "model";
    struct server_model model = MODEL("", "1", "READY");
    struct mlserver_memory memory;
    struct err err;

    (void)state;
    model.model = (struct str){name, 5};
    assert_int_equal(mlserver_memory_init(&memory, &err), OK);
    assert_int_equal(mlserver_memory_keep(&memory, &model, 1, &err), OK);
    name[0] = 'x';
    assert_int_equal(mlserver_news(&memory, NULL, 0, news), 1);
    is_row(&news[0], "model", "1", "GONE");
    mlserver_memory_fini(&memory);
    mlserver_memory_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_changed_is_new),
        cmocka_unit_test(test_the_memory_has_texts_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The queue on disk: order, torn and damaged files, bounds, adoption. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/emitter/spool_dir.h"
#include "ingest/emitter/spool_set.h"

#define NOW_US INT64_C(1764000000000000)
#define DAY_US (INT64_C(86400) * 1000000)

static struct fd_book book;
static char path[64];
static int dir_fd;
static const struct spool_identity identity = {.emitter = "unit/test", .epoch = 1000};
static const struct spool_limits limits = {.bytes_max = 1 << 20, .age_us_max = DAY_US};

static int set_up(void **state)
{
    (void)state;
    struct err err;
    snprintf(path, sizeof(path), "/tmp/metaops-spool-XXXXXX");
    assert_non_null(mkdtemp(path));
    assert_int_equal(spool_dir_open(path, &book, &dir_fd, &err), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    fd_book_close_all(&book);
    snprintf(command, sizeof(command), "rm -rf %s", path);
    return system(command);
}

static struct spool_set *create(int fd, const struct spool_limits *wanted)
{
    struct spool_set *set = NULL;
    struct err err;
    assert_int_equal(spool_set_create(fd, &book, &identity, wanted, &set, &err), OK);
    return set;
}

static struct spool_set *adopt(const char *name, const struct spool_limits *wanted)
{
    struct spool_set *set = NULL;
    struct err err;
    assert_int_equal(spool_set_adopt(dir_fd, &book, name, false, wanted, &set, &err), OK);
    return set;
}

static void append_at(struct spool_set *set, const char *event, int64_t at_us)
{
    struct spool_record record = {.emitted_at_us = at_us, .event = str_view(event)};
    struct err err;
    assert_int_equal(spool_set_append(set, &record, &err), OK);
}

static void append(struct spool_set *set, const char *event)
{
    append_at(set, event, NOW_US);
}

static size_t read_next(struct spool_set *set, struct spool_batch *batch, size_t events_max)
{
    struct err err;
    assert_int_equal(spool_set_read(set, NOW_US, events_max, 4096, batch, &err), OK);
    return batch->count;
}

/* The process is gone: nothing is tidied, the lock is free. Its memory is kept where leak checkers
 * see it. */
static void die(struct spool_set *set)
{
    static struct spool_set *dead[1000];
    static size_t count;
    struct err err;

    assert_true(count < sizeof(dead) / sizeof(dead[0]));
    dead[count++] = set;
    fd_book_close_all(&book);
    assert_int_equal(spool_dir_open(path, &book, &dir_fd, &err), OK);
}

static bool first_name(void *arg, const char *name)
{
    snprintf(arg, SPOOL_SET_NAME_BYTES, "%s", name);
    return false;
}

static void only_segment(char *out, size_t size)
{
    char name[SPOOL_SET_NAME_BYTES] = "";
    char set_path[128];
    spool_dir_each(dir_fd, first_name, name);
    snprintf(set_path, sizeof(set_path), "%s/%s", path, name);
    DIR *dir = opendir(set_path);
    assert_non_null(dir);
    *out = '\0';
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (strstr(entry->d_name, ".seg")) {
            snprintf(out, size, "%.150s/%.40s", set_path, entry->d_name);
        }
    }
    closedir(dir);
}

static void assert_event(const struct spool_batch *batch, size_t i, uint64_t sequence,
                         const char *event)
{
    assert_true(i < batch->count);
    assert_int_equal(batch->records[i].sequence, sequence);
    assert_int_equal(batch->records[i].event.len, strlen(event));
    assert_memory_equal(batch->records[i].event.ptr, event, strlen(event));
}

static void assert_order_is_kept(struct spool_set *set)
{
    struct spool_batch batch = {.count = 0};

    append(set, "{\"n\":1}");
    append(set, "{\"n\":2}");
    append(set, "{\"n\":3}");
    assert_int_equal(spool_set_counts(set).pending, 3);
    assert_int_equal(read_next(set, &batch, 2), 2);
    assert_event(&batch, 0, 1, "{\"n\":1}");
    assert_event(&batch, 1, 2, "{\"n\":2}");
    assert_int_equal(read_next(set, &batch, 2), 2); /* not settled: again */
    assert_event(&batch, 0, 1, "{\"n\":1}");
    spool_set_settle(set, &batch, 1, false);
    assert_int_equal(read_next(set, &batch, 9), 2);
    assert_event(&batch, 0, 2, "{\"n\":2}");
    spool_set_settle(set, &batch, 2, false);
    assert_int_equal(read_next(set, &batch, 9), 0);
    assert_int_equal(spool_set_counts(set).pending, 0);
    append(set, "{\"n\":4}");
    assert_int_equal(read_next(set, &batch, 9), 1);
    assert_event(&batch, 0, 4, "{\"n\":4}");
    assert_string_equal(batch.identity.emitter, "unit/test");
    assert_int_equal(batch.identity.epoch, 1000);
    spool_set_settle(set, &batch, 1, false);
    spool_set_batch_fini(&batch);
}

static void test_spool_set_keeps_the_order_and_is_gone_when_done(void **state)
{
    (void)state;
    char name[SPOOL_SET_NAME_BYTES] = "";
    struct spool_set *set = create(dir_fd, &limits);

    assert_order_is_kept(set);
    spool_set_close(set);
    spool_dir_each(dir_fd, first_name, name);
    assert_string_equal(name, "");
}

static void test_spool_set_in_memory_does_the_same(void **state)
{
    (void)state;
    struct spool_set *set = create(-1, &limits);

    assert_order_is_kept(set);
    spool_set_close(set);
}

static void test_spool_set_files_are_the_owners_alone(void **state)
{
    (void)state;
    char name[200];
    struct stat status;
    struct spool_set *set = create(dir_fd, &limits);

    append(set, "{}");
    only_segment(name, sizeof(name));
    assert_int_equal(stat(name, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    *strrchr(name, '/') = '\0';
    assert_int_equal(stat(name, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    spool_set_close(set);
}

static void test_spool_set_goes_over_many_segments(void **state)
{
    (void)state;
    char event[3000];
    struct spool_batch batch = {.count = 0};
    struct spool_set *set = create(dir_fd, &limits);
    uint64_t next = 1;

    for (int i = 1; i <= 300; i++) {
        memset(event, 'x', sizeof(event));
        snprintf(event + sizeof(event) - 16, 16, "%d", i);
        append(set, event);
    }
    while (read_next(set, &batch, 500) > 0) {
        for (size_t i = 0; i < batch.count; i++, next++) {
            assert_int_equal(batch.records[i].sequence, next);
            assert_int_equal(strtol(batch.records[i].event.ptr + sizeof(event) - 16, NULL, 10),
                             (long)next);
        }
        spool_set_settle(set, &batch, batch.count, false);
    }
    assert_int_equal(next, 301);
    assert_true(spool_set_counts(set).bytes < 150000);
    spool_set_batch_fini(&batch);
    spool_set_close(set);
}

static void test_spool_set_of_the_dead_is_adopted_where_it_stood(void **state)
{
    (void)state;
    struct spool_batch batch = {.count = 0};
    struct spool_set *set = create(dir_fd, &limits);
    struct spool_set *other = NULL;
    struct err err;
    char name[SPOOL_SET_NAME_BYTES];

    append(set, "{\"n\":1}");
    append(set, "{\"n\":2}");
    append(set, "{\"n\":3}");
    assert_int_equal(read_next(set, &batch, 1), 1);
    spool_set_settle(set, &batch, 1, false);
    snprintf(name, sizeof(name), "%s", spool_set_name(set));
    assert_int_equal(spool_set_adopt(dir_fd, &book, name, false, &limits, &other, &err), REJECT);
    die(set);
    set = adopt(name, &limits);
    assert_int_equal(read_next(set, &batch, 9), 2);
    assert_event(&batch, 0, 2, "{\"n\":2}");
    assert_event(&batch, 1, 3, "{\"n\":3}");
    assert_int_equal(batch.identity.epoch, 1000);
    assert_int_equal(batch.gap.reason, SPOOL_GAP_NONE);
    spool_set_settle(set, &batch, 2, false);
    assert_int_equal(read_next(set, &batch, 9), 0);
    assert_int_equal(spool_set_counts(set).dropped, 0);
    spool_set_close(set);
    *name = '\0';
    spool_dir_each(dir_fd, first_name, name);
    assert_string_equal(name, "");
    spool_set_batch_fini(&batch);
}

static void test_spool_set_torn_at_any_byte_keeps_the_whole_records(void **state)
{
    (void)state;
    struct spool_batch batch = {.count = 0};
    char name[SPOOL_SET_NAME_BYTES];
    char segment[200];
    struct stat status;
    struct spool_set *set = create(dir_fd, &limits);

    append(set, "{\"n\":1}");
    append(set, "{\"n\":2}");
    snprintf(name, sizeof(name), "%s", spool_set_name(set));
    only_segment(segment, sizeof(segment));
    die(set);
    assert_int_equal(stat(segment, &status), 0);
    off_t record = SPOOL_RECORD_HEAD_BYTES + 7;
    for (off_t cut = 1; cut <= 2 * record; cut++) {
        assert_int_equal(truncate(segment, status.st_size - cut), 0);
        set = adopt(name, &limits);
        assert_int_equal(read_next(set, &batch, 9), cut <= record ? 1 : 0);
        assert_int_equal(spool_set_counts(set).dropped, 0);
        die(set); /* unsettled: what is whole stays */
        if (stat(segment, &status) != 0) {
            break; /* nothing whole was left: the reader deletes it */
        }
        status.st_size += cut;
    }
    spool_set_batch_fini(&batch);
}

static void damage(const char *segment, off_t at)
{
    char byte;
    int fd = open(segment, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x20;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_spool_set_damaged_anywhere_loses_that_record_only(void **state)
{
    (void)state;
    struct spool_batch batch = {.count = 0};
    char name[SPOOL_SET_NAME_BYTES];
    char segment[200];
    struct stat status;
    struct spool_set *set = create(dir_fd, &limits);

    append(set, "{\"n\":1}");
    append(set, "{\"n\":2}");
    append(set, "{\"n\":3}");
    snprintf(name, sizeof(name), "%s", spool_set_name(set));
    only_segment(segment, sizeof(segment));
    die(set);
    assert_int_equal(stat(segment, &status), 0);
    off_t record = SPOOL_RECORD_HEAD_BYTES + 7;
    off_t second = status.st_size - 2 * record;
    for (off_t at = second; at < second + record; at++) {
        damage(segment, at);
        set = adopt(name, &limits);
        assert_int_equal(read_next(set, &batch, 9), 1);
        assert_event(&batch, 0, 1, "{\"n\":1}");
        spool_set_settle(set, &batch, 1, false);
        assert_int_equal(read_next(set, &batch, 9), 1);
        assert_event(&batch, 0, 3, "{\"n\":3}");
        assert_int_equal(batch.gap.reason, SPOOL_GAP_DAMAGED);
        assert_int_equal(batch.gap.from, 2);
        assert_int_equal(batch.gap.to, 2);
        assert_int_equal(spool_set_counts(set).dropped, 1);
        die(set);
        damage(segment, at);
        char settled[200];
        snprintf(settled, sizeof(settled), "%s/%s/settled", path, name);
        assert_int_equal(truncate(settled, 0), 0);
    }
    spool_set_batch_fini(&batch);
}

static void test_spool_set_full_drops_the_oldest_and_says_which(void **state)
{
    (void)state;
    char event[1000];
    struct spool_batch batch = {.count = 0};
    struct spool_limits small = {.bytes_max = 100000, .age_us_max = DAY_US};
    struct spool_set *set = create(dir_fd, &small);

    memset(event, 'x', sizeof(event) - 1);
    event[sizeof(event) - 1] = '\0';
    for (int i = 0; i < 500; i++) {
        append(set, event);
        assert_true(spool_set_counts(set).bytes <= 100000);
    }
    struct spool_counts counts = spool_set_counts(set);
    assert_int_equal(counts.pending + counts.dropped, 500);
    assert_true(counts.pending >= 75);
    assert_true(read_next(set, &batch, 9) > 0);
    assert_int_equal(batch.records[0].sequence, counts.dropped + 1);
    assert_int_equal(batch.gap.reason, SPOOL_GAP_FULL);
    assert_int_equal(batch.gap.from, 1);
    assert_int_equal(batch.gap.to, counts.dropped);
    spool_set_settle(set, &batch, 1, true);
    assert_true(read_next(set, &batch, 9) > 0);
    assert_int_equal(batch.gap.reason, SPOOL_GAP_NONE);
    spool_set_batch_fini(&batch);
    spool_set_close(set);
}

static void test_spool_set_drops_what_is_too_old(void **state)
{
    (void)state;
    struct spool_batch batch = {.count = 0};
    struct spool_set *set = create(dir_fd, &limits);

    append_at(set, "{\"n\":1}", NOW_US - DAY_US - 1);
    append_at(set, "{\"n\":2}", NOW_US - DAY_US - 1);
    append_at(set, "{\"n\":3}", NOW_US - DAY_US);
    assert_int_equal(read_next(set, &batch, 9), 1);
    assert_event(&batch, 0, 3, "{\"n\":3}");
    assert_int_equal(batch.gap.reason, SPOOL_GAP_OLD);
    assert_int_equal(batch.gap.from, 1);
    assert_int_equal(batch.gap.to, 2);
    assert_int_equal(spool_set_counts(set).dropped, 2);
    assert_int_equal(spool_set_counts(set).pending, 1);
    spool_set_settle(set, &batch, 1, true);
    spool_set_batch_fini(&batch);
    spool_set_close(set);
}

static void test_spool_set_lost_and_refused_numbers_are_gaps(void **state)
{
    (void)state;
    struct spool_batch batch = {.count = 0};
    struct spool_set *set = create(dir_fd, &limits);

    append(set, "{\"n\":1}");
    spool_set_lose(set, 2);
    append(set, "{\"n\":4}");
    assert_int_equal(read_next(set, &batch, 9), 1); /* a batch has no holes */
    assert_int_equal(batch.gap.reason, SPOOL_GAP_NOT_SPOOLED);
    assert_int_equal(batch.gap.from, 2);
    assert_int_equal(batch.gap.to, 3);
    spool_set_refused(set, 1);
    spool_set_settle(set, &batch, 1, true);
    assert_int_equal(read_next(set, &batch, 9), 1);
    assert_event(&batch, 0, 4, "{\"n\":4}");
    assert_int_equal(batch.gap.reason, SPOOL_GAP_REFUSED);
    assert_int_equal(batch.gap.from, 1);
    assert_int_equal(batch.gap.to, 1);
    spool_set_settle(set, &batch, 1, true);
    assert_int_equal(spool_set_counts(set).pending, 0);
    spool_set_batch_fini(&batch);
    spool_set_close(set);
}

/* Numbers that never were written must not be taken for events that were lost with the damage. */
static void test_spool_set_damage_beside_lost_numbers_keeps_what_waits(void **state)
{
    (void)state;
    struct spool_batch batch = {.count = 0};
    struct spool_set *set = create(dir_fd, &limits);
    char name[SPOOL_SET_NAME_BYTES];
    char segment[200];
    struct stat status;

    append(set, "{\"n\":1}");
    spool_set_lose(set, 100);
    append(set, "{\"n\":2}");
    append(set, "{\"n\":3}");
    append(set, "{\"n\":4}");
    snprintf(name, sizeof(name), "%s", spool_set_name(set));
    only_segment(segment, sizeof(segment));
    assert_int_equal(stat(segment, &status), 0);
    damage(segment, status.st_size - 4 * (SPOOL_RECORD_HEAD_BYTES + 7) + 20);
    assert_int_equal(read_next(set, &batch, 9), 3);
    assert_event(&batch, 0, 102, "{\"n\":2}");
    assert_int_equal(spool_set_counts(set).pending, 3);
    assert_int_equal(spool_set_counts(set).dropped, 1);
    assert_int_equal(read_next(set, &batch, 9), 3);
    assert_int_equal(spool_set_counts(set).dropped, 1); /* not once more with each read */
    assert_false(spool_set_is_settled(set, 104));
    spool_set_close(set);
    set = adopt(name, &limits);
    assert_int_equal(read_next(set, &batch, 9), 3);
    assert_event(&batch, 0, 102, "{\"n\":2}");
    spool_set_settle(set, &batch, 3, true);
    assert_int_equal(read_next(set, &batch, 9), 0);
    spool_set_batch_fini(&batch);
    spool_set_close(set);
}

static void test_spool_set_counts_do_not_wrap_when_damage_is_dropped(void **state)
{
    (void)state;
    char event[1000];
    struct spool_batch batch = {.count = 0};
    struct spool_limits small = {.bytes_max = 100000, .age_us_max = DAY_US};
    struct spool_set *set = create(dir_fd, &small);
    char segment[200];

    append(set, "{\"n\":1}");
    spool_set_lose(set, 1000);
    append(set, "{\"n\":2}");
    only_segment(segment, sizeof(segment));
    damage(segment, 24 + (off_t)strlen(identity.emitter) + 20);
    assert_int_equal(read_next(set, &batch, 9), 1);
    spool_set_settle(set, &batch, 1, true);
    memset(event, 'x', sizeof(event) - 1);
    event[sizeof(event) - 1] = '\0';
    for (int i = 0; i < 200; i++) {
        append(set, event);
    }
    struct spool_counts counts = spool_set_counts(set);
    assert_int_equal(counts.pending + counts.dropped, 201); /* one is delivered */
    assert_true(counts.pending <= 100);
    spool_set_batch_fini(&batch);
    spool_set_close(set);
}

static void test_spool_set_damaged_to_the_end_is_done(void **state)
{
    (void)state;
    struct spool_batch batch = {.count = 0};
    struct spool_set *set = create(dir_fd, &limits);
    char segment[200];

    append(set, "{\"n\":1}");
    only_segment(segment, sizeof(segment));
    damage(segment, 24 + (off_t)strlen(identity.emitter) + 20);
    assert_int_equal(read_next(set, &batch, 9), 0);
    assert_int_equal(spool_set_counts(set).pending, 0);
    assert_int_equal(spool_set_counts(set).dropped, 1);
    assert_true(spool_set_is_settled(set, 1));
    append(set, "{\"n\":2}");
    assert_int_equal(read_next(set, &batch, 9), 1);
    assert_int_equal(batch.gap.reason, SPOOL_GAP_DAMAGED);
    assert_int_equal(batch.gap.to, 1);
    spool_set_settle(set, &batch, 1, true);
    spool_set_batch_fini(&batch);
    spool_set_close(set);
}

static void test_spool_set_epochs_of_one_spool_differ(void **state)
{
    (void)state;
    struct spool_set *first = create(dir_fd, &limits);
    struct spool_set *second = create(dir_fd, &limits);

    assert_int_equal(spool_set_identity(first)->epoch, 1000);
    assert_int_equal(spool_set_identity(second)->epoch, 1001);
    spool_set_close(first);
    spool_set_close(second);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_spool_set_keeps_the_order_and_is_gone_when_done),
        CASE(test_spool_set_in_memory_does_the_same),
        CASE(test_spool_set_files_are_the_owners_alone),
        CASE(test_spool_set_goes_over_many_segments),
        CASE(test_spool_set_of_the_dead_is_adopted_where_it_stood),
        CASE(test_spool_set_torn_at_any_byte_keeps_the_whole_records),
        CASE(test_spool_set_damaged_anywhere_loses_that_record_only),
        CASE(test_spool_set_full_drops_the_oldest_and_says_which),
        CASE(test_spool_set_drops_what_is_too_old),
        CASE(test_spool_set_lost_and_refused_numbers_are_gaps),
        CASE(test_spool_set_damage_beside_lost_numbers_keeps_what_waits),
        CASE(test_spool_set_counts_do_not_wrap_when_damage_is_dropped),
        CASE(test_spool_set_damaged_to_the_end_is_done),
        CASE(test_spool_set_epochs_of_one_spool_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

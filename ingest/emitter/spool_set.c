#include "ingest/emitter/spool_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/emitter/crc32c.h"
#include "ingest/emitter/fork_guard.h"
#include "ingest/emitter/spool_set_impl.h"

#define WHERE "spool"
#define EPOCH_TRIES 1000
#define SEGMENT_BYTES_MIN ((size_t)16 << 10)
#define SEGMENT_BYTES_MAX ((size_t)4 << 20)
#define SEGMENTS_WANTED 16
#define SEGMENTS_MAX 100000

static enum verdict spool_set_fail(const char *what, struct err *err)
{
    return err_set(err, RETRY, WHERE, "%s: %s", what, strerror(errno));
}

void spool_set_gap(struct spool_set *set, uint64_t from, uint64_t to, enum spool_gap_reason reason)
{
    struct spool_gap *last = set->gap_count > 0 ? &set->gaps[set->gap_count - 1] : NULL;

    if (last && last->reason == reason && last->to + 1 == from) {
        last->to = to;
    } else if (set->gap_count < SPOOL_GAPS_MAX) {
        set->gaps[set->gap_count++] = (struct spool_gap){.from = from, .to = to, .reason = reason};
    }
}

void spool_set_forget(struct spool_set *set, uint64_t count)
{
    if (!set->is_adopted) {
        set->pending -= count < set->pending ? count : set->pending;
    }
}

/* Whether nothing of it waits. Of an adopted set only reading to its end shows that. */
static bool spool_set_has_all_settled(const struct spool_set *set)
{
    return set->is_adopted ? set->head == NULL : set->settled >= set->appended;
}

static struct spool_set *spool_set_new(struct fd_book *book, const struct spool_limits *limits)
{
    struct spool_set *set = calloc(1, sizeof(*set));

    if (!set) {
        return NULL;
    }
    set->book = book;
    set->limits = *limits;
    set->segment_bytes = limits->bytes_max / SEGMENTS_WANTED;
    if (set->segment_bytes > SEGMENT_BYTES_MAX) {
        set->segment_bytes = SEGMENT_BYTES_MAX;
    } else if (set->segment_bytes < SEGMENT_BYTES_MIN) {
        set->segment_bytes = SEGMENT_BYTES_MIN;
    }
    set->parent_fd = set->dir_fd = set->lock_fd = set->settled_fd = -1;
    pthread_mutex_init(&set->lock, NULL);
    return set;
}

/* Locks the set's directory. REJECT: somebody holds it, or it was deleted meanwhile. */
static enum verdict spool_set_lock(struct spool_set *set, int flags, struct err *err)
{
    struct stat status;

    fork_guard_hold();
    int fd = openat(set->dir_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    int code = errno;
    set->lock_fd = fd_book_add(set->book, fd);
    fork_guard_release();
    if (fd < 0) {
        return err_set(err, code == ENOENT ? REJECT : RETRY, WHERE, "lock: %s", strerror(code));
    }
    if (flock(set->lock_fd, LOCK_EX | LOCK_NB) != 0 || fstat(set->lock_fd, &status) != 0 ||
        status.st_nlink == 0) {
        return err_set(err, REJECT, WHERE, "%s: in use", set->name);
    }
    return OK;
}

static void spool_set_delete_files(struct spool_set *set)
{
    (void)unlinkat(set->dir_fd, "settled", 0);
    (void)unlinkat(set->dir_fd, "lock", 0);
    (void)unlinkat(set->parent_fd, set->name, AT_REMOVEDIR);
}

/* Descriptors and memory; the files stay. */
static void spool_set_free(struct spool_set *set)
{
    while (set->head) {
        struct spool_segment *next = set->head->next;
        spool_segment_free(set->head, set->dir_fd, set->book, false);
        set->head = next;
    }
    fd_book_close(set->book, set->settled_fd);
    fd_book_close(set->book, set->lock_fd);
    fd_book_close(set->book, set->dir_fd);
    pthread_mutex_destroy(&set->lock);
    free(set);
}

static enum verdict spool_set_make_dir(struct spool_set *set, struct err *err)
{
    for (int i = 0; i < EPOCH_TRIES; i++, set->identity.epoch++) {
        snprintf(set->name, sizeof(set->name), "%020" PRId64, set->identity.epoch);
        if (mkdirat(set->parent_fd, set->name, 0700) != 0) {
            if (errno == EEXIST) {
                continue;
            }
            return spool_set_fail("a new set", err);
        }
        set->dir_fd = fd_book_add(
            set->book, openat(set->parent_fd, set->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (set->dir_fd < 0) {
            return spool_set_fail("a new set", err);
        }
        enum verdict verdict = spool_set_lock(set, O_CREAT | O_EXCL, err);
        if (verdict != REJECT) {
            return verdict;
        }
        /* An adopter was quicker and takes it for an empty orphan. */
        fd_book_close(set->book, set->lock_fd);
        fd_book_close(set->book, set->dir_fd);
        set->lock_fd = set->dir_fd = -1;
    }
    return err_set(err, RETRY, WHERE, "no epoch is free");
}

enum verdict spool_set_create(int dir_fd, struct fd_book *book,
                              const struct spool_identity *identity,
                              const struct spool_limits *limits, struct spool_set **out_set,
                              struct err *err)
{
    struct spool_set *set = spool_set_new(book, limits);
    enum verdict verdict = OK;

    if (!set) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    set->identity = *identity;
    set->parent_fd = dir_fd;
    if (dir_fd >= 0) {
        verdict = spool_set_make_dir(set, err);
        if (verdict == OK) {
            set->settled_fd = fd_book_add(
                book, openat(set->dir_fd, "settled", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
            verdict = set->settled_fd < 0 ? spool_set_fail("settled", err) : OK;
        }
        if (verdict != OK && set->dir_fd >= 0) {
            spool_set_delete_files(set);
        }
    }
    if (verdict != OK) {
        spool_set_free(set);
        return verdict;
    }
    *out_set = set;
    return OK;
}

/* Only the names of segments; sorted by name, that is by first number. */
static int spool_set_is_segment(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len == 24 && strspn(entry->d_name, "0123456789") == 20 &&
           strcmp(entry->d_name + 20, ".seg") == 0;
}

static enum verdict spool_set_load(struct spool_set *set, struct err *err)
{
    struct dirent **entries = NULL;
    int count = scandirat(set->dir_fd, ".", &entries, spool_set_is_segment, alphasort);
    enum verdict verdict = count < 0 ? spool_set_fail("reading a set", err) : OK;

    for (int i = 0; i < count; i++) {
        struct spool_segment *segment = NULL;
        struct spool_identity identity;
        enum verdict opened = verdict;
        if (verdict == OK && i < SEGMENTS_MAX) {
            opened = spool_segment_open(set->dir_fd, set->book, entries[i]->d_name, &identity,
                                        &segment, err);
        }
        if (opened == REJECT) {
            /* Without a head nobody knows whose events these were. */
            set->has_damage = true;
            set->dropped++;
            (void)unlinkat(set->dir_fd, entries[i]->d_name, 0);
        } else if (segment) {
            spool_segment_rest(segment, set->book);
            set->identity = identity;
            set->bytes += segment->bytes;
            *(set->tail ? &set->tail->next : &set->head) = segment;
            set->tail = segment;
        } else {
            verdict = opened;
        }
        free(entries[i]);
    }
    free(entries);
    set->offset = set->head ? set->head->head_bytes : 0;
    /* How many events these are shows when they are read; until then there is at least one. */
    set->pending = set->head ? 1 : 0;
    return verdict;
}

static void spool_set_load_settled(struct spool_set *set)
{
    uint64_t pair[2];

    set->settled_fd = fd_book_add(
        set->book, openat(set->dir_fd, "settled", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (set->settled_fd >= 0 && pread(set->settled_fd, pair, sizeof(pair), 0) == sizeof(pair) &&
        pair[1] == crc32c(0, &pair[0], sizeof(pair[0]))) {
        set->settled = pair[0];
    }
    set->sequence = set->settled;
}

enum verdict spool_set_adopt(int dir_fd, struct fd_book *book, const char *name, bool is_any_owner,
                             const struct spool_limits *limits, struct spool_set **out_set,
                             struct err *err)
{
    struct spool_set *set = spool_set_new(book, limits);
    enum verdict verdict;
    struct stat status;

    if (!set) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    snprintf(set->name, sizeof(set->name), "%s", name);
    set->parent_fd = dir_fd;
    set->is_adopted = true;
    set->dir_fd =
        fd_book_add(book, openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (set->dir_fd < 0 || fstat(set->dir_fd, &status) != 0 ||
        (status.st_uid != geteuid() && !is_any_owner)) {
        verdict = err_set(err, REJECT, WHERE, "%s: not ours", name);
    } else {
        verdict = spool_set_lock(set, 0, err);
    }
    if (verdict == OK) {
        spool_set_load_settled(set);
        verdict = spool_set_load(set, err);
    }
    if (verdict != OK) {
        spool_set_free(set);
        return verdict;
    }
    *out_set = set;
    return OK;
}

void spool_set_shift(struct spool_set *set)
{
    struct spool_segment *segment = set->head;

    set->head = segment->next;
    set->tail = set->head ? set->tail : NULL;
    set->bytes -= segment->bytes;
    set->offset = set->head ? set->head->head_bytes : 0;
    set->head_done = 0;
    if (set->is_reading && !set->orphan) {
        /* The reader has its descriptor; it frees it when it is back. */
        (void)(segment->name[0] ? unlinkat(set->dir_fd, segment->name, 0) : 0);
        set->orphan = segment;
    } else {
        spool_segment_free(segment, set->dir_fd, set->book, true);
    }
}

/* Makes room for one more record of the given size by dropping what is oldest. */
static void spool_set_make_room(struct spool_set *set, size_t bytes)
{
    while (set->head && set->head != set->tail && set->bytes + bytes > set->limits.bytes_max) {
        uint64_t last = set->head->next->sequence_first - 1;
        if (last > set->settled) {
            uint64_t left = set->head->records - set->head_done;
            spool_set_gap(set, set->settled + 1, last, SPOOL_GAP_FULL);
            spool_set_forget(set, left);
            set->dropped += left;
            set->settled = last;
        }
        spool_set_shift(set);
    }
}

static enum verdict spool_set_rotate(struct spool_set *set, struct err *err)
{
    struct spool_segment *segment = NULL;
    enum verdict verdict =
        spool_segment_create(set->dir_fd, set->book, &set->identity, set->sequence, &segment, err);

    if (verdict != OK) {
        return verdict;
    }
    if (set->limits.has_fsync && set->dir_fd >= 0) {
        (void)fsync(set->dir_fd);
    }
    if (set->tail && set->tail != set->head) {
        spool_segment_rest(set->tail, set->book);
    }
    set->bytes += segment->bytes;
    *(set->tail ? &set->tail->next : &set->head) = segment;
    if (!set->tail) {
        set->offset = segment->head_bytes;
    }
    set->tail = segment;
    return OK;
}

enum verdict spool_set_append(struct spool_set *set, struct spool_record *record, struct err *err)
{
    size_t bytes = SPOOL_RECORD_HEAD_BYTES + record->event.len;
    enum verdict verdict = OK;

    pthread_mutex_lock(&set->lock);
    record->sequence = ++set->sequence;
    if (bytes > set->limits.bytes_max) {
        verdict = err_set(err, RETRY, WHERE, "the event is larger than the spool may be");
    } else {
        if (!set->tail || set->tail->bytes + bytes > set->segment_bytes) {
            verdict = spool_set_rotate(set, err);
        }
        spool_set_make_room(set, bytes);
    }
    if (verdict == OK) {
        verdict = spool_segment_append(set->tail, record, set->limits.has_fsync, err);
    }
    if (verdict == OK) {
        set->bytes += bytes;
        set->pending++;
        set->appended = record->sequence;
    } else {
        spool_set_gap(set, set->sequence, set->sequence, SPOOL_GAP_NOT_SPOOLED);
    }
    pthread_mutex_unlock(&set->lock);
    return verdict;
}

void spool_set_lose(struct spool_set *set, uint64_t count)
{
    pthread_mutex_lock(&set->lock);
    spool_set_gap(set, set->sequence + 1, set->sequence + count, SPOOL_GAP_NOT_SPOOLED);
    set->sequence += count;
    pthread_mutex_unlock(&set->lock);
}

void spool_set_limit(struct spool_set *set, size_t bytes_max)
{
    pthread_mutex_lock(&set->lock);
    set->limits.bytes_max = bytes_max > 2 * set->segment_bytes ? bytes_max : 2 * set->segment_bytes;
    pthread_mutex_unlock(&set->lock);
}

struct spool_counts spool_set_counts(struct spool_set *set)
{
    pthread_mutex_lock(&set->lock);
    struct spool_counts counts = {
        .pending = set->pending, .dropped = set->dropped, .bytes = set->bytes};
    pthread_mutex_unlock(&set->lock);
    return counts;
}

const struct spool_identity *spool_set_identity(const struct spool_set *set)
{
    return &set->identity;
}

uint64_t spool_set_sequence(struct spool_set *set)
{
    pthread_mutex_lock(&set->lock);
    uint64_t sequence = set->sequence;
    pthread_mutex_unlock(&set->lock);
    return sequence;
}

bool spool_set_is_settled(struct spool_set *set, uint64_t sequence)
{
    pthread_mutex_lock(&set->lock);
    bool is_settled = set->settled >= sequence || spool_set_has_all_settled(set);
    pthread_mutex_unlock(&set->lock);
    return is_settled;
}

bool spool_set_is_done(struct spool_set *set)
{
    pthread_mutex_lock(&set->lock);
    bool is_done = spool_set_has_all_settled(set);
    pthread_mutex_unlock(&set->lock);
    return is_done;
}

const char *spool_set_reason(enum spool_gap_reason reason)
{
    static const char *const reasons[] = {
        [SPOOL_GAP_NONE] = "",
        [SPOOL_GAP_FULL] = "spool full",
        [SPOOL_GAP_OLD] = "too old",
        [SPOOL_GAP_DAMAGED] = "damaged in the spool",
        [SPOOL_GAP_NOT_SPOOLED] = "not spooled",
        [SPOOL_GAP_REFUSED] = "refused",
        [SPOOL_GAP_MISSING] = "missing in the spool",
    };
    return reasons[reason];
}

const char *spool_set_name(const struct spool_set *set)
{
    return set->name;
}

void spool_set_close(struct spool_set *set)
{
    if (!set) {
        return;
    }
    if (set->dir_fd >= 0 && spool_set_has_all_settled(set)) {
        while (set->head) {
            spool_set_shift(set);
        }
        spool_set_delete_files(set);
    }
    spool_set_free(set);
}

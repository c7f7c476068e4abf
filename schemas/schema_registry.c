#include "schemas/schema_registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/log.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "schemas/canonical_schema.h"
#include "schemas/framing.h"
#include "schemas/registry_api.h"

#define WHERE "schema registry"
#define FOREIGN_MAX 1024 /* ids that readers met */
#define NEGATIVE_US INT64_C(60000000)
#define AGAIN_US_MIN INT64_C(500000)
#define AGAIN_US_MAX INT64_C(10000000)
#define READER_WAIT_MS 2500
#define REASON_BYTES 192

enum foreign_state { FOREIGN_ASKED, FOREIGN_KNOWN, FOREIGN_NONE };

/* An id that a reader met. */
struct foreign {
    uint32_t id;
    enum foreign_state state;
    uint64_t fingerprint;      /* of FOREIGN_KNOWN */
    int64_t until_us;          /* FOREIGN_NONE is believed until then */
    char reason[REASON_BYTES]; /* of FOREIGN_NONE */
};

struct schema_registry {
    struct framing framing; /* first: its functions get this address */
    const struct settings *st;
    struct registry_api *api; /* the thread's own */
    unsigned writes;
    struct released_schema own[RELEASED_MAX];
    atomic_llong ids[RELEASED_MAX]; /* of own; -1 unknown */
    bool is_needed[RELEASED_MAX];   /* the newest of a family that this role writes */
    size_t own_count;
    pthread_t thread;
    bool is_started;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool is_stopping;
    struct foreign *foreign;
    size_t foreign_count;
    int64_t own_again_us; /* when what is missing of our own is asked for again */
    int64_t own_pause_us;
    char trouble[REASON_BYTES]; /* why the last question had no answer; empty when it had */
};

static void note_trouble(struct schema_registry *registry, const char *text)
{
    pthread_mutex_lock(&registry->lock);
    bool is_new = strcmp(registry->trouble, text) != 0;
    snprintf(registry->trouble, sizeof(registry->trouble), "%s", text);
    pthread_mutex_unlock(&registry->lock);
    if (is_new && *text) {
        log_warn("schema registry: %s", text);
    }
}

/* One of our own schemas: looked up, registered where that is allowed. */
static enum verdict learn_one(struct schema_registry *registry, size_t i, struct err *err)
{
    const struct released_schema *schema = &registry->own[i];
    bool is_found = false;
    uint32_t id = 0;

    enum verdict verdict =
        registry_api_look_up(registry->api, schema->subject, schema->text, &is_found, &id, err);
    if (verdict == OK && !is_found &&
        strcmp(registry->st->schema_registry.auto_register, "yes") == 0) {
        verdict = registry_api_register(registry->api, schema->subject, schema->text, &id, err);
        is_found = verdict == OK;
    }
    if (verdict == OK && is_found) {
        atomic_store(&registry->ids[i], (long long)id);
        log_info("schema known subject=%s schema=%s id=%lu", schema->subject, schema->name,
                 (unsigned long)id);
    } else if (verdict == OK) {
        verdict = err_set(err, RETRY, WHERE, "%s has no %s: run metaops migrate --schemas",
                          schema->subject, schema->name);
    }
    return verdict;
}

static bool has_all_needed(struct schema_registry *registry)
{
    for (size_t i = 0; i < registry->own_count; i++) {
        if (registry->is_needed[i] && atomic_load(&registry->ids[i]) < 0) {
            return false;
        }
    }
    return true;
}

/* What this role writes; what it reads it learns when it meets it. */
static void learn_own(struct schema_registry *registry)
{
    struct err err = {.text = ""};
    enum verdict verdict = OK;

    for (size_t i = 0; i < registry->own_count && verdict != RETRY; i++) {
        if (registry->is_needed[i] && atomic_load(&registry->ids[i]) < 0) {
            enum verdict one = learn_one(registry, i, &err);
            verdict = one == OK ? verdict : one;
        }
    }
    note_trouble(registry, verdict == OK ? "" : err.text);
    pthread_mutex_lock(&registry->lock);
    registry->own_pause_us *= 2;
    if (registry->own_pause_us > AGAIN_US_MAX) {
        registry->own_pause_us = AGAIN_US_MAX;
    }
    registry->own_again_us =
        has_all_needed(registry) ? INT64_MAX : timebase_mono_us() + registry->own_pause_us;
    pthread_cond_broadcast(&registry->changed);
    pthread_mutex_unlock(&registry->lock);
}

static struct foreign *find_foreign(struct schema_registry *registry, uint32_t id)
{
    for (size_t i = 0; i < registry->foreign_count; i++) {
        if (registry->foreign[i].id == id) {
            return &registry->foreign[i];
        }
    }
    return NULL;
}

/* Asks for one id. Under the lock at entry and return, not meanwhile. */
static void learn_foreign(struct schema_registry *registry, uint32_t id)
{
    char *text = NULL;
    uint64_t fingerprint = 0;
    struct err err = {.text = ""};

    pthread_mutex_unlock(&registry->lock);
    enum verdict verdict = registry_api_schema(registry->api, id, &text, &err);
    if (verdict == OK) {
        verdict = canonical_schema_fingerprint(str_view(text), &fingerprint, &err);
        free(text);
    }
    note_trouble(registry, verdict == OK || verdict == REJECT ? "" : err.text);
    pthread_mutex_lock(&registry->lock);
    struct foreign *foreign = find_foreign(registry, id);
    if (!foreign) {
        return;
    }
    if (verdict == OK) {
        foreign->state = FOREIGN_KNOWN;
        foreign->fingerprint = fingerprint;
    } else if (verdict == REJECT) {
        foreign->state = FOREIGN_NONE;
        foreign->until_us = timebase_mono_us() + NEGATIVE_US;
        snprintf(foreign->reason, sizeof(foreign->reason), "schema id %lu: %.160s",
                 (unsigned long)id, err.text);
    } else {
        *foreign = registry->foreign[--registry->foreign_count]; /* whoever meets it asks again */
    }
    pthread_cond_broadcast(&registry->changed);
}

/* Under the lock. */
static bool next_asked(const struct schema_registry *registry, uint32_t *out_id)
{
    for (size_t i = 0; i < registry->foreign_count; i++) {
        if (registry->foreign[i].state == FOREIGN_ASKED) {
            *out_id = registry->foreign[i].id;
            return true;
        }
    }
    return false;
}

/* Under the lock: until somebody asks, or until_us. */
static void wait_until(struct schema_registry *registry, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};

    if (until_us == INT64_MAX) {
        pthread_cond_wait(&registry->changed, &registry->lock);
    } else {
        pthread_cond_timedwait(&registry->changed, &registry->lock, &until);
    }
}

static void *registry_main(void *arg)
{
    struct schema_registry *registry = arg;
    uint32_t id;

    log_thread_name("schema-registry");
    pthread_mutex_lock(&registry->lock);
    while (!registry->is_stopping) {
        if (timebase_mono_us() >= registry->own_again_us) {
            pthread_mutex_unlock(&registry->lock);
            learn_own(registry);
            pthread_mutex_lock(&registry->lock);
        } else if (next_asked(registry, &id)) {
            learn_foreign(registry, id);
        } else {
            wait_until(registry, registry->own_again_us);
        }
    }
    pthread_mutex_unlock(&registry->lock);
    return NULL;
}

static enum verdict own_id(struct framing *framing, uint64_t fingerprint, uint32_t *out_id,
                           struct err *err)
{
    struct schema_registry *registry = (struct schema_registry *)framing;

    for (size_t i = 0; i < registry->own_count; i++) {
        if (registry->own[i].fingerprint == fingerprint) {
            long long id = atomic_load_explicit(&registry->ids[i], memory_order_relaxed);
            if (id < 0) {
                return err_set(err, RETRY, WHERE,
                               "the registry has not yet told the id of the schema %s",
                               registry->own[i].name);
            }
            *out_id = (uint32_t)id;
            return OK;
        }
    }
    return err_set(err, REJECT, WHERE, "BUG: no released schema has the fingerprint %016llx",
                   (unsigned long long)fingerprint);
}

/* Under the lock: a place for an id not met before. When there are too many, one that is not being
 * asked for makes room: it can be asked for again. */
static struct foreign *add_foreign(struct schema_registry *registry, uint32_t id)
{
    struct foreign *foreign = NULL;

    if (registry->foreign_count < FOREIGN_MAX) {
        foreign = &registry->foreign[registry->foreign_count++];
    }
    for (size_t i = 0; !foreign && i < FOREIGN_MAX; i++) {
        struct foreign *each = &registry->foreign[(id + i) % FOREIGN_MAX];
        foreign = each->state == FOREIGN_ASKED ? NULL : each;
    }
    if (foreign) {
        *foreign = (struct foreign){.id = id, .state = FOREIGN_ASKED};
    }
    return foreign;
}

/* Under the lock. */
static struct foreign *ask_foreign(struct schema_registry *registry, uint32_t id)
{
    struct foreign *foreign = find_foreign(registry, id);

    if (foreign && foreign->state == FOREIGN_NONE && timebase_mono_us() >= foreign->until_us) {
        foreign->state = FOREIGN_ASKED;
        pthread_cond_broadcast(&registry->changed);
    } else if (!foreign && (foreign = add_foreign(registry, id))) {
        pthread_cond_broadcast(&registry->changed);
    }
    return foreign;
}

/* Waits for the thread's answer, at most for a time a reader can bear. Under the lock. */
static enum verdict await_foreign(struct schema_registry *registry, uint32_t id,
                                  uint64_t *out_fingerprint, struct err *err)
{
    int64_t until_us = timebase_mono_us() + READER_WAIT_MS * 1000;
    struct foreign *foreign = ask_foreign(registry, id);

    while (foreign && foreign->state == FOREIGN_ASKED && !registry->is_stopping &&
           timebase_mono_us() < until_us) {
        wait_until(registry, until_us);
        foreign = find_foreign(registry, id);
    }
    if (foreign && foreign->state == FOREIGN_KNOWN) {
        *out_fingerprint = foreign->fingerprint;
        return OK;
    }
    if (foreign && foreign->state == FOREIGN_NONE) {
        return err_set(err, REJECT, WHERE, "%s", foreign->reason);
    }
    return err_set(err, RETRY, WHERE, "schema id %lu: no answer yet: %s", (unsigned long)id,
                   registry->trouble);
}

static enum verdict any_fingerprint(struct framing *framing, uint32_t id, uint64_t *out_fingerprint,
                                    struct err *err)
{
    struct schema_registry *registry = (struct schema_registry *)framing;

    for (size_t i = 0; i < registry->own_count; i++) {
        if (atomic_load_explicit(&registry->ids[i], memory_order_relaxed) == (long long)id) {
            *out_fingerprint = registry->own[i].fingerprint;
            return OK;
        }
    }
    pthread_mutex_lock(&registry->lock);
    enum verdict verdict = await_foreign(registry, id, out_fingerprint, err);
    pthread_mutex_unlock(&registry->lock);
    return verdict;
}

static enum verdict load_own(struct schema_registry *registry, struct err *err)
{
    enum verdict verdict = released_list(registry->st, registry->own, &registry->own_count, err);

    for (size_t i = 0; verdict == OK && i < registry->own_count; i++) {
        bool is_newest =
            i + 1 == registry->own_count || registry->own[i + 1].family != registry->own[i].family;
        atomic_store(&registry->ids[i], -1);
        registry->is_needed[i] =
            is_newest && registry->writes & SCHEMA_REGISTRY_WRITES(registry->own[i].family);
    }
    return verdict;
}

static void init_locks(struct schema_registry *registry)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&registry->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&registry->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum verdict schema_registry_start(const struct settings *st, unsigned writes,
                                   struct schema_registry **out_registry, struct err *err)
{
    *out_registry = NULL;
    if (!*st->schema_registry.url) {
        return OK;
    }
    struct schema_registry *registry = calloc(1, sizeof(*registry));
    if (!registry) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    init_locks(registry);
    registry->framing = (struct framing){.id = own_id, .fingerprint = any_fingerprint};
    registry->st = st;
    registry->writes = writes;
    registry->own_pause_us = AGAIN_US_MIN;
    registry->foreign = calloc(FOREIGN_MAX, sizeof(*registry->foreign));
    enum verdict verdict = registry->foreign ? OK : err_set(err, FATAL, WHERE, "out of memory");
    if (verdict == OK) {
        verdict = load_own(registry, err);
    }
    if (verdict == OK) {
        verdict = registry_api_open(st, &registry->api, err);
    }
    if (verdict == OK && pthread_create(&registry->thread, NULL, registry_main, registry) != 0) {
        verdict = err_set(err, FATAL, WHERE, "cannot start a thread");
    }
    registry->is_started = verdict == OK;
    if (verdict != OK) {
        schema_registry_stop(registry);
        return verdict;
    }
    *out_registry = registry;
    return OK;
}

struct framing *schema_registry_framing(struct schema_registry *registry)
{
    return registry ? &registry->framing : NULL;
}

bool schema_registry_is_ready(struct schema_registry *registry, char *reason, size_t size)
{
    if (!registry || has_all_needed(registry)) {
        return true;
    }
    pthread_mutex_lock(&registry->lock);
    snprintf(reason, size, "the schema registry: %s",
             *registry->trouble ? registry->trouble : "no answer yet");
    pthread_mutex_unlock(&registry->lock);
    return false;
}

enum verdict schema_registry_wait(struct schema_registry *registry, int timeout_ms, struct err *err)
{
    int64_t until_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    char reason[REASON_BYTES + 32];

    if (!registry) {
        return OK;
    }
    pthread_mutex_lock(&registry->lock);
    while (!has_all_needed(registry) && timebase_mono_us() < until_us) {
        wait_until(registry, until_us);
    }
    pthread_mutex_unlock(&registry->lock);
    return schema_registry_is_ready(registry, reason, sizeof(reason))
               ? OK
               : err_set(err, RETRY, WHERE, "%s", reason);
}

void schema_registry_stop(struct schema_registry *registry)
{
    if (!registry) {
        return;
    }
    pthread_mutex_lock(&registry->lock);
    registry->is_stopping = true;
    pthread_cond_broadcast(&registry->changed);
    pthread_mutex_unlock(&registry->lock);
    if (registry->is_started) {
        pthread_join(registry->thread, NULL);
    }
    registry_api_close(registry->api);
    free(registry->foreign);
    pthread_cond_destroy(&registry->changed);
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

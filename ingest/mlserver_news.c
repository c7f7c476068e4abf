#include "ingest/mlserver_news.h"

#define ARENA_BYTES ((size_t)4 << 20) /* all names and reasons at their longest fit */

enum verdict mlserver_memory_init(struct mlserver_memory *memory, struct err *err)
{
    *memory = (struct mlserver_memory){.arena = arena_new(ARENA_BYTES)};
    return memory->arena ? OK : err_set(err, RETRY, "mlserver", "out of memory");
}

uint32_t mlserver_news(const struct mlserver_memory *memory, const struct server_model *models,
                       uint32_t count, struct server_model *out_news)
{
    uint32_t before = 0, now = 0, news = 0;

    while (before < memory->count || now < count) {
        const struct server_model *was = &memory->models[before];
        int side = before == memory->count ? 1
                   : now == count          ? -1
                                           : server_model_order(was, &models[now]);
        if (side < 0) {
            out_news[news] = *was;
            out_news[news].state = STR(SERVER_MODEL_IS_GONE);
            out_news[news++].reason = STR("");
        } else if (side > 0 || !str_eq(was->state, models[now].state) ||
                   !str_eq(was->reason, models[now].reason)) {
            out_news[news++] = models[now];
        }
        before += side <= 0;
        now += side >= 0;
    }
    return news;
}

enum verdict mlserver_memory_keep(struct mlserver_memory *memory, const struct server_model *models,
                                  uint32_t count, struct err *err)
{
    bool is_full = false;

    arena_reset(memory->arena, ARENA_BYTES);
    memory->count = 0;
    memory->models = arena_calloc(memory->arena, count, sizeof(*memory->models));
    for (uint32_t i = 0; memory->models && !is_full && i < count; i++) {
        memory->models[i] =
            (struct server_model){.model = arena_dup(memory->arena, models[i].model),
                                  .version = arena_dup(memory->arena, models[i].version),
                                  .state = arena_dup(memory->arena, models[i].state),
                                  .reason = arena_dup(memory->arena, models[i].reason)};
        is_full = !memory->models[i].model.ptr || !memory->models[i].version.ptr ||
                  !memory->models[i].state.ptr || !memory->models[i].reason.ptr;
    }
    if (!memory->models || is_full) {
        return err_set(err, RETRY, "mlserver", "out of memory");
    }
    memory->count = count;
    return OK;
}

void mlserver_memory_fini(struct mlserver_memory *memory)
{
    arena_free(memory->arena);
    *memory = (struct mlserver_memory){0};
}

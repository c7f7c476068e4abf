#include "alerter_contracts.h"

#include <stdlib.h>
#include <string.h>

#include "contracts_file.h"
#include "core/settings.h"

static enum verdict judge(struct alerter_contracts *contracts, const char *path, struct err *err)
{
    struct contracts_file file = {.json = NULL};
    if (!*path) {
        return OK;
    }
    enum verdict verdict = contracts_file_read(path, &file, err);
    contracts_file_fini(&file);
    contracts->is_due = contracts->is_due || verdict == OK;
    return verdict;
}

enum verdict alerter_contracts_take(struct alerter_contracts *contracts, const struct settings *st,
                                    struct err *err)
{
    struct file_stamp stamp = file_stamp_of(st->alerts.contracts_file);
    char *path = strdup(st->alerts.contracts_file);
    enum verdict verdict =
        path ? judge(contracts, path, err) : err_set(err, RETRY, "contracts", "memory is short");
    if (verdict == OK) {
        free(contracts->path);
        contracts->path = path;
        contracts->stamp = stamp;
    } else {
        free(path);
    }
    return verdict;
}

enum verdict alerter_contracts_refresh(struct alerter_contracts *contracts, bool *out_is_new,
                                       struct err *err)
{
    struct file_stamp stamp = file_stamp_of(contracts->path);
    if (file_stamp_is_same(&stamp, &contracts->stamp)) {
        return OK;
    }
    contracts->stamp = stamp;
    enum verdict verdict = judge(contracts, contracts->path, err);
    *out_is_new = verdict == OK;
    return verdict;
}

void alerter_contracts_fini(struct alerter_contracts *contracts)
{
    free(contracts->path);
    contracts->path = NULL;
}

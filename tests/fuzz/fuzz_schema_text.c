/* Any bytes as the schema that a registry sends: a canonical form, which is a schema again, or a refusal;
 * never a crash. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "schemas/canonical_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *form = NULL;
    char *again = NULL;
    struct err err;

    if (canonical_schema_form((struct str){(const char *)data, size}, &form, &err) != OK) {
        return 0;
    }
    enum verdict verdict = canonical_schema_form(str_view(form), &again, &err);
    assert(verdict == OK);
    free(again);
    free(form);
    return 0;
}

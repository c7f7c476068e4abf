#include "schemas/embedded.h"

#include <string.h>

struct str embedded_text(const struct embedded_file *table, const char *name)
{
    for (const struct embedded_file *file = table; file->name; file++) {
        if (strcmp(file->name, name) == 0) {
            return file->text;
        }
    }
    return (struct str){NULL, 0};
}

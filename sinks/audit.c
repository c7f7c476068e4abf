#include "audit.h"

#include <stdio.h>
#include <string.h>

#include "audit_verify.h"
#include "core/exit_code.h"

static const struct {
    const char *name;
    int (*run)(const struct settings *st, int argc, char **argv);
} commands[] = {
    {.name = "verify", .run = audit_verify_run},
};

int audit_run(const struct settings *st, int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            return commands[i].run(st, argc - 1, argv + 1);
        }
    }
    fputs("usage: metaops audit verify [--heads FILE|kafka] [--key FILE] [--no-bodies]\n", stderr);
    return EXIT_CODE_USAGE;
}

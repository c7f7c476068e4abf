/* aibom.h - `metaops aibom`: the bill of materials of a version of a model, from the graph. */
#ifndef METAOPS_SINKS_AIBOM_H
#define METAOPS_SINKS_AIBOM_H

struct settings;

#define AIBOM_HELP                                                                                 \
    "  --model NS/NAME   the model, by its namespace and name\n"                                   \
    "  --version V       its version\n"                                                            \
    "  --format F        spdx3 (SPDX 3.0.1, the default) or cyclonedx (CycloneDX 1.6)\n"           \
    "Prints what the graph knows, and on standard error what it does not: `missing` is what a\n"   \
    "bill has to have, `hidden` what this role may not see, `wanted` what would let somebody\n"    \
    "make the model again. Ends with 0 when nothing is missing or hidden, else with 1; the\n"      \
    "document is printed all the same. The same graph gives the same bytes; their time is that\n"  \
    "of the latest event, or SOURCE_DATE_EPOCH. By SQL: metaops.aibom().\n"

/* `--model NS/NAME --version V [--format spdx3|cyclonedx]`; argv without the command's own name. Blocks on the
 * database. Returns an exit code: OK when nothing is missing or hidden, FAILED when something is, when nobody told of
 * the version, the database is out of reach or standard output takes no more, USAGE for other words. */
int aibom_run(const struct settings *st, int argc, char **argv);

#endif

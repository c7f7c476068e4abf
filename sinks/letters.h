/* letters.h - `metaops dead-letters`: look at records that could not be used, and send them again.
 *
 * A letter stays when it is sent again: it is marked, and the ledger of events says whether its event has landed
 * since. Sending twice is harmless, and a letter that fails again is the same row. */
#ifndef METAOPS_SINKS_LETTERS_H
#define METAOPS_SINKS_LETTERS_H

struct settings;

#define LETTERS_HELP                                                                               \
    "  list    oldest first, with what became of each: open, retried, landed\n"                    \
    "  show    one letter and its bytes, as text or in hexadecimal; --raw: the bytes alone\n"      \
    "  retry   publish the original bytes to their topic again and mark the letter\n"              \
    "  --reason PATTERN, --stage NAME, --topic NAME, --since TIME   choose (LIKE pattern)\n"       \
    "  --open             only letters that have not landed (retry --all implies it)\n"            \
    "  --limit N          at most N (default: list 100, retry without limit)\n"                    \
    "  --json             one JSON object a line\n"                                                \
    "Bytes are for the owner of the database; a reader sees reason and place.\n"                   \
    "Exit code 1: something was not found, not allowed or not taken by the broker.\n"

/* The command. Returns its exit code. */
int letters_run(const struct settings *st, int argc, char **argv);

#endif

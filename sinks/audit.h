/* audit.h - `metaops audit`: is everything in the store as it came in?
 *
 * Every batch adds digests of what was new to a chain for each Kafka partition (schemas/postgres/0014_audit.sql). verify
 * hashes the chains anew and compares them with the rows of the store in both directions; heads that were signed and kept
 * elsewhere make it find even a chain that was rewritten as a whole. */
#ifndef METAOPS_SINKS_AUDIT_H
#define METAOPS_SINKS_AUDIT_H

struct settings;

#define AUDIT_HELP                                                                                 \
    "  verify            hash the audit chains anew and compare them with events, bodies, dead\n"  \
    "                    letters, changes of keys and refusals, both ways; name what was\n"        \
    "                    altered, removed or inserted\n"                                           \
    "    --heads FILE    also against signed heads: finds chains that were rewritten or cut\n"     \
    "    --heads kafka   the same, with what kafka.topic_audit_heads holds\n"                      \
    "    --key FILE      the key that signed them, PEM; its public half will do\n"                 \
    "                    (default: audit.key_file)\n"                                              \
    "    --no-bodies     do not read bodies\n"                                                     \
    "Run it as the owner of the database: other roles see less, and it says so.\n"                 \
    "Exit code 1: there are faults.\n"

/* The command. Returns its exit code. */
int audit_run(const struct settings *st, int argc, char **argv);

#endif

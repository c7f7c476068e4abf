/* keys.h - the command `metaops keys`: API keys of the gateways. Talks to Kafka only. */
#ifndef METAOPS_INGEST_KEYS_H
#define METAOPS_INGEST_KEYS_H

struct settings;

#define KEYS_HELP                                                                                  \
    "add prints the new key on standard output, once; it is kept nowhere. What it may do goes "    \
    "to\n"                                                                                         \
    "standard error. A key without --namespace may write to every namespace.\n"                    \
    "\n"                                                                                           \
    "  --namespace PATTERN    namespaces it may write to, * stands for any text; several times\n"  \
    "  --expires 90d|DATE     days, hours (12h) or minutes (30m) from now, or a date and time\n"   \
    "  --rate N/s             events a second at each gateway\n"                                   \
    "  --burst N              events at once; without it as many as --rate gives in a second\n"    \
    "  --quota-events N/day   events a day (UTC) at each gateway\n"                                \
    "  --quota-bytes N/day    bytes of events a day, also with KiB, MiB, GiB\n"                    \
    "  --json                 with list: one JSON object a line\n"                                 \
    "\n"                                                                                           \
    "Gateways know of a change within a second. Clients send a key as api_key of their HTTP\n"     \
    "transport (OPENLINEAGE_API_KEY), that is Authorization: Bearer KEY.\n"

/* argv: the words behind the command that are no settings. Returns an enum exit_code. */
int keys_run(const struct settings *st, int argc, char **argv);

#endif

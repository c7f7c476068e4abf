/* run.h - the command `metaops run`: START before a command, COMPLETE or FAIL after it. */
#ifndef METAOPS_INGEST_RUN_H
#define METAOPS_INGEST_RUN_H

#define RUN_HELP                                                                                   \
    "Sends START, runs COMMAND, sends COMPLETE or FAIL. COMMAND has the streams, exit code and\n"  \
    "signals it would have alone; a backend that is away costs it nothing: the events wait in\n"   \
    "the spool for the next run, or for metaops emit --spool DIR.\n"                               \
    "\n"                                                                                           \
    "  --job NS/NAME      the job (needed)\n"                                                      \
    "  --in DATASET       what it reads; as often as wanted\n"                                     \
    "  --out DATASET      what it writes; as often as wanted\n"                                    \
    "  --parent NS/JOB/RUNID  run that this one is part of (default: OPENLINEAGE_PARENT_ID)\n"     \
    "  --run-id UUID      instead of a new one\n"                                                  \
    "  --to URL           gateway, or kafka://BROKER[/TOPIC] (default: METAOPS_EMIT_TO,\n"         \
    "                     OPENLINEAGE_URL, METAOPS_GATEWAY_URL, else http://127.0.0.1:5000)\n"     \
    "  --spool DIR        instead of METAOPS_EMIT_SPOOL; none: in memory\n"                        \
    "  --wait MS          longest wait for the last event after COMMAND (default 500)\n"           \
    "\n"                                                                                           \
    "A DATASET is NAMESPACE/NAME; the namespace ends at the first slash, or where it is a URI "    \
    "at\n"                                                                                         \
    "the first behind the authority: postgres://db:5432/shop.raw.orders, s3://bucket/key,\n"       \
    "file//data/in.csv. COMMAND sees its run as OPENLINEAGE_PARENT_ID, where namespace and name\n" \
    "have no slash that would confuse its readers. Further options of the emitter:\n"              \
    "METAOPS_EMIT_*, see metaops_emit(3).\n"

/* argv: the words behind `run`; settings are not looked at, so that a wrong one cannot keep a command
 * from running. SIGPIPE must be as the program was started with. Returns the exit code of COMMAND,
 * 127 when it is not there, 126 when it cannot be run; ends with the signal that ended it. */
int run_main(int argc, char **argv);

#endif

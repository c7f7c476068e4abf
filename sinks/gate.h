/* gate.h - `metaops gate`: may this asset pass, and what is missing? For CI, before something is deployed. */
#ifndef METAOPS_SINKS_GATE_H
#define METAOPS_SINKS_GATE_H

struct settings;

#define GATE_HELP                                                                                  \
    "  KIND          dataset, job, run, model, model_version, deployment or inference_stream\n"    \
    "                (NAME is DEPLOYMENT/ENDPOINT/MODEL)\n"                                        \
    "  --version V   of a dataset, job, model, deployment or stream: somebody must have told of\n" \
    "                it; of a run (NAMESPACE and NAME are its job's) its id, of a model_version\n" \
    "                the version, else the latest is meant\n"                                      \
    "Ends with 0 when no mandatory field of the minimum metadata is missing; else with 1, and\n"   \
    "prints each missing field, what tells it, which tools usually supply it and who owns the\n"   \
    "asset. Fields that are only wanted fail no gate. By SQL: metaops.gate().\n"

/* `KIND NAMESPACE NAME [--version V]`; argv without the command's own name. Blocks on the database. Returns an exit
 * code: OK when the gate is passed, FAILED when it is not, when nobody told of the asset or the database is out of
 * reach, USAGE for other words. */
int gate_run(const struct settings *st, int argc, char **argv);

#endif

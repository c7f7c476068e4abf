#!/usr/bin/env bash
# Calls that have a safer twin: snprintf, memcpy with a length, strtoll, strtok_r, getline,
# localtime_r, poll.
set -euo pipefail
cd "$(dirname "$0")/../.."

if grep -rnE --include='*.c' --include='*.h' --include='*.cc' \
    '(^|[^[:alnum:]_])(sprintf|vsprintf|strcpy|strcat|atoi|atol|strtok|gets|localtime|select)\(' \
    core schemas ingest processors sinks tests; then
    echo "the calls above are banned (tests/check/banned.sh says what to use)"
    exit 1
fi

# What is redacted and what ids are made of must not depend on the locale of the process, which is
# somebody else's where the emitter is loaded.
if grep -nE '#include <(ctype|wctype|strings|locale)\.h>' schemas/*.c schemas/*.h; then
    echo "the headers above go by the locale: use core/ascii.h"
    exit 1
fi

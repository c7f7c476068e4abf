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

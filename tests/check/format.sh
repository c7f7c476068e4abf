#!/usr/bin/env bash
# clang-format agrees with every C file. Versions differ in taste: only 14, Debian 12's, counts.
set -euo pipefail
cd "$(dirname "$0")/../.."

formatter=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $formatter ]] || ! "$formatter" --version | grep -q 'version 14\.'; then
    echo "not run: clang-format 14 is not installed"
    exit 77
fi
find core schemas ingest processors sinks tests \( -name '*.[ch]' -o -name '*.cc' \) -print0 |
    xargs -0 "$formatter" --dry-run -Werror 2>&1 |
    { grep -E 'error:' || true; } | cut -d: -f1 | sort | uniq -c |
    awk '{ print $2 ": " $1 " places (clang-format -i mends them)"; bad = 1 } END { exit bad }'

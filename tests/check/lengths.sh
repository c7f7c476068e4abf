#!/usr/bin/env bash
# Files of at most 600 lines; functions over 60 lines are listed, and at most 3 of 100 may be over 70.
# Lines of a function are those from its opening brace to its closing one, both in column 0.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t files < <(find core schemas ingest processors sinks -name '*.[ch]' -o -name '*.cc' | sort)
awk '
    FNR == 1 { close_file(); file = FILENAME; start = 0 }
    { lines = FNR }
    /^\{/ { start = FNR }
    /^\}/ && start {
        functions++
        size = FNR - start + 1
        if (size > 60) { print file ":" start ": " size " lines in one function" }
        if (size > 70) { long_ones++ }
        start = 0
    }
    END {
        close_file()
        if (functions && long_ones * 100 > functions * 3) {
            print long_ones " of " functions " functions have more than 70 lines"
            bad = 1
        }
        exit bad
    }
    function close_file() {
        if (file != "" && lines > 600) { print file ": " lines " lines"; bad = 1 }
    }' "${files[@]}"

#!/usr/bin/env bash
# Every function and table of x.c that others can see begins with x_. Where a module is split
# (json.c, json_text.c; http_server.h, http_conn.c) a name may also begin with that of a header of
# the same family: one that shares the first word. For a second struct of a header (kafka_record in
# kafka_consumer.h) the shared first word is enough. Reads the static libraries of METAOPS_BUILD_DIR.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${METAOPS_BUILD_DIR:-}
for candidate in build-test build; do
    [[ -n $build ]] || [[ ! -e $candidate/core/libmetaops_core.a ]] || build=$candidate
done
if [[ -z $build || ! -e $build/core/libmetaops_core.a ]]; then
    echo "not run: no build folder with libraries (METAOPS_BUILD_DIR)"
    exit 77
fi

for folder in core schemas ingest ingest/emitter processors sinks; do
    archive=$build/$folder/libmetaops_${folder##*/}.a
    [[ -e $archive ]] || continue
    headers=$(find "$folder" -maxdepth 1 -name '*.h' -printf '%f ')
    nm --defined-only -g -A "$archive" 2>/dev/null |
        awk -v folder="$folder" -v headers="$headers" '
            BEGIN {
                count = split(headers, header, " ")
            }
            {
                n = split($1, part, ":")
                object = part[n - 1]
                if (object !~ /\.(c|cc)\.o$/ || $(NF - 1) !~ /^[TDBR]$/) { next }
                file = object
                sub(/\.o$/, "", file)
                stem = file
                sub(/\.(c|cc)$/, "", stem)
                if (system("test -e " folder "/" file) != 0) { next } # generated
                symbol = $NF
                if (symbol == stem || index(symbol, stem "_") == 1) { next }
                family = stem
                sub(/_.*/, "", family)
                for (i = 1; i <= count; i++) {
                    name = header[i]
                    sub(/\.h$/, "", name)
                    first = name
                    sub(/_.*/, "", first)
                    if (first == family && index(symbol, name "_") == 1) { next }
                }
                own = folder "/" stem ".h"
                if (index(symbol, family "_") == 1 &&
                    system("grep -qsw " symbol " " own) == 0) { next }
                if (symbol ~ /^_Z.*simdjson/) { next }
                print folder "/" file ": " symbol " does not begin with " stem "_"
                bad = 1
            }
            END { exit bad }' || bad=1
done
exit "${bad:-0}"

#!/usr/bin/env bash
# Includes follow the arrows core <- schemas <- ingest, processors, sinks, and each library is seen
# by the files only that translate it.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0
report() {
    echo "$1"
    bad=1
}

# Prints the files of folder $1 that include what the pattern $2 says, except those matching $3.
includers() {
    find "$1" -maxdepth 1 -name '*.[ch]' -o -maxdepth 1 -name '*.cc' | sort |
        { grep -vE "${3:-^$}" || true; } |
        { xargs -r grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*$2" || true; }
}

own='"(core|schemas|ingest|processors|sinks)/'
allowed() {
    local folder=$1 layers=$2 except=${3:-}
    while IFS= read -r line; do
        [[ $line =~ include[[:space:]]*\"($layers)/ ]] ||
            report "$line: $folder may include ${layers//|/, } only"
    done < <(includers "$folder" "$own" "$except")
}
allowed core core '^core/main\.c$'
allowed schemas 'core|schemas'
allowed ingest 'core|schemas|ingest'
allowed ingest/emitter 'core|schemas|ingest'
allowed processors 'core|schemas|processors'
allowed sinks 'core|schemas|sinks'

# A name without a folder is a neighbour.
for folder in core schemas ingest ingest/emitter processors sinks; do
    while IFS= read -r line; do
        name=${line##*include}
        name=${name#*\"}
        name=${name%%\"*}
        [[ $name == */* || -e $folder/$name ]] || report "$line: there is no $folder/$name"
    done < <(includers "$folder" '"[^"/]+"')
done

library() {
    local pattern=$1 files=$2 name=$3
    for folder in core schemas ingest ingest/emitter processors sinks; do
        while IFS= read -r line; do
            report "$line: $name belongs to $files"
        done < <(includers "$folder" "<($pattern)" "$files")
    done
}
library 'librdkafka/' '^(core/kafka_[a-z_]+\.c|ingest/emitter/rdkafka_calls\.h)$' librdkafka
library 'libpq|postgres' '^sinks/' libpq
library 'avro' '^schemas/' avro-c
library 'curl/' '^core/http_((client|multi|stream)\.c|easy\.[ch])$' libcurl
library 'simdjson' '^core/json\.cc$' simdjson
library 'openssl/ssl' '^(core/tls_[a-z]+|ingest/emitter/net_stream)\.c$' libssl
library 'event2?[./]' '^(core|ingest)/' libevent

exit "$bad"

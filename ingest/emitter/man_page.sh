#!/bin/sh
# man_page.sh HEADER TEXT VERSION - prints metaops_emit(3): the text, with the configuration's keys as the header
# lists them.
set -eu
keys=$(sed -n '/^ \*     to  /,/^ \*     rdkafka\.NAME/s/^ \*     //p' "$1")
KEYS=$keys awk -v version="$3" '
    $0 == "@KEYS@" { print "```\n" ENVIRON["KEYS"] "\n```"; next }
    { gsub(/@VERSION@/, version); print }' "$2" | scdoc

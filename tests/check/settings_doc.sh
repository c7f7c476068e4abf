#!/usr/bin/env bash
# compose/metaops.conf is what the settings table says now.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/doc.c" <<'PROGRAM'
#include "core/settings.h"
int main(void)
{
    settings_print_doc(stdout);
    return 0;
}
PROGRAM
"${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -I. -o "$work/doc" "$work/doc.c" core/settings_print.c \
    core/settings_table.c core/settings_value.c core/settings_file.c core/err.c
"$work/doc" > "$work/metaops.conf"
if ! diff -u compose/metaops.conf "$work/metaops.conf"; then
    echo "compose/metaops.conf is old: metaops --print-config-doc > compose/metaops.conf"
    exit 1
fi

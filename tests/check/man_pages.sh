#!/usr/bin/env bash
# The man pages can be made, and name every command of core/main.c, every setting of
# core/settings_table.c and every function of the library. Needs a program in METAOPS_BUILD_DIR or build-test, and scdoc.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=${METAOPS_BUILD_DIR:-build-test}/metaops
if ! command -v scdoc >/dev/null; then
    echo "not run: scdoc is not installed"
    exit 77
fi
if [[ ! -x $program ]]; then
    echo "not run: no program at $program (METAOPS_BUILD_DIR)"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compose/man/pages "$program" "$work"

bad=0
# The page as roff has \- for - and \_ for _, and \f.. for fonts.
plain() {
    sed -e 's/\\f[A-Z]//g' -e 's/\\&//g' -e 's/\\//g' "$1"
}
# missing PAGE BEFORE AFTER - of the names on stdin, those that do not stand there between the two.
missing() {
    local name text
    text=$(plain "$work/$1")
    while read -r name; do
        if ! grep -qF -- "$2$name$3" <<<"$text"; then
            echo "$1: no $name"
            bad=1
        fi
    done
}
mapfile -t commands < <(sed -n 's/^ *{\.name = "\([a-z-]*\)",.*/\1/p' core/main.c)
mapfile -t settings < <(sed -n 's/^ *{FIELD(\([a-z_.]*\)),.*/\1/p' core/settings_table.c)
if ((${#commands[@]} < 5 || ${#settings[@]} < 20)); then
    echo "found ${#commands[@]} commands in core/main.c and ${#settings[@]} settings in core/settings_table.c"
    exit 1
fi
missing metaops.1 'metaops ' '' < <(printf '%s\n' "${commands[@]}")
missing metaops.conf.5 '' ' = ' < <(printf '%s\n' "${settings[@]}")
# The library has a page too: every function of its ABI stands in it.
sh ingest/emitter/man_page.sh ingest/emitter/metaops_emit.h ingest/emitter/metaops_emit.3.scd 0 >"$work/metaops_emit.3"
missing metaops_emit.3 '' '' < <(sed -n 's/^ *\(metaops_emit_[a-z_]*\);.*/\1/p' ingest/emitter/emitter.map)
for page in "$work"/*.[1-9]; do
    if grep -q '@[A-Z]*@' "$page"; then
        echo "$(basename "$page"): a mark was not replaced"
        bad=1
    fi
    if command -v groff >/dev/null && ! warnings=$(groff -man -ww -z -Kutf8 "$page" 2>&1) || [[ -n ${warnings:-} ]]; then
        printf '%s\n' "$warnings"
        bad=1
    fi
done
exit "$bad"

#!/bin/sh
# make_archive.sh LD OBJCOPY AR MAP ARCHIVE OBJECT... - links the objects into one, without what nothing reaches from the
# names of MAP, hides all other names, and puts it into ARCHIVE.
set -eu
ld=$1 objcopy=$2 ar=$3 map=$4 archive=$5
shift 5

names=$(sed -n 's/^ *\(metaops_emit_[a-z_]*\);$/\1/p' "$map")
object=${archive%.a}.o
roots=
for name in $names; do
    roots="$roots -u $name"
done
# shellcheck disable=SC2086 # words on purpose
"$ld" -r --gc-sections $roots -o "$object" "$@"
printf '%s\n' $names >"$object.names"
"$objcopy" --keep-global-symbols="$object.names" "$object"
rm -f "$archive"
"$ar" rcs "$archive" "$object"
rm -f "$object" "$object.names"

#!/usr/bin/env bash
# The built program has what core/hardening.cmake asks for: read from the program itself, and what
# leaves no trace there from the commands that compiled it. Needs METAOPS_BUILD_DIR or build-test.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${METAOPS_BUILD_DIR:-build-test}
program=$build/metaops
for tool in readelf objdump; do
    if ! command -v "$tool" >/dev/null; then
        echo "not run: $tool is not installed (binutils)"
        exit 77
    fi
done
if [[ ! -x $program || ! -f $build/compile_commands.json ]]; then
    echo "not run: no program in $build (METAOPS_BUILD_DIR)"
    exit 77
fi
if grep -qE '^METAOPS_SANITIZE:[A-Z]+=.+|^CMAKE_BUILD_TYPE:[A-Z]+=Debug' "$build/CMakeCache.txt"; then
    echo "not run: $build is a build for debugging"
    exit 77
fi

bad=0
# expect WHAT PATTERN TEXT
expect() {
    if ! grep -qE "$2" <<<"$3"; then
        echo "$file: $1"
        bad=1
    fi
}

# What holds for the program, and for the library that is part of other programs.
check_file() {
    local segments dynamic symbols
    segments=$(readelf -lW "$file")
    dynamic=$(readelf -dW "$file")
    symbols=$(readelf -W --dyn-syms "$file")
    expect 'not position independent' 'Type: +DYN' "$(readelf -hW "$file")"
    expect 'no RELRO segment' 'GNU_RELRO' "$segments"
    expect 'symbols are bound late, so the table stays writable' 'FLAGS.*(BIND_NOW|NOW)' "$dynamic"
    expect 'the stack can be executed' 'GNU_STACK +([^ ]+ +){5}RW +0x' "$segments"
    expect 'no stack protector' '__stack_chk_fail' "$symbols"
    expect 'no checked calls of libc' '__(memcpy|snprintf|vsnprintf|fprintf|read)_chk' "$symbols"
    if grep -qE 'LOAD .* RWE ' <<<"$segments"; then
        echo "$file: a segment can be written and executed"
        bad=1
    fi
    if grep -qE '(RPATH|RUNPATH)' <<<"$dynamic"; then
        echo "$file: libraries are searched in a folder of the build"
        bad=1
    fi
}

for file in "$program" "$build"/ingest/emitter/libmetaops_emit.so; do
    check_file
done
file=$program
expect 'no PIE flag' 'FLAGS_1.*PIE' "$(readelf -dW "$program")"
if grep -qE 'Machine: +Advanced Micro Devices X86-64' <<<"$(readelf -hW "$program")"; then
    expect 'no landing mark at main: -fcf-protection did not take' 'endbr64' \
        "$(objdump -d --disassemble=main "$program")"
fi

# The last definition of the level counts; stack clash protection shows in the commands only.
awk -v build="$build" '
    /"command":/ && /(core|schemas|ingest|processors|sinks)\/[^ ]*\.c"?,?$/ {
        if (!/-fstack-clash-protection/) { print build ": compiled without -fstack-clash-protection"; bad = 1; exit }
        if (!/-D_FORTIFY_SOURCE=[23]/) { print build ": compiled without _FORTIFY_SOURCE"; bad = 1; exit }
        seen++
    }
    END { if (!bad && !seen) { print build "/compile_commands.json names none of our files"; bad = 1 }; exit bad }
' "$build/compile_commands.json" || bad=1
level=$(echo | "${CC:-cc}" -E -dM -O2 -D_FORTIFY_SOURCE=3 -include features.h - 2>/dev/null |
    awk '$2 == "__USE_FORTIFY_LEVEL" { print $3 }')
if [[ $level == 3 ]] && grep '"command":' "$build/compile_commands.json" | grep -vq -- '-D_FORTIFY_SOURCE=3'; then
    echo "$build: the compiler takes _FORTIFY_SOURCE=3, but not all files were compiled with it"
    bad=1
fi
exit "$bad"

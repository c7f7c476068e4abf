# shellcheck shell=bash
# scripts.sh - tests that are programs: tests/PART/NAME/run, run from the root of the checkout against
# a local stack of their own. Exit code 0 passed, 77 not run (the last line says why), else failed.
# They find in the environment what `compose/local env` prints, and METAOPS_LOCAL_DIR,
# METAOPS_PORT_BASE and METAOPS_PROGRAM, so that compose/local means the same stack. All share it:
# a test uses names (namespaces, run ids) of its own. Sourced by tests/run.

STACKS=()
# Where the caller wants them.
PORT_BASE_WANTED=${METAOPS_PORT_BASE:-5500}

port_base_is_free() {
    local offset
    for offset in 0 1 2 3 4 5 6 7 8 9; do
        port_is_closed $(($1 + offset)) || return 1
    done
}

port_base_find() {
    local base
    for base in "$PORT_BASE_WANTED" 5500 15500 25500 6500 7500; do
        if port_base_is_free "$base"; then
            printf '%d' "$base"
            return
        fi
    done
    return 1
}

# stack_start FOLDER - a fresh stack of the program in that build folder.
stack_start() {
    local folder=$1
    export METAOPS_LOCAL_DIR=$ROOT/$folder/stack METAOPS_PROGRAM=$ROOT/$folder/metaops
    unset METAOPS_PORT_BASE
    compose/local destroy >/dev/null
    METAOPS_PORT_BASE=$(port_base_find) || { say 'no ten free ports'; return 1; }
    export METAOPS_PORT_BASE
    STACKS+=("$METAOPS_LOCAL_DIR")
    compose/local up || return 1
    set -a
    eval "$(compose/local env)"
    set +a
}

stacks_remove() {
    local folder
    for folder in "${STACKS[@]}"; do
        mkdir -p "$LOGS/stack"
        cp "$folder"/log/*.log "$LOGS/stack/" 2>/dev/null || true
        METAOPS_LOCAL_DIR=$folder compose/local destroy >/dev/null || true
    done
    STACKS=()
}

# part_scripts PART FILE...
part_scripts() {
    local part=$1
    shift
    build_tests || return 1
    part_scripts_with "$part" build-test "$@"
}

part_scripts_with() {
    local part=$1 folder=$2 file
    shift 2
    if [[ ${METAOPS_PROGRAM:-} != "$ROOT/$folder/metaops" || ${#STACKS[@]} == 0 ]]; then
        stacks_remove
        if ! stack_start "$folder"; then
            for file in "$@"; do
                result notrun "$(script_name "$file") (no stack)"
            done
            return 1
        fi
    fi
    scripts_run "$part" "$@"
    [[ $part != asan ]] || asan_logs_check
}

# scripts_run PART FILE... - those whose second line says "(runs beside others)" two at a time, then the others one by one: they
# look at time, or change what all share.
scripts_run() {
    local part=$1 file alone=()
    shift
    for file in "$@"; do
        if ! sed -n 2p "$file" | grep -qF '(runs beside others)'; then
            alone+=("$file")
            continue
        fi
        while (($(jobs -rp | wc -l) >= 2)); do
            wait -n || true
        done
        script_run "$part" "$file" &
    done
    wait
    for file in "${alone[@]}"; do
        script_run "$part" "$file"
    done
}

script_name() {
    local name=${1#tests/}
    printf '%s' "${name%/run}"
}

script_run() {
    local part=$1 file=$2 name log code=0 start
    name=$(script_name "$file")
    log=$LOGS/$part-${name//\//-}.log
    start=$(now_us)
    timeout -k 10 "${METAOPS_TEST_TIMEOUT_S:-900}" "$file" >"$log" 2>&1 </dev/null || code=$?
    case $code in
    0)
        result passed "$name"
        printf '  %-46s %s s\n' "$name" "$(seconds_since "$start")"
        ;;
    77) result notrun "$name" "$log" ;;
    *) result failed "$name" "$log" ;;
    esac
    # One that left the stack broken must not take the next ones with it.
    compose/local up >"$log.up" 2>&1 || result failed "$name left a stack that does not come up" "$log.up"
}

# A sanitizer's report in a role's log is a failure, whatever the tests saw.
asan_logs_check() {
    local name
    compose/local down >/dev/null
    for name in gateway worker; do
        if grep -qE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$METAOPS_LOCAL_DIR/log/$name.log"; then
            result failed "asan/$name reports nothing" "$METAOPS_LOCAL_DIR/log/$name.log"
        else
            result passed "asan/$name reports nothing"
        fi
    done
}

# The real tools: installing them takes as long as it takes, then each test has ten minutes.
part_real() {
    step "install the real tools" tests/real/support/install
    METAOPS_TEST_TIMEOUT_S=${METAOPS_TEST_TIMEOUT_S:-600} part_scripts real tests/real/*/run
    tail -n +1 "$LOGS"/real-*.log | sed "s,^==> $LOGS/real-,\n,; s, <==$,,"
}

# soak_options [--hours N]
soak_options() {
    export METAOPS_SOAK_HOURS=0.08
    if [[ ${1:-} == --hours && ${2:-} =~ ^[0-9]*\.?[0-9]+$ && $# == 2 ]]; then
        METAOPS_SOAK_HOURS=$2
    elif (($# > 0)); then
        die "soak: only --hours N"
    fi
}

# As long as it was told, and half an hour for its last lap to settle.
part_soak() {
    METAOPS_TEST_TIMEOUT_S=$(awk -v hours="$METAOPS_SOAK_HOURS" 'BEGIN { print int(hours * 3600) + 1800 }') \
        part_scripts soak tests/soak/*/run
    grep -hvE '^ok: ' "$LOGS"/soak-*.log || true
}

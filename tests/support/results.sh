# shellcheck shell=bash
# results.sh - what became of each test, and the table at the end. Sourced by tests/run.

results_open() {
    RESULTS=$ROOT/build-test/results
    LOGS=$ROOT/build-test/log
    rm -rf "$RESULTS" "$LOGS"
    mkdir -p "$RESULTS" "$LOGS"
    PART_ORDER=()
    declare -gA PART_SECONDS=()
}

# results_part NAME COMMAND... - a part that breaks off is itself a failed test.
results_part() {
    local name=$1 start code=0
    shift
    start=$(now_us)
    PART=$name
    PART_ORDER+=("$name")
    : >"$RESULTS/$name"
    printf '%s\n' "$name"
    "$@" || code=$?
    ((code == 0)) || result failed "$name"
    PART_SECONDS[$PART]=$(seconds_since "$start")
}

# result_words LOG - what it says of the failure, wherever it stands, and its end: processes of a test may have had much
# to say after it.
result_words() {
    {
        grep -A 2 -E '^(NOT ok|lost: |AssertionError)|^\[  (ERROR|FAILED) ' "$1" | head -n 20 || true
        tail -n 40 "$1"
    } | sed 's/^/    | /'
}

# result passed|failed|notrun NAME [LOG] - of the part that runs now; LOG is shown on failure.
result() {
    local what=$1 name=$2 log=${3:-}
    printf '%s %s\n' "$what" "$name" >>"$RESULTS/$PART"
    case $what in
    failed)
        printf '  FAILED   %s\n' "$name"
        if [[ -f $log ]]; then
            result_words "$log"
        fi
        ;;
    notrun)
        printf '  not run  %s' "$name"
        if [[ -f $log ]]; then
            printf ': %s' "$(tail -n 1 "$log")"
        fi
        printf '\n'
        ;;
    esac
}

# results_count passed|failed|notrun [PART]
results_count() {
    if (($# > 1)); then
        grep -c "^$1 " "$RESULTS/$2" || true
    else
        cat "$RESULTS"/* | grep -c "^$1 " || true
    fi
}

results_table() {
    local name failed
    printf '\n%-14s %7s %7s %7s %8s %9s\n' part tests passed failed 'not run' seconds
    for name in "${PART_ORDER[@]}"; do
        printf '%-14s %7d %7d %7d %8d %9s\n' "$name" "$(wc -l <"$RESULTS/$name")" \
            "$(results_count passed "$name")" "$(results_count failed "$name")" \
            "$(results_count notrun "$name")" "${PART_SECONDS[$name]}"
    done
    sed -n 's/^failed /FAILED: /p' "$RESULTS"/*
    sed -n 's/^notrun /not run: /p' "$RESULTS"/*
    failed=$(results_count failed)
    printf '\n%d passed, %d failed, %d skipped\n' "$(results_count passed)" "$failed" "$(results_count notrun)"
    ((failed == 0))
}

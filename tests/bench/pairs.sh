# shellcheck shell=bash
# pairs.sh - what a part of the program costs: `./tests/run bench --audit` and `--detection`. The same events land on an
# empty store with it and without, in pairs whose order alternates, so that what else the machine does meets both. What
# counts is the median of the pairs; what is measured is CPU time of those who do the work, not seconds. Sourced by run.

# pairs_programs OPTION - one as it is released, one without the part.
pairs_programs() {
    cmake -S "$ROOT" -B "$BUILD/with" -G Ninja -DMETAOPS_TESTS=OFF >"$BUILD/log" &&
        ninja -C "$BUILD/with" metaops >"$BUILD/log" &&
        cmake -S "$ROOT" -B "$BUILD/without.$1" -G Ninja -DMETAOPS_TESTS=OFF "-D$1=ON" >"$BUILD/log" &&
        ninja -C "$BUILD/without.$1" metaops >"$BUILD/log" || { cat "$BUILD/log" && die "it does not build"; }
}

# pairs_us PART - microseconds of CPU that worker and alerter, or PostgreSQL with all that it began, have taken so far.
pairs_us() {
    local run=$METAOPS_LOCAL_DIR/run pids
    if [[ $1 == roles ]]; then
        pids="$(cut -d' ' -f1 "$run/worker.pid") $(cut -d' ' -f1 "$run/alerter.pid")"
    else
        pids=$(cut -d' ' -f1 "$run/postgres.pid")
        pids="$pids $(pgrep -P "$pids" | tr '\n' ' ')"
    fi
    # Fields 14 to 17, of which the last two are those of children that have ended; names have no blanks here.
    for pid in $pids; do
        cat "/proc/$pid/stat" 2>/dev/null || true
    done | awk -v tick="$(getconf CLK_TCK)" '{ ticks += $14 + $15 + $16 + $17 } END { printf "%d\n", ticks * 1000000 / tick }'
}

# pairs_settle - waits until what the load made due is judged and told.
pairs_settle() {
    local second
    for ((second = 0; second < 60; second++)); do
        [[ $(eval "$("$ROOT/compose/local" env)" && psql -XAtq "$METAOPS_DSN" \
            -c 'select (select count(*) from graph.drift_subjects where due_in is not null)
                     + (select count(*) from graph.alert_outbox)') != 0 ]] || return 0
        sleep 1
    done
    die "the store is still judged a minute behind its load"
}

# pairs_load SEED - lands --events; microseconds of CPU per POST, until all is judged: of all, of worker and alerter, and of
# PostgreSQL.
pairs_load() {
    local roles postgres
    roles=$(pairs_us roles) postgres=$(pairs_us postgres)
    load 1 postgres --events "$EVENTS" --seed "$1" >"$BUILD/load.log" ||
        { cat "$BUILD/load.log" >&2 && die "the load is not complete"; }
    pairs_settle
    awk -v roles=$(($(pairs_us roles) - roles)) -v postgres=$(($(pairs_us postgres) - postgres)) -v n="$EVENTS" \
        'BEGIN { printf "%.2f %.2f %.2f\n", (roles + postgres) / n, roles / n, postgres / n }'
}

# pairs_measure PROGRAM - a line for an empty store and one for the same store when it knows all jobs.
pairs_measure() {
    METAOPS_PROGRAM=$1 stack_empty 1 postgres
    pairs_load "$SEED"
    pairs_load $((SEED + 1000))
}

# pairs_row PAIR STORE WITH WITHOUT
pairs_row() {
    awk -v pair="$1" -v store="$2" -v on="$3" -v off="$4" 'BEGIN {
        split(on, a); split(off, b)
        printf "  %4d  %-6s %6.1f (%.1f + %.1f)   %6.1f (%.1f + %.1f)   %+5.1f us, %+5.1f %%\n",
            pair, store, a[1], a[2], a[3], b[1], b[2], b[3], a[1] - b[1], 100 * (a[1] / b[1] - 1)
    }'
    awk -v store="$2" -v on="$3" -v off="$4" \
        'BEGIN { split(on, a); split(off, b); print store, a[1] - b[1], 100 * (a[1] / b[1] - 1) }' >>"$BUILD/pairs.table"
}

# pairs_median STORE COLUMN - median, least and largest.
pairs_median() {
    awk -v store="$1" -v column="$2" '$1 == store { print $column }' "$BUILD/pairs.table" | sort -g |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2, v[1], v[NR] }'
}

# measure_pairs PAIRS OPTION WHAT UNIT GOAL - UNIT is us or %.
measure_pairs() {
    local pairs=$1 option=$2 what=$3 unit=$4 goal=$5 pair kind order store missed=0
    local -A lines=()
    pairs_programs "$option"
    : >"$BUILD/pairs.table"
    printf '  pair  store  CPU of worker and alerter + PostgreSQL, us/POST: with %s, without\n' "$what"
    for ((pair = 1; pair <= pairs; pair++)); do
        order=(with "without.$option")
        ((pair % 2)) || order=("without.$option" with)
        for kind in "${order[@]}"; do
            lines[$kind]=$(pairs_measure "$BUILD/$kind/metaops")
        done
        pairs_row "$pair" empty "${lines[with]%%$'\n'*}" "${lines[without.$option]%%$'\n'*}"
        pairs_row "$pair" known "${lines[with]##*$'\n'}" "${lines[without.$option]##*$'\n'}"
    done
    for store in empty known; do
        pairs_median "$store" $([[ $unit == us ]] && echo 2 || echo 3) | awk -v what="$what" -v store="$store" \
            -v unit="$unit" -v goal="$goal" '{
            printf "\n  %s, %s store: %.1f %s (median; %.1f to %.1f)   at most %d %s  %s\n",
                what, store, $1, unit, $2, $3, goal, unit, $1 <= goal ? "reached" : "MISSED"
            exit $1 > goal
        }' || missed=1
    done
    return "$missed"
}

# shellcheck shell=bash
# audit.sh - what the audit chains cost: `./tests/run bench --audit`. The same events land on an empty store with them and
# without, in pairs whose order alternates, so that what else the machine does meets both. Held to the goal is the median
# of the pairs; what is measured is CPU time of the two who write them, worker and PostgreSQL, not seconds. Sourced by run.

# audit_programs - one as it is released, one without the chains.
audit_programs() {
    cmake -S "$ROOT" -B "$BUILD/audit" -G Ninja -DMETAOPS_TESTS=OFF >"$BUILD/log" &&
        ninja -C "$BUILD/audit" metaops >"$BUILD/log" &&
        cmake -S "$ROOT" -B "$BUILD/without" -G Ninja -DMETAOPS_TESTS=OFF -DMETAOPS_WITHOUT_AUDIT=ON >"$BUILD/log" &&
        ninja -C "$BUILD/without" metaops >"$BUILD/log" || { cat "$BUILD/log" && die "it does not build"; }
}

# audit_measure audit|without - microseconds of CPU of worker and PostgreSQL per POST, and of each.
audit_measure() {
    local json=$BUILD/audit.json
    METAOPS_PROGRAM=$BUILD/$1/metaops stack_empty 1 postgres
    load 1 postgres --events "$EVENTS" --seed "$SEED" --json "$json" >"$BUILD/load.log" ||
        { cat "$BUILD/load.log" >&2 && die "the load is not complete"; }
    awk -v worker="$(figure worker_cpu_us "$json")" -v postgres="$(figure postgres_cpu_us "$json")" \
        'BEGIN { printf "%.2f %.2f %.2f\n", worker + postgres, worker, postgres }'
}

# measure_audit PAIRS
measure_audit() {
    local pairs=$1 pair kind order table=$BUILD/audit.table
    local -A us=()
    audit_programs
    : >"$table"
    printf '  pair   CPU of worker + PostgreSQL, us/event: with the chains, without\n'
    for ((pair = 1; pair <= pairs; pair++)); do
        order=(audit without)
        ((pair % 2)) || order=(without audit)
        for kind in "${order[@]}"; do
            us[$kind]=$(audit_measure "$kind")
        done
        awk -v pair="$pair" -v on="${us[audit]}" -v off="${us[without]}" 'BEGIN {
            split(on, a); split(off, b)
            printf "  %4d   %6.1f (%.1f + %.1f)   %6.1f (%.1f + %.1f)   %+5.1f %%\n",
                pair, a[1], a[2], a[3], b[1], b[2], b[3], 100 * (a[1] / b[1] - 1)
        }'
        awk -v on="${us[audit]}" -v off="${us[without]}" \
            'BEGIN { split(on, a); split(off, b); print 100 * (a[1] / b[1] - 1) }' >>"$table"
    done
    sort -g "$table" | awk '{ more[NR] = $1 } END {
        median = NR % 2 ? more[(NR + 1) / 2] : (more[NR / 2] + more[NR / 2 + 1]) / 2
        printf "\n  the audit chains cost %.1f %% (median; %.1f to %.1f)   at most 5 %%  %s\n",
            median, more[1], more[NR], median <= 5 ? "reached" : "MISSED"
        exit median > 5
    }'
}

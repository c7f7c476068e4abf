# shellcheck shell=bash
# payloads.sh - what payloads of predictions cost: `./tests/run bench --payloads`. The time of the door at a rate while
# PostgreSQL is stopped, then the worker's CPU for each payload with all of them running. Printed, with the goals
# beside; no speed fails a run. Sourced by run.

PAYLOAD_RATE=1000

payload_load() {
    python3 "$ROOT/tests/bench/payload_load.py" "http://127.0.0.1:$PORT_BASE" "$1" "$2" 64
}

payloads_stored() {
    psql -XAtqc 'select count(*) from graph.event_ids where is_payload' "$METAOPS_DSN"
}

# payloads_wait COUNT - until so many are stored.
payloads_wait() {
    local tries
    for ((tries = 0; tries < 1200; tries++)); do
        if [[ $(payloads_stored) == "$1" ]]; then
            return
        fi
        sleep 0.1
    done
    die "$(payloads_stored) of $1 payloads are stored"
}

# worker_cpu_us - of the stack's worker since it began.
worker_cpu_us() {
    local pid
    read -r pid _ <"$METAOPS_LOCAL_DIR/run/worker.pid"
    awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000000 / ticks }' "/proc/$pid/stat"
}

measure_payloads() {
    local count p50 p99 most stored before after
    stack_empty 1 postgres
    eval "$("$ROOT/compose/local" env)"
    payload_load "$PAYLOAD_RATE" 3 >/dev/null || die "the door does not take payloads"
    payloads_wait $((3 * PAYLOAD_RATE))
    read -r count p50 p99 most < <(payload_load "$PAYLOAD_RATE" "$SECONDS_OF_RATE")
    printf '  door, all running               p50 %s ms, p99 %s ms, at most %s ms (%s payloads, %s/s)\n' \
        "$p50" "$p99" "$most" "$count" "$PAYLOAD_RATE"
    stored=$((3 * PAYLOAD_RATE + count))
    payloads_wait "$stored"
    kill -INT "$(head -n 1 "$METAOPS_LOCAL_DIR"/postgres/postmaster.pid)"
    read -r count p50 p99 most < <(payload_load "$PAYLOAD_RATE" "$SECONDS_OF_RATE")
    awk -v p50="$p50" -v p99="$p99" -v most="$most" -v count="$count" 'BEGIN {
        printf "  door, PostgreSQL stopped        p50 %s ms, p99 %s ms, at most %s ms (%s payloads)   p99 under 20 ms  %s\n",
            p50, p99, most, count, p99 < 20 ? "reached" : "MISSED" }'
    "$ROOT/compose/local" up >"$BUILD/stack.log" 2>&1 || { cat "$BUILD/stack.log" && die "the stack does not come back"; }
    stored=$((stored + count))
    payloads_wait "$stored"
    before=$(worker_cpu_us)
    read -r count p50 p99 most < <(payload_load $((3 * PAYLOAD_RATE)) "$SECONDS_OF_RATE")
    payloads_wait $((stored + count))
    after=$(worker_cpu_us)
    awk -v us="$((after - before))" -v count="$count" 'BEGIN {
        printf "  CPU worker                      %.1f us/payload (%s payloads)   at most 40  %s\n",
            us / count, count, us / count <= 40 ? "reached" : "MISSED" }'
}

# shellcheck shell=bash
# payloads.sh - what payloads of predictions cost: `./tests/run bench --payloads`. The time of the door, and of those of
# Kubernetes and MLflow, at a rate while PostgreSQL is stopped, then the worker's CPU for each payload with all of them
# running. Printed, with the goals beside; no speed fails a run. Sourced by run.

PAYLOAD_RATE=1000

post_load() {
    python3 "$ROOT/tests/bench/post_load.py" "http://127.0.0.1:$PORT_BASE" "$1" "$2" "$SECONDS_OF_RATE" 64
}

# door_alone DOOR - its time while PostgreSQL is stopped; sets count.
door_alone() {
    local p50 p99 most
    read -r count p50 p99 most < <(post_load "$1" "$PAYLOAD_RATE")
    awk -v door="$1" -v p50="$p50" -v p99="$p99" -v most="$most" -v count="$count" 'BEGIN {
        printf "  PostgreSQL stopped, %-11s p50 %s ms, p99 %s ms, at most %s ms (%s events)   p99 under 20 ms  %s\n",
            door, p50, p99, most, count, p99 < 20 ? "reached" : "MISSED" }'
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
    local count p50 p99 most stored before after door
    stack_empty 1 postgres
    eval "$("$ROOT/compose/local" env)"
    SECONDS_OF_RATE=3 post_load cloudevents "$PAYLOAD_RATE" >/dev/null || die "the door does not take payloads"
    payloads_wait $((3 * PAYLOAD_RATE))
    read -r count p50 p99 most < <(post_load cloudevents "$PAYLOAD_RATE")
    printf '  door, all running               p50 %s ms, p99 %s ms, at most %s ms (%s payloads, %s/s)\n' \
        "$p50" "$p99" "$most" "$count" "$PAYLOAD_RATE"
    stored=$((3 * PAYLOAD_RATE + count))
    payloads_wait "$stored"
    kill -INT "$(head -n 1 "$METAOPS_LOCAL_DIR"/postgres/postmaster.pid)"
    for door in cloudevents audit mlflow; do
        door_alone "$door"
        stored=$((stored + count))
    done
    "$ROOT/compose/local" up >"$BUILD/stack.log" 2>&1 || { cat "$BUILD/stack.log" && die "the stack does not come back"; }
    payloads_wait "$stored"
    before=$(worker_cpu_us)
    read -r count p50 p99 most < <(post_load cloudevents $((3 * PAYLOAD_RATE)))
    payloads_wait $((stored + count))
    after=$(worker_cpu_us)
    awk -v us="$((after - before))" -v count="$count" 'BEGIN {
        printf "  CPU worker                      %.1f us/payload (%s payloads)   at most 40  %s\n",
            us / count, count, us / count <= 40 ? "reached" : "MISSED" }'
}

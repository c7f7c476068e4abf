# shellcheck shell=bash
# door.sh - what TLS and keys cost the gateway: `./tests/run bench --door`. Three gateways in turn on
# one stack with the null sink, the same events over kept connections; of some rounds the best of each,
# because whatever else the machine does only adds. Sourced by run.

DOOR_ROUNDS=5

door_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench \
        -keyout "$1/door.key" -out "$1/door.pem" 2>/dev/null
}

# door_keys FOLDER - 100 keys of 10 namespaces each; that of the load is one in the middle.
door_keys() {
    local i j flags
    for ((i = 1; i <= 100; i++)); do
        flags=()
        for ((j = 1; j <= 10; j++)); do
            flags+=(--namespace "team-$i-$j")
        done
        ((i != 50)) || flags+=(--namespace "*-prod")
        "$ROOT/build/metaops" keys add "team-$i" "${flags[@]}" >"$1/key-$i" 2>/dev/null ||
            die "metaops keys add does not work"
    done
}

# door_gateway KIND FOLDER - starts one beside the stack's own; sets DOOR_PID.
door_gateway() {
    local settings=(--ingest.listen "127.0.0.1:$((PORT_BASE + 8))" --log.level error
        --ingest.admin-listen "127.0.0.1:$((PORT_BASE + 9))")
    [[ $1 == plain ]] ||
        settings+=(--ingest.tls-certificate-file "$2/door.pem" --ingest.tls-key-file "$2/door.key")
    [[ $1 != keys ]] || settings+=(--ingest.auth required)
    "$ROOT/build/metaops" gateway "${settings[@]}" &
    DOOR_PID=$!
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if curl -fsS -o /dev/null "http://127.0.0.1:$((PORT_BASE + 9))/readyz" 2>/dev/null; then
            return
        fi
        sleep 0.1
    done
    die "the gateway with $1 does not get ready"
}

# door_measure KIND FOLDER - microseconds of its CPU per POST.
door_measure() {
    local scheme=https bearer=()
    [[ $1 != plain ]] || scheme=http
    [[ $1 != keys ]] || bearer=(--bearer-file "$2/key-50")
    door_gateway "$1" "$2"
    "$LOAD" --url "$scheme://127.0.0.1:$((PORT_BASE + 8))" --dsn "$METAOPS_DSN" --sink null \
        --gateway-ports $((PORT_BASE + 8)) --worker-ports "$(worker_ports 1)" \
        --postgres-ports $((PORT_BASE + 3)) --kafka-ports $((PORT_BASE + 4)) \
        --connections "$CONNECTIONS" --events "$EVENTS" --seed "$SEED" "${bearer[@]}" \
        --json "$2/door.json" >"$2/load.log" || { cat "$2/load.log" >&2 && die "the load is not complete"; }
    kill "$DOOR_PID"
    wait "$DOOR_PID" || die "the gateway with $1 did not end in order"
    figure gateway_cpu_us "$2/door.json"
}

measure_door() {
    local folder kind round us
    local -A best=()
    folder=$(mktemp -d)
    stack_empty 1 null
    set -a
    eval "$("$ROOT/compose/local" env)"
    set +a
    export METAOPS_KAFKA_BROKERS=$METAOPS_KAFKA
    door_certificate "$folder"
    door_keys "$folder"
    for ((round = 1; round <= DOOR_ROUNDS; round++)); do
        for kind in plain tls keys; do
            us=$(door_measure "$kind" "$folder")
            printf '  round %d, %-6s %8.1f us/event\n' "$round" "$kind" "$us"
            best[$kind]=$(awk -v a="${best[$kind]:-1e9}" -v b="$us" 'BEGIN { print (a < b ? a : b) }')
        done
    done
    rm -r "$folder"
    awk -v plain="${best[plain]}" -v tls="${best[tls]}" -v keys="${best[keys]}" 'BEGIN {
        printf "\n  CPU gateway, plain           %8.1f us/event\n", plain
        printf "  CPU gateway, TLS             %8.1f us/event  %5.1f %% more\n", tls, 100 * (tls / plain - 1)
        printf "  CPU gateway, TLS and keys    %8.1f us/event  %5.1f %% more   at most 25 %%  %s\n",
               keys, 100 * (keys / plain - 1), keys <= 1.25 * plain ? "reached" : "MISSED"
        exit keys > 1.25 * plain
    }'
}

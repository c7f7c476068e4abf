# shellcheck shell=bash disable=SC2034
# roles.sh - the program itself: built when its sources are newer, its schema and topics made, its
# roles started.

# Builds of several stacks share one folder: one at a time.
build_run() {
    local build=$ROOT/build
    mkdir -p "$build"
    exec 7>"$build/.lock"
    flock 7
    # Made for another place (a copied checkout): of no use here.
    if [[ -f $build/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$ROOT" "$build/CMakeCache.txt"; then
        rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles"
    fi
    if [[ ! -f $build/build.ninja ]]; then
        cmake -S "$ROOT" -B "$build" -G Ninja -DMETAOPS_TESTS=OFF
    fi
    ninja -C "$build" metaops
}

# Sets BUILT when there was something to do.
build_ensure() {
    local before
    BUILT=
    if [[ -n ${METAOPS_PROGRAM:-} ]]; then
        [[ -x $PROGRAM ]] || die "METAOPS_PROGRAM is $PROGRAM, which is not there"
        return
    fi
    before=$(stat -c %Y.%i "$PROGRAM" 2>/dev/null || true)
    step "build" build_run
    [[ $(stat -c %Y.%i "$PROGRAM") == "$before" ]] || BUILT=yes
}

# role_environment [DSN] - the settings of this stack; whatever else the caller has in METAOPS_* passes through. The
# one with a password goes by the environment only: command lines can be read by everybody.
role_environment() {
    ROLE=(env -u METAOPS_PROGRAM -u METAOPS_CACHE_DIR -u METAOPS_POSTGRES_CONNINFO_FILE
        "METAOPS_INGEST_LISTEN=127.0.0.1:$PORT_GATEWAY"
        "METAOPS_INGEST_ADMIN_LISTEN=127.0.0.1:$PORT_GATEWAY_ADMIN"
        "METAOPS_WORKER_ADMIN_LISTEN=127.0.0.1:$(worker_port 1)"
        "METAOPS_ALERTS_ADMIN_LISTEN=127.0.0.1:$PORT_ALERTER_ADMIN"
        "METAOPS_POLL_ADMIN_LISTEN=127.0.0.1:$PORT_POLL_ADMIN"
        "METAOPS_KAFKA_BROKERS=$(kafka_addresses)"
        "METAOPS_KAFKA_REPLICATION_FACTOR=${METAOPS_KAFKA_REPLICATION_FACTOR:-$BROKERS}"
        "METAOPS_KAFKA_MIN_INSYNC_REPLICAS=${METAOPS_KAFKA_MIN_INSYNC_REPLICAS:-$(kafka_in_sync)}"
        "METAOPS_WORKER_SINK=$SINK")
    METAOPS_POSTGRES_CONNINFO=${1:-}
    export METAOPS_POSTGRES_CONNINFO
}

# role_run COMMAND... - the program with these settings, as the owner of the database.
role_run() {
    role_environment "$(dsn_owner)"
    "${ROLE[@]}" "$PROGRAM" "$@"
}

migrate_run() {
    role_run migrate
    role_run migrate --kafka
    role_run maintain
}

# What poll can read: it ends with the names of these settings when it is given none.
POLL_SOURCES=(METAOPS_POLL_SELDON_V2_PREFIX METAOPS_POLL_SELDON_V1_TOPIC METAOPS_POLL_MLSERVER_INPUT_TOPIC
    METAOPS_POLL_MLSERVER_OUTPUT_TOPIC METAOPS_POLL_MLSERVER_SERVERS METAOPS_POLL_KUBERNETES_CLUSTER)

poll_is_wanted() {
    local name
    for name in "${POLL_SOURCES[@]}"; do
        [[ -z ${!name:-} ]] || return 0
    done
    return 1
}

# gateway, worker, alerter, worker-2 ... in the order of their start; poll where it is wanted or was started.
role_names() {
    local i
    printf 'gateway\nworker\nalerter\n'
    if poll_is_wanted || [[ -f $STATE/run/poll.pid ]]; then
        printf 'poll\n'
    fi
    for ((i = 2; i <= WORKERS; i++)); do
        printf 'worker-%d\n' "$i"
    done
}

# role_port NAME - its admin port.
role_port() {
    case $1 in
    gateway) printf '%d' "$PORT_GATEWAY_ADMIN" ;;
    alerter) printf '%d' "$PORT_ALERTER_ADMIN" ;;
    poll) printf '%d' "$PORT_POLL_ADMIN" ;;
    worker) worker_port 1 ;;
    worker-*) worker_port "${1#worker-}" ;;
    esac
}

role_start() {
    local name=$1
    # Gateway and poll need no database, the others no more of it than their role may do.
    role_environment
    if [[ $name != gateway && $name != poll ]]; then
        role_environment "$(dsn_writer)"
    fi
    if [[ $name == worker* ]]; then
        ROLE+=("METAOPS_WORKER_ADMIN_LISTEN=127.0.0.1:$(role_port "$name")"
            "METAOPS_WORKER_INSTANCE_ID=local-$name")
    fi
    process_forget "$name"
    process_start "$name" "${ROLE[@]}" "$PROGRAM" "${name%%-*}"
}

# role_variables NAME - those that are set now and say whom the role tells or what it reads.
role_variables() {
    case $1 in
    alerter) [[ -z ${METAOPS_ALERTS_WEBHOOK_URL:-} ]] || printf 'METAOPS_ALERTS_WEBHOOK_URL\n' ;;
    poll) compgen -e METAOPS_POLL_ | grep -vx METAOPS_POLL_ADMIN_LISTEN ;;
    esac
}

# A role whose program was built anew since it started runs what is no longer there; and one that is given other such
# variables now tells the wrong receiver, or reads the wrong place.
role_is_outdated() {
    local pid name
    pid=$(process_pid "$1") || return 1
    for name in $(role_variables "$1"); do
        grep -qxzF "$name=${!name}" "/proc/$pid/environ" || return 0
    done
    [[ $(readlink "/proc/$pid/exe") == *' (deleted)' ]]
}

role_answers_ready() {
    curl -fsS --noproxy '*' --max-time 2 -o /dev/null "http://127.0.0.1:$(role_port "$1")/readyz" 2>/dev/null
}

role_is_ready() {
    process_runs "$1" || die "$1: ended at once; its last words:
$(tail -n 15 "$STATE/log/$1.log")"
    role_answers_ready "$1"
}

role_why_not_ready() {
    curl -sS --noproxy '*' --max-time 2 "http://127.0.0.1:$(role_port "$1")/readyz" 2>&1 | head -c 300
}

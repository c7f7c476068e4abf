# shellcheck shell=bash disable=SC2034  # variables of debian_root.sh
# installed.sh - tries an installed program in its folder (debian_root.sh): schema, topics, gateway and worker, events
# by HTTP until they are rows, an orderly end. On the stack's Kafka and PostgreSQL, with a database, topics and ports
# of its own. Sourced; the caller has ROOT_FOLDER and the folder WORK.

INSTALLED_NAME=installed_$$

failures=0
# check WHAT COMMAND... - says ok, or NOT ok and what the command said, and goes on.
check() {
    local what=$1
    shift
    if "$@" >"$WORK/said" 2>&1; then
        echo "ok: $what"
    else
        echo "NOT ok: $what"
        tail -n 12 "$WORK/said" | sed 's/^/    /'
        failures=$((failures + 1))
    fi
}

# Sets the ports of the three doors.
installed_ports() {
    read -r GATEWAY_PORT GATEWAY_ADMIN WORKER_ADMIN < <(python3 tests/support/ports.py 3)
}

# Sets DEBS, made anew.
installed_packages() {
    local build=$PWD/build-package
    [[ -f $build/build.ninja ]] || cmake -S . -B "$build" -G Ninja -DMETAOPS_PACKAGE=ON -DMETAOPS_TESTS=OFF \
        -DCMAKE_INSTALL_PREFIX=/usr >"$WORK/cmake.log" || { tail "$WORK/cmake.log"; return 1; }
    rm -f "$build"/*.deb
    ninja -C "$build" package >"$WORK/ninja.log" 2>&1 || { tail -n 20 "$WORK/ninja.log"; return 1; }
    DEBS=("$build"/*.deb)
}

installed_dsn() {
    printf '%s/%s' "${METAOPS_DSN%/*}" "$INSTALLED_NAME"
}

# installed_database - needs METAOPS_DSN, the owner's, of the stack.
installed_database() {
    psql -XqAt "$METAOPS_DSN" -c "create database $INSTALLED_NAME" &&
        psql -XqAt "$(installed_dsn)" -c 'revoke all on schema public from public'
}

installed_remove() {
    psql -XqAt "$METAOPS_DSN" -c "drop database if exists $INSTALLED_NAME with (force)" >/dev/null 2>&1 || true
}

# Lines "key = value" of the settings that the trial needs; ports are chosen here.
installed_settings() {
    installed_ports
    local topic
    printf 'kafka.brokers = %s\n' "$METAOPS_KAFKA"
    for topic in $(sed -n 's/^ *{FIELD(kafka\.topic_\([a-z_]*\)).*/\1/p' core/settings_table.c); do
        printf 'kafka.topic_%s = %s.%s\n' "$topic" "$INSTALLED_NAME" "$topic"
    done
    printf 'kafka.partitions = 2\nworker.group = %s\n' "$INSTALLED_NAME"
    printf 'ingest.listen = 127.0.0.1:%s\ningest.admin_listen = 127.0.0.1:%s\nworker.admin_listen = 127.0.0.1:%s\n' \
        "$GATEWAY_PORT" "$GATEWAY_ADMIN" "$WORKER_ADMIN"
}

# A service manager's ear: writes what roles tell it into $WORK/notified.
installed_listen() {
    python3 -u - "$INSTALLED_NAME" >"$WORK/notified" <<'PROGRAM' &
import socket, sys
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind("\0" + sys.argv[1])
print("listening")
while True:
    print(ear.recv(4096).decode().replace("\n", " "))
PROGRAM
    LISTENER=$!
    wait_for 20 grep -q listening "$WORK/notified"
}

wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

notified_ready() {
    (($(grep -c 'READY=1' "$WORK/notified") >= $1))
}

answers() {
    [[ $(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "$1") == 200 ]]
}

rows_are() {
    [[ $(psql -XqAt "$(installed_dsn)" -c 'select count(*) from metaops.events') == "$1" ]]
}

# ends PID NAME - SIGTERM, then exit code 0 within 25 s.
ends() {
    local code=0
    kill -TERM "$1" 2>/dev/null || return 1
    timeout 25 tail --pid="$1" -f /dev/null || kill -KILL "$1"
    wait "$1" || code=$?
    echo "$2 ended with $code"
    ((code == 0))
}

# installed_roles - GATEWAY_RUN and WORKER_RUN are arrays: the commands of the roles inside ROOT_FOLDER, GATEWAY_PASS
# and WORKER_PASS their environments; installed_probe, if the caller has it, is called while they run.
installed_roles() {
    local events
    PASS=("${GATEWAY_PASS[@]}" "NOTIFY_SOCKET=@$INSTALLED_NAME")
    (debian_root_exec "$ROOT_FOLDER" "${GATEWAY_RUN[@]}") >"$WORK/gateway.log" 2>&1 &
    GATEWAY_PID=$!
    PASS=("${WORKER_PASS[@]}" "NOTIFY_SOCKET=@$INSTALLED_NAME")
    (debian_root_exec "$ROOT_FOLDER" "${WORKER_RUN[@]}") >"$WORK/worker.log" 2>&1 &
    WORKER_PID=$!
    check 'both roles tell the service manager that they are ready' wait_for 40 notified_ready 2
    check 'the gateway is ready' wait_for 30 answers "http://127.0.0.1:$GATEWAY_ADMIN/readyz"
    check 'the worker is ready' wait_for 40 answers "http://127.0.0.1:$WORKER_ADMIN/readyz"
    check 'neither runs as root' runs_as_user "$GATEWAY_PID" "$WORKER_PID"
    if declare -F installed_probe >/dev/null; then
        installed_probe
    fi
    events=$(sort -u tests/data/dbt.jsonl tests/data/spark.jsonl | wc -l)
    PASS=()
    check "the program sends $events events" debian_root_run "$ROOT_FOLDER" "$INSTALLED_PROGRAM" emit --quiet \
        --to "http://127.0.0.1:$GATEWAY_PORT" - < <(sort -u tests/data/dbt.jsonl tests/data/spark.jsonl)
    check "all $events events are rows" wait_for 60 rows_are "$events"
    check 'the gateway ends in order' ends "$GATEWAY_PID" gateway
    check 'the worker ends in order' ends "$WORKER_PID" worker
    check 'both told that they stop' stops_notified
    kill "$LISTENER"
    if ((failures > 0)); then
        tail -n 15 "$WORK/gateway.log" "$WORK/worker.log" "$WORK/notified"
    fi
}

stops_notified() {
    (($(grep -c 'STOPPING=1' "$WORK/notified") >= 2))
}

runs_as_user() {
    local pid
    for pid in "$@"; do
        [[ $(stat -c %u "/proc/$pid") != 0 && $(tr '\0' ' ' <"/proc/$pid/cmdline") == *metaops* ]] || return 1
    done
}

# shellcheck shell=bash disable=SC2034
# common.sh - what every script of this folder shares: where things are, how to speak, ports,
# what the stack remembers about itself. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
STATE=${METAOPS_LOCAL_DIR:-$ROOT/.local}
[[ $STATE == /* ]] || STATE=$PWD/$STATE
CACHE=${METAOPS_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/metaops}
PROGRAM=${METAOPS_PROGRAM:-$ROOT/build/metaops}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

say() {
    printf '%s\n' "$*"
}

# Microseconds since the epoch, in whatever locale the decimal point is a comma.
now_us() {
    printf '%s' "${EPOCHREALTIME//[!0-9]/}"
}

# seconds_since START_US -> "12.3"
seconds_since() {
    local tenths=$((($(now_us) - $1) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step TEXT COMMAND... - runs the command with its output in the log of steps, shows that it goes on
# and how long it took; on failure shows the end of the output and exits. The command runs in a
# subshell, which holds no lock of ours.
step() {
    local text=$1 log=$STATE/log/steps.log start pid
    shift
    start=$(now_us)
    mkdir -p "$STATE/log"
    : >"$log"
    (
        exec 9>&-
        set -e
        "$@"
    ) >>"$log" 2>&1 </dev/null &
    pid=$!
    step_watch "$text" "$pid" "$log" "$start"
    if ! wait "$pid"; then
        printf '  %-46s failed after %s s\n' "$text" "$(seconds_since "$start")"
        tail -n 25 "$log" >&2
        die "$text: failed, see above"
    fi
    printf '  %-46s %s s\n' "$text" "$(seconds_since "$start")"
}

# On a terminal: one line that changes. Elsewhere: nothing, the result comes at the end.
step_watch() {
    local text=$1 pid=$2 log=$3 start=$4 last
    [[ -t 1 ]] || return 0
    while kill -0 "$pid" 2>/dev/null; do
        last=$(tail -c 300 "$log" | tr '\r\t' '\n ' | tail -n 1 | tr -cd '[:print:]')
        printf '\r\033[K  %-46s %s s  %.28s' "$text" "$(seconds_since "$start")" "$last"
        sleep 0.3
    done
    printf '\r\033[K'
}

# What the stack was started with: port base, workers, sink. Later commands need no variables.
option_get() {
    local name=$1 default=$2 line
    if [[ -f $STATE/options ]]; then
        while IFS= read -r line; do
            if [[ $line == "$name="* ]]; then
                printf '%s' "${line#*=}"
                return
            fi
        done <"$STATE/options"
    fi
    printf '%s' "$default"
}

options_write() {
    printf '%s\n' "$@" >"$STATE/options.new"
    mv "$STATE/options.new" "$STATE/options"
}

ports_set() {
    PORT_BASE=$1
    if [[ ! $PORT_BASE =~ ^[1-9][0-9]{0,4}$ ]] || ((PORT_BASE > 65521)); then
        die "METAOPS_PORT_BASE is '$PORT_BASE', but has to be a number from 1 to 65521"
    fi
    PORT_GATEWAY=$PORT_BASE
    PORT_GATEWAY_ADMIN=$((PORT_BASE + 1))
    PORT_POSTGRES=$((PORT_BASE + 3))
    PORT_ALERTER_ADMIN=$((PORT_BASE + 9))
    PORT_POLL_ADMIN=$((PORT_BASE + 14)) # behind those of three brokers
}

# kafka_port NODE - of a node of Kafka; its controller has the next one. Those of nodes 2 and 3 follow
# behind the ten.
kafka_port() {
    printf '%d' $((PORT_BASE + ($1 == 1 ? 4 : 6 + 2 * $1)))
}

controller_port() {
    printf '%d' $(($(kafka_port "$1") + 1))
}

# Admin port of worker I (1 is base+2, the further ones, up to 4, follow behind the controller).
worker_port() {
    if (($1 == 1)); then
        printf '%d' $((PORT_BASE + 2))
    else
        printf '%d' $((PORT_BASE + 4 + $1))
    fi
}

# Does somebody listen on this port of the loopback?
port_is_open() {
    (exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

port_is_closed() {
    ! port_is_open "$1"
}

# wait_until SECONDS COMMAND... - tries ten times a second.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# Passwords: made once, readable by the owner only. One that an older stack lacks is added.
secrets_load() {
    local file=$STATE/secrets role missing=()
    for role in OWNER READER WRITER; do
        grep -qs "^${role}_PASSWORD=" "$file" || missing+=("$role")
    done
    if ((${#missing[@]} > 0)); then
        (
            umask 077
            cat "$file" 2>/dev/null >"$file.new" || true
            for role in "${missing[@]}"; do
                printf '%s_PASSWORD=%s\n' "$role" "$(random_hex)" >>"$file.new"
            done
        )
        mv "$file.new" "$file"
    fi
    # shellcheck disable=SC1090  # written above
    . "$file"
}

random_hex() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

dsn_owner() {
    printf 'postgresql://metaops_owner:%s@127.0.0.1:%d/metaops' "$OWNER_PASSWORD" "$PORT_POSTGRES"
}

dsn_writer() {
    printf 'postgresql://metaops_writer:%s@127.0.0.1:%d/metaops' "$WRITER_PASSWORD" "$PORT_POSTGRES"
}

dsn_reader() {
    printf 'postgresql://metaops_reader:%s@127.0.0.1:%d/metaops' "$READER_PASSWORD" "$PORT_POSTGRES"
}

# shellcheck shell=bash
# process.sh - the processes of the stack: start, find, stop.
#
# A process is ours when its pid file names its pid, its start time and this boot: a number that the
# system gave to somebody else later never passes. The process writes that file itself before it
# becomes the program, so none can be lost in between. A marker in its environment finds it when the
# file is gone.

# process_stat PID - sets STAT_STATE, STAT_PARENT, STAT_START; false when there is no such process.
process_stat() {
    local text fields
    { read -r text <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${text##*) }"
    STAT_STATE=${fields[0]}
    STAT_PARENT=${fields[1]}
    STAT_START=${fields[19]}
}

# process_pid NAME - prints the pid of the running process, false when it does not run.
process_pid() {
    local pid start boot
    [[ -f $STATE/run/$1.pid ]] || return 1
    read -r pid start boot <"$STATE/run/$1.pid" || return 1
    [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]] || return 1
    process_stat "$pid" || return 1
    [[ $STAT_START == "$start" && $STAT_STATE != Z ]] || return 1
    printf '%s' "$pid"
}

process_runs() {
    process_pid "$1" >/dev/null
}

# process_start NAME COMMAND... - in the background, in a session of its own, output to its log.
process_start() {
    local name=$1 log=$STATE/log/$1.log
    shift
    mkdir -p "$STATE/run" "$STATE/log"
    if [[ -f $log && $(stat -c %s "$log") -gt 10000000 ]]; then
        mv "$log" "$log.1"
    fi
    # shellcheck disable=SC2016  # expanded by the inner shell
    LOCAL_STACK_PROCESS="$name@$STATE" setsid bash -c '
        exec 9>&-
        stat=$(<"/proc/$$/stat")
        read -ra fields <<<"${stat##*) }"
        printf "%s %s %s\n" "$$" "${fields[19]}" "$(</proc/sys/kernel/random/boot_id)" >"$1.new"
        mv "$1.new" "$1"
        shift
        exec "$@"' bash "$STATE/run/$name.pid" "$@" >>"$log" 2>&1 </dev/null &
    disown
    wait_until 5 process_was_started "$name" || die "$name: did not start, see $log"
}

process_was_started() {
    [[ -f $STATE/run/$1.pid ]]
}

# process_forget NAME - before a start: the file of an earlier process must not stand for the new one.
process_forget() {
    rm -f "$STATE/run/$1.pid" "$STATE/run/$1.pid.new"
}

# process_adopt NAME - when the pid file is gone but the process lives: writes the file anew.
process_adopt() {
    local name=$1 file pid found=()
    while IFS= read -r file; do
        pid=${file#/proc/}
        found+=("${pid%/environ}")
    done < <(grep -lsxzF "LOCAL_STACK_PROCESS=$name@$STATE" /proc/[0-9]*/environ || true)
    for pid in "${found[@]}"; do
        process_stat "$pid" || continue
        # Its children inherit the marker.
        [[ " ${found[*]} " != *" $STAT_PARENT "* && $STAT_STATE != Z && $pid != "$$" ]] || continue
        mkdir -p "$STATE/run"
        printf '%s %s %s\n' "$pid" "$STAT_START" "$(</proc/sys/kernel/random/boot_id)" \
            >"$STATE/run/$name.pid"
        return 0
    done
    return 1
}

process_is_gone() {
    ! process_runs "$1"
}

# process_stop NAME SECONDS SIGNAL... - one signal after the other, each with its time, at last KILL.
process_stop() {
    local name=$1 seconds=$2 signal pid
    shift 2
    process_runs "$name" || process_adopt "$name" || return 0
    for signal in "$@" KILL; do
        pid=$(process_pid "$name") || break
        kill -s "$signal" "$pid" 2>/dev/null || true
        if wait_until "$seconds" process_is_gone "$name"; then
            break
        fi
    done
    process_forget "$name"
}

# process_port_check NAME PORT - the port of a process that does not run has to be free. One of ours
# that nobody has on file (its folder was deleted under it) is stopped.
process_port_check() {
    local name=$1 port=$2
    if process_runs "$name" || port_is_closed "$port"; then
        return
    fi
    # One that was killed a moment ago may still be giving its memory and ports back.
    if [[ -f $STATE/run/$name.pid ]] && wait_until 10 port_is_closed "$port"; then
        return
    fi
    if process_adopt "$name"; then
        say "  stop a $name whose state was deleted"
        process_end "$name"
        return
    fi
    die "port $port, wanted by $name, is taken by another program;" \
        "choose ten free ports with METAOPS_PORT_BASE, for example:" \
        "METAOPS_PORT_BASE=$((PORT_BASE < 55000 ? PORT_BASE + 1000 : PORT_BASE - 1000)) $0 ${COMMAND_LINE:-}"
}

# Each kind of process with the signals it understands.
process_end() {
    case $1 in
    kafka*) process_stop "$1" 30 TERM ;;
    postgres) process_stop postgres 30 INT QUIT ;;
    *) process_stop "$1" 25 TERM ;;
    esac
}

# process_serves NAME PORT - whether the port is open by now; no need to wait when it ended.
process_serves() {
    local name=$1 port=$2
    process_runs "$name" || die "$name: ended at once; its last words:
$(tail -n 15 "$STATE/log/$name.log")"
    port_is_open "$port"
}

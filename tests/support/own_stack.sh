# shellcheck shell=bash
# own_stack.sh - for tests that do things to a stack which others must not feel: a second one, beside
# the one that is shared, removed at the end. Sourced.

# own_stack_is_free BASE - nobody listens on the ports that a stack of three brokers and poll takes.
own_stack_is_free() {
    local offset
    for offset in {0..14}; do
        ! (exec 8<>"/dev/tcp/127.0.0.1/$(($1 + offset))") 2>/dev/null || return 1
    done
}

own_stack_open() {
    local folder=$1 base
    export METAOPS_LOCAL_DIR=$folder
    for base in $((${METAOPS_PORT_BASE:-5500} + 20)) 5520 15520 25520 6520; do
        if own_stack_is_free "$base"; then
            export METAOPS_PORT_BASE=$base
            break
        fi
    done
    trap 'compose/local destroy >/dev/null' EXIT
}

failures=0

# check WHAT COMMAND... - says ok or NOT ok and goes on.
check() {
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "NOT ok: $what"
        failures=$((failures + 1))
    fi
}

checks_end() {
    echo "$failures failed"
    exit $((failures > 0))
}

# shellcheck shell=bash
# postgres.sh - a private PostgreSQL cluster: TCP on the loopback only, passwords only.
#
# PostgreSQL refuses to run as root; then it runs as user postgres. That user has to reach the data:
# where the state folder lies below one that only root can enter, the data goes to
# /var/lib/metaops-local/<digest of the state folder's path>, and a token in both places tells
# whether the two belong together.

POSTGRES_USER=postgres

# Folder of the newest installed server's programs, empty when there is none.
postgres_bin() {
    local found
    if [[ -f ${PGDATA_DIR:-}/PG_VERSION ]]; then
        found=/usr/lib/postgresql/$(<"$PGDATA_DIR/PG_VERSION")/bin
    else
        found=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    fi
    if [[ -x $found/initdb && -x $found/postgres ]]; then
        printf '%s' "$found"
    elif [[ ! -d /usr/lib/postgresql ]] && command -v initdb >/dev/null; then
        dirname "$(command -v initdb)"
    fi
}

# postgres_as COMMAND... - as the user that may run PostgreSQL; exec keeps the process number.
postgres_as() {
    if ((EUID == 0)); then
        POSTGRES_AS=(setpriv "--reuid=$POSTGRES_USER" "--regid=$POSTGRES_USER" --init-groups env
            -u PGDATA -C / --)
    else
        POSTGRES_AS=(env -u PGDATA -C / --)
    fi
    POSTGRES_AS+=("$@")
}

postgres_run() {
    postgres_as "$@"
    "${POSTGRES_AS[@]}"
}

# Sets PGDATA_DIR and, when it is not inside the state folder, PGDATA_OUTSIDE.
postgres_where() {
    PGDATA_OUTSIDE=/var/lib/metaops-local/$(printf '%s' "$STATE" | sha256sum | cut -c1-16)
    PGDATA_DIR=$STATE/postgres
    [[ -d $STATE ]] || return 0
    if ((EUID == 0)) && id "$POSTGRES_USER" >/dev/null 2>&1 &&
        ! postgres_run test -x "$STATE" 2>/dev/null; then
        PGDATA_DIR=$PGDATA_OUTSIDE/data
    fi
}

# The data of a state folder that was deleted by hand is of no use to the new one at its place.
postgres_claim() {
    [[ $PGDATA_DIR == "$PGDATA_OUTSIDE/data" ]] || return 0
    [[ -s $STATE/token ]] || random_hex >"$STATE/token"
    if [[ -d $PGDATA_OUTSIDE ]] && ! cmp -s "$STATE/token" "$PGDATA_OUTSIDE/token"; then
        rm -rf "$PGDATA_OUTSIDE"
    fi
    mkdir -p "$PGDATA_OUTSIDE"
    cp "$STATE/token" "$PGDATA_OUTSIDE/token"
    printf '%s\n' "$STATE" >"$PGDATA_OUTSIDE/belongs-to"
    printf '%s\n' "$PGDATA_DIR" >"$STATE/postgres-is-at"
}

# A cluster with its owner, its reader and the database. Made beside its place and moved there at the end:
# whatever interrupts it, there is either a whole cluster or none.
postgres_create() {
    local new=$PGDATA_DIR.new bin
    bin=$(postgres_bin)
    rm -rf "$new"
    mkdir -p "$new"
    chmod 700 "$new"
    ((EUID != 0)) || chown "$POSTGRES_USER:" "$new"
    postgres_run "$bin/initdb" -D "$new" -U postgres --encoding=UTF8 --locale=C.UTF-8 \
        --auth=reject --no-sync --no-instructions
    printf "include 'metaops.conf'\n" >>"$new/postgresql.conf"
    printf 'host all all 127.0.0.1/32 scram-sha-256\n' >"$new/pg_hba.conf"
    : >"$new/metaops.conf"
    # Before any server listens; the superuser gets no password and so no way in.
    postgres_run "$bin/postgres" --single -D "$new" -c exit_on_error=on postgres <<SQL
create role metaops_owner login createdb password '$OWNER_PASSWORD'
create role metaops_reader login password '$READER_PASSWORD'
alter role metaops_reader set default_transaction_read_only = on
grant pg_monitor, pg_checkpoint to metaops_owner
create database metaops owner metaops_owner
revoke all on database metaops from public
grant connect on database metaops to metaops_reader
SQL
    sync -f "$new"
    mv "$new" "$PGDATA_DIR"
}

# The role of the workers, which clusters of earlier releases lack. Single-user, as nobody can log in as
# superuser; a mark in the data tells that it is done.
postgres_has_writer() {
    postgres_where
    [[ $(cat "$PGDATA_DIR/metaops.writer" 2>/dev/null) == "$(printf '%s' "$WRITER_PASSWORD" | sha256sum)" ]]
}

postgres_add_writer() {
    local bin
    bin=$(postgres_bin)
    postgres_sweep
    postgres_run "$bin/postgres" --single -D "$PGDATA_DIR" -c exit_on_error=on postgres <<SQL
do \$\$ begin if not exists (select from pg_roles where rolname = 'metaops_writer') then create role metaops_writer; end if; end \$\$
alter role metaops_writer login password '$WRITER_PASSWORD'
grant connect on database metaops to metaops_writer
SQL
    printf '%s' "$WRITER_PASSWORD" | sha256sum >"$PGDATA_DIR/metaops.writer"
}

postgres_ensure() {
    postgres_where
    postgres_claim
    [[ -n $(postgres_bin) ]] ||
        die "the data in $PGDATA_DIR was made by PostgreSQL $(cat "$PGDATA_DIR/PG_VERSION" 2>/dev/null)," \
            "which is not installed"
    if [[ ! -f $PGDATA_DIR/PG_VERSION ]]; then
        step "make a PostgreSQL cluster" postgres_create
    fi
    postgres_has_writer || step "add the role of the workers" postgres_add_writer
}

# Processes that still work in the data folder, after a server that was killed.
postgres_leftovers() {
    find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$PGDATA_DIR" -printf '%h\n' 2>/dev/null || true
}

postgres_has_no_leftovers() {
    [[ -z $(postgres_leftovers) ]]
}

postgres_sweep() {
    local path
    if ! wait_until 15 postgres_has_no_leftovers; then
        while IFS= read -r path; do
            kill -s QUIT "${path#/proc/}" 2>/dev/null || true
        done < <(postgres_leftovers)
        wait_until 10 postgres_has_no_leftovers || die "PostgreSQL: old processes do not end"
    fi
    # Nobody works there, so the number in it, if any, is somebody else's now.
    rm -f "$PGDATA_DIR/postmaster.pid"
}

postgres_start() {
    local bin
    bin=$(postgres_bin)
    postgres_sweep
    sed "s/@PORT@/$PORT_POSTGRES/" "$ROOT/compose/postgres/metaops.conf" >"$PGDATA_DIR/metaops.conf"
    chmod 644 "$PGDATA_DIR/metaops.conf"
    postgres_as "$bin/postgres" -D "$PGDATA_DIR"
    process_forget postgres
    process_start postgres "${POSTGRES_AS[@]}"
}

postgres_is_ready() {
    process_serves postgres "$PORT_POSTGRES" &&
        PGCONNECT_TIMEOUT=2 psql -XqAt -c 'select 1' "$(dsn_owner)" >/dev/null 2>&1
}

postgres_remove_data() {
    postgres_where
    rm -rf "$STATE/postgres" "$STATE/postgres.new" "$STATE/postgres-is-at"
    if [[ -d $PGDATA_OUTSIDE ]] && [[ $(cat "$PGDATA_OUTSIDE/belongs-to" 2>/dev/null) == "$STATE" ]]; then
        rm -rf "$PGDATA_OUTSIDE"
    fi
}

#!/bin/bash
# roles.sh - run once by the PostgreSQL image when its volume is empty: the two roles beside the owner, with passwords
# from the secrets of compose.yaml. `metaops migrate` grants them what they may.
set -euo pipefail

password() {
    tr -d "'\n" <"/run/secrets/$1"
}

# From stdin: arguments of a process can be read by others.
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<SQL
create role metaops_writer login password '$(password writer_password)';
create role metaops_reader login password '$(password reader_password)';
alter role metaops_reader set default_transaction_read_only = on;
revoke all on database "$POSTGRES_DB" from public;
grant connect on database "$POSTGRES_DB" to metaops_writer, metaops_reader;
SQL

#!/usr/bin/env bash
# The systemd units are right and shut tight: `systemd-analyze verify` finds nothing, the exposure that
# `systemd-analyze security` counts stays below the limit, and the options that we promise are there by
# name. Both work on files, without a systemd that runs.
set -euo pipefail
cd "$(dirname "$0")/../.."

EXPOSURE_MAX=1.5

if ! command -v systemd-analyze >/dev/null; then
    echo "not run: systemd-analyze is not installed (package systemd)"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# The units name the installed program; any program will do to see whether they could start one.
for unit in compose/systemd/*.service compose/systemd/*.timer; do
    sed 's,^ExecStart=/usr/bin/metaops,ExecStart=/bin/true,' "$unit" >"$work/$(basename "$unit")"
done
# Its exit code is 0 for unknown keys too; whatever it says counts.
said=$(systemd-analyze verify --man=no "$work"/* 2>&1) || bad=1
if [[ -n $said ]]; then
    printf '%s\n' "$said"
    bad=1
fi

promised=(NoNewPrivileges=yes ProtectSystem=strict ProtectHome=yes PrivateTmp=yes PrivateDevices=yes
    MemoryDenyWriteExecute=yes RestrictAddressFamilies= SystemCallFilter=@system-service
    CapabilityBoundingSet= MemoryMax= TasksMax= StateDirectory=metaops User=metaops LimitCORE=0
    EnvironmentFile=-/etc/metaops/)
for unit in compose/systemd/*.service; do
    for option in "${promised[@]}"; do
        if ! grep -q "^$option" "$unit"; then
            echo "$unit: no $option"
            bad=1
        fi
    done
    exposure=$(systemd-analyze security --offline=yes --no-pager "$PWD/$unit" 2>&1 |
        sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
    if ! awk -v is="${exposure:-10}" -v max="$EXPOSURE_MAX" 'BEGIN { exit !(is <= max) }'; then
        echo "$unit: exposure ${exposure:-unknown}, more than $EXPOSURE_MAX"
        bad=1
    fi
done
mapfile -t commands < <(sed -n 's/^ExecStart=\/usr\/bin\/metaops \([a-z-]*\).*/\1/p' compose/systemd/*.service)
for command in "${commands[@]}"; do
    if ! grep -q "{\.name = \"$command\"," core/main.c; then
        echo "compose/systemd: there is no command $command in core/main.c"
        bad=1
    fi
done
for unit in compose/systemd/metaops-{gateway,alerter,poll}.service compose/systemd/metaops-worker@.service; do
    for option in Type=notify 'ExecReload=/bin/kill -HUP $MAINPID' Restart=on-failure; do
        if ! grep -qxF -- "$option" "$unit"; then
            echo "$unit: no $option"
            bad=1
        fi
    done
done
exit "$bad"

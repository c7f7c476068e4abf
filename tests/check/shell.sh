#!/usr/bin/env bash
# The linter shellcheck agrees with every shell script.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v shellcheck > /dev/null; then
    echo "not run: shellcheck is not installed"
    exit 77
fi
mapfile -t scripts < <(find compose tests .ci -type f -not -path '*/data/*' -print0 2> /dev/null |
    xargs -0 grep -lE -m 1 '^#!.*(bash|/sh)' 2> /dev/null | sort)
shellcheck --external-sources --severity=warning "${scripts[@]}"

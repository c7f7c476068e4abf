# shellcheck shell=bash
# packages.sh - installs what is missing, by Debian's package manager. Names are fixed, versions
# are whatever the release has.

PACKAGES_BUILD=(cmake ninja-build gcc g++ pkg-config libc6-dev librdkafka-dev libavro-dev libpq-dev
    libevent-dev libcurl4-openssl-dev libzstd-dev zlib1g-dev liblz4-dev libssl-dev libxxhash-dev libsimdjson-dev)
PACKAGES_RUN=(curl util-linux)

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -n "$@" || sudo "$@"
    fi
}

# packages_missing NAME... - prints those that are not installed.
packages_missing() {
    local installed name
    command -v dpkg-query >/dev/null || return 0
    installed=" $(dpkg-query -W -f='${db:Status-Abbrev}${Package} ' "$@" 2>/dev/null || true) "
    for name in "$@"; do
        [[ $installed == *" ii $name "* || $installed == *" hi $name "* ]] || printf '%s\n' "$name"
    done
}

packages_install() {
    command -v apt-get >/dev/null ||
        die "these packages are missing and there is no apt-get to install them: $*"
    ((EUID == 0)) || command -v sudo >/dev/null ||
        die "these packages are missing: run as root: apt-get install $*"
    local options=(-q -y --no-install-recommends -o DPkg::Lock::Timeout=300)
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@"; then
        as_root apt-get update -q
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@"
    fi
}

# packages_ensure NAME... - the check takes some 20 ms when nothing is missing.
packages_ensure() {
    local missing
    mapfile -t missing < <(packages_missing "$@")
    if ((${#missing[@]} > 0)); then
        step "install ${#missing[@]} packages" packages_install "${missing[@]}"
    fi
}

# packages_unpack PACKAGE FOLDER - what is in the package into FOLDER/tree, without installing it.
packages_unpack() {
    local package=$1 folder=$2
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    # The user apt downloads as may not enter here; it warns and goes on as the caller.
    if (cd "$folder" && { apt-get download -q "$package" || { as_root apt-get update -q && apt-get download -q "$package"; }; } &&
        dpkg-deb -x "$package"_*.deb tree) >"$folder/log" 2>&1; then
        return 0
    fi
    tail -n 3 "$folder/log" >&2
    return 1
}

# packages_take PACKAGE FILE FOLDER - FILE of the package into FOLDER, without installing: for tools whose
# package would start a server.
packages_take() {
    local package=$1 file=$2 folder=$3 work done=0
    [[ ! -x $folder/${file##*/} ]] || return 0
    mkdir -p "$folder"
    work=$(mktemp -d "$folder/take.XXXXXX")
    { packages_unpack "$package" "$work" && mv "$work/tree/$file" "$folder/"; } || done=1
    rm -rf "$work"
    return "$done"
}

# What the stack needs: PostgreSQL, Java and Maven may come from anywhere.
packages_for_stack() {
    local wanted=("${PACKAGES_RUN[@]}")
    [[ -n ${METAOPS_PROGRAM:-} ]] || wanted+=("${PACKAGES_BUILD[@]}")
    [[ -n $(postgres_bin) ]] || wanted+=(postgresql)
    command -v psql >/dev/null || wanted+=(postgresql-client)
    [[ -n $(kafka_java) ]] || wanted+=(default-jre-headless)
    kafka_is_fetched || command -v mvn >/dev/null || wanted+=(maven)
    packages_ensure "${wanted[@]}"
}

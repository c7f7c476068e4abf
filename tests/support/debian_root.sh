# shellcheck shell=bash
# debian_root.sh - a Debian 12 of its own in a folder, for tests that install and start things as they would on
# a fresh machine. Made once by debootstrap from the mirror that apt is set up with, kept as an archive in the
# cache; each test unpacks its own. Commands run in a mount namespace of their own, so nothing stays mounted.
# Network and processes are the machine's. Sourced; needs root.

DEBIAN_SUITE=bookworm

debian_root_not_run() {
    echo "not run: $*"
    exit 77
}

# debian_root_check TOOL... - leaves with 77 where such folders can't be made.
debian_root_check() {
    local tool
    ((EUID == 0)) || debian_root_not_run 'needs root, for chroot'
    for tool in debootstrap chroot unshare tar "$@"; do
        command -v "$tool" >/dev/null || debian_root_not_run "$tool is not installed"
    done
    unshare --mount --propagation private true 2>/dev/null ||
        debian_root_not_run 'no mount namespaces may be made here'
}

debian_root_cache() {
    printf '%s/debian-%s-%s.tar' "${METAOPS_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/metaops}" \
        "$DEBIAN_SUITE" "$(dpkg --print-architecture)"
}

# The mirror of the release proper, as apt has it.
debian_root_mirror() {
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        awk -v suite="$DEBIAN_SUITE" '$1 == "Debian" && $2 == suite { print $3; exit }'
}

debian_root_base() {
    local archive mirror work
    archive=$(debian_root_cache)
    [[ ! -s $archive ]] || return 0
    mirror=$(debian_root_mirror)
    [[ -n $mirror ]] || mirror=http://deb.debian.org/debian
    mkdir -p "$(dirname "$archive")"
    exec 8>"$archive.lock"
    flock 8
    if [[ ! -s $archive ]]; then
        work=$(mktemp -d "${TMPDIR:-/tmp}/metaops-base.XXXXXX")
        if ! debootstrap --variant=minbase "$DEBIAN_SUITE" "$work/root" "$mirror" >"$archive.log" 2>&1; then
            tail -n 5 "$archive.log"
            rm -rf "$work"
            debian_root_not_run "debootstrap failed, see $archive.log"
        fi
        rm -rf "$work"/root/var/cache/apt/archives/*.deb
        tar -C "$work/root" -cf "$archive.new" .
        mv "$archive.new" "$archive"
        rm -rf "$work"
    fi
    exec 8>&-
}

# debian_root_make FOLDER - a fresh one, with the machine's sources of packages for this suite and its proxy.
debian_root_make() {
    local root=$1
    debian_root_base
    mkdir -p "$root"
    tar -C "$root" -xf "$(debian_root_cache)"
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)#$(ORIGIN)' 'Created-By: Packages' |
        sed -n "/ ${DEBIAN_SUITE}[a-z-]* /s/#Debian\$//p" | sort -u >"$root/etc/apt/sources.list.new"
    if [[ -s $root/etc/apt/sources.list.new ]]; then
        mv "$root/etc/apt/sources.list.new" "$root/etc/apt/sources.list"
    fi
    apt-config dump | grep -E '^Acquire::https?::Proxy ' >"$root/etc/apt/apt.conf.d/50proxy" || true
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    # No service starts because a package is installed.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

# debian_root_exec ROOT COMMAND... - becomes that command, as root inside. DEBIAN_ROOT_USER and DEBIAN_ROOT_DIR change
# user and folder; DEBIAN_ROOT_READONLY=1 makes all but /tmp read-only. Its environment is what PASS has (A=b ...).
debian_root_exec() {
    local root=$1
    shift
    exec unshare --mount --propagation private bash -c '
        set -e
        root=$1 user=$2 folder=$3 readonly=$4
        shift 4
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=755 tmpfs "$root/dev"
        for device in null zero full random urandom tty; do
            : >"$root/dev/$device"
            mount --bind "/dev/$device" "$root/dev/$device"
        done
        ln -s /proc/self/fd "$root/dev/fd"
        if [ "$readonly" = 1 ]; then
            mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
            mount -o remount,bind,ro "$root"
        fi
        if [ -n "$user" ]; then
            exec chroot --userspec="$user" "$root" /bin/sh -c '\''cd "$1" && shift && exec "$@"'\'' sh "$folder" "$@"
        fi
        exec chroot "$root" /bin/sh -c '\''cd "$1" && shift && exec "$@"'\'' sh "$folder" "$@"
    ' bash "$root" "${DEBIAN_ROOT_USER:-}" "${DEBIAN_ROOT_DIR:-/}" "${DEBIAN_ROOT_READONLY:-0}" \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "${PASS[@]}" "$@"
}
PASS=()

debian_root_run() {
    (debian_root_exec "$@")
}

# debian_root_install ROOT PACKAGE-OR-FILE...
debian_root_install() {
    local root=$1
    shift
    debian_root_run "$root" apt-get update -q &&
        debian_root_run "$root" apt-get install -q -y --no-install-recommends "$@"
}

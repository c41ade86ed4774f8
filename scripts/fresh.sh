#!/bin/bash
#
# Proves both commands of the README on machines with nothing installed:
# builds a bare Debian root with debootstrap (kept as an archive), clones
# what is committed of this repository into it, and runs "make run" and
# "make test" there, without this machine's other directories.  Prints a time
# per step; the whole output is in build/fresh/SUITE.log.
#
# usage: fresh.sh [SUITE[:user]...]      bookworm trixie:user unless given
#
# With ":user" the commands run as a user who may use sudo, else as root.
#
# Each root has a process and mount namespace of its own: what the commands
# leave running or mounted ends with it.  The packages come from the mirror
# that this machine uses.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd "$top"

place=$top/build/fresh
root=
log=
times=()


# the base address of the mirror for suites that match: mirror PATTERN
mirror() {
    local list uri release

    # shellcheck disable=SC2016  # apt's own names
    list=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' \
           'Created-By: Packages' 'Component: main')

    while read -r uri release; do
        # shellcheck disable=SC2053  # a pattern
        if [[ $release == $1 ]]; then
            printf '%s\n' "$uri"
            return
        fi
    done <<< "$list"
}


# timed WHAT COMMAND...: into the log, its time into the summary
timed() {
    local what=$1 begun rc=0 taken

    shift
    begun=$(now_ms)
    printf '\n== %s\n' "$what" >> "$log"
    "$@" >> "$log" 2>&1 < /dev/null || rc=$?
    taken=$(secs $(($(now_ms) - begun)))

    if [ "$rc" -ne 0 ]; then
        info "$what: FAILED after $taken"
        fail_log "$what failed with exit status $rc" "$log"
    fi

    info "$what: $taken"
    times+=("$(printf '%-10s %-44s %10s' "$suite" "$what" "$taken")")
}


bootstrap() {
    local base=$place/$suite.base include

    case $main_mirror in
        https:*) include=ca-certificates ;;
        *)       include= ;;
    esac

    rm -rf "$base"
    debootstrap --variant=minbase ${include:+--include="$include"} \
        "$suite" "$base" "$main_mirror"
    rm -f "$base"/var/cache/apt/archives/*.deb
    tar -C "$base" -cf "$place/$suite.tar.new" .
    mv "$place/$suite.tar.new" "$place/$suite.tar"
    rm -rf "$base"
}


unpack() {
    rm -rf "$root"
    mkdir -p "$root"
    tar -C "$root" -xf "$place/$suite.tar"

    {
        printf 'deb %s %s main\n' "$main_mirror" "$suite"
        printf 'deb %s %s-updates main\n' "$main_mirror" "$suite"
        if [ -n "$security_mirror" ]; then
            printf 'deb %s %s-security main\n' "$security_mirror" "$suite"
        fi
    } > "$root/etc/apt/sources.list"

    # how this machine reaches its mirror
    apt-config dump | grep -i '^Acquire::[a-z]*::proxy' \
        > "$root/etc/apt/apt.conf.d/90reach" || true
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp /etc/hosts "$root/etc/hosts"

    # and whom it believes beside, where npm's registry is behind a proxy
    if [ -r "${NODE_EXTRA_CA_CERTS:-}" ]; then
        cp "$NODE_EXTRA_CA_CERTS" "$root/etc/npm-ca.pem"
    fi

    # as committed, and nothing else
    git -c safe.directory='*' clone -q --no-hardlinks "$top" "$root/srv/hars"
}


# inside COMMAND: in the root, with nothing of this environment but proxies, and
# whom npm believes
inside() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    unshare --mount --pid --fork --kill-child \
        bash -c '
            set -e
            mount --make-rprivate /
            mount -t proc proc "$1/proc"
            mount -t tmpfs tmpfs "$1/run"
            mkdir -p "$1/run/lock"
            for node in null zero full random urandom tty; do
                if [ ! -c "$1/dev/$node" ]; then
                    : > "$1/dev/$node"
                    mount --bind "/dev/$node" "$1/dev/$node"
                fi
            done
            mkdir -p "$1/dev/pts"
            mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
            ln -sfn pts/ptmx "$1/dev/ptmx"
            shift
            exec chroot "$@"
        ' inside "$root" "$root" /usr/bin/env -i \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root ${http_proxy:+http_proxy="$http_proxy"} \
        ${https_proxy:+https_proxy="$https_proxy"} \
        ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/npm-ca.pem} \
        /bin/bash -c "set -e; cd /srv/hars; $1"
}


prove_suite() {
    suite=${1%:user}
    user=
    if [ "$suite" != "$1" ]; then
        user=newcomer
    fi
    root=$place/$suite.root
    log=$place/$suite.log
    : > "$log"

    step "Bare Debian $suite as ${user:-root} (log: ${log#"$top"/})"

    if [ ! -f "$place/$suite.tar" ]; then
        timed "debootstrap" bootstrap
    fi
    timed "unpack, clone $(git rev-parse --short HEAD)" unpack
    timed "apt-get install git make${user:+ sudo}" inside "
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
            --no-install-recommends install git make ${user:+sudo}
        if [ -n '$user' ]; then
            useradd -m $user
            echo '$user ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/$user
            chown -R $user: /srv/hars
        fi
    "

    # one namespace for all: the second run meets the first one's processes
    # shellcheck disable=SC2016  # expanded by the inner shell
    timed "make run, again, stop; make test" inside "
        as=(${user:+setpriv --reuid=$user --regid=$user --init-groups
            env HOME=/home/$user})
        "'
        took() {
            local from=$SECONDS
            "${as[@]}" "$@" || exit
            echo "== took $((SECONDS - from)) s: $*"
        }
        took make run
        took make run
        took make all
        took make test
        took make stop
    '

    sed -n 's/^== took/   /p' "$log"
    while read -r line; do
        times+=("$(printf '%-10s    %s' "$suite" "$line")")
    done <<< "$(sed -n 's/^== took //p' "$log")"

    check_clean
    rm -rf "$root"
}


# what an install must not leave: policy-rc.d of ours, daemons' doing
check_clean() {
    if [ -e "$root/usr/sbin/policy-rc.d" ]; then
        fail_log "a policy-rc.d was left behind in $suite" "$log"
    fi
}


if [ "$(id -u)" -ne 0 ]; then
    die "debootstrap and chroot need root" "sudo make fresh"
fi

scripts/install-packages.sh fresh

main_mirror=$(mirror '!(*-*)')
security_mirror=$(mirror '*-security')

if [ -z "$main_mirror" ]; then
    die "this machine has no apt source with a main component"
fi

mkdir -p "$place"
trap 'rm -rf "$root"' EXIT

if [ $# -eq 0 ]; then
    set -- bookworm trixie:user
fi

for suite in "$@"; do
    prove_suite "$suite"
done

step "Times"
printf '   %s\n' "${times[@]}"

#!/bin/bash
#
# Installs what the project needs from Debian's packages, in groups by need:
# "run" builds and runs it, "test" runs its tests, "fresh" builds bare roots,
# "pg" has PostgreSQL, "interop" clients of other makers, "browser" Chromium,
# "dashboard" what fetches its charts, "arm" a compiler for small processors,
# "bench" what speed is compared with.
# What is there already is left alone (asked of dpkg, well under a second).
#
# Nothing that gets installed may start here: daemons of packages would take
# ports 80 and 6379 of the machine.  A temporary policy-rc.d forbids it and
# the one that was there before comes back on any exit.
#
# usage: install-packages.sh GROUP...

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"

export LC_ALL=C DEBIAN_FRONTEND=noninteractive

group_run=(
    gcc libc6-dev make
    nginx nginx-dev libjansson-dev libhiredis-dev
    libmicrohttpd-dev libsqlite3-dev libpq-dev libcurl4-openssl-dev libssl-dev
    libsodium-dev zlib1g-dev
    openssl redis-server curl jq
)

group_test=(
    perl libnginx-mod-stream libtest-nginx-perl
    redis-tools sqlite3 python3-h2 python3-jwt python3-cryptography strace procps
    psmisc libfaketime shellcheck softhsm2 libengine-pkcs11-openssl libmbedtls-dev
)

group_fresh=(
    debootstrap git
)

group_fuzz=(
    clang libclang-rt-dev
)

group_asan=(
    dpkg-dev libpcre2-dev valgrind
)

group_models=(
    spin gcc libc6-dev
)

group_interop=(
    nodejs npm python3-authlib python3-requests python3-oauthlib
    strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins
)

group_pg=(
    postgresql
)

group_arm=(
    gcc-arm-none-eabi libnewlib-arm-none-eabi
)

group_browser=(
    chromium libnss3-tools
)

group_dashboard=(
    nodejs npm
)

group_bench=(
    nodejs npm valgrind gnuplot-nox
    libnginx-mod-http-lua lua-cjson apache2-bin libapache2-mod-oauth2
    glewlwyd dbconfig-sqlite3
)

policy=/usr/sbin/policy-rc.d
policy_saved=/usr/sbin/policy-rc.d.before-hars
policy_mark='# set by hars scripts/install-packages.sh'
private=

apt_options=(
    -o DPkg::Lock::Timeout=300
    -o Acquire::Retries=3
    -o APT::Install-Recommends=false
    -o Dpkg::Use-Pty=0
    -o Dpkg::Options::=--force-confdef
    -o Dpkg::Options::=--force-confold
    -qq -y
)


# prints those of its arguments that are not installed
not_installed() {
    local have name

    have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" \
           2>/dev/null) || true

    for name in "$@"; do
        # where it came from elsewhere Debian's would be in its way
        case $name in
            nodejs) if command -v node > /dev/null; then continue; fi ;;
            npm)    if command -v npm > /dev/null; then continue; fi ;;
        esac

        case $'\n'$have$'\n' in
            *$'\n'"installed $name"$'\n'*) ;;
            *) printf '%s\n' "$name" ;;
        esac
    done
}


forbid_starting() {
    if [ -e "$policy" ] || [ -L "$policy" ]; then
        mv -f "$policy" "$policy_saved"
    fi

    printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" > "$policy"
    chmod 755 "$policy"
}


# takes ours away and puts back the one that was there, if any
allow_starting() {
    if [ -f "$policy" ] && grep -qsF "$policy_mark" "$policy"; then
        rm -f "$policy"
    fi

    if [ -e "$policy_saved" ] || [ -L "$policy_saved" ]; then
        mv -f "$policy_saved" "$policy"
    fi
}


clean_up() {
    allow_starting

    if [ -n "$private" ]; then
        rm -rf "$private"
    fi
}


# apt_get WHAT ARGUMENT...; its output is shown only where it fails
apt_get() {
    local what=$1 log rc=0

    shift
    log=$(mktemp "${TMPDIR:-/tmp}/hars-apt.XXXXXX")

    apt-get "${apt_options[@]}" "$@" > "$log" 2>&1 < /dev/null || rc=$?

    if [ "$rc" -ne 0 ]; then
        tail -n 25 "$log" >&2
        rm -f "$log"
        die "apt-get could not $what (exit status $rc, its last lines above)" \
            "see that the machine's apt sources are reachable: apt-get update"
    fi

    rm -f "$log"
}


# the mirror that this machine takes its main suite from
mirror() {
    local list uri release

    # shellcheck disable=SC2016  # apt's own names
    list=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' \
           'Created-By: Packages' 'Component: main')

    while read -r uri release; do
        case $release in
            '' | *-security* | */updates | *-updates* | *-backports* \
            | *-proposed*) ;;

            *)
                printf '%s\n' "$uri"
                return
                ;;
        esac
    done <<< "$list"
}


# update_private APT-OPTION...: the lists of the one suite in $private
update_private() {
    local old=-oAcquire::Check-Valid-Until=false

    if apt-get "$@" update > "$private/log" 2>&1; then
        return
    fi

    # a mirror that stands still, or a clock ahead: still signed by Debian
    if grep -q 'is expired' "$private/log" \
       && apt-get "$@" "$old" update > "$private/log" 2>&1
    then
        info "the mirror's lists of newer suites are past their date"
        return
    fi

    tail -n 5 "$private/log" >&2

    if grep -q 'NO_PUBKEY\|GPG error\|not signed\|EXPKEYSIG' "$private/log"
    then
        die "a newer suite of Debian does not verify with this machine's keys" \
            "bring the package debian-archive-keyring up to date"
    fi

    return 1
}


# Test::Nginx is in Debian's newer suites only.  Architecture "all", it
# installs on the older ones; its dependencies come from the machine's own.
install_test_nginx() {
    local base key suite deb options candidate

    candidate=$(apt-cache policy libtest-nginx-perl \
                | sed -n 's/^ *Candidate: *//p')

    if [ -n "$candidate" ] && [ "$candidate" != "(none)" ]; then
        apt_get "install libtest-nginx-perl" install libtest-nginx-perl
        return
    fi

    base=$(mirror)
    if [ -z "$base" ]; then
        die "no apt source with a main component to take Test::Nginx from" \
            "give this machine a Debian mirror in /etc/apt/sources.list"
    fi

    key=
    for key in /usr/share/keyrings/debian-archive-keyring.gpg \
               /usr/share/keyrings/debian-archive-keyring.pgp
    do
        if [ -r "$key" ]; then
            break
        fi
    done

    if [ ! -r "$key" ]; then
        die "the keys of the Debian archive are not on this machine" \
            "install the package debian-archive-keyring"
    fi

    private=$(mktemp -d "${TMPDIR:-/tmp}/hars-apt.XXXXXX")
    mkdir -p "$private/lists/partial" "$private/cache/archives/partial" \
             "$private/none"

    options=(
        -o Dir::Etc::SourceList="$private/sources.list"
        -o Dir::Etc::SourceParts="$private/none"
        -o Dir::Etc::Preferences="$private/none/preferences"
        -o Dir::Etc::PreferencesParts="$private/none"
        -o Dir::State::Lists="$private/lists"
        -o Dir::Cache="$private/cache"
        -o APT::Sandbox::User=root
        -o Acquire::Languages=none
        -o Acquire::PDiffs=false
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o APT::Get::List-Cleanup=false
        -o Acquire::Retries=3
        -qq
    )

    for suite in testing sid; do
        printf 'deb [signed-by=%s arch=%s] %s %s main\n' "$key" \
            "$(dpkg --print-architecture)" "$base" "$suite" \
            > "$private/sources.list"

        if ! update_private "${options[@]}"; then
            continue
        fi

        if (cd "$private" && apt-get "${options[@]}" download \
                             libtest-nginx-perl) > "$private/log" 2>&1
        then
            break
        fi
    done

    deb=$(find "$private" -maxdepth 1 -name 'libtest-nginx-perl_*.deb')
    if [ -z "$deb" ]; then
        tail -n 5 "$private/log" >&2
        die "the package libtest-nginx-perl is not to be had from $base" \
            "see that this mirror carries the suites testing or sid"
    fi

    apt_get "install libtest-nginx-perl" install "$deb"
}


needed=()
for group in "$@"; do
    case $group in
        run)   needed+=("${group_run[@]}") ;;
        test)  needed+=("${group_test[@]}") ;;
        fresh) needed+=("${group_fresh[@]}") ;;
        fuzz)  needed+=("${group_fuzz[@]}") ;;
        asan)  needed+=("${group_asan[@]}") ;;
        models) needed+=("${group_models[@]}") ;;
        interop) needed+=("${group_interop[@]}") ;;
        pg)    needed+=("${group_pg[@]}") ;;
        browser) needed+=("${group_browser[@]}") ;;
        arm)   needed+=("${group_arm[@]}") ;;
        dashboard) needed+=("${group_dashboard[@]}") ;;
        bench) needed+=("${group_bench[@]}") ;;
        *)     die "unknown group of packages: $group" \
                   "one of: run test fresh fuzz asan models interop pg \
arm browser dashboard bench" ;;
    esac
done

if [ ${#needed[@]} -eq 0 ]; then
    die "no group of packages named" \
        "usage: $0 run|test|fresh|fuzz|asan|models|interop|pg|arm|browser|\
dashboard|bench..."
fi

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null
then
    die "this is not a Debian system: no dpkg and apt-get here" \
        "install what the lists in $0 name by the system's own means"
fi

missing=$(not_installed "${needed[@]}")

# of a run that was killed
leftover=no
if grep -qsF "$policy_mark" "$policy" || [ -e "$policy_saved" ]; then
    leftover=yes
fi

if [ -z "$missing" ] && { [ "$leftover" = no ] || [ "$(id -u)" -ne 0 ]; }; then
    exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null; then
        die "packages are missing and this user may not install them:" \
            "as root: $0 $*   (missing: ${missing//$'\n'/ })"
    fi

    info "sudo installs missing packages: ${missing//$'\n'/ }"
    exec sudo -- "$here/${0##*/}" "$@"
fi

mkdir -p /run/lock
exec 9> /run/lock/hars-install-packages
if command -v flock > /dev/null; then
    flock -w 600 9 || die "another install has not ended in 10 minutes" \
                          "look at: ps ax | grep install-packages"
fi

allow_starting

mapfile -t missing <<< "$(not_installed "${needed[@]}")"
if [ -z "${missing[0]}" ]; then
    exit 0
fi

begun=$(now_ms)
step "Installing ${#missing[@]} packages: ${missing[*]}"

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
forbid_starting

apt_get "update its lists" update

plain=()
for name in "${missing[@]}"; do
    if [ "$name" != libtest-nginx-perl ]; then
        plain+=("$name")
    fi
done

if [ ${#plain[@]} -gt 0 ]; then
    apt_get "install ${plain[*]}" install --no-install-recommends \
        "${plain[@]}"
fi

if [ ${#plain[@]} -ne ${#missing[@]} ]; then
    install_test_nginx
fi

missing=$(not_installed "${needed[@]}")
if [ -n "$missing" ]; then
    die "still not installed: ${missing//$'\n'/ }" \
        "look at: apt-get install ${missing//$'\n'/ }"
fi

info "installed in $(secs $(($(now_ms) - begun)))"

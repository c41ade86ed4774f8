#!/bin/bash
#
# Clients that nobody here wrote against the reference gateway: t/interop/*.t.
# Installs Debian's packages and, by npm and its lock file, those of
# t/interop/package.json into build/interop.  Where they are not to be had it
# fails: nothing of this is skipped.
#
# usage: test-interop.sh [TEST...]

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd "$top"

out=build/interop


# npm ci for t/interop/, done again only for another lock file
install_npm() {
    if cmp -s t/interop/package-lock.json "$out/installed"; then
        return
    fi

    rm -rf "$out"
    mkdir -p "$out"
    cp t/interop/package.json t/interop/package-lock.json "$out/"

    if ! (cd "$out" && npm ci --no-audit --no-fund --ignore-scripts) \
         > "$out/npm.log" 2>&1 < /dev/null
    then
        tail -n 15 "$out/npm.log" >&2
        die "npm ci could not install what t/interop/package-lock.json names" \
            "see that npm reaches its registry: npm ping"
    fi

    cp t/interop/package-lock.json "$out/installed"
}


tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then
    tests=(t/interop/*.t)
fi

for name in "${tests[@]}"; do
    if [ ! -f "$name" ]; then
        die "no such test: $name" "name files, such as t/interop/curl.t"
    fi
done

begun=$(now_ms)
scripts/install-packages.sh run test interop
step "npm ci"
install_npm
step "Building"
make -s --no-print-directory -j2 module programs
step "Clients of others"
prove -I t/lib -j 2 --timer "${tests[@]}"
info "interop in $(secs $(($(now_ms) - begun)))"

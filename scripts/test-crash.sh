#!/bin/bash
#
# kill -9 at random moments under load: t/crash/*.t on SQLite, and again on a
# PostgreSQL that dies as well.  The rounds are ROUNDS, 200 unless given.
#
# usage: test-crash.sh [--short]
#
#   --short       10 rounds of each

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd "$top"

export ROUNDS=${ROUNDS:-200}
for option in "$@"; do
    if [ "$option" != --short ]; then
        die "no such option: $option" "it knows --short alone"
    fi
    ROUNDS=10
done

begun=$(now_ms)
scripts/install-packages.sh run test pg
step "Building"
make -s --no-print-directory -j2 module programs
step "$ROUNDS times kill -9, on SQLite"
prove -I t/lib --timer t/crash/*.t
step "$ROUNDS times kill -9, on PostgreSQL"
HARS_TEST_DATABASE=postgresql prove -I t/lib --timer t/crash/*.t
info "crashes in $(secs $(($(now_ms) - begun)))"

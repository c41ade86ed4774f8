#!/bin/bash
#
# The authorization server on a real PostgreSQL: the store's unit tests, the end
# to end tests that have a database, and t/pg/*.t, what several instances and
# a PostgreSQL that goes away bring.  Each test starts a PostgreSQL of its own
# (Debian's package) and ends it.
#
# usage: test-pg.sh [--short] [TEST...]
#
#   --short       the unit tests, t/pg/*.t with fewer rounds, and of the others
#                 refresh tokens and revocation
#   TEST          these files alone: t/pg/restart.t, t/e2e/revoke.t

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd "$top"

short=no
if [ "${1:-}" = --short ]; then
    short=yes
    export KILLS=${KILLS:-3} ROUNDS=${ROUNDS:-8}
    shift
fi

tests=("$@")
if [ ${#tests[@]} -eq 0 ] && [ "$short" = yes ]; then
    tests=(t/pg/*.t t/e2e/refresh.t t/e2e/revoke.t)

elif [ ${#tests[@]} -eq 0 ]; then
    tests=(t/pg/*.t)

    for name in t/e2e/*.t; do
        # shellcheck disable=SC2016  # perl's own name
        if grep -q 'database.*\$database\|HarsTest::Issued\|HarsTest::DCM\|HarsTest::Fogcloud' "$name"; then
            tests+=("$name")
        fi
    done
fi

for name in "${tests[@]}"; do
    if [ ! -f "$name" ]; then
        die "no such test: $name" "name files, such as t/pg/restart.t"
    fi
done

begun=$(now_ms)
scripts/install-packages.sh run test pg
step "Building"
make -s --no-print-directory -j2 module programs
make -s --no-print-directory -j2 UNIT=yes BUILD=build/t \
    OPT="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
-fno-sanitize-recover=all" build/t/unit/hars_db_pg \
    build/t/unit/hars_as_store{,_cert,_crl,_register} \
    build/t/unit/hars_dcm_erase
step "On PostgreSQL"
HARS_TEST_DATABASE=postgresql prove -I t/lib -j 2 --timer "${tests[@]}"
info "PostgreSQL in $(secs $(($(now_ms) - begun)))"

#!/bin/bash
#
# Builds each fuzz target by clang's libFuzzer with ASan and UBSan and runs it
# on its corpus for so many seconds.  New inputs stay in build/fuzz/; a crash
# is written there too, and ends the run with its path.
#
# usage: fuzz.sh [SECONDS [TARGET...]]

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/say.sh
. "$top/scripts/say.sh"

cd "$top"

seconds=${1:-60}
shift || true
targets=("$@")

if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/*.c; do
        targets+=("$(basename "$file" .c)")
    done
fi

tree=build/nginx-src
if [ ! -f "$tree/objs/ngx_auto_config.h" ]; then
    die "nginx's configured headers are not in $tree" "make module"
fi

include=(-Icommon -Ibackend/common -Ibackend/fog/aka -Ibackend/mlservice -Ingx_hars_module -Ifuzz)
for dir in core event event/modules event/quic os/unix http http/modules http/v2 http/v3; do
    include+=("-I$tree/src/$dir")
done
include+=("-I$tree/objs")

mkdir -p build/fuzz

for target in "${targets[@]}"; do
    [ -f "fuzz/$target.c" ] || die "no fuzz target $target in fuzz/"

    extra=()
    [ "$target" = record ] || extra=(common/hars_record.c)

    case $target in
        fog_*)
            for file in backend/fog/aka/*.c; do
                [ "$file" = backend/fog/aka/aka_crypto_mbedtls.c ] \
                    || extra+=("$file")
            done
            extra+=(-lsodium)
            ;;
    esac

    clang -g -O1 -D_GNU_SOURCE -Wall -Wextra -Werror \
        -Wno-unused-parameter -Wno-psabi -ffp-contract=off \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        "${include[@]}" -o "build/fuzz/$target" \
        "fuzz/$target.c" "${extra[@]}" -ljansson -lhiredis -lssl -lcrypto -lz

    mkdir -p "build/fuzz/corpus-$target"
    info "fuzzing $target for $seconds s"

    if ! "build/fuzz/$target" "-max_total_time=$seconds" -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/$target-" \
        "build/fuzz/corpus-$target" "fuzz/corpus/$target" \
        > "build/fuzz/$target.log" 2>&1
    then
        tail -n 30 "build/fuzz/$target.log" >&2
        die "target $target found something, input in build/fuzz/$target-*"
    fi

    info "$(sed -n 's/^stat::number_of_executed_units: */executions: /p' \
            "build/fuzz/$target.log")"
done
